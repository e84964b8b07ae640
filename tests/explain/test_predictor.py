"""New rows through a study: the network of the trial, units of the target, gaps, unknown levels, the CSV that leaves."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import statsmodels.api as sm

from kanlab.api import Study, fit, open_study, tune
from kanlab.baselines.registry import baselines, fit_named
from kanlab.cli.main import main
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.data.reading.table import read_table
from kanlab.data.unknown_levels import UnknownLevel, combinations, predict_averaged
from kanlab.engines.registry import FitOptions, Unit, fit_unit
from kanlab.errors import DatasetError, StudyError
from kanlab.explain import models, refits, study_predictor
from kanlab.explain.models import HeldFamily
from kanlab.explain.new_rows import read_new_rows
from kanlab.explain.predictor import Predictor
from kanlab.kan.network import FittedKan
from kanlab.kan.search_space import SearchSpace
from kanlab.language import use
from kanlab.selection import candidates, recommendation
from kanlab.study import handle as handle_module
from tests.helpers.sentences import refused

SPACE = SearchSpace((1, 2), (2, 3), (2, 2))


def table(n: int = 80) -> pd.DataFrame:
    """A positive target of heavy tail, a category whose levels alone would read as booleans, a column with gaps."""
    rng = np.random.default_rng(5)
    a, kind = rng.uniform(-1, 1, n), rng.choice(["yes", "no", "maybe"], n)
    gap = rng.normal(size=n)
    gap[::9] = np.nan
    y = np.exp(2 * np.sin(2 * a) + (kind == "yes") + 0.1 * rng.normal(size=n)) * 1000
    return pd.DataFrame({"a": a, "kind": kind, "gap": gap, "y": y})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("predicting")


@pytest.fixture
def study(home: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study of log(y), made once for the module."""
    monkeypatch.setenv("KANLAB_HOME", str(home))
    try:
        return open_study("prices")
    except StudyError:
        data = Dataset.from_frame(table(), "y", preparation=Preparation(gaps="fill", target_scale="log"))
        return tune(data, SPACE, name="prices", workers=1)


def test_errors_are_in_units_of_the_target(study: Study) -> None:
    """Against the trials' own networks, taken back by hand."""
    frame = table()
    data = Dataset.from_frame(frame, "y", preparation=Preparation(gaps="fill", target_scale="log"))
    for record in study.handle.records():
        found = study.predictor(record.number)
        assert found.notes == ()
        for X, y, rss, rmse in (
            (data.X_train, data.y_train, record.rss_train, record.rmse_train),
            (data.X_test, data.y_test, record.rss_test, record.rmse_test),
        ):
            z, _ = found.fitted.predict_flagged(X)
            assert rss == pytest.approx(np.sum((z - y) ** 2))
            assert rmse == pytest.approx(np.sqrt(np.mean((np.exp(z) - np.exp(y)) ** 2)))
            assert rmse > 20 * np.sqrt(rss / len(y))
    constant = study.baselines[0]
    middle = np.exp(data.y_train.mean())
    assert constant.rmse_train == pytest.approx(np.sqrt(np.mean((np.exp(data.y_train) - middle) ** 2)))
    content = study.to_dict()
    assert content["data"]["target_label"] == "log(y)"
    assert content["baselines"][0]["rmse_train"] == constant.rmse_train
    assert content["best"]["rmse_test"] == study.best.rmse_test  # type: ignore[union-attr]


def test_a_deep_trial_predicts_as_it_was_fitted(small: Dataset) -> None:
    """Fitted once more, from the cells below it that the study began with, it has the RSS of the study to the last bit."""
    space = SearchSpace((1, 2), (2, 2), (2, 2), (1, 2))
    study = tune(small, space, name="deep", workers=1)
    deep = [r for r in study.handle.records() if r.cell.depth == 2]
    assert [r.cell.neuron_num for r in deep] == [1, 2]
    for record in deep:
        model = study.predictor(record.number)
        assert model.notes == ()
        assert model.fitted.rss_train == record.rss_train  # type: ignore[union-attr]
        assert "2 layers of" in model.label


def test_where_the_target_is_as_it_is_rmse_follows_from_rss(small: Dataset) -> None:
    for outcome in fit_unit(small, Unit(2, 2, (1, 2)), "lm", FitOptions(), 0):
        assert outcome.rmse_train == pytest.approx(np.sqrt((outcome.rss_train or 0) / small.n))
        assert outcome.rmse_test == pytest.approx(np.sqrt((outcome.rss_test or 0) / len(small.y_test)))
    for b in baselines(small):
        assert b.rmse_train == pytest.approx(np.sqrt(b.rss_train / small.n))


def test_aicc_of_log_y_becomes_aicc_of_y() -> None:
    """By the likelihood of the log-normal distribution that SciPy knows."""
    frame = table()
    data = Dataset.from_frame(frame, "y", ["a"], preparation=Preparation(target_scale="log"))
    fit = sm.OLS(data.y_train, sm.add_constant(data.X_train)).fit()
    sigma = np.sqrt(fit.ssr / data.n)
    y = np.exp(data.y_train)
    of_log = scipy.stats.norm.logpdf(data.y_train, fit.fittedvalues, sigma).sum()
    of_y = scipy.stats.lognorm.logpdf(y, sigma, scale=np.exp(fit.fittedvalues)).sum()
    assert data.target_transform.aicc_offset(data.y_train) == pytest.approx(-2 * (of_y - of_log))
    ranked = Dataset.from_frame(frame, "y", ["a"], preparation=Preparation(target_scale="rank"))
    assert ranked.target_transform.aicc_offset(ranked.y_train) is None
    plain = Dataset.from_frame(frame, "y", ["a"], preparation=Preparation(target_scale="none"))
    assert plain.target_transform.aicc_offset(plain.y_train) == 0.0


def test_new_rows(study: Study) -> None:
    rows = pd.DataFrame(
        {
            "kind": ["yes", "never", "no", "maybe"],
            "a": [0.1, 0.2, 9.0, 0.4],
            "gap": [0.0, 0.1, 0.2, np.nan],
            "id": range(4),
        }
    )
    found = study.predict(rows, study.best.number)  # type: ignore[union-attr]
    assert list(found.frame.columns) == [
        "kind",
        "a",
        "gap",
        "id",
        "y_predicted",
        "y_lower",
        "y_upper",
        "y_extrapolates",
    ]
    assert found.frame["y_extrapolates"].tolist() == [False, True, True, False]  # no row had the level "never"
    assert found.frame["y_predicted"].iloc[0] == pytest.approx(1000 * np.exp(2 * np.sin(0.2) + 1), rel=0.3)
    words = " ".join(found.notes)
    assert "'kind' holds levels that were not in the training rows: 'never'" in words
    assert "'gap' is missing in 1 row," in words
    assert "1 of 4 rows lie outside the range of the training rows" in words
    again = study.predict(found.frame)
    assert again.predicted == "y_predicted_2"
    absent = study.predict(rows[["a", "kind"]])
    assert any("no column 'gap'" in note for note in absent.notes)
    assert absent.frame["y_predicted"].notna().all()


def test_rows_that_cannot_be_predicted(frame: pd.DataFrame) -> None:
    data = Dataset.from_frame(frame, "y", ["a", "b"])
    made = tune(data, SearchSpace((1, 1), (2, 2), (1, 1)), workers=1)
    found = made.predict(pd.DataFrame({"a": [0.1, np.nan], "b": [0.2, 0.3]}))
    assert found.frame["y_predicted"].isna().tolist() == [False, True]
    assert found.frame["y_extrapolates"].isna().tolist() == [False, True]
    assert "1 of 2 rows has a missing value" in " ".join(found.notes)
    with refused(DatasetError, "'b'", "which the model needs"):
        made.predict(pd.DataFrame({"a": [1.0]}))
    with refused(StudyError, "no complete trial 99"):
        made.predict(frame, 99)


def test_categories_are_read_as_in_training(study: Study) -> None:
    """A file in which only yes and no are left would be booleans."""
    recipe = study.predictor().recipe
    content = io.BytesIO(b"a,kind,gap\n0.1,yes,0\n0.2,no,0\n")
    assert read_table(content).frame["kind"].dtype == "boolean"
    content.seek(0)
    read = read_new_rows(content, recipe, name="new.csv")
    assert read.frame["kind"].tolist() == ["yes", "no"]
    assert study.predict(read.frame).notes == study.predict(table().iloc[:0]).notes


def test_a_file_of_one_column(study: Study) -> None:
    read = read_new_rows(io.BytesIO(b"a\n0.1\n0.25\n"), study.predictor().recipe, name="new.csv")
    assert read.frame.to_dict("list") == {"a": ["0.1", "0.25"]}  # as they are written
    one = read_new_rows(io.BytesIO(b"a;kind;gap\n0,5;no;1,5\n"), study.predictor().recipe, name="new.csv")
    assert one.frame.to_dict("list") == {"a": ["0,5"], "kind": ["no"], "gap": ["1,5"]}
    recipe = study.predictor().recipe
    found = dict(zip((c.name for c in recipe.columns), recipe.apply(one.frame).X[0], strict=True))
    assert (found["a"], found["gap"]) == (0.5, 1.5)


def test_names_in_two_rows_as_in_training() -> None:
    body = "".join(f"{i},{i * i}\n" for i in range(20))
    recipe = Dataset.from_frame(read_table(io.BytesIO(b"t,y\ns,m\n" + body.encode()), name="t.csv").frame, "y m").recipe
    assert recipe.sources == ("t s",)
    new = read_new_rows(io.BytesIO(b"t,y\ns,m\n3,\n4,\n"), recipe, name="new.csv")
    assert new.frame["t s"].tolist() == ["3", "4"]
    assert recipe.apply(new.frame).X.tolist() == [[3.0], [4.0]]
    joined = read_new_rows(io.BytesIO(b"t s\n3\n4\n"), recipe, name="new.csv")
    assert joined.frame["t s"].tolist() == ["3", "4"]


def test_for_a_given_trial_nothing_is_ranked(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trial and its data are read, and no other trial, no validation and no other family."""
    expected = study.predictor(0)
    worker_tasks: list[object] = []
    fit = refits.fit_in_worker

    def counted(task: object, *arguments: object) -> object:
        worker_tasks.append(task)
        return fit(task, *arguments)  # type: ignore[arg-type]

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("the models of the study are looked at")

    for module, name in [
        (study_predictor, "recommend"), (study_predictor, "read_validation"), (models, "fit_to"),
        (recommendation, "candidates"), (candidates, "final_check_of"), (handle_module, "read_records"),
    ]:  # fmt: skip
        monkeypatch.setattr(module, name, forbidden)
    monkeypatch.setattr(refits, "fit_in_worker", counted)
    refits.refitted.cache_clear()
    found = open_study(study.name).predictor(0)
    assert len(worker_tasks) == 1
    again = open_study(study.name).predictor(0)
    assert len(worker_tasks) == 1  # a process fits it once
    assert again.fitted is not found.fitted
    assert again.fitted.rss_train == found.fitted.rss_train  # type: ignore[union-attr]
    assert (found.label, found.trial, found.key) == (expected.label, expected.trial, expected.key)
    assert isinstance(found.fitted, FittedKan)
    assert isinstance(expected.fitted, FittedKan)
    assert found.fitted.rss_train == expected.fitted.rss_train
    with pytest.raises(AssertionError, match="looked at"):
        study.predictor()


def test_the_command(study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new, out = tmp_path / "new.csv", tmp_path / "out.csv"
    new.write_text("a,kind,gap,who\n0.1,yes,0,=cmd|x\n0.2,no,,Ann\n")
    assert main(["predict", study.name, str(new), "-o", str(out)]) == 0
    told = capsys.readouterr()
    assert told.out == ""
    assert "holds 2 rows." in told.err
    assert "predicted by" in told.err
    assert "'=cmd" in out.read_text()
    read = pd.read_csv(out)
    assert read.columns.tolist() == ["a", "kind", "gap", "who", "y_predicted", "y_lower", "y_upper", "y_extrapolates"]
    expected = study.predict(read_new_rows(new, study.predictor().recipe).frame).frame["y_predicted"]
    np.testing.assert_allclose(read["y_predicted"], expected)
    assert main(["predict", study.name, str(new), "--trial", "0"]) == 0
    assert capsys.readouterr().out.startswith("a,kind,gap,who,y_predicted,y_lower,y_upper,y_extrapolates\n")
    assert main(["predict", study.name, str(new), "-o", str(new)]) == 2
    assert "another name" in capsys.readouterr().err
    assert main(["predict", study.name, str(new), "-o", str(tmp_path / "no" / "out.csv")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_level_of_no_training_row_is_predicted_between_the_others() -> None:
    """The mean of the predictions for the levels, each by its share of the training rows, whatever the model."""
    rng = np.random.default_rng(3)
    kind = rng.choice(["a", "b", "c"], 120, p=[0.5, 0.3, 0.2])
    x = rng.uniform(-1, 1, 120)
    y = x + np.select([kind == "b", kind == "c"], [3.0, -2.0]) + rng.normal(0, 0.05, 120)
    data = Dataset.from_frame(pd.DataFrame({"x": x, "kind": kind, "y": y}), "y", test_fraction=0)
    rows = pd.DataFrame({"x": 0.3, "kind": ["a", "b", "c", "never", None]})
    line = HeldFamily(
        fit_named("linear", data.X_train, data.y_train, 0, data.task), *np.quantile(data.X_train, [0, 1], axis=0)
    )
    found = Predictor("the line", data.recipe, line).predict(rows)
    shares = np.array([np.mean(kind == level) for level in "abc"])
    np.testing.assert_allclose(found.frame["y_predicted"][3], shares @ found.frame["y_predicted"][:3])
    assert found.frame["y_extrapolates"].tolist() == [False, False, False, True, pd.NA]
    assert np.isnan(found.frame["y_predicted"][4])
    for network in (fit(data, 2, 3, 3, starts=2), fit(data, 1, 4, 2, starts=1, depth=2)):
        by_network = Predictor("a network", data.recipe, network).predict(rows).frame["y_predicted"].to_numpy()
        np.testing.assert_allclose(by_network[3], shares @ by_network[:3])


def test_several_unknown_categories_are_averaged_over_their_combinations() -> None:
    """By the product of the shares; of more than 1,000 combinations the likeliest, whose weights still sum to 1."""
    rng = np.random.default_rng(0)
    parts = []
    for i in range(4):
        shares = rng.dirichlet(np.ones(8))
        parts.append(UnknownLevel(np.array([i < 2, True]), np.array([i]), rng.normal(size=(8, 1)), shares))

    def predict(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return X[:, 0] * X[:, 1] ** 2 + X[:, 2] * X[:, 3], np.zeros(len(X), dtype=bool)

    X = np.ones((2, 4))
    outputs, _ = predict_averaged(predict, X, parts)
    mean, square = (np.array([p.shares @ p.settings[:, 0] ** power for p in parts]) for power in (1, 2))
    assert outputs[0] == pytest.approx(mean[0] * square[1] + 1)  # rows differ in what they do not know
    assert outputs[1] == pytest.approx(mean[0] * square[1] + mean[2] * mean[3], abs=0.2)
    settings, weights = combinations(parts)
    every = np.sort(np.prod(np.meshgrid(*(p.shares for p in parts)), axis=0).ravel())[::-1][:1000]
    np.testing.assert_allclose(weights, every / every.sum())
    assert settings.shape == (1000, 4)


@pytest.mark.parametrize(
    ("label", "without"),
    [
        ("the linear model", ()),
        ("trial 9: 1 hidden neuron, grid 3, k 3", ()),
        ("trial 9 without a and b: 2 hidden neurons, grid 3, k 3", ("a", "b")),
        ("the average of 8 networks", ()),
        ("the average of 3 networks (60%), the linear model (20%) and the ridge model (20%)", ()),
    ],
)
def test_a_model_is_called_as_the_reader_says(label: str, without: tuple[str, ...]) -> None:
    """Its label is stored in English."""
    model = Predictor(label, None, None, without=without)  # type: ignore[arg-type]
    assert model.name == label
    with use("zh"):
        told = model.name
    assert not {"the", "average", "model", "trial", "neuron", "neurons", "without"} & set(re.findall("[a-z]+", told)), (
        told
    )
