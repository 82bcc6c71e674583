from __future__ import annotations

import gzip
import json
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.columns import Columns
from datagov.documents import list_shards, read_slice, read_texts, shard_schema
from datagov.errors import DamagedShard, InputError
from datagov.formats import lines as lines_module
from datagov.formats.lines import read_lines, scan
from datagov.shards import PROBLEMS, InputForm, Shard, Slice

JSONL = InputForm(format="jsonl", columns=Columns(id="id"))
TEXT = InputForm(format="text", columns=Columns(id="path"), path_column="path")


def packed(data: bytes, suffix: str) -> bytes:
    if suffix.endswith(".gz"):
        return gzip.compress(data)
    return pa.compress(data, "zstd", asbytes=True) if suffix.endswith(".zst") else data


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed(data, path.suffix))
    return path


def slices(shard: Shard) -> list[Slice]:
    """Return one slice for each group."""
    rows = [0, *accumulate(shard.group_rows)]
    sizes = [0, *accumulate(shard.group_text_bytes)]
    spans = zip(pairwise(rows), pairwise(sizes), strict=True)
    return [
        Slice(shard.path, (group, group + 1), *edges, whole=len(rows) == 2, span=span)
        for group, (edges, span) in enumerate(spans)
    ]


def read(root: Path, form: InputForm, columns: list[str] | None = None) -> list[dict[str, Any]]:
    """Return every row of every shard, with the name of its problem."""
    shards, broken = list_shards(str(root), form)
    assert not broken
    found: list[dict[str, Any]] = []
    for shard in shards:
        before = len(found)
        for piece in slices(shard):
            for rows in read_slice(str(root), form, piece, columns):
                assert rows.problem is None or len(rows.problem) == rows.batch.num_rows
                codes = [0] * rows.batch.num_rows if rows.problem is None else rows.problem
                records = zip(rows.batch.to_pylist(), codes, strict=True)
                found.extend({**record, "problem": PROBLEMS[code]} for record, code in records)
        assert len(found) - before == shard.rows
    return found


# Lines


@settings(max_examples=examples(200))
@given(
    lines=st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=40),
    ended=st.booleans(),
    chunk=st.integers(1, 40),
    block=st.integers(1, 80),
    rows=st.integers(1, 9),
)
def test_any_file_of_lines_is_cut_where_its_bytes_say(
    lines: list[bytes], ended: bool, chunk: int, block: int, rows: int
) -> None:
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    expected = data.split(b"\n")
    expected = expected[:-1] if expected[-1] == b"" else expected
    blocks: list[list[bytes]] = [[]]
    for line in expected:
        if sum(len(held) + 1 for held in blocks[-1]) >= block or len(blocks[-1]) == rows:
            blocks.append([])
        blocks[-1].append(line)
    blocks = [held for held in blocks if held]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("CHUNK_BYTES", chunk), ("BLOCK_BYTES", block), ("BLOCK_ROWS", rows)):
            patch.setattr(lines_module, name, value)
        found = scan(pa.BufferReader(data))
        assert found.rows == tuple(len(held) for held in blocks)
        assert sum(found.sizes) == len(data)
        edges = [0, *accumulate(found.sizes)]
        for span, held in zip(pairwise(edges), blocks, strict=True):
            batches = read_lines(pa.BufferReader(data), span, most_bytes=99, batch_bytes=20)
            assert [line for batch in batches for line in batch] == held


@given(
    sizes=st.lists(st.integers(0, 60), min_size=1, max_size=20),
    chunk=st.integers(1, 50),
    most=st.integers(0, 50),
)
def test_a_line_that_is_too_long_is_told_and_not_held(sizes: list[int], chunk: int, most: int) -> None:
    lines = [b"x" * size for size in sizes]
    data = b"".join(line + b"\n" for line in lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "CHUNK_BYTES", chunk)
        batches = read_lines(pa.BufferReader(data), (0, len(data)), most_bytes=most, batch_bytes=40)
        assert [line for batch in batches for line in batch] == [
            line if len(line) <= most else None for line in lines
        ]


# JSONL


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".json.gz"])
def test_each_line_is_a_row_however_the_file_is_packed(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines_module, "BLOCK_ROWS", 7)
    records = [{"id": f"d{number}", "text": f"漢字 {number} \n", "n": number} for number in range(50)]
    write(tmp_path / f"a/b{suffix}", b"".join(orjson.dumps(record) + b"\n" for record in records))
    found = read(tmp_path, JSONL)
    assert [(row["id"], row["text"]) for row in found] == [(row["id"], row["text"]) for row in records]
    assert [json.loads(row["other_fields"]) for row in found] == [{"n": row["n"]} for row in records]
    texts = read_texts(str(tmp_path), JSONL, f"a/b{suffix}", [49, 3])
    assert texts == [records[49]["text"].encode(), records[3]["text"].encode()]


BAD = [
    (b'{"id": "a", "text": "sound"}', ""),
    (b'{"id": "b", "text": "cut', "not_json"),
    (b"", "not_json"),
    (b'["an array"]', "not_json"),
    (b'{"id": "c", "text": "\xff\xfe"}', "not_utf8"),
    (b'{"id": "d", "text": 5}', "wrong_type"),
    (b'{"id": ["e"], "text": "sound"}', "wrong_type"),
    (b'{"id": "f", "text": "\\ud800"}', "not_json"),
    (b'{"id": "g", "text": NaN}', "not_json"),
    (b'{"id": 7, "text": "sound"}\r', ""),
    (b'{"id": "h", "text": null}', ""),
    (b"x" * 1_100_000, "too_long"),
    (b'{"id": "i", "text": "the last one"}', ""),
]


def test_a_bad_line_is_one_row_with_its_problem(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + b"\n".join(line for line, _ in BAD))
    form = InputForm(format="jsonl", columns=Columns(id="id"), max_document_chars=1000)
    found = read(tmp_path, form, ["text", "id"])
    assert [row["problem"] for row in found] == [problem for _, problem in BAD]
    assert [(row["id"], row["text"]) for row in found if not row["problem"]] == [
        ("a", "sound"),
        ("7", "sound"),
        ("h", None),
        ("i", "the last one"),
    ]
    assert found[5]["id"] == "d"


def test_declared_fields_are_columns_of_their_types(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"text": "a", "score": 1, "year": 2020, "good": True, "who": "x"},
        {"text": "b", "score": 0.5, "year": 2020.5, "good": True, "who": "x"},
        {"text": "c", "score": None},
        {"text": "d", "score": True, "year": 1, "good": 1, "who": 1},
    ]
    write(tmp_path / "a.jsonl", b"\n".join(orjson.dumps(record) for record in records))
    fields = (("score", "float64"), ("year", "int64"), ("good", "bool"), ("who", "string"))
    found = read(tmp_path, InputForm(format="jsonl", fields=fields))
    assert [row["problem"] for row in found] == ["", "wrong_type", "", "wrong_type"]
    assert [row["score"] for row in found] == [1.0, 0.5, None, None]
    assert [row["year"] for row in found] == [2020, None, None, 1]
    assert [row["other_fields"] for row in found] == [None] * 4


def test_a_field_that_never_occurs_is_named_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", b'not json\n{"texts": "x", "when": 3}\n')
    with pytest.raises(
        InputError, match=r"a\.jsonl: no field 'text' in its first lines.*input\.text.*Did you mean 'texts'"
    ):
        list_shards(str(tmp_path), InputForm(format="jsonl"))
    form = InputForm(format="jsonl", columns=Columns(text="texts"), fields=(("when", "string"),))
    with pytest.raises(InputError, match=r"field 'when', .* holds int, not string; say its type under input"):
        list_shards(str(tmp_path), form, {"step 'exact_dedup' (when)": "when"})


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst"])
@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_packed_file_that_is_cut_off_is_unreadable(tmp_path: Path, suffix: str, share: float) -> None:
    path = write(tmp_path / f"a{suffix}", b"".join(b'{"text": "%d"}\n' % number for number in range(9999)))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    shards, broken = list_shards(str(tmp_path), InputForm(format="jsonl"))
    assert (shards, [shard.path for shard in broken]) == ([], [f"a{suffix}"])
    assert broken[0].problem


def test_an_empty_file_of_lines_is_a_shard_of_no_rows(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", b"")
    assert read(tmp_path, InputForm(format="jsonl")) == []


def test_a_file_of_lines_that_shrank_is_damaged(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl.gz", b'{"text": "x", "id": "1"}\n' * 9)
    (shard,), _ = list_shards(str(tmp_path), JSONL)
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(DamagedShard, match=r"a\.jsonl\.gz: rows 0-9 cannot be read"):
        list(read_slice(str(tmp_path), JSONL, slices(shard)[0], None))


# Text files


def test_each_text_file_is_a_row_named_by_its_path(tmp_path: Path) -> None:
    texts = {"b.txt": b"second", "a.txt": b"first", "in/c.txt": "漢字\r\n".encode(), "in/d.txt": b"\xff"}
    for name, text in texts.items():
        write(tmp_path / name, text)
    write(tmp_path / "notes.md", b"not a document")
    write(tmp_path / ".hidden.txt", b"nor this")
    shards, _ = list_shards(str(tmp_path), TEXT)
    assert [(shard.path, shard.rows) for shard in shards] == [("*.txt", 2), ("in/*.txt", 2)]
    found = read(tmp_path, TEXT)
    assert [(row["path"], row["text"]) for row in found] == sorted(texts.items())
    assert read_texts(str(tmp_path), TEXT, "in/*.txt", [1, 0]) == [b"\xff", texts["in/c.txt"]]
    assert read(tmp_path / "a.txt", TEXT) == [{"text": b"first", "path": "a.txt", "problem": ""}]


def test_a_text_file_that_is_far_too_long_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / "long.txt", b"x" * 50)
    write(tmp_path / "short.txt", b"x" * 10)
    form = InputForm(format="text", columns=TEXT.columns, path_column="path", max_document_chars=10)
    assert [(row["path"], row["problem"]) for row in read(tmp_path, form)] == [
        ("long.txt", "too_long"),
        ("short.txt", ""),
    ]


def test_a_text_file_that_changed_changes_its_shard(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"one text")
    (before,), _ = list_shards(str(tmp_path), TEXT)
    path.write_bytes(b"another!")
    (after,), _ = list_shards(str(tmp_path), TEXT)
    assert before.size == after.size
    assert before.footer != after.footer


# What paths say


def test_folders_give_columns_where_the_recipe_says_so(tmp_path: Path) -> None:
    line = b'{"text": "x"}\n'
    write(tmp_path / "lang=zh/day=1%2F2/a.jsonl", line)
    write(tmp_path / "lang=__HIVE_DEFAULT_PARTITION__/b.jsonl", line)
    form = InputForm(format="jsonl", columns=Columns(source="lang"), hive=True, path_column="file")
    second, first = read(tmp_path, form)
    assert (first["lang"], first["day"], first["file"]) == ("zh", "1/2", "lang=zh/day=1%2F2/a.jsonl")
    assert second["lang"] is None
    assert "day" not in second
    with pytest.raises(InputError, match=r"no field 'lang'"):
        list_shards(str(tmp_path), InputForm(format="jsonl", columns=Columns(source="lang")))


def test_a_column_in_both_path_and_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lang=zh/a.parquet"
    path.parent.mkdir()
    pa.parquet.write_table(pa.table({"text": ["x"], "lang": ["en"]}), path)
    form = InputForm(hive=True)
    shards, _ = list_shards(str(tmp_path), form)
    with pytest.raises(InputError, match=r"both its path and the file give a column 'lang'"):
        shard_schema(str(tmp_path), form, shards[0].path)


@pytest.mark.parametrize(("suffix", "name"), [(".jsonl.gz", "jsonl"), (".txt", "text")])
def test_another_format_is_proposed(tmp_path: Path, suffix: str, name: str) -> None:
    write(tmp_path / f"a{suffix}", b"x")
    with pytest.raises(InputError, match=rf"no \*\.parquet file .* 1 file\(s\).*`format: {name}`"):
        list_shards(str(tmp_path), InputForm())
