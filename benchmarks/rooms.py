"""The structure of the package, read from its imports.

    python benchmarks/rooms.py            rooms, files, floors, circles, imports upward, lines
    python benchmarks/rooms.py FOLDER     the same of another checkout
    python benchmarks/rooms.py --svg      draws docs/rooms.svg

A floor is a place in the longest chain of files (or rooms) of which each imports the next. Imports count wherever they stand:
as a module loads, in a function ("lazy"), or for types alone.
"""

from __future__ import annotations

import ast
import io
import sys
import textwrap
import tokenize
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from itertools import permutations
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]
SVG = ROOT / "docs" / "rooms.svg"

When = Literal["load", "lazy", "types"]
ALWAYS: tuple[When, ...] = ("load", "lazy", "types")
Graph = dict[str, set[str]]


@dataclass(frozen=True)
class Import:
    """One imported dotted name, and when it is imported: as the module loads, in a function, or for types alone."""

    target: str
    when: When


@cache
def imports(path: Path) -> tuple[Import, ...]:
    """Every import of a file, of `from a import b` as a.b."""

    def visit(node: ast.AST, when: When) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, when) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{path} has a relative import"
                yield from (Import(f"{child.module}.{alias.name}", when) for alias in child.names)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                yield from visit(child, "types")
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and when == "load":
                yield from visit(child, "lazy")
            else:
                yield from visit(child, when)

    return tuple(visit(ast.parse(path.read_text(encoding="utf-8")), "load"))


def modules(root: Path) -> dict[str, Path]:
    """Every file of the package but what an __init__ says, by its dotted name within kanlab."""
    files = (p for p in sorted((root / "kanlab").rglob("*.py")) if p.name != "__init__.py")
    return {".".join(p.relative_to(root / "kanlab").with_suffix("").parts): p for p in files}


def module_of(target: str, known: Iterable[str]) -> str | None:
    """The module of the package that an import loads, None for a name that is none of ours."""
    if target != "kanlab" and not target.startswith("kanlab."):
        return None
    name = target.removeprefix("kanlab").removeprefix(".")
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name or None


def room_of(module: str) -> str:
    """The folder a module lies in; one that lies beside the folders is a room of its own."""
    return module.rpartition(".")[0] or module


def graph(files: Mapping[str, Path], whens: Iterable[When] = ALWAYS, key: Callable[[str], str] = str) -> Graph:
    """What each module imports; with key=room_of, what each room does."""
    found: Graph = {key(m): set() for m in files}
    for module, path in files.items():
        for each in imports(path):
            other = module_of(each.target, files)
            if other is not None and each.when in whens:
                found[key(module)].add(key(other))
    return {m: others - {m} for m, others in found.items()}


def reachable(uses: Graph, start: str) -> set[str]:
    """All that a module imports, and what that imports, and so on."""
    found, ahead = set(), [*uses[start]]
    while ahead:
        if (module := ahead.pop()) not in found:
            found.add(module)
            ahead += uses[module]
    return found


def circles(uses: Graph) -> list[tuple[str, ...]]:
    """Groups of modules each of which leads to all others of its group."""
    reached = {m: reachable(uses, m) for m in uses}
    groups = {tuple(sorted({m} | {o for o in reached[m] if m in reached[o]})) for m in uses}
    return sorted(g for g in groups if len(g) > 1)


def floors(uses: Graph) -> dict[str, int]:
    """The floor of each module: 1 where it imports nothing, else one above the highest it imports. A circle is one floor."""
    reached = {m: reachable(uses, m) for m in uses}
    below = {m: {o for o in reached[m] if m not in reached[o]} for m in uses}
    found: dict[str, int] = {}
    for module in sorted(uses, key=lambda m: len(below[m])):
        found[module] = 1 + max((found[o] for o in below[module]), default=0)
    return found


def layers(root: Path) -> list[str]:
    """The order of the rooms, from top to bottom, as import-linter enforces it; empty where nothing does."""
    content = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = content["tool"].get("importlinter", {}).get("contracts", [])
    return next((c["layers"] for c in contracts if c["type"] == "layers"), [])


def code_lines(path: Path) -> int:
    """Lines that hold code: neither blank, nor a comment, nor a docstring."""
    text = path.read_text(encoding="utf-8")
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def measure(root: Path) -> None:
    """Print the figures of a checkout."""
    files = modules(root)
    rooms: dict[str, list[Path]] = {}
    for module, path in files.items():
        rooms.setdefault(room_of(module) if "." in module else ".", []).append(path)
    print(f"{'room':<14} {'files':>5} {'lines':>6} {'code':>6} {'longest':>8}")
    for room, paths in [*sorted(rooms.items()), ("all", list(files.values()))]:
        lines = [len(p.read_text(encoding="utf-8").splitlines()) for p in paths]
        print(f"{room:<14} {len(paths):>5} {sum(lines):>6} {sum(map(code_lines, paths)):>6} {max(lines):>8}")
    print(f"\nrooms (folders): {len(rooms) - ('.' in rooms)}; files directly in kanlab/: {len(rooms.get('.', []))}")
    print(f"most files in one room: {max(map(len, rooms.values()))}")
    for whens, label in (
        (("load",), "as modules load"),
        (("load", "lazy"), "with those in functions"),
        (ALWAYS, "all"),
    ):
        uses = graph(files, whens)
        across = graph(files, whens, room_of)
        print(
            f"\nimports {label}: {max(floors(uses).values())} floors of files, {max(floors(across).values())} of rooms"
        )
        for name, found in (("files", circles(uses)), ("rooms", circles(across))):
            print(f"  circles of {name}: {len(found)}", *(" - ".join(c) for c in found[:9]), sep="\n    ")
    order = layers(root)
    if not order:
        print("\nimports upward: nothing says which way is up")
        return
    top = {m: m.partition(".")[0] for m in files}
    upward = sorted(
        f"{m} -> {o}" for m, others in graph(files).items() for o in others if order.index(top[o]) < order.index(top[m])
    )
    print(f"\nimports upward: {len(upward)}", *upward, sep="\n  ")


# ---- the picture

WIDTH, BOX, HEIGHT, GAP, MARGIN = 860, 280, 58, 36, 14
STYLE = """
  text { font-family: system-ui, -apple-system, "Segoe UI", sans-serif; fill: #212529; }
  .name { font-size: 15px; font-weight: 600; }
  .says { font-size: 12px; fill: #495057; }
  rect { fill: #ffffff; stroke: #adb5bd; }
  .face { fill: #fff4ee; stroke: #b93a06; }
  path { fill: none; stroke: #868e96; stroke-width: 1.3; }
  marker path { fill: #868e96; stroke: none; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f1f3f5; } .says { fill: #ced4da; }
    rect { fill: #212529; stroke: #6c757d; } .face { fill: #3a2219; stroke: #f28a4b; }
    path { stroke: #adb5bd; } marker path { fill: #adb5bd; }
  }
"""
PAGES, BASE = "app.py, pages/", "base"  # base: the modules beside the rooms that every room may use
FACES = {PAGES, "cli", "api", "targets", "sklearn"}  # where people come in


def _path(room: str) -> str:
    """A room's path within kanlab."""
    path = room.replace(".", "/")
    return f"{path}/" if (ROOT / "kanlab" / path).is_dir() else f"{path}.py"


def contract(room: str) -> str:
    """What a room says of itself, up to the first colon or the end of its first sentence."""
    path = ROOT / "kanlab" / _path(room)
    path = path / "__init__.py" if path.is_dir() else path
    text = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].replace("\n", " ")
    return text.replace(":", ".").split(". ")[0].rstrip(".")


def picture() -> str:
    """The rooms as an SVG: each above all it imports, an arrow where no way through another room says the same."""
    files = modules(ROOT)
    base = sorted(m for m in files if "." not in m and m not in {*FACES, "__main__"})

    def box_of(module: str) -> str:
        return BASE if module in base else room_of(module)

    uses = graph(files, key=box_of)
    uses.pop("__main__")
    uses[PAGES] = {
        box_of(module)
        for path in (ROOT / "app.py", *sorted((ROOT / "pages").glob("*.py")))
        for each in imports(path)
        if (module := module_of(each.target, files))
    }
    names = {PAGES: PAGES, BASE: ", ".join(base)}
    told = {PAGES: "The app's pages", BASE: "What every room may use"}
    texts = {room: told.get(room) or contract(room) for room in uses}
    says = {room: textwrap.wrap(text, 43, max_lines=2, placeholder=" …") for room, text in texts.items()}
    direct = {r: {o for o in uses[r] if not any(o in reachable(uses, via) for via in uses[r] - {o})} for r in uses}
    level = floors(uses)
    rows = [sorted(r for r in uses if level[r] == n) for n in range(max(level.values()), 0, -1)]
    place = _placed(rows, direct)
    height = len(rows) * (HEIGHT + GAP) - GAP + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img">',
        "<title>The rooms of kanlab: each imports from those below it</title>",
        f"<style>{STYLE}</style>",
        '<marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0.5 L8 4 L0 7.5 z"/></marker>',
    ]
    for room in sorted(direct):
        x, y = place[room][0], place[room][1] + HEIGHT
        for other in sorted(direct[room]):
            parts.append(f'<path d="{_way(x, y, *place[other])}" marker-end="url(#end)"/>')
    for room, (x, y) in place.items():
        face = ' class="face"' if room in FACES else ""
        parts.append(f'<rect{face} x="{x - BOX / 2:g}" y="{y:g}" width="{BOX}" height="{HEIGHT}" rx="6"/>')
        head = y + (26 if len(says[room]) == 1 else 20)
        parts.append(
            f'<text class="name" x="{x:g}" y="{head:g}" text-anchor="middle">{escape(names.get(room) or _path(room))}</text>'
        )
        for i, line in enumerate(says[room]):
            parts.append(
                f'<text class="says" x="{x:g}" y="{head + 17 + 14 * i:g}" text-anchor="middle">{escape(line)}</text>'
            )
    return "\n".join([*parts, "</svg>\n"])


def _placed(rows: list[list[str]], direct: Graph) -> dict[str, tuple[float, float]]:
    """The middle of the head of each box, the rooms of a row in the order that keeps arrows short."""
    place: dict[str, tuple[float, float]] = {}

    def sideways(boxes: Iterable[tuple[str, float]], y: float) -> float:
        """How far arrows lead to the side; long ones count by their length, so that they stay beside the boxes."""
        users = ((x, *place[user]) for room, x in boxes for user in place if room in direct[user])
        return sum(abs(x - from_x) * (y - from_y) for x, from_x, from_y in users)

    for i, row in enumerate(rows):
        y = float(MARGIN + i * (HEIGHT + GAP))
        xs = [WIDTH / 2 + (j - (len(row) - 1) / 2) * (BOX + 30) for j in range(len(row))]
        _, boxes = min((sideways(boxes := [*zip(order, xs, strict=True)], y), boxes) for order in permutations(row))
        place |= {room: (x, y) for room, x in boxes}
    return place


def _way(x: float, y: float, to_x: float, to_y: float) -> str:
    """From the foot of one box to the head of another; past the boxes between them where it leads down several floors."""
    if to_y - y <= GAP + 1:
        return f"M{x:g} {y:g} C{x:g} {y + GAP / 2:g} {to_x:g} {to_y - GAP / 2:g} {to_x:g} {to_y:g}"
    side = 1 if x + to_x >= WIDTH else -1
    edge = WIDTH / 2 + side * (WIDTH / 2 - 8)
    return f"M{x:g} {y:g} C{edge:g} {y + GAP:g} {edge:g} {to_y - GAP:g} {to_x:g} {to_y:g}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--svg"]:
        SVG.write_text(picture(), encoding="utf-8")
    else:
        measure(Path(sys.argv[1]) if sys.argv[1:] else ROOT)
