"""What is stored in English is told in the language of the reader, with the values that it was written with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pandas as pd
import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from kanlab import language, retelling
from kanlab.data.dataset import Dataset
from kanlab.errors import DatasetError
from kanlab.language import filled, percent, say, use
from kanlab.retelling import retold
from kanlab.text import counted, listing, quoted

SENTENCES = {
    "'{name}'": "“{name}”",
    "{before}, {item}": "{before}、{item}",
    "{count:,} row": "{count} 行",
    "row": "数据行",
    "{count:,} complete row": "{count} 个完整行",
    "Only {rows} {are} left of {all_rows}.": "{all_rows} 行中只剩下{rows}。",
    "{names} and {more} more": "{names}等另外 {more} 个",
    "finished": "已完成",
    "logarithm": "对数",
    "{name} is empty; choose a CSV file with a header row and data.": "{name} 是空的；请选择 CSV 文件。",
    "{columns} {hold} a heavy tail: use the {scale} (under Prepare).": "{columns} 有厚尾：请用{scale}。",
    "{dropped:,} of {rows:,} rows {have} a missing value and {are} left out.": "{rows} 行中有 {dropped} 行含缺失值，已舍弃。",
    "There is no usable feature beside {target}: {reason}": "除 {target} 外没有可用的特征：{reason}",
    "There is no study '{name}' here.": "这里没有研究“{name}”。",
    "The study is running already{where}; stop it first.": "研究已在{where}运行；请先停止它。",
    " on another machine": "另一台机器上",
    "{trouble} Resume the study when the storage answers again.": "{trouble}存储恢复后请继续研究。",
    "The storage of the studies does not answer ({reason}).": "研究的存储没有响应（{reason}）。",
    "the process ended: {reason}": "进程已结束：{reason}",
    "killed by signal {code}": "被信号 {code} 终止",
    "The AICc of {a} is {difference:.1f} lower than that of {b}.": "{a} 的 AICc 比 {b} 低 {difference}。",
}  # fmt: skip


def forget() -> None:
    for kept in (language.translation, language.messages, retelling._templates, retelling._retold):
        kept.cache_clear()


@pytest.fixture(scope="module", autouse=True)
def chinese(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A catalogue of few sentences, whatever the real one says."""
    folder, catalogue = tmp_path_factory.mktemp("translations"), Catalog(locale="zh_CN")
    for english, told in SENTENCES.items():
        catalogue.add(english, told)
    (folder / "zh_CN/LC_MESSAGES").mkdir(parents=True)
    with (folder / "zh_CN/LC_MESSAGES/kanlab.mo").open("wb") as file:
        write_mo(file, catalogue)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(language, "_FOLDER", folder)
        forget()
        yield
    forget()


def told(text: str) -> str:
    with use("zh"):
        return retold(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("finished", "已完成"),
        ("1,234 rows", "1,234 行"),
        ("1 row", "1 行"),
        ("Only 5 complete rows are left of 40.", "40 行中只剩下5 个完整行。"),
        ("'date': finished, 3 rows.", "“date”：已完成，3 行。"),
        ("3 of 40 rows have a missing value and are left out.", "40 行中有 3 行含缺失值，已舍弃。"),
        ("1 of 40 rows has a missing value and is left out.", "40 行中有 1 行含缺失值，已舍弃。"),
        ("'a', 'b' have a heavy tail: use the logarithm (under Prepare).", "“a”、“b” 有厚尾：请用对数。"),
        ("'a and b' has a heavy tail: use the rank (under Prepare).", "“a and b” 有厚尾：请用rank。"),
        ("The study is running already; stop it first.", "研究已在运行；请先停止它。"),
        ("The study is running already on another machine; stop it first.", "研究已在另一台机器上运行；请先停止它。"),
        ("the process ended: killed by signal 9", "进程已结束：被信号 9 终止"),
        ("The AICc of [2, 1], of all is 2.0 lower than that of it.", "[2, 1], of all 的 AICc 比 it 低 2.0。"),
        ("There is no study 'finished' here.", "这里没有研究“finished”。"),
        ("There is no study 'a': 'b' here.", "There is no study 'a': 'b' here."),
        ("'finished' is empty; choose a CSV file with a header row and data.", "“finished” 是空的；请选择 CSV 文件。"),
        ("finished is empty; choose a CSV file with a header row and data.", "finished 是空的；请选择 CSV 文件。"),
    ],
)
def test_a_sentence_is_told_with_its_values(text: str, expected: str) -> None:
    assert told(text) == expected


def test_counts_and_lists_within_a_sentence_are_told_and_names_stay() -> None:
    with use("en"):
        some = listing(["finished", "row", "c"], most=2)
        text = say("There is no usable feature beside {target}: {reason}", target=some, reason=counted(1234, "row"))
    assert told(text) == "除 “finished”、“row”等另外 1 个 外没有可用的特征：1,234 行"


def test_sentences_are_told_one_by_one() -> None:
    first, second = "3 of 40 rows have a missing value and are left out.", "Some sentence of a user. It's theirs."
    assert told(f"{first} {second} {first}") == f"{told(first)}{second} {told(first)}"
    assert told(f"{first}\n{second}") == f"{told(first)}\n{second}"
    # what comes before a sentence is none of its values
    heavy = "'a' has a heavy tail: use the logarithm (under Prepare)."
    assert told(f"Unheard of. {heavy}") == f"Unheard of. {told(heavy)}"
    assert told(f"Unheard of. {heavy} {first}") == f"Unheard of. {told(heavy)}{told(first)}"


def test_values_that_are_sentences_are_told() -> None:
    text = (
        "The storage of the studies does not answer (timeout. Try it). Resume the study when the storage answers again."
    )
    assert told(text) == "研究的存储没有响应（timeout. Try it）。存储恢复后请继续研究。"
    nested = "There is no usable feature beside 'y': 3 of 40 rows have a missing value and are left out."
    assert told(nested) == "除 “y” 外没有可用的特征：40 行中有 3 行含缺失值，已舍弃。"


@pytest.mark.parametrize(
    "text", ["", "unheard of", "{name} {", "Nothing. Of this. Is known: really", "%s 100% {0}", "已完成"]
)
def test_what_no_catalogue_has_stays(text: str) -> None:
    assert told(text) == text
    with use("en"):
        assert retold("finished") == "finished"


def test_an_error_of_another_process_is_told_to_its_reader() -> None:
    error = DatasetError("'a' is empty; choose a CSV file with a header row and data.")
    with use("zh"):
        assert str(error) == "“a” 是空的；请选择 CSV 文件。"
    with use("en"):
        assert str(error).startswith("'a' is empty")


def test_what_is_kept_with_data_is_english_whoever_makes_it() -> None:
    frame = pd.DataFrame({"x": [None, *range(29)], "y": [v * v / 7 for v in range(30)]})
    with use("zh"):
        data = Dataset.from_frame(frame, "y")
        note = "1 of 30 rows has a missing value and is left out."
        assert note in data.notes
        assert data.recipe.apply(pd.DataFrame({"x": [None, 1.0]})).notes == (
            "1 of 2 rows has a missing value and cannot be predicted.",
        )
        assert retold(note) == "30 行中有 1 行含缺失值，已舍弃。"


def test_a_stop_that_was_left_out_or_added_does_not_hide_a_sentence() -> None:
    assert told("the process ended: killed by signal 9.") == "进程已结束：被信号 9 终止。"
    assert told("finished: somebody's words") == "已完成：somebody's words"


@pytest.mark.parametrize(
    "text",
    [
        "The AICc of " * 340,
        "The AICc of is lower than that of . " * 110,
        "' and 1 more" * 300,
        "There is no usable feature beside " + " a: there" * 400,
        ". " * 2000,
        "a: " * 1300,
    ],
)  # fmt: skip
def test_a_hostile_text_costs_little(text: str) -> None:
    telling = retelling._Telling(text[: retelling._LONGEST], "zh")
    telling.whole(text[: retelling._LONGEST])
    assert telling._left >= 0  # what it may take is counted down to 0, and nothing is done behind that
    assert isinstance(told(text), str)


NAMES = st.lists(st.sampled_from("abcdxyz"), min_size=1, max_size=8).map("".join)


@given(st.sampled_from(sorted(SENTENCES.keys() - {"{before}, {item}"})), st.data())  # which has no text of its own
def test_every_sentence_comes_back_with_its_values(message: str, data: st.DataObject) -> None:
    english, values = with_values(message, data)
    with use("zh"):
        translated = say(message)
    shown = {name: re.sub("^'(.*)'$", r"“\1”", value) for name, value in values.items()}
    assert told(english) == retelling._plain(translated).format(**shown)


def with_values(message: str, data: st.DataObject) -> tuple[str, dict[str, str]]:
    """A sentence with names and numbers put in as texts."""
    values = {}
    for _, name, spec, _ in Formatter().parse(message):
        if name and spec:
            values[name] = f"{data.draw(st.integers(0, 99_999)):,}"
        elif name in ("hold", "have", "are"):
            values[name] = data.draw(st.sampled_from(["is", "are"]))
        elif name:
            kinds = [str] if f"'{{{name}}}'" in message else [str, quoted]
            values[name] = data.draw(st.sampled_from(kinds))(data.draw(NAMES))
    return (retelling._plain(message).format(**values) if values else message), values


@pytest.mark.parametrize(
    ("told", "values", "text"),
    [
        ("选用{model}", {"model": "8 个网络的平均"}, "选用 8 个网络的平均"),
        ("选用{model}", {"model": "试验 5"}, "选用试验 5"),
        ("AICc 与 {fit}", {"fit": "偏差"}, "AICc 与偏差"),
        ("AICc 与 {fit}", {"fit": "RSS"}, "AICc 与 RSS"),
        ("{share:.0%}有缺失值", {"share": 0.17}, "17% 有缺失值"),
        ("推荐：{reason} 点击一行", {"reason": "它最短。"}, "推荐：它最短。点击一行"),
        (
            "{first} 和{second}",
            {"first": "8 个网络的平均（94%）", "second": "岭回归（6%）"},
            "8 个网络的平均（94%）和岭回归（6%）",
        ),
        ("预测 {target} 的均值", {"target": "投诉次数"}, "预测 投诉次数 的均值"),  # a name ends where its space is
        ("“{name}”：{n:,} 行", {"name": "a", "n": 1234}, "“a”：1,234 行"),
        ("{one!r}行", {"one": "a"}, "'a'行"),
    ],
)
def test_chinese_keeps_a_space_from_letters_and_digits_alone(told: str, values: dict[str, object], text: str) -> None:
    assert filled(told, values, spaced=True) == text
    assert filled(told, values, spaced=False) == told.format(**values)


# ---- shares


@given(st.floats(0.0, 1.0), st.integers(0, 3))
def test_a_share_is_rounded_to_all_or_nothing_only_where_it_is(share: float, decimals: int) -> None:
    told = percent(share, decimals)
    value = float(told.removeprefix("<").removesuffix("%"))
    assert (value == 100.0) == (share == 1.0)
    assert (value == 0.0) == (share == 0.0)
    if not told.startswith("<"):
        assert abs(value - 100.0 * share) <= max(0.5 * 10.0**-decimals, 0.01) + 1e-9


def test_sentences_round_their_shares_so() -> None:
    assert say("It explains {share:.0%} of it.", share=0.9996) == "It explains 99.96% of it."
    assert say("It explains {share:.1%} of it.", share=1.0) == "It explains 100.0% of it."
    assert filled("它解释了{share:.0%}的偏差", {"share": 0.9996}, spaced=True) == "它解释了 99.96% 的偏差"
    assert percent(-1e-9) == "0%"
    assert percent(-0.25, 1) == "-25.0%"
    assert percent(float("nan")) == "nan%"


def test_no_sentence_rounds_a_share_by_itself() -> None:
    """What is multiplied by 100 before it is said is rounded to 100% and 0% where it should not be."""
    catalogue = Path(language.__file__).parent / "translations/zh_CN/LC_MESSAGES/kanlab.po"
    with catalogue.open("rb") as file:
        entries = [*read_po(file)]
    texts = [str(text) for entry in entries for text in (entry.id, entry.string)]
    assert len(texts) > 1000
    assert [text for text in texts if re.search(r"\{\w+:[^}]*[f%]\}[*]*%", text)] == []
