"""Who may import whom: read from the source, and seen in a fresh process."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

import kanlab

ROOT = Path(kanlab.__file__).parents[1]

# From bottom to top. A module imports, when it is loaded, only what stands before it here; within a function it may
# import from its own layer and those below.
LAYERS: dict[str, list[str]] = {
    "base": ["errors"],
    "kernels": [
        "standalone", "criteria", "likelihood", "scores", "perturbation", "complexity", "pareto", "scaling", "basis",
        "design", "row_kernels", "compiled", "least_squares", "projection", "growing", "starts", "deep_projection",
        "deep_starts", "logistic",
    ],
    "domain": [
        "space", "writing", "sources", "decoding", "cells", "headers", "footers", "dialect", "parsing", "reading",
        "transforms", "splits",
        "screening", "preparation", "encoding", "classes", "column_profile", "oddities", "findings", "profile",
        "recipe", "usable", "dataset", "examples", "kan", "wrapper",
        "families.protocol", "families.linear", "families.logistic", "families.left_out", "families",
        "families.polynomial", "families.gam", "families.mlp", "families.boosting",
        "pykan_engine", "lm", "continuation", "deep_lm", "deep_effective", "effective", "reduction", "engines",
    ],
    "orchestration": [
        "tables", "storage", "processes", "lease", "ownership", "lifecycle", "artifacts", "sampling", "study_spec",
        "data_summary", "trials", "records", "study",
        "selection", "agenda", "tasks", "worker", "worker_process", "taskpool", "appraisal", "remote",
        "crew", "supervisor", "jobs", "estimate", "budget", "management",
        "housekeeping", "thinning", "audit", "importance", "judging", "candidates", "preference", "alarms",
        "verdict", "predicting", "bundle", "curves", "effects", "symbolic", "measures", "formula", "formula_latex",
        "formula_code", "diagram", "report", "export", "tuning", "layered", "chart_style", "trial_encoding",
        "trial_charts", "cell_charts", "evidence_charts", "model_charts", "dashboard", "launch",
    ],
    "ui": [
        "ui", "ui.navigation", "ui.theme", "ui.widgets", "ui.state", "ui.chosen", "ui.reading", "ui.preparing", "ui.remedies",
        "ui.profile", "ui.plan",
        "ui.owner", "ui.opened", "ui.manage", "ui.shared", "ui.trials", "ui.live", "ui.choose",
        "ui.leaderboard", "ui.auditing", "ui.evidence", "ui.predicting", "ui.calibrating", "ui.model", "ui.export",
    ],
    "top": ["cli_arguments", "cli_printing", "cli_table", "cli_studies", "cli", "__main__"],
}  # fmt: skip
LAYER_NAMES = list(LAYERS)
ORDER = [module for modules in LAYERS.values() for module in modules]
LAYER_OF = {module: layer for layer, modules in LAYERS.items() for module in modules}

# Libraries that only some modules may import, wherever in the module it is.
RESERVED: dict[str, set[str]] = {
    "torch": {"wrapper", "pykan_engine", "worker"},
    "kan": {"wrapper", "pykan_engine"},
    "optuna": {
        "storage",
        "tables",
        "lease",
        "records",
        "ownership",
        "lifecycle",
        "artifacts",
        "sampling",
        "trials",
        "study",
        "agenda",
        "management",
        "housekeeping",
        "importance",
    },
    "optuna_dashboard": {"dashboard"},
    "sqlalchemy": {
        "storage",
        "tables",
        "lease",
        "management",
        "artifacts",
        "housekeeping",
        "records",
        "remote",
    },
    "altair": {"chart_style", "trial_encoding", "trial_charts", "cell_charts", "evidence_charts", "model_charts"},
    "streamlit": set(LAYERS["ui"]),
    "multiprocessing": set(),
    "matplotlib": set(),
    "sklearn": {"families.polynomial", "families.gam", "families.mlp", "families.boosting"},
}
KERNEL_LIBRARIES = {"numpy", "scipy", "numba"}
HEAVY = ("torch", "kan", "matplotlib", "sklearn")


@dataclass(frozen=True)
class Import:
    """`target` is a dotted name; at_load: run when the module is loaded (neither in a function nor for types alone)."""

    target: str
    at_load: bool


def sources() -> dict[str, Path]:
    """Every module of the package but its __init__, by its name within kanlab."""
    files = (p for p in (ROOT / "kanlab").rglob("*.py") if p != ROOT / "kanlab" / "__init__.py")
    return {".".join(p.relative_to(ROOT / "kanlab").with_suffix("").parts).removesuffix(".__init__"): p for p in files}


SOURCES = sources()


def imports(path: Path) -> Iterator[Import]:
    def visit(node: ast.AST, at_load: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, at_load) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path.name} has a relative import"
                assert child.module is not None
                for alias in child.names:
                    yield Import(f"{child.module}.{alias.name}", at_load)
            else:
                function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
                yield from visit(child, at_load and not function and not types)

    return visit(ast.parse(path.read_text(encoding="utf-8")), True)


def module_of(target: str) -> str | None:
    """The module of the package an import loads, None for a name that is none of ours."""
    if target != "kanlab" and not target.startswith("kanlab."):
        return None
    name = target.removeprefix("kanlab").removeprefix(".")
    while name and name not in SOURCES:
        name = name.rpartition(".")[0]
    return name or None


def library_of(target: str) -> str:
    return target.partition(".")[0]


def test_the_table_has_every_module_and_no_other() -> None:
    assert sorted(ORDER) == sorted(SOURCES)
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_imports_point_downward(module: str) -> None:
    for found in imports(SOURCES[module]):
        other = module_of(found.target)
        if other is None or other == module:
            continue
        if found.at_load:
            assert ORDER.index(other) < ORDER.index(module), f"{module} loads {other}, which stands above it"
        else:
            above = LAYER_NAMES.index(LAYER_OF[other]) > LAYER_NAMES.index(LAYER_OF[module])
            assert not above, f"{module} uses {other} of the layer above"


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_reserved_libraries(module: str) -> None:
    for found in imports(SOURCES[module]):
        library = library_of(found.target)
        if library in RESERVED:
            assert module in RESERVED[library], f"{module} imports {library}"


@pytest.mark.parametrize("module", LAYERS["base"] + LAYERS["kernels"])
def test_kernels_see_arrays_only(module: str) -> None:
    for found in imports(SOURCES[module]):
        library = library_of(found.target)
        assert library in sys.stdlib_module_names | KERNEL_LIBRARIES | {"kanlab"}, f"{module} imports {library}"


def test_only_two_modules_load_torch() -> None:
    """The worker imports it once it knows that it needs it."""
    loading = {
        m
        for m, path in SOURCES.items()
        for f in imports(path)
        if f.at_load and library_of(f.target) in ("torch", "kan")
    }
    assert loading == {"wrapper", "pykan_engine"}
    users = {
        m
        for m, path in SOURCES.items()
        for f in imports(path)
        if f.at_load and module_of(f.target) in ("wrapper", "pykan_engine")
    }
    assert users == {"pykan_engine"}


def test_the_command_line_loads_what_a_command_needs() -> None:
    loaded = {module_of(f.target) for f in imports(SOURCES["cli"]) if f.at_load} - {None}
    assert loaded == {"errors", "cli_arguments", "cli_printing", "cli_studies", "cli_table"}


PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_pages_stand_on_the_package_alone(path: Path) -> None:
    stems = {p.stem for p in PAGES}
    for found in imports(path):
        library = library_of(found.target)
        assert library not in stems | {"pages"}, f"{path.name} imports a page"
        assert library not in RESERVED.keys() - {"streamlit"}, f"{path.name} imports {library}"
        assert module_of(found.target) not in ("wrapper", "pykan_engine", "worker", "worker_process", "cli")


def loaded_after(modules: list[str], heavy: Sequence[str] = (*HEAVY, "streamlit")) -> dict[str, list[str]]:
    """A fresh process imports kanlab and then each module; the heavy libraries loaded after each."""
    program = (
        "import importlib, json, sys\n"
        f"heavy = {list(heavy)!r}\n"
        "found = {}\n"
        f"for name in {['kanlab', *(f'kanlab.{m}' for m in modules)]!r}:\n"
        "    importlib.import_module(name)\n"
        "    found[name] = [h for h in heavy if h in sys.modules]\n"
        "print(json.dumps(found))\n"
    )
    process = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(process.stdout)


def test_nothing_beside_the_engine_loads_torch_or_streamlit() -> None:
    heavy = {"wrapper", "pykan_engine", "worker", "__main__"} | RESERVED["sklearn"]
    light = [m for m in ORDER if m not in heavy and LAYER_OF[m] != "ui"]
    found = loaded_after(light)
    assert len(found) == len(light) + 1
    assert {name: libraries for name, libraries in found.items() if libraries} == {}


def test_what_starts_a_study_loads_little() -> None:
    """The first trial waits for it."""
    found = loaded_after(["worker_process", "supervisor", "tuning"], ["numpy", "pandas", "scipy", "boto3", "sympy"])
    assert found["kanlab.worker_process"] == []
    assert found["kanlab.tuning"] == ["numpy", "pandas"]


def test_the_ui_loads_streamlit_and_nothing_heavy() -> None:
    found = loaded_after(LAYERS["ui"])
    assert {library for libraries in found.values() for library in libraries} == {"streamlit"}
    assert found["kanlab"] == []


def test_imports_are_read_from_the_source(tmp_path: Path) -> None:
    """The reading of the imports itself."""
    source = tmp_path / "module.py"
    source.write_text(
        "import torch.nn as nn\nfrom kanlab import trial_charts\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from kanlab.study import StudySpec\n"
        "def f():\n    import kan\n    from kanlab.ui.live import show\n"
        "try:\n    import optuna\nexcept ImportError:\n    pass\n"
    )
    found = {(library_of(i.target), module_of(i.target), i.at_load) for i in imports(source)}
    assert found == {
        ("torch", None, True),
        ("kanlab", "trial_charts", True),
        ("typing", None, True),
        ("kanlab", "study", False),
        ("kan", None, False),
        ("kanlab", "ui.live", False),
        ("optuna", None, True),
    }
