from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import examples
from governing import write_shard
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.columns import Columns, as_string, as_text, check_columns
from datagov.documents import list_shards, micro_batches, read_slice
from datagov.errors import InputError
from datagov.shards import InputForm, Slice

TEXTS = ["plain", None, "", "漢字 and 😀", "\x00 NUL\r\n"]
TEXT_TYPES = [
    pa.string(),
    pa.large_string(),
    pa.binary(),
    pa.large_binary(),
    pa.string_view(),
    pa.dictionary(pa.int32(), pa.string()),
    pa.dictionary(pa.int8(), pa.large_string()),
]


def column(values: Sequence[str | None], kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return column(values, kind.value_type).dictionary_encode().cast(kind)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if value is None else value.encode() for value in values], kind)
    return pa.array(values, kind)


def listed(root: Path, columns: Columns | None = None) -> list[str]:
    shards, broken = list_shards(str(root), InputForm(columns=columns or Columns()))
    assert not broken
    return [shard.path for shard in shards]


def test_shards_are_listed_by_path_whatever_the_folders(tmp_path: Path) -> None:
    names = ["z.parquet", "a/b/2.parquet", "a/10.parquet", "a b/ü 1.parquet", "a/b.parquet/x.parquet"]
    for name in names:
        write_shard(tmp_path / name, {"text": ["x"]})
    assert listed(tmp_path) == sorted(names)


def test_hidden_files_and_other_files_are_not_shards(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.parquet", {"text": ["x"]})
    for name in (".b.parquet", "_c.parquet", ".hidden/d.parquet", "_temporary/0/e.parquet", "f.parquet.tmp"):
        write_shard(tmp_path / name, {"text": ["x"]})
    (tmp_path / "_SUCCESS").touch()
    assert listed(tmp_path) == ["a.parquet"]


def test_a_hidden_folder_above_the_root_hides_nothing(tmp_path: Path) -> None:
    root = tmp_path / ".cache/_corpus"
    write_shard(root / "a.parquet", {"text": ["x"]})
    assert listed(root) == ["a.parquet"]


def test_a_single_file_is_an_input(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "_one.parquet", {"text": ["x"]})
    write_shard(tmp_path / "other.parquet", {"text": ["x"]})
    assert listed(path) == ["_one.parquet"]


@pytest.mark.parametrize("made", [False, True])
def test_no_input_is_an_error(tmp_path: Path, made: bool) -> None:
    root = tmp_path / "corpus"
    if made:
        root.mkdir()
        (root / "notes.txt").touch()
    with pytest.raises(InputError, match=r"no \*\.parquet file" if made else "no such file or folder"):
        list_shards(str(root), InputForm())


def test_unreadable_files_are_told_apart(tmp_path: Path) -> None:
    good = write_shard(tmp_path / "good.parquet", {"text": ["x"] * 100})
    data = good.read_bytes()
    (tmp_path / "cut.parquet").write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.parquet").write_bytes(b"")
    (tmp_path / "other.parquet").write_bytes(b"not parquet at all")
    shards, broken = list_shards(str(tmp_path), InputForm())
    assert [shard.path for shard in shards] == ["good.parquet"]
    assert [shard.path for shard in broken] == ["cut.parquet", "empty.parquet", "other.parquet"]
    assert "0 bytes" in broken[1].problem
    assert all(shard.problem and "\n" not in shard.problem for shard in broken)


def test_a_missing_column_names_the_shard_and_the_nearest_column(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.parquet", {"text": ["x"], "ident": ["1"]})
    write_shard(tmp_path / "b/b.parquet", {"texts": ["x"], "ident": ["1"]})
    with pytest.raises(InputError, match=r"b/b\.parquet: no column 'text'.*Did you mean 'texts'"):
        list_shards(str(tmp_path), InputForm())
    with pytest.raises(
        InputError, match=r"a\.parquet: no column 'id'.*which input\.id names.*Did you mean 'ident'"
    ):
        list_shards(str(tmp_path), InputForm(columns=Columns(id="id")))


@pytest.mark.parametrize("kind", TEXT_TYPES, ids=str)
def test_text_may_be_of_any_text_type(tmp_path: Path, kind: pa.DataType) -> None:
    path = write_shard(tmp_path / "a.parquet", {"text": column(TEXTS, kind)})
    (shard,), _ = list_shards(str(path), InputForm())
    piece = Slice(shard.path, (0, 1), 0, shard.rows, whole=True)
    read = read_slice(str(path), InputForm(), piece, ["text"])
    found = [as_text(rows.batch.column("text")) for rows in read]
    expected = [None if text is None else text.encode() for text in TEXTS]
    assert [value for array in found for value in array.to_pylist()] == expected
    assert {array.type for array in found} == {pa.large_binary()}


@pytest.mark.parametrize(
    "array",
    [
        pa.array([1]),
        pa.array([["x"]]),
        pa.array([{"a": "x"}]),
        pa.array([1]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_other_types_are_not_text(tmp_path: Path, array: pa.Array) -> None:
    write_shard(tmp_path / "a.parquet", {"text": array})
    with pytest.raises(InputError, match="expected string, large_string or binary"):
        list_shards(str(tmp_path), InputForm())


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (pa.array([7, None, -1]), ["7", None, "-1"]),
        (pa.array(["a", None], pa.large_string()), ["a", None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([b"a"], pa.binary()), ["a"]),
        (pa.array([None], pa.null()), [None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_ids_sources_and_urls_become_strings(array: pa.Array, expected: list[Any]) -> None:
    assert as_string(array).to_pylist() == expected
    assert as_string(array).type == pa.string()


@pytest.mark.parametrize(
    "array", [pa.array([["a"]]), pa.array([b"\xff"]), pa.array([{"a": 1}])], ids=lambda array: str(array.type)
)
def test_what_has_no_text_form_cannot_serve_as_id(array: pa.Array) -> None:
    with pytest.raises(InputError, match="cannot serve as id, source or url"):
        as_string(array)


def test_check_columns_speaks_of_roles() -> None:
    schema = pa.schema([("body", pa.string()), ("n", pa.int64())])
    check_columns(schema, {"input.text": "body", "input.id": "n"}, "a")
    with pytest.raises(InputError, match=r"no column 'link', which input\.url names"):
        check_columns(schema, {"input.text": "body", "input.url": "link"}, "a")
    twice = pa.schema([("body", pa.string()), ("body", pa.string())])
    with pytest.raises(InputError, match="2 columns are called 'body'"):
        check_columns(twice, {"input.text": "body"}, "a")


def test_roles_resolve_to_columns() -> None:
    columns = Columns(text="body", source="origin")
    assert columns.named() == {"text": "body", "source": "origin"}
    assert [columns.resolve(name) for name in ("source", "url", "date")] == ["origin", "url", "date"]


@settings(max_examples=examples(25))
@given(
    groups=st.lists(st.integers(1, 7), max_size=5),
    window=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    batch_rows=st.integers(1, 9),
)
def test_any_slice_of_any_row_groups_reads_its_rows(
    tmp_path_factory: pytest.TempPathFactory, groups: list[int], window: tuple[int, int], batch_rows: int
) -> None:
    path = tmp_path_factory.mktemp("slice") / "a.parquet"
    starts = np.concatenate([[0], np.cumsum(groups)]).astype(int).tolist()
    table = pa.table({"text": [f"row {row}" for row in range(starts[-1])], "n": list(range(starts[-1]))})
    with pq.ParquetWriter(path, pa.schema([("text", pa.string()), ("n", pa.int64())])) as writer:
        for start, stop in pairwise(starts):
            writer.write_table(table.slice(start, stop - start).cast(writer.schema))
    (shard,), _ = list_shards(str(path), InputForm())
    assert shard.group_rows == tuple(groups)
    assert shard.rows == starts[-1]
    assert len(shard.group_text_bytes) == len(groups)
    first, last = sorted(min(edge, len(groups)) for edge in window)
    piece = Slice("a.parquet", (first, last), starts[first], starts[last], whole=False)
    read = read_slice(str(path.parent), InputForm(), piece, ["n"], most_rows=batch_rows)
    batches = [rows.batch for rows in read]
    assert [row for batch in batches for row in batch.column("n").to_pylist()] == list(
        range(piece.start, piece.stop)
    )
    assert all(batch.num_rows <= batch_rows for batch in batches)


@pytest.mark.parametrize("group_rows", [None, 1])
def test_a_file_of_no_rows_is_a_shard(tmp_path: Path, group_rows: int | None) -> None:
    path = tmp_path / "a.parquet"
    schema = pa.schema([("text", pa.string())])
    if group_rows is None:
        pq.ParquetWriter(path, schema).close()
    else:
        pq.write_table(schema.empty_table(), path)
    (shard,), broken = list_shards(str(tmp_path), InputForm())
    assert not broken
    assert shard.rows == 0
    piece = Slice("a.parquet", (0, len(shard.group_rows)), 0, 0, whole=True)
    assert sum(rows.batch.num_rows for rows in read_slice(str(tmp_path), InputForm(), piece, None)) == 0


def test_the_footer_names_what_is_in_the_file(tmp_path: Path) -> None:
    def footer(name: str, texts: list[str], **options: Any) -> str:
        write_shard(tmp_path / name / "a.parquet", {"text": texts}, **options)
        ((shard,), _) = list_shards(str(tmp_path / name), InputForm())
        return shard.footer

    base = footer("a", ["x", "y", "z"])
    assert footer("same", ["x", "y", "z"]) == base
    assert footer("longer", ["x", "y", "zz"]) != base
    assert footer("other", ["x", "y", "w"]) != base
    assert footer("grouped", ["x", "y", "z"], row_group_rows=1) != base


def test_a_shard_that_changed_under_the_run_is_an_input_error(tmp_path: Path) -> None:
    path = write_shard(tmp_path / "a.parquet", {"text": ["x"] * 9}, row_group_rows=3)
    piece = Slice("a.parquet", (0, 3), 0, 9, whole=True)
    write_shard(path, {"text": ["x"] * 3}, row_group_rows=3)
    with pytest.raises(InputError, match=r"a\.parquet: rows 0-9 cannot be read"):
        list(read_slice(str(tmp_path), InputForm(), piece, None))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"a\.parquet: rows 0-9 cannot be read"):
        list(read_slice(str(tmp_path), InputForm(), piece, None))


@settings(max_examples=examples(100))
@given(st.lists(st.integers(0, 12), max_size=20), st.integers(1, 20))
def test_micro_batches_cover_all_rows_and_respect_the_cap(lengths: list[int], cap: int) -> None:
    runs = micro_batches(np.array(lengths, np.int64), cap)
    assert [row for start, stop in runs for row in range(start, stop)] == list(range(len(lengths)))
    for start, stop in runs:
        assert stop > start
        assert sum(lengths[start:stop]) <= cap or stop - start == 1
    for (start, stop), _ in pairwise(runs):
        assert sum(lengths[start : stop + 1]) > cap
