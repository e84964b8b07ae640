"""A stock pykan network that knows its own complexity. The only module that imports pykan (and with it torch).

pykan is awkward to share a process with: its constructor seeds three global generators, rewrites the caller's `width`
list, and by default saves checkpoints to ./model. Here the seeds are put back, the list is copied, and nothing is saved.
"""

from __future__ import annotations

import contextlib
import io
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.errors import FitError
from kanlab.kan import parameter_count
from kanlab.kan.bspline import OUTPUT_MARGIN, SQUARE_K, held_range
from kanlab.kan.layers import STRETCH, KanLayer
from kanlab.kan.network import FitStatus, FittedKan, KanSpec
from kanlab.kan.parameter_count import CountingRule
from kanlab.kan.pykan_products import written_as_squares
from kanlab.language import say
from kanlab.stats.likelihood import COUNTS, LIKELIHOODS, MULTICLASS, REGRESSION, TaskName, log_mean_scaling

try:
    import kan
    import torch
except ModuleNotFoundError as error:
    raise FitError(
        say("Stock pykan needs {name}, which is not installed here; install kanlab[pykan].", name=error.name)
    ) from error


@contextlib.contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seed the three global generators pykan draws from and have torch choose deterministic algorithms; undone after.

    Without the second, two trainings of one seed differ in the last digit at the first step and in all of them at the
    end: LBFGS amplifies rounding.
    """
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    deterministic = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(deterministic, warn_only=warn_only)
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])


class KANWrapper(kan.KAN):
    """pykan's KAN with a parameter count, NumPy in and out, and the units of the data.

    The network itself works on scaled numbers, (x - x_offset) / x_scale and (y - y_offset) / y_scale; `set_scaling` learns
    the two from the training rows.

    Parameters
    ----------
    layer_widths : sequence of int or of pairs of int
        Nodes of each layer, inputs and outputs included; of a layer with multiplication nodes [nodes that add, nodes that
        multiply], as pykan has it.
    grid, k : int
        Grid intervals and spline order.
    seed : int
        Of pykan's random coefficients; the global generators are left as they were.
    task : str
        "regression", or "classification" and "multiclass" where the network puts out log-odds, of which `predict` gives the
        probabilities.
    **options
        Everything else goes to `kan.KAN` as it stands.

    Examples
    --------
    >>> model = KANWrapper((2, 5, 1), grid=3, k=3)
    >>> model.n_params(), model.n_params("article")
    (96, 60)
    >>> model.predict(np.zeros((4, 2))).shape
    (4,)
    """

    ckpt_path: str
    _non_persistent_buffers_set: set[str]
    task: TaskName
    reach: float
    stretch: float

    def __init__(
        self,
        layer_widths: Sequence[int | Sequence[int]],
        grid: int,
        k: int,
        *,
        seed: int = 0,
        task: TaskName = REGRESSION,
        **options: Any,
    ) -> None:
        options = {"auto_save": False} | options
        with reproducible(seed):
            nodes = [[int(v) for v in w] if isinstance(w, Sequence) else int(w) for w in layer_widths]
            super().__init__(width=nodes, grid=grid, k=k, seed=seed, **options)
        self.task, self.reach, self.stretch = task, 0.0, STRETCH
        d, m = self.layer_widths[0], self.layer_widths[-1]
        for name, size, value in (("x_offset", d, 0.0), ("x_scale", d, 1.0), ("y_offset", m, 0.0), ("y_scale", m, 1.0)):
            self.register_buffer(name, torch.full((size,), value, dtype=torch.float64))
        for index, width in enumerate(self.layer_widths[:-1]):
            self.register_buffer(f"range_{index}", torch.tensor([[-torch.inf, torch.inf]] * width, dtype=torch.float64))
        self.register_buffer("output_range", torch.tensor([[-torch.inf, torch.inf]] * m, dtype=torch.float64))

    @property
    def layer_widths(self) -> tuple[int, ...]:
        """Nodes of each layer, inputs and outputs included (sums and products alike)."""
        return tuple(self.width_in)

    def n_params(self, rule: CountingRule = "identifiable", *, count_sigma2: bool = False) -> int:
        """Counted parameters K under a counting rule (kanlab.kan.parameter_count).

        A factor of a product is a node; a number that goes from one factor to the other tells nothing, so `identifiable` has
        one less for each.
        """
        total, products = int(count_sigma2), sum(int(count) for _, count in self.width)
        for n_in, n_out in zip(self.width_in[:-1], self.width_out[1:], strict=True):
            total += parameter_count.n_params((n_in, n_out), self.grid, self.k, rule)
        extra = (self.mult_arity - 1) * products if self.mult_homo else self._more_factors()
        return total - (extra if rule == "identifiable" else 0)

    def _more_factors(self) -> int:
        """Factors beyond the first of all multiplication nodes, where each has a number of its own."""
        return sum(int(arity) - 1 for layer in self.mult_arity for arity in layer)

    def set_scaling(self, X: ArrayLike, y: ArrayLike) -> None:
        """Map the range of each input to pykan's default grid range [-1, 1], targets to mean 0 and deviation 1.

        Classes stay as they are, and counts, of which the scaling is that of the logarithm of their mean.
        """
        X = np.asarray(X, dtype=float)
        Y = np.asarray(y, dtype=float).reshape(len(X), -1)
        low, high = X.min(axis=0), X.max(axis=0)
        self._set("x_offset", (low + high) / 2)
        self._set("x_scale", np.where(high > low, (high - low) / 2, 1.0))
        if self.task == COUNTS:
            offset, scale = log_mean_scaling(Y)
            self._set("y_offset", np.array([offset]))
            self._set("y_scale", np.array([scale]))
        if self.task != REGRESSION:
            return
        self._set("y_offset", Y.mean(axis=0))
        self._set("y_scale", np.where(np.ptp(Y, axis=0) > 0, Y.std(axis=0), 1.0))

    def _set(self, name: str, value: Array) -> None:
        getattr(self, name).copy_(torch.from_numpy(np.ascontiguousarray(value, dtype=float)))

    def scale_inputs(self, X: ArrayLike) -> torch.Tensor:
        """Inputs as the network sees them, in its own floating-point type."""
        scaled = (np.asarray(X, dtype=float) - self.x_offset.numpy()) / self.x_scale.numpy()
        return torch.from_numpy(scaled).to(self.act_fun[0].coef.dtype)

    def scale_targets(self, y: ArrayLike) -> torch.Tensor:
        """Targets as the network sees them, shape (n, m), of more than two classes (n, m + 1)."""
        if self.task == COUNTS:
            return torch.from_numpy(np.asarray(y, dtype=float).reshape(-1, 1)).to(self.act_fun[0].coef.dtype)
        if self.task == MULTICLASS:
            return torch.from_numpy(np.asarray(y, dtype=float)).to(self.act_fun[0].coef.dtype)
        Y = np.asarray(y, dtype=float).reshape(-1, len(self.y_offset))
        return torch.from_numpy((Y - self.y_offset.numpy()) / self.y_scale.numpy()).to(self.act_fun[0].coef.dtype)

    def hold_ranges(self, X: ArrayLike) -> None:
        """Learn the range of every layer's inputs and of the outputs on the training rows, for predictions beyond them.

        Outside its grid a spline dies, so that one unusual row could be predicted as anything.
        """
        with torch.no_grad(), self._layer_inputs() as seen:
            outputs = _array(self.forward(self.scale_inputs(X)))
        self._set("output_range", held_range(outputs.min(axis=0), outputs.max(axis=0), OUTPUT_MARGIN))
        for index, z in enumerate(seen):
            self._set(f"range_{index}", _array(torch.stack([z.min(dim=0).values, z.max(dim=0).values], dim=1)))

    def _range(self, index: int) -> torch.Tensor:
        """Range (n_in, 2) to which the inputs of a layer are held; before `hold_ranges`, the grid of the first layer."""
        held = getattr(self, f"range_{index}")
        layer = self.act_fun[index]
        if index == 0 and not torch.isfinite(held).all():
            held = layer.grid[:, [self.k, -1 - self.k]]
        return held.to(layer.coef.dtype)

    @contextlib.contextmanager
    def _layer_inputs(self) -> Iterator[list[torch.Tensor]]:
        """Collect what goes into each layer during a forward pass."""
        seen: list[torch.Tensor] = []
        hooks = [layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])) for layer in self.act_fun]
        try:
            yield seen
        finally:
            for hook in hooks:
                hook.remove()

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        """Clamp what goes into each layer to its range, where one is known, and let its edges go on straight from there
        (kanlab.kan.layers.continuation).
        """
        hooks = []
        for index in range(len(self.act_fun)):
            for part, edges in ((self.act_fun[index], 2), (self.symbolic_fun[index], 1)):
                straight = _Straight(self._range(index), self.reach, self.stretch, edges)
                hooks += [part.register_forward_pre_hook(straight.clamp), part.register_forward_hook(straight.go_on)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def predict(self, X: ArrayLike) -> Array:
        """Predictions in units of the data, of classes probabilities: X (n, d) to (n,), or (n, m) for more than one target, or
        of more than two classes (n, m + 1).

        Inputs are held to the first layer's grid, outside of which its splines die. Once `hold_ranges` has learnt the ranges
        of inputs, hidden nodes and outputs on the training rows, edges go on straight beyond them as those of a FittedKan.
        """
        with torch.no_grad(), self._held():
            output = self.forward(self.scale_inputs(X)).numpy().astype(float)
        output = np.clip(output, *self.output_range.numpy().T)
        Y = LIKELIHOODS[self.task].mean(output * self.y_scale.numpy() + self.y_offset.numpy())
        return Y[:, 0] if Y.shape[1] == 1 else Y

    @classmethod
    def from_pykan(cls, model: kan.KAN) -> KANWrapper:
        """A network of pykan's own with the same weights; `kan.KAN.loadckpt` reads one from its files.

        What it was trained on stays as it is: call `hold_ranges` with the training rows to have predictions beyond them held.
        Raises FitError where it has symbolic edges, or another base function than silu.
        """
        _refuse_other_edges(model)
        wrapper = cls(model.width, model.grid, model.k, mult_arity=model.mult_arity)
        wrapper.to(model.act_fun[0].coef.dtype)
        lost = wrapper.load_state_dict(model.state_dict(), strict=False)
        if lost.unexpected_keys or set(lost.missing_keys) - set(wrapper._buffers):
            raise FitError(say("The network is not as this version of pykan builds them."))
        return wrapper

    @classmethod
    def from_fitted(cls, fitted: FittedKan) -> KANWrapper:
        """A float64 pykan network with the weights, scaling and ranges of a fitted one."""
        spec = fitted.spec
        model = cls(spec.layer_widths, spec.grid, spec.k, task=fitted.task).double()
        for part, layer in zip(model.act_fun, fitted.layers, strict=True):
            part.grid.data = torch.tensor(layer.knots)
            part.coef.data = torch.tensor(layer.coef)
            part.scale_base.data = torch.tensor(layer.scale_base)
            part.scale_sp.data = torch.ones_like(part.scale_sp)
        for name in ("output_range", "x_offset", "x_scale", "y_offset", "y_scale"):
            model._set(name, getattr(fitted, name))
        for index, held in enumerate(fitted.ranges):
            model._set(f"range_{index}", held)
        model.reach, model.stretch = fitted.reach, fitted.stretch
        return model

    def to_fitted(self) -> FittedKan:
        """The same network in NumPy, float64. Raises FitError where it has what a FittedKan cannot express.

        Those are symbolic edges, base functions other than silu, affine node parameters that differ from the identity,
        multiplication nodes of three factors and more, and any with k below 2. Those of two factors become sums and squares of
        one hidden layer more, exactly (kanlab.kan.pykan_products); K of the network is then `n_params` of this one. The record
        of the fit is not pykan's to give: rss_train is nan and the status "iteration limit".
        """
        self._refuse_what_is_not_plain()
        layers: list[KanLayer] = []
        ranges: list[Array] = []
        for index, part in enumerate(self.act_fun):
            mask = part.mask.detach().double()
            coef = part.coef * (part.scale_sp * mask).unsqueeze(2)
            layers.append(KanLayer(_array(part.grid), _array(coef), _array(part.scale_base * mask)))
            ranges.append(_array(self._range(index)))
        m, products = len(self.y_offset), [int(count) for _, count in self.width[1:]]
        if any(count and not np.isfinite(held).all() for count, held in zip(products, ranges, strict=True)):
            raise FitError(
                say(
                    "What goes into the multiplication nodes has no known range; call hold_ranges with the training "
                    "rows first."
                )
            )
        plain, held_to = written_as_squares(layers, ranges, products)
        widths = (len(plain[0].knots), *(layer.coef.shape[1] for layer in plain))
        return FittedKan(
            spec=KanSpec(widths, int(self.grid), int(self.k)),
            layers=plain,
            ranges=held_to,
            output_range=_array(self.output_range),
            reach=self.reach,
            stretch=self.stretch,
            x_offset=_array(self.x_offset),
            x_scale=_array(self.x_scale),
            y_offset=_array(self.y_offset),
            y_scale=_array(self.y_scale),
            rss_train=np.nan,
            rss_by_target=np.full(m, np.nan),
            n_train=0,
            status=FitStatus.ITERATION_LIMIT,
            engine="pykan",
            task=self.task,
        )

    def prune(self, *arguments: Any, **options: Any) -> kan.KAN:
        """pykan's prune."""
        return self._smaller(super().prune, *arguments, **options)

    def prune_node(self, *arguments: Any, **options: Any) -> kan.KAN:
        """pykan's prune_node."""
        return self._smaller(super().prune_node, *arguments, **options)

    def prune_input(self, *arguments: Any, **options: Any) -> kan.KAN:
        """pykan's prune_input."""
        return self._smaller(super().prune_input, *arguments, **options)

    def refine(self, *arguments: Any, **options: Any) -> kan.KAN:
        """pykan's refine."""
        return self._smaller(super().refine, *arguments, **options)

    def _smaller(self, build: Callable[..., kan.KAN], *arguments: Any, **options: Any) -> kan.KAN:
        """Let pykan build another network of this one, in this one's floating-point type and without checkpoints.

        pykan builds it in torch's default type and with auto_save on, whatever this network has.
        """
        kept_type = torch.get_default_dtype()
        kept_path, kept_buffers = self.ckpt_path, self._non_persistent_buffers_set
        self._non_persistent_buffers_set = set(self._buffers)  # pykan loads this state into a network without them
        torch.set_default_dtype(self.act_fun[0].coef.dtype)
        try:
            with (
                tempfile.TemporaryDirectory(prefix="kanlab-") as self.ckpt_path,
                contextlib.redirect_stdout(io.StringIO()),
            ):
                network = build(*arguments, **options)
        finally:
            self.ckpt_path, self._non_persistent_buffers_set = kept_path, kept_buffers
            torch.set_default_dtype(kept_type)
        network.auto_save, network.ckpt_path = False, kept_path
        return network

    def _refuse_what_is_not_plain(self) -> None:
        _refuse_other_edges(self)
        affine = [(self.node_bias, 0.0), (self.node_scale, 1.0), (self.subnode_bias, 0.0), (self.subnode_scale, 1.0)]
        if any(bool((values != plain).any()) for group, plain in affine for values in group):
            raise FitError(say("The network has affine node parameters, which a FittedKan cannot express."))
        if not isinstance(self.grid, int) or not isinstance(self.k, int):
            raise FitError(say("The network has a grid or an order for each layer, which a FittedKan cannot express."))
        if not any(int(products) for _, products in self.width):
            return
        if self.mult_arity != 2 and (self.mult_homo or {int(a) for layer in self.mult_arity for a in layer} != {2}):
            raise FitError(
                say("The network has multiplication nodes of other than two factors, which a FittedKan cannot express.")
            )
        if self.k < SQUARE_K:
            raise FitError(
                say(
                    "Products are written as squares, which splines are from k = {least} on; this network has k = {k}.",
                    least=SQUARE_K,
                    k=self.k,
                )
            )


def _refuse_other_edges(model: kan.KAN) -> None:
    """Raise FitError where some edge is not a spline beside a multiple of silu."""
    if any(bool(part.mask.abs().sum()) for part in model.symbolic_fun):
        raise FitError(say("The network has symbolic edges, which a FittedKan cannot express."))
    if not isinstance(model.base_fun, torch.nn.SiLU):
        raise FitError(
            say("The edges of the network have another base function than silu, which a FittedKan cannot express.")
        )


class _Straight:
    """The hooks of a part of a layer. held: (n_in, 2).  edges: where its edges stand among what it gives, (n, n_out, n_in)."""

    def __init__(self, held: torch.Tensor, reach: float, part: float, edges: int) -> None:
        self._low, self._high, self._edges = held[:, 0], held[:, 1], edges
        width = torch.where(torch.isfinite(held).all(dim=1), held[:, 1] - held[:, 0], 0.0)
        self._most, self._stretch = reach * width, part * width
        self._beyond = width

    def clamp(self, _: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        edge = inputs[0].clamp(self._low, self._high)
        self._beyond = (inputs[0] - edge).clamp(-self._most, self._most)
        return (edge, *inputs[1:])

    def go_on(self, part: torch.nn.Module, inputs: tuple[Any, ...], outputs: tuple[Any, ...]) -> tuple[Any, ...]:
        if not bool(self._beyond.any()):
            return outputs
        stretch = self._beyond.sign() * self._stretch
        rise = outputs[self._edges] - part.forward(inputs[0] - stretch)[self._edges]
        times = torch.where(stretch != 0.0, self._beyond / stretch, 0.0)
        return (outputs[0] + torch.einsum("noi,ni->no", rise, times), *outputs[1:])


def _array(values: torch.Tensor) -> Array:
    return values.detach().double().numpy().copy()
