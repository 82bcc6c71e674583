"""The page on MAP-CC counts what the profiles decide, and the effects it speaks of are there in real text."""

from __future__ import annotations

import re
from pathlib import Path

import map_cc
import numpy as np
import pyarrow as pa
import pytest

SENTENCE = "委员会在星期二召开会议，讨论风暴之后应当如何重建港口。几位工程师认为更长的堤坝能保护船只！"
OTHER = "没有人指望工程会在春天之前开始，因为那时河水平静，也比较容易找到工人；渔船都停靠在上游的旧码头。"
MADE = [
    SENTENCE + OTHER,
    SENTENCE + "\n" + OTHER + "\n展开",
    "短。文",
    "点击进入官方网站领取红包。" * 40,
    "plain English text " * 10,
]


def test_the_funnel_counts_who_crosses_what() -> None:
    source = map_cc.measure(
        "zh_made", [pa.array(MADE[:3], pa.large_string()), pa.array(MADE[3:], pa.large_string())]
    )
    assert source.documents == 4
    lines = map_cc.page([source]).splitlines()
    rows = {
        line.split("`")[1]: [cell.strip() for cell in line.split("|")[3:-1]]
        for line in lines
        if "value" in line and "`" in line
    }
    assert rows["char_count"][0] == "1"
    assert rows["duplicate_5char_fraction"] == ["1", "0", "25.0 %", "0", "25.0 %"]
    assert rows["listed_ending_line_fraction"][:2] == ["1", "1"]
    assert "| zh_made | 4 | 25.0 % | 25.0 % |" in lines


def test_the_last_survivors_are_those_that_cross_nothing() -> None:
    source = map_cc.measure("zh_made", [pa.array(MADE, pa.large_string())])
    kept = ~source.crossed[map_cc.FIXED].any(axis=1)
    assert kept.tolist() == [True, False, False, False]


@pytest.mark.corpus
def test_the_known_effects_are_there_in_real_text(corpus_root: Path) -> None:
    laws = map_cc.measure("zh_laws", list(map_cc.slices(corpus_root / "zh_laws", 12)))
    size, distinct = laws.values["char_count"], laws.values["distinct_char_fraction"]
    windowed = laws.values["windowed_distinct_char_fraction"]
    short, long = (size >= 1000) & (size < 5000), size >= 10_000
    assert np.mean(distinct[long] < 0.1) > 0.9
    assert np.mean(distinct[short] < 0.1) < 0.2
    assert np.median(windowed[long]) > 0.8 * np.median(windowed[short])
    of_characters, of_words = (
        laws.values["duplicate_5char_fraction"],
        laws.values["duplicate_5gram_chars_fraction"],
    )
    assert np.mean(of_characters > 0.15) > 2 * np.mean(of_words > 0.15)
    assert laws.values["duplicate_5char_distinct_fraction"].max() <= 0.5
    text = map_cc.page([laws])
    assert re.search(r"\| zh_laws \| 10000 to 19999 \|", text)
