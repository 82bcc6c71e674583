"""Languages: our batch against py3langid asked one text at a time, spans against their plain definition."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import opencc
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov import policy, signals
from datagov.errors import ConfigError
from datagov.extras import named
from datagov.labels import ALPHABET, BASE, MOST_CHARS, code_of, label_of
from datagov.signals.chinese_form import SIMPLIFIED, TRADITIONAL, form_of
from datagov.signals.langid import beginnings, classify, exponential
from datagov.signals.langid_model import language_model, tables_of
from datagov.signals.language_spans import cut
from datagov.text.batch import TextBatch

few = settings(max_examples=40)

SENTENCES = {
    "en": "The committee met on Tuesday to discuss how the harbour should be rebuilt after the storm.",
    "zh": "委员会在星期二召开会议，讨论风暴之后应当如何重建港口，几位工程师认为更长的堤坝更好。",
    "ja": "委員会は火曜日に会合を開き、嵐の後に港をどのように再建すべきかについて話し合いました。",
    "ko": "위원회는 화요일에 모여 폭풍이 지나간 뒤 항구를 어떻게 다시 지을지 논의했습니다.",
    "ru": "Комитет собрался во вторник, чтобы обсудить, как следует восстановить гавань после бури.",
    "ar": "اجتمعت اللجنة يوم الثلاثاء لمناقشة كيفية إعادة بناء الميناء بعد العاصفة.",
    "de": "Der Ausschuss trat am Dienstag zusammen, um zu besprechen, wie der Hafen wieder aufgebaut werden soll.",
    "el": "Η επιτροπή συνεδρίασε την Τρίτη για να συζητήσει πώς θα ξαναχτιστεί το λιμάνι μετά την καταιγίδα.",
}

pieces = st.sampled_from(
    [
        *" ".join(SENTENCES.values()).split(),
        *SENTENCES.values(),
        "HELLO",
        "ÀÉ",
        "e\u0301",
        "\u1100\u1161",
        "Σ",
        "ǅ",
        "𝐀",
        "123",
        "\n",
        "\x00",
        "😀",
    ]
)
texts = st.lists(pieces, max_size=12).map(" ".join) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=30
)


@cache
def library() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def batch(documents: list[str]) -> TextBatch:
    return TextBatch(pa.array(documents, pa.large_string()))


def classified(documents: list[str]) -> list[tuple[str | None, float]]:
    model = language_model("")
    found = batch(documents)
    best, share = classify(found.code_points, found.offsets, model)
    return [(None if at < 0 else model.labels[at], float(each)) for at, each in zip(best, share, strict=True)]


def measured(name: str, documents: list[str], **params: Any) -> list[dict[str, Any]]:
    family = signals.family(name)
    counts = family.measure(batch(documents), signals.resolve_params(family, params))
    found = policy.values(counts, family.rules)
    rows = [
        dict(zip(found, row, strict=True))
        for row in zip(*(found[key].to_pylist() for key in found), strict=True)
    ]
    for row in rows:
        for rule in family.rules:
            if rule.is_label and row[rule.name] is not None:
                row[rule.name] = label_of(row[rule.name])
    return rows


@few
@given(st.lists(texts, min_size=1, max_size=4))
def test_a_batch_is_classified_as_the_library_does_each_text(documents: list[str]) -> None:
    for document, (label, share) in zip(documents, classified(documents), strict=True):
        theirs, score = library().classify(document)
        if label is None:
            assert np.isnan(share)
            assert score == pytest.approx(2 / 142, abs=1e-5), document
            continue
        assert share == pytest.approx(score, abs=1e-4), document
        ranked = library().rank(document)
        assert label == theirs or ranked[0][1] - dict(ranked)[label] < 1e-4, document


def test_sentences_are_in_their_language() -> None:
    found = classified(list(SENTENCES.values()))
    assert [label for label, _ in found] == list(SENTENCES)
    assert all(share > 0.5 for _, share in found)


def test_upper_case_is_read_as_lower_case() -> None:
    lower, upper = classified([SENTENCES["de"].lower(), SENTENCES["de"].upper()])
    assert lower == upper


def test_the_label_and_score_of_a_document() -> None:
    english, chinese, nothing, empty = measured(
        "language", [SENTENCES["en"], SENTENCES["zh"], "\x00\x01", ""]
    )
    assert english["language"] == "en"
    assert english["language_score"] == pytest.approx(library().classify(SENTENCES["en"])[1], abs=1e-5)
    assert chinese["language"] == "zh"
    assert nothing == empty == {"language": None, "language_score": None}


def test_only_the_first_characters_are_looked_at() -> None:
    document = SENTENCES["en"] + SENTENCES["zh"] * 30
    head, whole = (measured("language", [document], max_chars=most)[0] for most in (80, 5000))
    assert (head["language"], whole["language"]) == ("en", "zh")
    assert head == measured("language", [document[:80]])[0]


@few
@given(st.lists(st.text("ab\n", max_size=12), max_size=4), st.integers(1, 15))
def test_beginnings_are_slices(documents: list[str], most: int) -> None:
    points, offsets = beginnings(batch(documents).code_points, batch(documents).offsets, most)
    text = "".join(map(chr, points))
    assert [text[a:b] for a, b in pairwise(offsets)] == [each[:most] for each in documents]


@pytest.mark.parametrize("params", [{"max_chars": 0}, {"max_chars": 1.5}, {"max_chars": True}])
def test_a_limit_that_is_no_number_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="max_chars must be a whole number above 0"):
        signals.resolve_params(signals.family("language"), params)


def test_another_version_of_the_library_is_refused() -> None:
    language = signals.family("language")
    assert signals.resolve_params(language, {})["library"] == named("py3langid")
    with pytest.raises(ConfigError, match=r"'py3langid 0\.1' is asked for"):
        signals.resolve_params(language, {"library": "py3langid 0.1"})
    with pytest.raises(ConfigError, match=r"planned with py3langid 0\.1"):
        language.measure(batch(["x"]), {"max_chars": 10, "library": "py3langid 0.1"})


def test_a_model_of_another_kind_is_refused() -> None:
    moves = np.zeros(256, np.uint32)
    with pytest.raises(ConfigError, match="no multiples of 1/512"):
        tables_of(np.array([[0.1]]), np.zeros(1), ["x"], moves, moves[:1], [0])


@few
@given(st.floats(-690, 0))
def test_the_exponential_is_the_librarys_to_its_last_bits(x: float) -> None:
    assert exponential(x) == pytest.approx(math.exp(x), rel=1e-14)


def spans_of(text: str, least: int) -> list[str]:
    """The plain definition of `cut` for one document."""
    found, current = [], ""
    for character in text:
        current += character
        if (len(current) >= least and character == "\n") or len(current) >= 2 * least:
            found.append(current)
            current = ""
    if current and found and len(current) < least:
        found[-1] += current
    elif current:
        found.append(current)
    return found


@few
@given(st.lists(st.text("ab\n", max_size=40), max_size=4), st.integers(1, 9))
def test_spans_equal_their_plain_definition(documents: list[str], least: int) -> None:
    found = batch(documents)
    ends, document = cut(found.code_points, found.offsets, least)
    text = "".join(documents)
    pieces = [text[a:b] for a, b in pairwise(ends)]
    by_row = [
        [p for p, row in zip(pieces, document, strict=True) if row == at] for at in range(len(documents))
    ]
    assert by_row == [spans_of(each, least) for each in documents]


@few
@given(
    st.lists(
        st.lists(st.sampled_from([*SENTENCES.values(), "\x00" * 60]), max_size=8), min_size=1, max_size=3
    )
)
def test_languages_of_spans_are_summed_up(documents: list[list[str]]) -> None:
    texts = ["\n".join(lines) for lines in documents]
    for text, row in zip(texts, measured("language_spans", texts, span_chars=50), strict=True):
        chars: Counter[str] = Counter()
        spans = spans_of(text, 50)
        for span, (label, _) in zip(spans, classified(spans), strict=True):
            if label is not None:
                chars[label] += len(span)
        assert row["language_count"] == len(chars)
        ranked = sorted(chars.values(), reverse=True)
        total = sum(ranked)
        for name, count in zip(("main", "second"), [*ranked, 0, 0], strict=False):
            label = row[f"{name}_language"]
            assert chars[label] == count if count else label is None
            assert row[f"{name}_language_char_fraction"] == (count / total if total else None)


def test_a_document_in_two_languages_says_both() -> None:
    text = (SENTENCES["zh"] + "\n") * 12 + (SENTENCES["en"] + "\n") * 6
    (row,) = measured("language_spans", [text])
    assert {row["main_language"], row["second_language"]} == {"zh", "en"}
    assert 0.5 < row["main_language_char_fraction"] < 0.7
    assert measured("language", [text])[0]["language"] == "zh"


@few
@given(st.text(ALPHABET, min_size=1, max_size=MOST_CHARS))
def test_labels_are_numbers_and_back(label: str) -> None:
    code = code_of(label)
    assert label_of(float(code)) == label
    assert 0 < code < BASE**MOST_CHARS <= 2**53


@pytest.mark.parametrize("label", ["", "a b", "语言", "ninechars", "é"])
def test_what_cannot_be_a_label_is_refused(label: str) -> None:
    with pytest.raises(ConfigError, match="is no label"):
        code_of(label)


def test_characters_of_one_form_are_those_that_opencc_converts() -> None:
    form = form_of()
    for which, config, size in ((SIMPLIFIED, "s2t", 1204), (TRADITIONAL, "t2s", 2073)):
        found = np.flatnonzero(form == which)
        convert = opencc.OpenCC(config).convert
        changed = sum(convert(chr(point)) != chr(point) for point in found)
        assert len(found) == size
        assert changed / size > 0.9


@pytest.mark.parametrize(
    ("text", "fraction", "count"),
    [
        ("", None, 0),
        ("漢里台干 plain", 1.0, 1),
        ("后里台干後", None, 0),
        ("汉语", 0.0, 0),
        ("漢語", 1.0, 2),
        ("汉語", 0.5, 1),
        ("中文的人在大学", 0.0, 0),
    ],
)
def test_simplified_and_traditional_text(text: str, fraction: float | None, count: int) -> None:
    (row,) = measured("chinese_form", [text])
    assert row == {"traditional_fraction": fraction, "traditional_char_count": count}


@few
@given(st.lists(st.text("汉語中后a\n", max_size=12), max_size=4))
def test_forms_equal_the_plain_definition(documents: list[str]) -> None:
    for text, row in zip(documents, measured("chinese_form", documents), strict=True):
        traditional, simplified = text.count("語"), text.count("汉")
        telling = traditional + simplified
        assert row["traditional_fraction"] == (traditional / telling if telling else None)
