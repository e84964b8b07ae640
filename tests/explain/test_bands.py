"""Bands: of linear models against statsmodels, of a penalised spline against its closed form, of networks by refits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit, logit

from kanlab.baselines.protocol import OnTerms, Portable
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.errors import StudyError
from kanlab.explain.average import AveragedModel
from kanlab.explain.bands import Bands, bands_of, effects_of, no_bands, unconditional, what_bands_are_of
from kanlab.explain.effects import partial_dependence
from kanlab.explain.models import held_family
from kanlab.kan.edges import curves_of
from kanlab.kan.network import FittedKan
from kanlab.kan.shapes import Shape
from kanlab.solver.covariance import network_covariance
from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.solver.multinomial import curvature_roots, to_log_odds
from kanlab.solver.refit import continued
from kanlab.solver.shaped_covariance import ShapedCovariance, shaped_covariance

N = 120


def frame(task: str, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, (2, N))
    f = np.sin(3 * a) + b**2
    y: np.ndarray = f + 0.2 * rng.normal(size=N)
    if task == "counts":
        y = rng.poisson(np.exp(f)).astype(float)
    elif task == "classification":
        y = np.where(rng.random(N) < 1 / (1 + np.exp(-2 * f)), "yes", "no")
    elif task == "multiclass":
        y = np.array(["low", "middle", "top"])[np.digitize(y, [0.0, 0.7])]
    return pd.DataFrame({"a": a, "b": b, "kind": rng.choice(["x", "z"], N), "y": y})


@pytest.fixture(scope="module", params=["regression", "counts", "classification", "multiclass"])
def data(request: pytest.FixtureRequest) -> Dataset:
    task = "auto" if request.param == "multiclass" else request.param
    return Dataset.from_frame(frame(request.param), "y", test_fraction=0.0, task=task)


def network_of(data: Dataset, h: int = 1, smoothing: float = 1.0) -> FittedKan:
    y = data.fit_target(data.y_train)
    return fit_cell(data.X_train, y, h, 3, 3, options=LmOptions(smoothing=smoothing), task=data.task)


def known(found: Bands | None) -> Bands:
    assert found is not None
    return found


def test_linear_models_have_the_intervals_of_statsmodels(data: Dataset) -> None:
    if data.outputs > 1:
        return  # statsmodels has none of MNLogit; the next test looks at it
    X = sm.add_constant(data.X_train)
    found = known(bands_of(held_family(data, "linear", 0), data)).predictions(data.X_train[:7])
    if data.task == "regression":
        expected = sm.OLS(data.y_train, X).fit().get_prediction(X[:7]).summary_frame()
        np.testing.assert_allclose(found[["lower", "upper"]], expected[["mean_ci_lower", "mean_ci_upper"]], rtol=1e-7)
    else:
        family = sm.families.Poisson() if data.task == "counts" else sm.families.Binomial()
        expected = sm.GLM(data.y_train, X, family=family).fit().get_prediction(X[:7]).summary_frame()
        np.testing.assert_allclose(found[["lower", "upper"]], expected[["mean_ci_lower", "mean_ci_upper"]], rtol=1e-4)
    np.testing.assert_allclose(found["se"], expected["mean_se"], rtol=1e-4)


def test_multinomial_errors_are_those_of_the_information(data: Dataset) -> None:
    if data.task != "multiclass":
        return
    X = sm.add_constant(data.X_train)
    fit = sm.MNLogit(data.y_train.astype(int), X).fit(disp=False)
    covariance = known(bands_of(held_family(data, "linear", 0), data)).members[0].covariance
    np.testing.assert_allclose(covariance.edf, X.shape[1] * 2, rtol=1e-4)
    x = data.X_train[3:4]
    for o in range(2):
        values = np.eye(2)[o][:, None]
        gradient = np.kron(np.eye(2)[o], X[3])
        expected = np.sqrt(gradient @ fit.cov_params() @ gradient)
        ours = covariance.sd(covariance.pulled_back(covariance.forward(x), values)[None])[0]
        assert ours == pytest.approx(expected, rel=1e-3)


def test_the_middle_of_a_band_is_the_partial_dependence(data: Dataset) -> None:
    network = network_of(data)
    bands, last = known(bands_of(network, data)), max(len(data.levels) - 1, 0)
    for feature in ("a", "kind"):
        found = bands.dependence(feature, last)

        def predict(X: np.ndarray) -> np.ndarray:
            p = network.predict(X)
            return p if p.ndim == 1 else p[:, last]

        plain = partial_dependence(predict, data, feature)
        np.testing.assert_allclose(found.prediction, plain.prediction, rtol=1e-10)
        assert found.values == plain.values
        assert found.lower is not None
        assert found.upper is not None
        assert (found.lower < found.prediction).all()
        assert (found.upper > found.prediction).all()
        if data.levels:
            assert ((found.lower >= 0) & (found.upper <= 1)).all()
        if data.task == "counts":
            assert (found.lower > 0).all()


def test_of_a_penalised_linear_spline_the_band_is_the_closed_form() -> None:
    """With inner weights held, a network of one node is a penalised regression on its last splines: Wood's covariance."""
    data = Dataset.from_frame(frame("regression")[["a", "y"]], "y", test_fraction=0.0)
    network = network_of(data, smoothing=300.0)
    found = network_covariance(network, data.X_train, data.y_train)
    assert found is not None
    size = found.found.problem.stack.ends(found.found.state)[-1]
    J, R = found.found.J[:, 0, size:], found.found.R[:, size:]
    R = R[np.any(R != 0.0, axis=1)]
    M = J.T @ J + R.T @ R
    y = (data.y_train - network.y_offset[0]) / network.y_scale[0]
    np.testing.assert_allclose(np.linalg.solve(M, J.T @ y), found.found.state.last.D[:, 0], rtol=1e-3, atol=1e-3)
    from kanlab.solver.smoother import Root

    G = J[:5]
    closed = np.sqrt(np.diag(G @ np.linalg.solve(M, G.T)))
    np.testing.assert_allclose(np.linalg.norm(Root.of(np.concatenate([J, R])).whitened(G), axis=1), closed, rtol=1e-6)
    # all coefficients move more than those of the last layer alone
    assert (found.sd(found.found.J[:5, 0]) >= np.sqrt(found.scale) * closed * (1 - 1e-9)).all()


def test_bands_are_as_wide_as_refits_to_new_noise_vary() -> None:
    """A parametric bootstrap, each refit followed from the same minimum: of a partial dependence and of every edge."""
    data = Dataset.from_frame(frame("regression")[["a", "b", "y"]], "y", test_fraction=0.0)
    network = continued(network_of(data, smoothing=30.0), data.X_train, data.y_train, 30.0)
    found = known(bands_of(network, data))
    curves = curves_of(network, data.X_train)
    searched = found.members[0].covariance.searched  # refits from the same minimum do not search
    ends, quantile, fitted = found.edges(curves), found.quantile * searched, network.predict(data.X_train)
    noise = np.sqrt(found.members[0].covariance.scale) * network.y_scale[0]  # type: ignore[attr-defined]
    dependences, edges = [], {key: [] for key in ends}
    for seed in range(24):
        y = fitted + noise * np.random.default_rng(seed).normal(size=N)
        again = continued(network, data.X_train, y, 30.0)
        dependences.append(partial_dependence(again.predict, data, "a").prediction)
        other, widths = curves_of(again, data.X_train), [np.ptp(v.ranges[1][0]) for v in (network, again)]
        first = zip(other.layer(0), curves.layer(0), strict=True)
        mirrored = sum(float(e.y @ o.y) for e, o in first) < 0.0  # the sign of a node is nobody's either
        for edge in other.edges:
            stretch = widths[0] / widths[1] if edge.layer == 0 else 1.0
            values = edge.y * stretch
            if mirrored:
                values = -values if edge.layer == 0 else values[::-1]
            edges[edge.layer, edge.source, edge.target].append(values)
    band = found.dependence("a")
    assert band.upper is not None
    half = (band.upper - band.prediction) / quantile
    ratio = np.std(dependences, axis=0) / half
    assert 0.7 < np.median(ratio) < 1.35
    for key, (lower, upper) in ends.items():
        ratio = np.std(edges[key], axis=0) / ((upper - lower) / (2 * quantile))
        assert 0.6 < np.median(ratio) < 1.6, key


def test_an_average_of_alike_networks_has_their_band_and_of_different_ones_a_wider_one() -> None:
    data = Dataset.from_frame(frame("regression"), "y", test_fraction=0.0)
    one, other = network_of(data), network_of(data, h=2)
    alone = known(bands_of(one, data)).dependence("a")
    alike = known(bands_of(AveragedModel([one, one], [0.5, 0.5]), data))
    assert alike.averaged
    band, wider = alike.dependence("a"), known(bands_of(one, data)).members[0].covariance.searched
    half = [np.subtract(d.upper, d.prediction) for d in (alone, band)]
    np.testing.assert_allclose(
        half[0], wider * half[1], rtol=1e-9
    )  # no search is charged where the models' spread tells it
    assert alike.edges(curves_of(one, data.X_train)) == {}
    both = known(bands_of(AveragedModel([one, other], [0.5, 0.5]), data))
    each = [known(bands_of(m, data)) for m in (one, other)]
    searched = [bands.members[0].covariance.searched for bands in each]
    assert all(1.0 < s < 1.6 for s in searched)
    each = [
        e.predictions(data.X_train).assign(se=lambda t, s=s: t["se"] / s) for e, s in zip(each, searched, strict=True)
    ]
    found, mean = both.predictions(data.X_train), 0.5 * (each[0]["predicted"] + each[1]["predicted"])
    np.testing.assert_allclose(found["predicted"], mean, rtol=1e-9)
    expected = sum(0.5 * np.sqrt(e["se"] ** 2 + (e["predicted"] - mean) ** 2) for e in each)
    assert (found["se"] < expected).all()  # as if both erred together: equation 4.9
    assert (found["se"] > 0.7 * expected).all()  # they learned from the same rows
    linear = held_family(data, "ridge", 0)
    assert known(bands_of(AveragedModel([one, linear], [0.9, 0.1]), data)).dependence("a").lower is not None


@pytest.mark.parametrize("weighted", [False, True])
def test_errors_of_an_average_are_as_alike_as_the_responses_of_its_models(weighted: bool) -> None:
    """Of models that are linear in their terms, in closed form: l = Z (Z'W Z + lambda)^-1 Z' W^(1/2)."""
    rows = frame("regression").assign(w=np.linspace(0.2, 3.0, N))
    data = Dataset.from_frame(
        rows if weighted else rows.drop(columns="w"), "y", test_fraction=0.0,
        **({"weights": "w", "weights_are": "precision"} if weighted else {}),
    )  # fmt: skip
    w = np.ones(N) if data.w_train is None else data.w_train
    models, shares = [held_family(data, "linear", 0), held_family(data, "polynomial", 0)], [0.6, 0.4]
    mean = np.asarray(np.tensordot(shares, [m.predict_flagged(data.X_train)[0] for m in models], 1))
    parts, responses = [], []
    for model, share in zip(models, shares, strict=True):
        predict = model.fitted.predict
        on_terms = predict.on_terms if isinstance(predict, Portable) else OnTerms(lambda X: X, predict)
        assert on_terms is not None
        affine = on_terms.affine
        used = affine.weights != 0.0
        Z, B = ((on_terms.terms(data.X_train) - affine.center) / affine.scale)[:, used], affine.weights[used]
        e = w * (data.y_train - predict(data.X_train))
        penalty = np.diag([0.0, *np.full(len(B), max(B @ (Z.T @ e) / (B @ B), 0.0))])
        Z = np.column_stack([np.ones(N), Z])
        responses.append(Z @ np.linalg.solve((Z.T * w) @ Z + penalty, Z.T * np.sqrt(w)))
        alone = known(bands_of(model, data))
        told = alone.predictions(data.X_train)
        se = told["se"] / alone.members[0].covariance.searched
        parts.append(share * np.hypot(se, told["predicted"] - mean))
    a, b = responses
    rho = np.sum(a * b, axis=1) / np.sqrt(np.sum(a**2, axis=1) * np.sum(b**2, axis=1))
    assert 0.2 < rho.min() < rho.max() < 0.999
    found = known(bands_of(AveragedModel(models, shares), data)).predictions(data.X_train)
    expected = np.sqrt(parts[0] ** 2 + parts[1] ** 2 + 2.0 * rho * parts[0] * parts[1])
    np.testing.assert_allclose(found["se"], expected, rtol=1e-6)


def test_models_of_many_classes_feel_the_same_noise() -> None:
    """The root of a linear model's information is that of a network with the same probabilities, in its own coordinates."""
    data = Dataset.from_frame(frame("multiclass"), "y", test_fraction=0.0)
    smoother = known(bands_of(held_family(data, "linear", 0), data)).members[0].covariance.smoother
    to = to_log_odds(3)
    of_network = curvature_roots(np.linalg.solve(to, smoother.outputs.T), 0.0).transpose(2, 1, 0)
    np.testing.assert_allclose(to.T @ smoother.L, of_network, atol=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    arrays(float, (3, 4), elements=st.floats(-5, 5)), arrays(float, (3, 4), elements=st.floats(0, 5)),
    arrays(float, 3, elements=st.floats(0.1, 1.0)), arrays(float, (4, 3, 5), elements=st.floats(-1, 1)),
)  # fmt: skip
def test_the_choice_never_makes_an_estimate_surer(
    each: np.ndarray, errors: np.ndarray, weights: np.ndarray, responses: np.ndarray
) -> None:
    weights = weights / weights.sum()
    mean = weights @ each
    together = unconditional(weights, mean, each, errors, np.ones((3, 3, 4)))
    np.testing.assert_allclose(together, weights @ np.sqrt(errors**2 + (each - mean) ** 2), atol=1e-12)  # equation 4.9
    assert (together >= weights @ errors - 1e-12).all()
    assert (together <= np.sqrt(weights @ (errors**2 + (each - mean) ** 2)) + 1e-9).all()  # Jensen
    responses[:, :, 0] += 2.0
    unit = responses / np.linalg.norm(responses, axis=2, keepdims=True)
    alike = np.einsum("kir,kjr->ijk", unit, unit)
    found = unconditional(weights, mean, each, errors, alike)
    assert (found <= together + 1e-9).all()
    largest = (weights[:, None] * np.sqrt(errors**2 + (each - mean) ** 2)).max(axis=0)
    if (alike >= 0.0).all():
        assert (found >= largest - 1e-9).all()


def test_a_target_fitted_by_its_logarithm_keeps_its_sign() -> None:
    rows = frame("regression")
    rows["y"] = np.exp(rows["y"])
    data = Dataset.from_frame(rows, "y", test_fraction=0.0, preparation=Preparation(target_scale="log"))
    found = known(bands_of(network_of(data), data)).dependence("a")
    assert found.lower is not None
    assert found.upper is not None
    assert (found.lower > 0).all()
    np.testing.assert_allclose(found.upper / found.prediction, found.prediction / found.lower, rtol=1e-9)


def test_families_without_standard_errors_and_bad_arguments_are_told() -> None:
    data = Dataset.from_frame(frame("regression"), "y")
    boosting = held_family(data, "boosting", 0)
    assert bands_of(boosting, data) is None
    assert "no standard errors" in no_bands(boosting)
    table = effects_of(boosting, data, ["a"])
    assert table.columns.tolist() == ["feature", "value", "effect", "lower", "upper"]
    assert table["lower"].isna().all()
    linear = held_family(data, "linear", 0)
    assert effects_of(linear, data)["lower"].notna().all()
    with pytest.raises(StudyError, match="There is no feature 'q'"):
        effects_of(linear, data, ["q"])
    with pytest.raises(StudyError, match="between 0 and 1"):
        bands_of(linear, data, 95)


@pytest.mark.parametrize("name", ["gam", "polynomial"])
def test_models_that_are_linear_in_terms_have_the_errors_of_their_terms(data: Dataset, name: str) -> None:
    """Of a quantity in closed form: sigma^2 (Z'Z + lambda)^-1 of standardised terms."""
    model = held_family(data, name, 0)
    found = known(bands_of(model, data))
    covariance = found.members[0].covariance
    predict = model.fitted.predict
    assert isinstance(predict, Portable)
    assert predict.on_terms is not None
    at = covariance.forward(data.X_train[:5])
    np.testing.assert_allclose(covariance.mean(at.outputs), model.predict_flagged(data.X_train[:5])[0], rtol=1e-9)
    if data.task == "regression":
        affine, T = predict.on_terms.affine, predict.on_terms.terms(data.X_train)
        used = affine.weights != 0.0
        Z = ((T - affine.center) / affine.scale)[:, used]
        B = affine.weights[used]
        e = data.y_train - predict(data.X_train)
        penalty = B @ (Z.T @ e) / (B @ B)
        M = np.zeros((Z.shape[1] + 1,) * 2)
        M[0, 0], M[1:, 1:] = data.n, Z.T @ Z + penalty * np.eye(Z.shape[1])
        M[0, 1:] = M[1:, 0] = Z.sum(axis=0)
        rows = np.column_stack([np.ones(5), Z[:5]])
        sigma2 = e @ e / (data.n - model.fitted.dof)
        expected = np.sqrt(sigma2 * np.einsum("ij,ij->i", rows, np.linalg.solve(M, rows.T).T))
        se = found.predictions(data.X_train[:5])["se"] / covariance.searched
        np.testing.assert_allclose(se, expected, rtol=1e-5)
    beyond = data.X_train[:1] + 100.0  # held at the edge, as its predictions are
    edge = np.clip(beyond, data.X_train.min(axis=0), data.X_train.max(axis=0))
    np.testing.assert_allclose(found.predictions(beyond), found.predictions(edge))


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("task", ["regression", "counts"])
def test_constrained_networks_have_bands_of_all_their_numbers(task: str, depth: int) -> None:
    """By differences of the network's own numbers, the ranges of the nodes moving with them."""
    data = Dataset.from_frame(frame(task).drop(columns="kind"), "y", test_fraction=0.0, task=task)
    shape = Shape(down=(0,), convex=(1,))
    network = fit_cell(
        data.X_train, data.fit_target(data.y_train), 2, 3, 3, depth,
        options=LmOptions(starts=2, smoothing=10.0), task=data.task, shape=shape,
    )  # fmt: skip
    of = shaped_covariance(network, data.X_train, data.y_train)
    assert of is not None
    new = np.random.default_rng(1).uniform(-0.7, 0.7, (6, 2))
    at = of.forward(new)
    np.testing.assert_allclose(of.mean(at.outputs), network.predict(new), rtol=1e-9)
    values, everywhere = np.random.default_rng(2).normal(size=(1, 6)), np.array([[-np.inf, np.inf]] * 2)
    free = replace(network, ranges=(network.ranges[0], *[everywhere] * depth))

    def with_numbers(theta: np.ndarray) -> ShapedCovariance:
        state = of.problem.state(theta, of.state.level, solve=False)
        assert state is not None
        return replace(of, state=state, network=free)

    theta = np.where(of.problem.held, np.maximum(of.state.theta, 0.05), of.state.theta)  # no node is flat at its ends
    inside = with_numbers(theta)
    found = inside.pulled_back(inside.forward(new), values)
    moved = []
    for step in 1e-5 * np.eye(of.problem.p):
        above, below = (with_numbers(inside.state.theta + s).forward(new).outputs[0] for s in (step, -step))
        moved.append(float(values[0] @ (above - below)) / 2e-5)
    np.testing.assert_allclose(found, moved, atol=1e-6 * np.abs(moved).max())
    at, step = inside.forward(new), np.random.default_rng(3).normal(size=of.problem.p)
    back = inside.pulled_back(at, values)
    assert float(np.sum(values * inside.moved(at, step))) == pytest.approx(float(back @ step), rel=1e-8)
    band = known(bands_of(network, data)).dependence("a")
    assert band.lower is not None
    assert band.upper is not None
    assert (band.lower < band.prediction).all()
    assert (band.prediction < band.upper).all()


@pytest.mark.parametrize("task", ["regression", "multiclass"])
def test_edges_of_constrained_networks_have_bands_by_their_own_derivatives(task: str) -> None:
    """By differences of the numbers, every edge less its mean and in units of the node's range."""
    data = Dataset.from_frame(frame(task).drop(columns="kind"), "y", test_fraction=0.0, task="auto")
    shape = Shape(down=(0,)) if task == "regression" else Shape(down=(0,), of_class=1)
    network = fit_cell(
        data.X_train, data.fit_target(data.y_train), 2, 3, 3, 2,
        options=LmOptions(starts=2, max_iterations=10), task=data.task, shape=shape,
    )  # fmt: skip
    of = shaped_covariance(network, data.X_train, data.fit_target(data.y_train))
    assert of is not None
    curves = curves_of(network, data.X_train)
    theta = np.where(of.problem.held, np.maximum(of.state.theta, 0.05), of.state.theta)
    start = of.problem.state(theta, of.state.level, solve=False)
    assert start is not None
    inside = replace(of, state=start)
    for edge in (curves.layer(0)[0], curves.layer(1)[-1], curves.layer(2)[-1]):
        layer, last = edge.layer, edge.layer == of.depth
        places = np.linspace(0.1, 0.9, 5)

        def values(by: np.ndarray, edge=edge, layer=layer, last=last, places=places) -> np.ndarray:
            state = of.problem.state(start.theta + by, of.state.level, solve=False)
            assert state is not None
            at = replace(of, state=state)
            if layer == 0:
                z, rows = 2 * places - 1, of.problem.x[edge.source]
            else:
                below = state.layers[layer - 1]
                still = start.layers[layer - 1].T[edge.source]  # rows stay where they are in the range
                z, rows = (below.low[edge.source] + t * below.width[edge.source] for t in (places, still))
            found = at._edge(layer, edge.source, edge.target, z)[0]
            found = found - at._edge(layer, edge.source, edge.target, rows)[0].mean()
            return found if last else found / state.layers[layer].width[edge.target]

        if layer:
            below = start.layers[layer - 1]
            z, rows = (below.low[edge.source] + t * below.width[edge.source] for t in (places, below.T[edge.source]))
        else:
            z, rows = 2 * places - 1, of.problem.x[edge.source]
        found = inside.edge(layer, edge.source, edge.target, z, rows)
        steps = 1e-5 * np.eye(of.problem.p)
        expected = np.array([values(step) - values(-step) for step in steps]).T / 2e-5
        np.testing.assert_allclose(found, expected, atol=2e-6 * max(np.abs(expected).max(), 1.0))
    drawn = known(bands_of(network, data)).edges(curves)
    assert len(drawn) == len(curves.edges)
    for edge in curves.edges:
        lower, upper = drawn[edge.layer, edge.source, edge.target]
        np.testing.assert_allclose((lower + upper) / 2, edge.y, atol=1e-9)
        assert (upper > lower).any()


def test_the_band_of_a_polynomial_or_a_line_says_of_which_truth_it_is() -> None:
    data = Dataset.from_frame(frame("regression"), "y")
    assert "best polynomial" in what_bands_are_of(held_family(data, "polynomial", 0))
    assert "best linear model" in what_bands_are_of(held_family(data, "linear", 0))
    assert not what_bands_are_of(held_family(data, "gam", 0))
    assert not what_bands_are_of(network_of(data))


def test_a_model_without_bands_says_which_part_has_none() -> None:
    data = Dataset.from_frame(frame("regression"), "y")
    together = AveragedModel([held_family(data, "linear", 0), held_family(data, "boosting", 0)], [0.5, 0.5])
    assert bands_of(together, data) is None
    assert "boosted trees" in no_bands(together)
    stock = replace(network_of(data), engine="pykan-lbfgs")
    assert bands_of(stock, data) is None
    assert "short of a minimum" in no_bands(stock)


@pytest.mark.parametrize(("depth", "products"), [(1, 0), (2, 0), (1, 1)])
def test_outputs_move_as_their_derivatives_say(depth: int, products: int) -> None:
    """`moved` and `pulled_back` are each other's transpose, of free networks, with products too, and of linear models."""
    data = Dataset.from_frame(frame("multiclass"), "y", test_fraction=0.0)
    y = data.fit_target(data.y_train)
    network = fit_cell(
        data.X_train, y, 2, 3, 3, depth, options=LmOptions(starts=1, smoothing=10.0), task=data.task,
        **({"multiplication": products} if products else {}),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    rows = np.concatenate([data.X_train[:6], 3.0 * data.X_train[6:9]])  # some beyond the range
    for model in (network, held_family(data, "linear", 0)):
        of = known(bands_of(model, data)).members[0].covariance
        at = of.forward(rows)
        values = rng.normal(size=at.outputs.shape)
        gradient = of.pulled_back(at, values)
        step = rng.normal(size=len(gradient))
        assert np.sum(values * of.moved(at, step)) == pytest.approx(gradient @ step, rel=1e-8, abs=1e-8)
        u = rng.normal(size=of.smoother.B.shape[2])
        assert of.root.whitened(gradient[None])[0] @ u == pytest.approx(gradient @ of.root.step(u), rel=1e-6)


def test_bands_of_nearly_separated_classes_are_narrower_than_those_of_wald_and_cover_as_often() -> None:
    """Drawn anew from known probabilities, which are near 0 or 1 nearly everywhere."""
    new = np.random.default_rng(99).uniform(-1, 1, (10, 2))
    hits, widths = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1, 1, (70, 2))
        y = ["abc"[rng.choice(3, p=p)] for p in _separated(X)]
        data = Dataset.from_frame(pd.DataFrame({"u": X[:, 0], "v": X[:, 1], "y": y}), "y", test_fraction=0.0)
        bands = known(bands_of(held_family(data, "ridge", 0), data))
        for o in range(3):
            found, truth = bands.predictions(new, o), _separated(new)[:, o]
            assert ((found["lower"] <= found["predicted"]) & (found["predicted"] <= found["upper"])).all()
            ends = [(found["lower"], found["upper"]), _wald(found, bands.quantile)]
            hits.append([((low <= truth) & (truth <= high)).mean() for low, high in ends])
            widths.append([(high - low).mean() for low, high in ends])
    assert np.mean(hits, axis=0)[0] > 0.9
    assert np.mean(hits, axis=0)[0] >= np.mean(hits, axis=0)[1] - 0.01
    assert np.mean(widths, axis=0)[0] < 0.85 * np.mean(widths, axis=0)[1]


def test_in_the_midst_of_its_own_rows_a_class_is_not_said_to_be_anything_from_0_to_1() -> None:
    rng = np.random.default_rng(0)
    centres = np.array([[0.0, 0.0], [6.0, 0.0], [0.0, 6.0]])
    X = np.concatenate([c + rng.normal(size=(30, 2)) for c in centres])
    data = Dataset.from_frame(
        pd.DataFrame(X, columns=["u", "v"]).assign(y=np.repeat(list("abc"), 30)), "y", test_fraction=0.0
    )
    bands = known(bands_of(held_family(data, "ridge", 0), data))
    for o in range(3):
        found = bands.predictions(centres, o)
        low, high = _wald(found, bands.quantile)
        assert (high - low).max() > 0.7  # 30 rows of the class around the place, and none of another
        assert (found["upper"] - found["lower"]).max() < 0.3


def _wald(found: pd.DataFrame, quantile: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends symmetric in the log-odds."""
    p = np.clip(found["predicted"].to_numpy(), 1e-12, 1.0 - 1e-12)
    half = quantile * found["se"].to_numpy() / (p * (1.0 - p))
    return expit(logit(p) - half), expit(logit(p) + half)


def _separated(X: np.ndarray) -> np.ndarray:
    eta = 12.0 * np.column_stack([np.zeros(len(X)), X[:, 0], 1.2 * X[:, 0] + X[:, 1] - 0.5])
    odds = np.exp(eta - eta.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))
