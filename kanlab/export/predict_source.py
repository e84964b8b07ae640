"""The predict.py of a bundle: predict_template, and above it what that imports from kanlab, in one readable file.

From each module come the definitions that are needed and no others, word for word, with the comments above them. What they
import from elsewhere is imported once, at the top. The same sources give the same text.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from itertools import pairwise

TEMPLATE = "kanlab.export.predict_template"
_STANDS_FOR = {"kanlab.language": "kanlab.export.plain_english"}


@cache
def predict_source() -> str:
    """The text of predict.py."""
    template = _module(TEMPLATE)
    needed: dict[str, set[str]] = defaultdict(set)
    uses: dict[str, set[str]] = {TEMPLATE: set()}
    libraries: set[tuple[str, str]] = set()
    todo = [(template, used) for used in _names(template.tree)]
    while todo:
        module, name = todo.pop()
        if name in module.home and name not in needed[module.name]:
            needed[module.name].add(name)
            todo += [(module, used) for used in _names(module.home[name])]
        elif name in module.imports:
            origin = module.imports[name]
            if origin[0].startswith("kanlab."):
                home = _STANDS_FOR.get(origin[0], origin[0])
                uses.setdefault(module.name, set()).add(home)
                todo.append((_module(home), name))
            else:
                libraries.add(origin)
    order = TopologicalSorter({name: sorted(uses.get(name, ())) for name in sorted(needed)}).static_order()
    parts = [_module(name).definitions(needed[name]) for name in order if name != TEMPLATE]
    head = "\n".join(template.lines[: template.tree.body[0].end_lineno])
    return "\n\n".join([head, _import_lines(libraries), *parts, template.program()]) + "\n"


class _Module:
    """The source of a module: its statements by the names they define, and by name what it imports.

    imports: (module, name) of `from module import name`, and ("", "module") of `import module`.
    """

    def __init__(self, name: str) -> None:
        source = inspect.getsource(import_module(name))
        self.name, self.lines, self.tree = name, source.splitlines(), ast.parse(source)
        self.home = {defined: node for node in self.tree.body for defined in _defined(node)}
        self.imports: dict[str, tuple[str, str]] = {}
        self.below_imports = 0
        for node in self.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self.below_imports = node.end_lineno or node.lineno
                for alias in node.names:
                    asked = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
                    self.imports[alias.asname or alias.name] = getattr(node, "module", ""), asked

    def definitions(self, names: set[str]) -> str:
        """The definitions of these names, in the order they stand in."""
        nodes = [node for node in self.tree.body if names & set(_defined(node))]
        texts = ["\n".join(self.lines[self._begin(node) : node.end_lineno]) for node in nodes]
        gaps = ["\n" if isinstance(a, _PLAIN) and isinstance(b, _PLAIN) else "\n\n\n" for a, b in pairwise(nodes)]
        head = f"# ---- {self.name}\n\n" + ("" if isinstance(nodes[0], _PLAIN) else "\n")
        return head + "".join(t + g for t, g in zip(texts, [*gaps, "\n"], strict=True))

    def program(self) -> str:
        """All below the imports."""
        return f"# ---- {self.name}\n\n" + "\n".join(self.lines[self.below_imports :]).strip()

    def _begin(self, node: ast.stmt) -> int:
        """The first line of a definition, counted from 0: that of its decorators, and of the comments above."""
        line = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]) - 1
        while self.lines[line - 1].startswith("#"):
            line -= 1
        return line


_PLAIN = (ast.Assign, ast.AnnAssign)
_module = cache(_Module)


def _names(node: ast.AST) -> list[str]:
    """All names a piece of source mentions."""
    return sorted({n.id for n in ast.walk(node) if isinstance(n, ast.Name)})


def _defined(node: ast.stmt) -> Iterator[str]:
    """The names a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign):
        yield from (n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


# Python looks beside a program for its imports first; what lies beside predict.py, such as a numbers.py, is none of them
_PATH_LINES = """import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # this folder: no file in it is run in the place of a library"""


def _import_lines(libraries: set[tuple[str, str]]) -> str:
    """The imports: those of the standard library first, constants before classes before functions, as elsewhere."""
    whole: dict[bool, list[str]] = {True: [], False: []}
    parts: dict[bool, list[str]] = {True: [], False: []}
    for module in sorted({module or name for module, name in libraries}):
        standard = module.partition(".")[0] in sys.stdlib_module_names
        names = [name for origin, name in libraries if origin == module]
        if names:
            names.sort(key=lambda n: (0 if n.isupper() else 1 if n[0].isupper() else 2, n))
            parts[standard].append(f"from {module} import {', '.join(names)}")
        if ("", module) in libraries:  # also beside names of it
            whole[standard].append(f"import {module}")
    whole[True].remove("import sys")
    sections = (
        ["from __future__ import annotations"],
        [_PATH_LINES],
        whole[True] + parts[True],
        whole[False] + parts[False],
    )
    return "\n\n".join("\n".join(section) for section in sections)
