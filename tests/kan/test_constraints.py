"""What is known of the effects of features, as it is said and as networks take it."""

import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.errors import StudyError
from kanlab.kan.constraints import Constraints, constrainable
from kanlab.kan.search_space import SearchSpace
from kanlab.kan.shapes import Shape
from kanlab.study.spec import StudySpec


def data(target="sales", **options):
    rng = np.random.default_rng(0)
    n = 60
    frame = pd.DataFrame(
        {
            "price": rng.uniform(1, 9, n),
            "age": rng.uniform(20, 70, n),
            "kind": rng.choice(["a", "b", "c"], n),
            "day": pd.date_range("2020-01-01", periods=n, freq="9D"),
        }
    )
    frame["sales"] = 9 - frame.price + (frame.kind == "b") + rng.normal(size=n)
    frame["bought"] = np.where(frame.sales > 4, "yes", "no")
    frame["grade"] = np.tile(["x", "y", "z"], n)[:n]
    features = ["price", "age", "kind", "day"]
    return Dataset.from_frame(frame[[*features, target]], target, **options)


def test_columns_of_the_table_become_inputs_of_the_network():
    found = data()
    known = Constraints.of(monotone={"price": "down"}, no_interaction=[("age", "kind")], no_effect=["day"])
    at = {name: i for i, name in enumerate(found.features)}
    shape = known.shape(found)
    assert shape.down == (at["price"],)
    assert shape.apart == ((at["age"], at["kind=b"]), (at["age"], at["kind=c"]))
    assert {found.columns[i].source for i in shape.zero} == {"day"}
    assert "day" not in known.without_idle(found).recipe.sources


def test_an_ordered_category_may_be_monotone_and_a_marker_of_gaps_is_free():
    ordered = data(preparation=Preparation(ordered={"kind": ("a", "b", "c")}))
    assert Constraints(up=("kind",)).shape(ordered).up == (ordered.features.index("kind"),)
    with pytest.raises(StudyError, match="'kind' cannot be convex: it is a category"):
        Constraints(convex=("kind",)).shape(ordered)


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({"monotone": {"price": "sideways"}}, "monotone up or down, not 'sideways'"),
        ({"convex": ["price"], "concave": ["price"]}, "convex and concave at once.* say linear"),
        ({"no_effect": ["age"], "linear": ["age"]}, "without effect and linear at once"),
        ({"no_interaction": [["price", "price"]]}, "two features and more"),
        ({"convex": "price"}, "takes a list of columns"),
        ({"bounded": ["price"]}, "There is no constraint 'bounded'"),
        ({"convex": ["prise"]}, "There is no feature 'prise' to constrain"),
        ({"monotone": {"sales": "up"}}, "'sales' is the target"),
        ({"monotone": {"kind": "up"}}, "it is a category"),
        ({"monotone": {"day": "up"}}, "it is a date"),
        ({"no_effect": ["price", "age", "kind", "day"]}, "Every feature is without effect"),
        ({"linear": ["price", "age"], "no_effect": ["kind", "day"]}, "nothing for a network to fit"),
    ],
)
def test_what_cannot_be_is_one_sentence(known, sentence):
    with pytest.raises(StudyError, match=sentence) as raised:
        Constraints.read(known).check(data())
    assert "\n" not in str(raised.value)


def test_what_the_target_or_the_engine_cannot_keep_is_refused():
    with pytest.raises(StudyError, match=r"has 3 classes, whose probabilities add up to 1.*Say of which class"):
        Constraints(up=("price",)).check(data("grade"))
    Constraints(no_interaction=(("price", "age"),), linear=("price",)).check(data("grade"))
    found = Constraints.of(monotone={"price": "up"}, no_interaction=[("age", "kind")], of_class="z").shape(
        data("grade")
    )
    assert (found.up, found.of_class) == ((0,), 2)
    assert Shape.from_json(found.to_json()) == found
    assert found.moved([-1, *range(len(data("grade").features) - 1)]).of_class is None
    with pytest.raises(StudyError, match="does not have three classes"):
        Constraints(up=("price",), of_class="yes").check(data("bought"))
    Constraints(no_effect=("price",)).check(data("grade"))
    Constraints(convex=("price",)).check(data("bought"))  # of its log-odds
    with pytest.raises(StudyError, match="kept by the engine lm"):
        Constraints(up=("price",)).check(data(), "pykan-lbfgs")
    spec = StudySpec(SearchSpace((1, 1), (2, 3), (3, 3)), constraints={"no_interaction": [("price", "age")]})
    with pytest.raises(StudyError, match="need 2 hidden neurons"):
        spec.of(data())


def test_a_specification_holds_them_and_one_without_says_nothing_of_them():
    spec = StudySpec(constraints={"monotone": {"price": "down"}, "no_interaction": [("price", "age")]}).of(data())
    again = StudySpec.from_dict(spec.to_dict())
    assert again == spec
    assert again.options.shape == Shape(down=(0,), apart=((0, 1),))
    cells = spec.admissible(300, len(data().features))
    assert min(c.neuron_num for c in cells) == 2
    plain = StudySpec().of(data())
    assert "constraints" not in plain.to_dict()
    assert "shape" not in plain.to_dict()["options"]
    assert StudySpec.from_dict(plain.to_dict()) == plain


def test_sentences_name_every_demand():
    known = Constraints.of(
        monotone={"a": "up", "b": -1}, convex=["a"], no_effect=["c"], no_interaction=[("a", "b", "d")]
    )
    assert known.sentences() == (
        "'a' is monotone up",
        "'b' is monotone down",
        "'a' is convex",
        "'c' is without effect",
        "'a' and 'b' and 'd' do not interact",
    )
    assert known.only({"a", "b"}).sentences()[-1] == "'a' and 'b' do not interact"


@pytest.mark.parametrize("features", [["a"], ["a", "gap"], ["kind"], ["a", "gap", "kind", "size"]])
@pytest.mark.parametrize("target", ["y", "class"])
def test_what_a_column_can_be_asked_for_is_what_its_constraint_allows(features, target):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "gap": np.where(rng.random(60) < 0.2, np.nan, rng.normal(size=60))})
    frame["kind"], frame["size"] = rng.choice(["r", "g", "b"], 60), rng.choice(["s", "m", "l"], 60)
    frame["y"], frame["class"] = frame["a"] + rng.normal(size=60), rng.choice(["x", "y", "z"], 60)
    ordered = {"size": ("s", "m", "l")} if "size" in features else {}
    data = Dataset.from_frame(frame, target, features, preparation=Preparation(gaps="fill", ordered=ordered))
    for kind in ("up", "down", "convex", "concave", "linear", "no_effect"):
        of_class = "x" if target == "class" and kind not in ("linear", "no_effect") else ""

        def allowed(name, kind=kind, of_class=of_class):
            try:
                Constraints(**{kind: (name,)}, of_class=of_class).shape(data)
            except StudyError:
                return False
            return True

        assert constrainable(kind, data) == [name for name in data.recipe.sources if allowed(name)]
