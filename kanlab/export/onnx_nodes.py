"""The nodes, constants, inputs and outputs that an ONNX graph is built of, and what every part of one needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from kanlab.arrays import Array

Precision = Literal["float32", "float64"]
_FLOAT32_TOLERANCE = 1e-6  # of a range: what rounding to float32 may move a value


class Graph:
    """Nodes, constants, inputs and outputs; called with the name of an operator it adds a node and names its output."""

    def __init__(self, precision: Precision) -> None:
        from onnx import TensorProto

        self.string, self.bool, self.float = TensorProto.STRING, TensorProto.BOOL, TensorProto.DOUBLE
        self.outer = TensorProto.FLOAT if precision == "float32" else TensorProto.DOUBLE
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.notes: list[str] = []

    def __call__(self, operator: str, *of: str, **attributes: Any) -> str:
        from onnx import helper

        name = f"kanlab/{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(of), [name], **attributes))
        return name

    def constant(self, values: Any) -> str:
        """A constant of any type."""
        from onnx import numpy_helper

        name = f"kanlab/constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def number(self, values: Any) -> str:
        """A constant of numbers."""
        return self.constant(np.asarray(values, dtype=float))

    def texts(self, values: Sequence[str]) -> str:
        """A constant of strings, (1, n)."""
        return self.constant(np.array([list(values)], dtype=object))

    def input(self, name: str, kind: int) -> str:
        """A column of the table."""
        from onnx import helper

        self.inputs.append(helper.make_tensor_value_info(name, kind, ["rows", 1]))
        return name

    def optional_number(self, name: str) -> str:
        """A column of numbers that need not be given: one nan for all rows then."""
        from onnx import numpy_helper

        missing = np.array([[np.nan]], np.float32 if self.outer != self.float else float)
        self.constants.append(numpy_helper.from_array(missing, name))
        return self.input(name, self.outer)

    def output(self, name: str, of: str, kind: int) -> None:
        """A column of the predictions."""
        from onnx import helper

        self.nodes.append(helper.make_node("Cast", [of], [name], to=kind))
        self.outputs.append(helper.make_tensor_value_info(name, kind, ["rows", 1]))

    def held(self, value: str, low: Any, high: Any) -> str:
        """Held to a range; what is missing stays so."""
        above = self("Where", self("Greater", value, self.number(high)), self.number(high), value)
        return self("Where", self("Less", value, self.number(low)), self.number(low), above)

    def largest(self, value: str) -> str:
        """Of each row, (rows, 1)."""
        return self("ReduceMax", value, self.constant(np.array([1])), keepdims=1)

    def outside(self, value: str, low: Array, high: Array, slack: Array) -> str:
        """Whether a row of values lies outside their ranges, (rows, 1)."""
        if self.outer != self.float:
            slack = np.maximum(
                slack, _FLOAT32_TOLERANCE * np.maximum(high - low, np.maximum(np.abs(low), np.abs(high)))
            )
        either = self(
            "Or",
            self("Less", value, self.number(low - slack)),
            self("Greater", value, self.number(high + slack)),
        )
        return self("Greater", self.largest(self("Cast", either, to=self.float)), self.number(0.0))

    def curve(self, value: str, x: Sequence[float], y: Sequence[float]) -> str:
        """np.interp of (rows, 1)."""
        if len(x) < 2:
            return self("Add", self("Mul", value, self.number(0.0)), self.number(y[0]))
        left, slopes = np.array(x[:-1]), np.diff(y) / np.diff(x)
        inside, ends = self.held(value, x[0], x[-1]), [*x[1:-1], np.inf]
        here = self(
            "And", self("GreaterOrEqual", inside, self.number([left])), self("Less", inside, self.number([ends]))
        )
        along = self("Where", here, self("Sub", inside, self.number([left])), self.number(0.0))
        first = self("MatMul", self("Cast", here, to=self.float), self.number(np.array(y[:-1])[:, None]))
        found = self("Add", first, self("MatMul", along, self.number(slopes[:, None])))
        return self("Where", self("IsNaN", value), value, found)
