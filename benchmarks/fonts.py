"""The font in kanlab/font_files: parts of the Source Sans 3 that Streamlit ships, as small variable fonts.

    pip install fonttools brotli
    python benchmarks/fonts.py            writes them, and prints their sizes

The licence reserves the name "Source", so the parts have the name of kanlab.fonts.FAMILY.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

from kanlab.fonts import FAMILY, FOLDER, PARTS, WEIGHTS, part

FEATURES = ["kern", "tnum"]  # tnum: digits of one width, in tables
KEPT = [0, 13, 14]  # of the names: copyright, licence, its address


def source() -> Path:
    """The upright variable font of Streamlit's own pages."""
    spec = find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    (found,) = Path(spec.origin).parent.glob("static/static/media/SourceSansVF-Upright*.woff2")
    return found


def cut_out(path: Path, characters: frozenset[int]) -> TTFont:
    """A font of some characters, from the lightest of WEIGHTS to the boldest."""
    font = TTFont(path, recalcTimestamp=False)
    options = Options(layout_features=FEATURES, hinting=False, name_IDs=KEPT, notdef_outline=True)
    cut = Subsetter(options)
    cut.populate(unicodes=characters)
    cut.subset(font)
    font = instantiateVariableFont(font, {"wght": (WEIGHTS[0], WEIGHTS[0], WEIGHTS[1])})
    font["fvar"].instances = []  # whose names hold the reserved one
    axis = font["fvar"].axes[0].axisNameID
    font["name"].names = [name for name in font["name"].names if name.nameID in (*KEPT, axis)]
    del font["STAT"]
    for number, name in {1: FAMILY, 2: "Regular", 4: FAMILY, 6: FAMILY.replace(" ", "")}.items():
        font["name"].setName(name, number, 3, 1, 0x409)
    font.flavor = "woff2"
    return font


def main() -> None:
    """Write every part."""
    path = source()
    for name in PARTS:
        to = FOLDER / f"{name}.woff2"
        cut_out(path, part(name)).save(to)
        print(f"{to.name:16} {to.stat().st_size:7,} bytes")


if __name__ == "__main__":
    main()
