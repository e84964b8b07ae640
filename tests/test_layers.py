"""Who may import whom: read from the source, and seen in a fresh process."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import kanlab
from benchmarks import rooms
from benchmarks.rooms import imports, modules

ROOT = Path(kanlab.__file__).parents[1]

# From bottom to top: a module imports from its own room and those before it, wherever in the module the import stands.
ROOMS = (
    "language", "retelling",
    "text", "fonts", "colours", "arrays", "errors", "hosts", "files", "settings", "programs", "stats", "data.reading", "data",
    "kan", "solver", "engines", "baselines", "formulas", "study", "execution", "selection", "explain", "export",
    "charts", "sklearn", "api", "targets", "ui", "cli", "__main__",
)  # fmt: skip

# Libraries that only some modules or rooms may import, wherever in the module it is.
RESERVED: dict[str, set[str]] = {
    "torch": {"kan.pykan_network", "engines.pykan_training", "execution.worker"},
    "kan": {"kan.pykan_network", "engines.pykan_training"},
    "optuna": {"study", "execution.schedule", "selection.parameter_importance"},
    "optuna_dashboard": {"study.dashboard"},
    "sqlalchemy": {"study"},
    "distributed": {"execution.dask_cluster", "execution.dask_pool", "execution.dask_task"},
    "dask": set(),
    "altair": {"charts"},
    "streamlit": {"ui"},
    "multiprocessing": set(),
    "matplotlib": set(),
    "sklearn": {
        "sklearn",
        "data.estimator_inputs",
        "baselines.polynomial",
        "baselines.gam",
        "baselines.mlp",
        "baselines.boosting",
    },
}
ARRAY_ROOMS = (
    "arrays",
    "errors",
    "hosts",
    "settings",
    "programs",
    "stats",
    "solver",
)  # what they import beside NumPy, SciPy and numba is of the standard library
ARRAY_LIBRARIES = {"numpy", "scipy", "numba", "threadpoolctl"}
HEAVY = ("torch", "kan", "matplotlib", "sklearn")


SOURCES = modules(ROOT)


def room_of(module: str) -> str:
    """The longest room whose name the module begins with."""
    return max((r for r in ROOMS if module == r or module.startswith(r + ".")), key=len)


def is_in(module: str, places: Iterable[str]) -> bool:
    """Whether a module is one of the places, or in a room that is."""
    return any(module == place or module.startswith(place + ".") for place in places)


def module_of(target: str) -> str | None:
    """The module of the package an import loads, None for a name that is none of ours."""
    return rooms.module_of(target, SOURCES)


def library_of(target: str) -> str:
    return target.partition(".")[0]


def test_every_folder_is_a_room_that_states_its_contract() -> None:
    folders = {".".join(p.parent.relative_to(ROOT / "kanlab").parts) for p in SOURCES.values()} - {""}
    assert folders == {r for r in ROOMS if (ROOT / "kanlab" / r.replace(".", "/")).is_dir()}
    assert len(folders) <= 16
    for folder in folders:
        text = (ROOT / "kanlab" / folder.replace(".", "/") / "__init__.py").read_text(encoding="utf-8")
        assert 3 <= len([line for line in (ast.get_docstring(ast.parse(text)) or "").splitlines() if line]) <= 6, folder


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_imports_point_downward(module: str) -> None:
    for found in imports(SOURCES[module]):
        other = module_of(found.target)
        if other is None or other == module:
            continue
        assert ROOMS.index(room_of(other)) <= ROOMS.index(room_of(module)), f"{module} uses {other} of a room above"


def test_no_modules_load_each_other() -> None:
    """Within a room too: whatever is imported as a module loads can be put in one order."""
    loads = {m: {module_of(f.target) for f in imports(p) if f.when == "load"} - {None, m} for m, p in SOURCES.items()}
    with_init = TopologicalSorter(loads)
    assert len(list(with_init.static_order())) == len(SOURCES)  # raises CycleError, which names the circle


def test_the_one_circle_is_the_way_to_pykan() -> None:
    """With the imports within functions counted too, the network and its pykan wrapper alone know each other."""
    uses = {m: {module_of(f.target) for f in imports(p)} - {None, m} for m, p in SOURCES.items()}
    assert uses["kan.network"] & {"kan.pykan_network"}
    for module, other in (("kan.network", "kan.pykan_network"),):
        uses[module].discard(other)
    list(TopologicalSorter(uses).static_order())


@pytest.mark.parametrize("module", sorted(SOURCES))
def test_reserved_libraries(module: str) -> None:
    for found in imports(SOURCES[module]):
        library = library_of(found.target)
        if library in RESERVED:
            assert is_in(module, RESERVED[library]), f"{module} imports {library}"


@pytest.mark.parametrize("module", sorted(m for m in SOURCES if is_in(m, ARRAY_ROOMS)))
def test_kernels_see_arrays_only(module: str) -> None:
    for found in imports(SOURCES[module]):
        library = library_of(found.target)
        assert library in sys.stdlib_module_names | ARRAY_LIBRARIES | {"kanlab"}, f"{module} imports {library}"


def test_only_two_modules_load_torch() -> None:
    """The worker imports it once it knows that it needs it."""
    loading = {
        m
        for m, path in SOURCES.items()
        for f in imports(path)
        if f.when == "load" and library_of(f.target) in ("torch", "kan")
    }
    assert loading == {"kan.pykan_network", "engines.pykan_training"}
    users = {
        m
        for m, path in SOURCES.items()
        for f in imports(path)
        if f.when == "load" and module_of(f.target) in ("kan.pykan_network", "engines.pykan_training")
    }
    assert users == {"engines.pykan_training"}


def test_the_command_line_loads_what_a_command_needs() -> None:
    loaded = {module_of(f.target) for f in imports(SOURCES["cli.main"]) if f.when == "load"} - {None}
    of_its_room = {"arguments", "completion", "config", "constraint_options", "examples", "formulas", "help_words"}
    of_its_room |= {"printing", "table_options"}
    of_its_room |= {"explaining", "exporting", "interacting", "machine", "managing", "predicting", "running"}
    assert loaded == {"errors", "language", "retelling", *(f"cli.{name}" for name in of_its_room)}


FORBIDDEN_TO_PAGES = {
    "kan.pykan_network", "engines.pykan_training", "execution.worker", "execution.worker_process", "cli.main",
}  # fmt: skip
PAGES = [ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py"))]


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_pages_stand_on_the_package_alone(path: Path) -> None:
    stems = {p.stem for p in PAGES}
    for found in imports(path):
        library = library_of(found.target)
        assert library not in stems | {"pages"}, f"{path.name} imports a page"
        assert library not in RESERVED.keys() - {"streamlit"}, f"{path.name} imports {library}"
        assert module_of(found.target) not in FORBIDDEN_TO_PAGES


def loaded_after(
    modules: list[str], heavy: Sequence[str] = (*HEAVY, "streamlit", "distributed", "dask")
) -> dict[str, list[str]]:
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
    heavy = RESERVED["torch"] | RESERVED["sklearn"] | {"__main__"}
    light = sorted(
        (m for m in SOURCES if m not in heavy and not is_in(m, ["ui"])), key=lambda m: ROOMS.index(room_of(m))
    )
    found = loaded_after(light)
    assert len(found) == len(light) + 1
    assert {name: libraries for name, libraries in found.items() if libraries} == {}


def test_what_starts_a_study_loads_little() -> None:
    """The first trial waits for it."""
    found = loaded_after(
        ["execution.worker_process", "execution.supervisor", "api"],
        ["numpy", "pandas", "scipy", "boto3", "sympy", "distributed"],
    )
    assert found["kanlab.execution.worker_process"] == []
    assert found["kanlab.api"] == ["numpy", "pandas"]


def test_the_ui_loads_streamlit_and_nothing_heavy() -> None:
    found = loaded_after(sorted(m for m in SOURCES if is_in(m, ["ui"])))
    assert {library for libraries in found.values() for library in libraries} == {"streamlit"}
    assert found["kanlab"] == []


def test_imports_are_read_from_the_source(tmp_path: Path) -> None:
    """The reading of the imports itself."""
    source = tmp_path / "module.py"
    source.write_text(
        "import torch.nn as nn\nfrom kanlab.charts import trials\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from kanlab.study.handle import StudySpec\n"
        "def f():\n    import kan\n    from kanlab.ui.live import show\n"
        "try:\n    import optuna\nexcept ImportError:\n    pass\n"
    )
    found = {(library_of(i.target), module_of(i.target), i.when) for i in imports(source)}
    assert found == {
        ("torch", None, "load"),
        ("kanlab", "charts.trials", "load"),
        ("typing", None, "load"),
        ("kanlab", "study.handle", "types"),
        ("kan", None, "lazy"),
        ("kanlab", "ui.live", "lazy"),
        ("optuna", None, "load"),
    }
