"""Benchmark items in documents: every planted one is found and named, none is found elsewhere, counts are those of an oracle."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.contamination.index import build
from datagov.contamination.items import Items, read_items
from datagov.contamination.overlap import COLUMNS, overlap
from datagov.contamination.presets import CHARACTERS_A_WORD, PRESETS
from datagov.contamination.units import units_of
from datagov.errors import ConfigError
from datagov.model_files import model_file
from datagov.signals import resolve_params
from datagov.signals.contamination import CONTAMINATION, locate
from datagov.text.batch import TextBatch

HAN = re.compile(r"[\u4e00-\u9fff]|[^\W_]+")


def batch(texts: list[str]) -> TextBatch:
    return TextBatch(pa.array(texts, pa.large_string()))


def items_of(texts: list[str]) -> Items:
    return Items(pa.array(texts, pa.large_string()), tuple(f"item {at}" for at in range(len(texts))))


def plain_units(text: str) -> list[str]:
    return HAN.findall(text.lower().replace("'", ""))


def oracle(text: str, items: list[str], n: int, shortest: int) -> dict[str, int]:
    """The counts of one document, by definition."""
    units = plain_units(text)
    row = dict.fromkeys(COLUMNS, 0) | {"units": len(units), "item_ngrams": 1, "item_units": 1}
    covered: set[int] = set()
    places = set()
    for item in items:
        theirs = plain_units(item)
        factor = (
            CHARACTERS_A_WORD
            if 2 * sum("\u4e00" <= unit[0] <= "\u9fff" for unit in theirs) >= len(theirs)
            else 1
        )
        if len(theirs) < shortest * factor:
            continue
        size = min(n * factor, len(theirs))
        mine = {tuple(units[at : at + size]) for at in range(len(units) - size + 1)}
        grams = [tuple(theirs[at : at + size]) for at in range(len(theirs) - size + 1)]
        held = [at for at, gram in enumerate(grams) if gram in mine]
        places |= {
            (at, size) for at in range(len(units) - size + 1) if tuple(units[at : at + size]) in set(grams)
        }
        inside = {at + k for at in held for k in range(size)}
        row["items"] += bool(held)
        if len(held) * row["item_ngrams"] > row["item_ngrams_found"] * len(grams):
            row |= {"item_ngrams_found": len(held), "item_ngrams": len(grams)}
        if len(inside) * row["item_units"] > row["item_units_found"] * len(theirs):
            row |= {"item_units_found": len(inside), "item_units": len(theirs)}
    for at, size in places:
        covered |= set(range(at, at + size))
    return row | {"ngrams": len(places), "covered_units": len(covered)}


pieces = st.sampled_from(["a", "b", "A", "c1", "的", "我", "他"])
texts = st.lists(pieces, max_size=14).map(" ".join)


@settings(max_examples=150)
@given(
    st.lists(texts, min_size=1, max_size=4), st.lists(texts, max_size=4), st.integers(1, 4), st.integers(1, 3)
)
def test_counts_are_those_of_the_definition(
    items: list[str], documents: list[str], n: int, shortest: int
) -> None:
    found = overlap(batch(documents), build(items_of(items), n=n, shortest=shortest))
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in found.counts.tolist()]
    for text, row in zip(documents, rows, strict=True):
        expected = oracle(text, items, n, shortest)
        for share in ("item_ngrams", "item_units"):  # of equal shares either may be named
            held = f"{share}_found"
            assert row[held] * expected[share] == expected[held] * row[share]
            del row[held], row[share], expected[held], expected[share]
        assert row == expected


@settings(max_examples=100)
@given(st.lists(texts, min_size=1, max_size=3), st.lists(texts, max_size=4))
def test_a_stretch_is_a_piece_of_the_item_it_names(items: list[str], documents: list[str]) -> None:
    found = overlap(batch(documents), build(items_of(items), n=2, shortest=1))
    offsets = batch(documents).offsets
    for row, start, end, item in zip(found.row, found.start, found.end, found.item, strict=True):
        stretch = documents[row][start - offsets[row] : end - offsets[row]]
        assert f" {' '.join(plain_units(stretch))} " in f" {' '.join(plain_units(items[item]))} "
    assert sorted(set(found.row.tolist())) == [row for row, counts in enumerate(found.counts) if counts[1]]


WORDS = [
    f"{a}{b}"
    for a in ("ka", "lo", "mi", "ter", "vos", "pra", "qui", "zen")
    for b in ("ra", "tin", "pel", "sor", "mex", "dul")
]
HAN_WORDS = [chr(code) for code in range(0x4E00, 0x4E00 + 400)]


def sentence(draw: random.Random, language: str, size: int) -> str:
    if language == "zh":
        return "".join(draw.choices(HAN_WORDS, k=size)) + "？"
    return " ".join(draw.choices(WORDS, k=size)).capitalize() + "?"


def punctuated(text: str, draw: random.Random) -> str:
    """With other punctuation in place of white space and between characters."""
    if " " in text:
        return "".join(
            draw.choice((", ", " - ", "; ", " ")) if sign == " " else sign for sign in text
        ).rstrip("?")
    return "".join(sign + draw.choice(("", "，", "、", "")) for sign in text).replace("？", "。")


def broken(text: str, draw: random.Random) -> str:
    """Split by line breaks, also between Han characters."""
    if " " in text:
        return text.replace(" ", "\r\n")
    return "".join(sign + draw.choice(("", "\n")) for sign in text)


WAYS = {
    "verbatim": lambda text, _: text,
    "re-cased": lambda text, _: text.upper(),
    "re-punctuated": punctuated,
    "split by line breaks": broken,
    "full width": lambda text, _: "".join(
        chr(ord(c) + 0xFEE0) if "a" <= c.lower() <= "z" else c for c in text
    ),
}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("way", WAYS)
def test_every_planted_item_is_found_and_no_other(preset: str, language: str, way: str) -> None:
    draw = random.Random(f"{preset} {language} {way}")
    chosen = PRESETS[preset]
    factor = CHARACTERS_A_WORD if language == "zh" else 1
    sizes = [chosen.shortest * factor, chosen.n * factor, 60]
    items = [sentence(draw, language, draw.choice(sizes)) for _ in range(60)]
    clean = [sentence(draw, language, 120) for _ in range(60)]
    planted = [f"{clean[at]}\n{WAYS[way](item, draw)}\n{clean[at - 1]}" for at, item in enumerate(items)]
    index = build(items_of(items), n=chosen.n, shortest=chosen.shortest)
    assert index.too_short == 0
    found = overlap(batch(planted + clean), index)
    assert found.row.tolist() == list(range(60))
    assert found.item.tolist() == list(range(60))
    assert (found.counts[:60, 4] == found.counts[:60, 5]).all()
    assert (found.counts[:60, 6] == found.counts[:60, 7]).all()
    assert not found.counts[60:, 1:5].any()
    documents = planted + clean
    offsets = batch(documents).offsets
    for row, start, end in zip(found.row, found.start, found.end, strict=True):
        stretch = documents[row][start - offsets[row] : end - offsets[row]]
        assert stretch[-1].isalnum()
        assert len(plain_units(stretch)) == len(plain_units(items[row]))


def test_two_items_side_by_side_are_two_stretches() -> None:
    draw = random.Random(1)
    items = [sentence(draw, "en", 20) for _ in range(3)]
    found = overlap(batch([" ".join(items)]), build(items_of(items), n=8, shortest=8))
    assert found.item.tolist() == [0, 1, 2]
    assert found.counts[0, 3] == 3


def test_units_stand_where_they_say() -> None:
    text = "It's 3.14！Ａb 我e\u0301 ไทย\n"
    units = units_of(batch([text]), places=True)
    stretches = [text[start:end] for start, end in zip(units.start, units.end, strict=True)]
    assert stretches == ["It's", "3", "14", "Ａb", "我", "e\u0301", "ไ", "ท", "ย"]
    assert units.alone.tolist() == [0, 0, 0, 0, 1, 0, 1, 1, 1]
    assert units.hash.tolist() == units_of(batch(["its 3 14 ab 我 e\u0301 ไ ท ย"])).hash.tolist()


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    else:
        path.write_text("".join(f"{row['text']}\n" for row in rows))
    return path


ROWS = [
    {"text": "one two", "choices": ["three", "four"], "id": "q1"},
    {"text": "", "choices": [], "id": "q2"},
]


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".txt"])
def test_a_benchmark_is_read_from_each_format(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"bench{suffix}", ROWS)
    plain = read_items(path, [], "")
    assert (plain.texts.to_pylist(), plain.names) == (["one two"], ("0",))
    if suffix != ".txt":
        found = read_items(path, ["text", "choices"], "id")
        assert (found.texts.to_pylist(), found.names) == (["one two\nthree\nfour"], ("q1",))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("b.csv", b"x", r"expected a file called \*\.parquet, \*\.jsonl, \*\.txt"),
        ("b.jsonl", b"{}\n\n", "holds no text in text"),
        ("b.jsonl", b'{"txt": "x"}', "row 0 has no field 'text'; it has txt.*fields"),
        ("b.jsonl", b'{"text": "x"', "line 1 is not JSON"),
        ("b.jsonl", b"[1]", "line 1 is not a JSON object"),
        ("b.jsonl", b'{"text": ""}', "holds no text in text"),
        ("b.txt", b"\n\n", "holds no text"),
        ("b.txt", b"\xff", "not UTF-8"),
        ("b.parquet", b"PAR1", r"cannot be read: .*[^.]\.$"),
        ("b.txt", b"too short\n", "all of its 1 items are shorter than 8 words"),
    ],
)
def test_a_benchmark_of_wrong_form_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        resolve_params(CONTAMINATION, {"benchmark": model_file(path)})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"preset": "gpt3"}, "Did you mean 'gpt-3'"),
        ({"n": -1}, "n must be a whole number"),
        ({"n": True}, "n must be"),
    ],
)
def test_wrong_parameters_are_refused(tmp_path: Path, params: dict[str, Any], message: str) -> None:
    path = write(tmp_path / "b.txt", [{"text": "a b c d e f g h i j"}])
    with pytest.raises(ConfigError, match=message):
        resolve_params(CONTAMINATION, {"benchmark": model_file(path), **params})


def test_the_family_names_items_and_says_how_many_it_looks_for(tmp_path: Path) -> None:
    rows = [
        {"text": "One two three four five six seven eight nine?", "id": "q7"},
        {"text": "short", "id": "q8"},
    ]
    params = resolve_params(
        CONTAMINATION,
        {"benchmark": model_file(write(tmp_path / "b.jsonl", rows)), "id": "id", "preset": "palm"},
    )
    assert (params["n"], params["items"], params["items_too_short"]) == (8, 2, 1)
    text = "Well: one TWO three, four five six seven eight nine. Ten."
    counts, spans = locate(batch(["nothing", text]), params)
    assert spans.to_pylist() == [{"row": 1, "rule": "item", "start": 6, "end": 51, "term": "q7"}]
    assert counts.to_pylist()[1]["ngrams"] == 2
