"""The network drawn, the report and the charts of a model: valid, complete, every name escaped, nothing fetched."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from kanlab.api import tune
from kanlab.charts import model
from kanlab.colours import DARK, LIGHT
from kanlab.data.dataset import Dataset
from kanlab.explain.diagram import diagram, standing_alone
from kanlab.explain.diagram_words import _course
from kanlab.explain.effects import partial_dependence, permutation_importance, residual_table
from kanlab.export.exported import Exported
from kanlab.export.report import Drawing, report
from kanlab.kan.edges import Curves, curves_of
from kanlab.kan.search_space import SearchSpace
from kanlab.selection import playback
from kanlab.selection.scatter import scatter
from kanlab.study.model_key import ModelKey
from kanlab.text import kept_together
from tests.charts.test_charts import drawn
from tests.export.test_predict_source import network

NASTY = ("<script>alert(1)</script>", "a & b", '" onload="x', "日本" * 30, "]]>")
SVG = "{http://www.w3.org/2000/svg}"


def curves(widths: tuple[int, ...]) -> Curves:
    fitted = network(widths, 3, 2)
    X = np.random.default_rng(0).normal(size=(100, widths[0])) * fitted.x_scale + fitted.x_offset
    return curves_of(fitted, X)


@pytest.mark.parametrize("widths", [(1, 1, 1), (5, 2, 1), (2, 3, 2, 1)])
def test_every_edge_node_and_name_is_drawn(widths: tuple[int, ...]) -> None:
    found = curves(widths)
    names = NASTY[: widths[0]]
    made = diagram(found, names, "<b>y</b>")
    root = ElementTree.fromstring(made.svg)
    assert made.note == ""
    assert len(root.findall(f".//{SVG}polyline")) == len(found.edges)
    assert len(root.findall(f".//{SVG}circle")) == sum(widths)
    texts = ["".join(t.itertext()) for t in root.findall(f".//{SVG}text")]
    assert len(texts) == sum(widths)
    assert "<b>y</b>" in texts
    assert all(name[:13] in " ".join(texts) for name in names)
    assert {e.tag for e in root.iter()} <= {
        SVG + n for n in ("svg", "g", "title", "path", "rect", "polyline", "circle", "text", "tspan")
    }
    ElementTree.fromstring(standing_alone(made.svg, dark=True))


def test_long_names_stand_whole_on_several_lines_inside_the_picture() -> None:
    name = "Weighted mean of distances to five Boston employment centres"
    made = diagram(curves((1, 1, 1)), (name,), "y")
    root = ElementTree.fromstring(made.svg)
    text = next(t for t in root.iter(f"{SVG}text") if t.findall(f"{SVG}tspan"))
    lines = [str(text.text), *(str(line.text) for line in text.iter(f"{SVG}tspan"))]
    assert " ".join(lines) == name
    assert float(text.get("x", "")) > 7 * max(map(len, lines))  # they end there


def test_the_strongest_edges_are_drawn_and_it_says_so() -> None:
    found = curves((20, 3, 1))
    made = diagram(found, tuple(f"x{i}" for i in range(20)), "y", most=10)
    root = ElementTree.fromstring(made.svg)
    assert len(root.findall(f".//{SVG}polyline")) == 13
    strongest = sorted(found.layer(0), key=lambda e: -e.share)[:10]
    share = f"{100 * sum(e.share for e in strongest):.0f}%"
    assert f"Only the 10 strongest of the 60 edges of layer 1 are drawn; they make up {share}" in made.note
    drawn_titles = {t.text for t in root.iter(f"{SVG}title")}
    assert {f"{100 * e.share:.1f}% of its layer" for e in strongest} <= drawn_titles
    faintest = [float(g.get("opacity", "1")) for g in root.findall(f"{SVG}g")]
    assert max(faintest) == 1.0
    assert min(faintest) >= 0.16


@pytest.fixture(scope="module")
def data() -> Dataset:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.uniform(-1, 1, (80, 3)), columns=list(NASTY[:3]))
    frame["kind"] = rng.choice(["<i>", "b", "c"], 80)
    frame["<u>y"] = frame[NASTY[0]] ** 2
    return Dataset.from_frame(frame, "<u>y", name="<data>.csv")


def test_every_chart_is_valid(data: Dataset) -> None:
    def predict(X: np.ndarray) -> np.ndarray:
        return X[:, 0] ** 2

    found = curves((3, 2, 1))
    for edge in found.edges:
        drawn(model.edge(edge, "n" * 200, "adds to z1"))
    table = permutation_importance(predict, data)
    content = drawn(model.importance(table, "RMSE", data.target))
    assert len(table) == 4
    assert len(next(iter(content["datasets"].values()))) == 1  # a feature the model does not use has no bar
    content = drawn(model.importance(permutation_importance(lambda X: X.sum(1), data), "RMSE", data.target))
    assert len(next(iter(content["datasets"].values()))) == 4
    for feature in table["feature"]:
        drawn(model.dependence(partial_dependence(predict, data, feature), data.target))
    drawn(model.residuals(residual_table(predict, data), data.target))
    many = pd.DataFrame({"feature": [f"f{i}" for i in range(60)], "rise": 1.0, "deviation": 0.1})
    assert "the 25 most important of 60 features" in str(model.importance(many, "RMSE", "y").to_dict())


def test_the_report_stands_alone_and_escapes_every_name(data: Dataset) -> None:
    study = tune(data, SearchSpace((1, 1), (2, 3), (1, 1)), name="<script>alert(2)</script>", workers=1)
    found, best = study.recommendation, study.best
    assert best is not None
    picture = diagram(curves((3, 2, 1)), NASTY[:3], "y")
    drawing = Drawing(picture.svg, picture.note, "x = '<b>'", ("<i>a remark",))
    key = ModelKey(cell=best.cell)
    exported = Exported(study.handle, found, "trial <0>", key, {"Data <": "<data>.csv"})
    page, _, rest = report(exported, drawing).partition(f"<script>{playback.SCRIPT}</script>")
    page += rest  # the one script of the page, which its rules allow by its hash
    assert playback.allowed(playback.SCRIPT) in page
    assert "<script" not in page
    assert not re.search(r"https?://(?!www\.w3\.org)", page)
    assert not re.search(r"\s(src|href)=", page)
    assert re.search(r"<[biu]>", page) is None
    assert "default-src 'none'" in page
    assert found.choice is not None
    assert ("it is not the one the study recommends" in page) == (found.choice.key != key)
    body = ElementTree.fromstring(page.partition("<body>")[2].partition("</body>")[0].join(("<body>", "</body>")))
    rows = body.findall(".//tbody/tr")
    assert len(rows) == min(15, len(found.ranked))
    assert [r.find("td").text for r in rows] == [kept_together(c.label) for c in found.ranked[:15]]  # type: ignore[union-attr]
    plotted = ElementTree.fromstring(scatter(found.ranked, exported.is_it, "it").partition("<p class")[0])
    marks = [c for c in plotted.iter("circle") if c.get("r") == "4"]
    assert len(marks) == sum(c.is_network for c in found.ranked)
    assert all(c.get("fill") == "var(--accent)" for c in marks)
    networks = [c for c in found.ranked if c.is_network]
    for of, explained in ((min, False), (max, True)):  # only of a ring that is not the lowest is it said why
        ringed = of(networks, key=lambda c: c.aicc or 0.0)
        assert ("need not be the lowest" in scatter(found.ranked, lambda c, it=ringed: c is it, "it")) == explained


def test_edges_of_features_that_the_fit_left_out_are_not_drawn() -> None:
    found = curves((3, 2, 1))
    flat = tuple(replace(e, y=0.0 * e.y, share=0.0) if e.layer == 0 and e.source == 1 else e for e in found.edges)
    made = diagram(replace(found, edges=flat), ("a", "b", "c"), "y")
    texts = ["".join(t.itertext()) for t in ElementTree.fromstring(made.svg).iter(f"{SVG}text")]
    assert [name for name in texts if name in "abc"] == ["a", "c"]
    assert made.note == "1 of the 3 features has no influence and is left out."


def test_a_diagram_has_the_colours_of_its_page_or_its_own() -> None:
    svg = diagram(curves((2, 1, 1)), ("a", "b"), "y").svg
    assert "var(--accent)" in svg
    assert "#" not in svg
    for dark, theme in ((False, LIGHT), (True, DARK)):
        alone = standing_alone(svg, dark=dark)
        assert "var(" not in alone
        assert {theme.accent, theme.text, theme.background} <= {*re.findall("#[0-9a-f]{6}", alone)}


@pytest.mark.parametrize("widths", [(1, 1, 1), (5, 2, 1), (9, 1, 1), (2, 3, 2, 1)])
def test_the_picture_is_told_in_words(widths: tuple[int, ...]) -> None:
    found, outputs = curves(widths), [f"<out {i}>" for i in range(widths[-1])]
    names = [f"f{i}" for i in range(widths[0])]
    made = diagram(found, tuple(names), outputs)
    hidden = sum(widths[1:-1])
    assert f"over {hidden} hidden node" in made.words
    assert all(f"{node} " in made.words for node in outputs)
    strongest = max((e for e in found.layer(0) if e.target == 0), key=lambda e: e.share)
    assert f"curves of {names[strongest.source]} ({strongest.share:.0%} of its layer" in made.words
    assert ("weaker edge" in made.words) == (max(widths[:-1]) > 4)
    assert ElementTree.fromstring(made.svg).get("aria-label") == made.words


def test_the_course_of_a_curve() -> None:
    x = np.linspace(0, 1, 50)
    cases = {"rising": x, "falling": -x, "rising, then falling": x * (1 - x), "falling, then rising": x * (x - 1)}
    assert {words: _course(y) for words, y in cases.items()} == {words: words for words in cases}
    assert _course(np.sin(6 * np.pi * x)) == "turning 6 times"
    assert _course(x + 0.001 * np.sin(300 * x)) == "rising"
