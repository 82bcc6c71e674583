"""The edit `drop_lines` against a definition in plain Python."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import pytest
from edit_checks import batch, rules, run
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.signals.line_rules import PRESETS
from datagov.signals.phrases import GROUPS, PASSED_OVER
from datagov.signals.sentence_end import sentence_end_table
from datagov.text.segments import ALL_SYMBOL

CITATION = re.compile(r"\[\d*]|\[(?:edit|citation needed|编辑|編輯|来源请求|來源請求)]", re.ASCII)
COUNTER = re.compile(r"\d[\d.,]*\s?[kmw万萬千]?\+?\s?(likes?|comments?|views?|条?评论|人?赞)")
SPACES = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)


def options_of(preset: str, **changes: Any) -> dict[str, Any]:
    options = {**PRESETS[preset], **changes}
    options["phrases"] = {name: GROUPS[name].to_dict() for name in options.get("phrases", ())}
    return options


def words_of(text: str, citations: bool) -> list[int]:
    """Words of each line, as words of the whole text."""
    words = batch([text]).words
    starts = words.start[(words.flags & ALL_SYMBOL) == 0].tolist()
    cited = [match.span() for match in CITATION.finditer(text)] if citations else []
    starts = [at for at in starts if not any(first <= at < last for first, last in cited)]
    ends = [match.start() for match in re.finditer("\n", text)] + [len(text)]
    firsts = [0, *(end + 1 for end in ends[:-1])]
    return [sum(first <= at < last for at in starts) for first, last in zip(firsts, ends, strict=True)]


def stands(line: str, where: str, phrases: list[str]) -> bool:
    if where in {"end", "whole"}:
        line = line.rstrip(PASSED_OVER + " ")
    tests = {"anywhere": str.__contains__, "start": str.startswith, "end": str.endswith, "whole": str.__eq__}
    return any(tests[where](line, phrase.lower()) for phrase in phrases)


def crossed(line: str, words: int, options: dict[str, Any]) -> set[str]:
    """The rules a line goes by; the line as it stands."""
    seen = CITATION.sub("", line) if options.get("citations") else line
    seen = seen.strip(SPACES)
    if not seen:
        return {"blank"} if options.get("blank") else set()
    ends = sentence_end_table(options.get("terminal_also", "\"'”’」』"))
    terminal = ord(seen[-1]) < len(ends) and ends[ord(seen[-1])] and not seen.endswith("...")
    letters = [c for c in seen if unicodedata.category(c).startswith("L")]
    upper = sum(c != c.lower() for c in letters)
    low = seen.lower()
    limit = options.get("max_uppercase_fraction")
    found = {
        "terminal_punctuation": options.get("terminal_punctuation", False) and not terminal,
        "min_words": words < options.get("min_words", 0),
        "max_word_chars": options.get("max_word_chars") is not None
        and max(map(len, re.split(f"[{re.escape(SPACES)}]+", seen))) > options["max_word_chars"],
        "max_uppercase_fraction": limit is not None and upper > limit * len(letters),
        "numeric": options.get("numeric", False)
        and re.fullmatch(r"[\d ,\-./%:]*\d[\d ,\-./%:]*", seen, re.ASCII),
        "counters": options.get("counters", False) and COUNTER.fullmatch(low),
        "contains": any(phrase.lower() in low for phrase in options.get("contains", ())),
    }
    for name, group in options["phrases"].items():
        few = group["most_words"] is None or words <= group["most_words"]
        found[name] = few and stands(low, group["where"], group["phrases"])
    return {name for name, is_crossed in found.items() if is_crossed}


def judged(text: str, options: dict[str, Any]) -> list[tuple[str, set[str]]]:
    words = words_of(text, options.get("citations", False))
    return [
        (line, crossed(line, count, options)) for line, count in zip(text.split("\n"), words, strict=True)
    ]


def oracle(text: str, options: dict[str, Any]) -> str:
    kept = [line for line, gone in judged(text, options) if not gone]
    return "\n".join(CITATION.sub("", line) if options.get("citations") else line for line in kept)


pieces = st.sampled_from(
    ["A fine day it is.", "menu", " ", "\n", "\n", "[1]", "[edit]", "[", "]", "JavaScript", "use cookies", "好天气。", "展开",
     "更多>>", "更多。", "Read more...", "...", "3 likes", "12条评论", "12.5", "%", "HELLO", "İX", "© 2020", "版权所有", "sign in",
     "\u3000", "\r", "“yes.”", "a" * 30, "Ünï", "items in cart", "!", "[12]."]
)  # fmt: skip
texts = st.lists(pieces, max_size=10).map("".join)
presets = st.sampled_from(
    [
        *((name, {}) for name in PRESETS),
        ("c4", {"terminal_punctuation": False, "max_word_chars": 20}),
        ("boilerplate", {"phrases": list(GROUPS), "citations": True, "contains": ["Fine Day", "》"]}),
        ("refinedweb", {"blank": True, "max_uppercase_fraction": 0.0}),
    ]
)


@settings(max_examples=examples(200))
@given(st.lists(texts, max_size=4), presets)
def test_what_stays_and_by_which_rules_the_rest_goes(
    documents: list[str], chosen: tuple[str, dict[str, Any]]
) -> None:
    options = options_of(chosen[0], **chosen[1])
    done = run("drop_lines", documents, **options)
    assert done.texts.to_pylist() == [oracle(text, options) for text in documents]
    assert done.spans is not None
    found = [(span["row"], span["rule"]) for span in done.spans.to_pylist() if span["rule"] != "citation"]
    expected = []
    for row, text in enumerate(documents):
        gone = [found_by for _, found_by in judged(text, options)]
        if all(gone) and text.split("\n")[-1] == "":  # nothing is left for its line feed to join
            gone[-1] = set()
        expected += [(row, rule) for rules_of_line in gone for rule in rules_of_line]
    assert sorted(found) == sorted(expected)


def test_a_web_page_in_english() -> None:
    document = "Home\n\nThe library opened in 1998.[3] It is large.\nPlease enable JavaScript.\nShort one.\nRead our privacy policy."
    done = run("drop_lines", [document], **options_of("c4"))
    assert done.texts.to_pylist() == ["The library opened in 1998. It is large."]
    assert rules(done, [document]) == [
        ("Home", "terminal_punctuation"),
        ("Home", "min_words"),
        ("", "blank"),
        ("[3]", "citation"),
        ("Please enable JavaScript.", "javascript"),
        ("Short one.", "min_words"),
        ("Read our privacy policy.", "policy"),
    ]
    assert done.changes.to_pylist()[0] | {"chars_before": 0, "chars_after": 0} == {
        "changed": True, "chars_before": 0, "chars_after": 0, "lines_removed": 5, "citations_removed": 1,
    }  # fmt: skip


def test_a_web_page_in_chinese() -> None:
    document = (
        "今天天气很好。\n展开 ▼\n我们需要更多。\n不能同意更多\n查看更多 >>\n版权所有 © 2020 某公司\n12条评论"
    )
    done = run("drop_lines", [document], **options_of("boilerplate", counters=True))
    assert done.texts.to_pylist() == ["今天天气很好。\n我们需要更多。\n不能同意更多"]
    assert [rule for _, rule in rules(done, [document])] == ["expand", "read_more", "copyright", "counters"]


@pytest.mark.parametrize("text", ["", "\n", "\n\n", "x", "x\n", "\nx", "好。", "a\nb\nc"])
def test_texts_of_which_nothing_or_all_is_left(text: str) -> None:
    run("drop_lines", [text, text], min_words=2, blank=True)
    run("drop_lines", [text, text], min_words=1)
    run("drop_lines", [text, text], blank=True)


def test_phrases_are_in_order_and_none_is_empty() -> None:
    for group in GROUPS.values():
        assert all(phrase.strip() == phrase and phrase == phrase.lower() for phrase in group.phrases)
        assert all(group.phrases)
        assert group.source
