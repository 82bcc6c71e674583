"""Reading a part: small shards come together, long texts stay apart, and nothing is lost or out of order."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import write_shard
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.columns import Columns, text_sizes
from datagov.documents import list_shards
from datagov.files import Files
from datagov.shards import InputForm
from pipelines import texts
from pipelines.parts import cut
from pipelines.stretches import Stretch, joined_columns, together
from pipelines.texts import Chunk, Source, read_part

KINDS = (pa.string(), pa.large_string(), pa.null())


def stretch(shard: str, first: int, ids: list[str | None], kind: pa.DataType) -> Stretch:
    batch = pa.record_batch({"id": pa.array(ids if kind != pa.null() else [None] * len(ids), kind)})
    rows = np.arange(first, first + len(ids))
    text = pa.array([b"t"] * len(ids), pa.large_binary())
    return Stretch(shard, rows, batch, pa.array(ids), text, np.zeros(len(ids), np.uint8))


LENGTHS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), max_size=30)


@settings(max_examples=100)
@given(lengths=LENGTHS, most_rows=st.integers(1, 20), as_they_stand=st.booleans())
def test_stretches_come_together_in_order_while_they_are_alike_and_small(
    lengths: list[tuple[int, int]], most_rows: int, as_they_stand: bool
) -> None:
    made = [
        stretch(f"{number}.parquet", 0, [f"{number}-{row}" for row in range(rows)], KINDS[kind])
        for number, (rows, kind) in enumerate(lengths)
    ]
    groups = list(together(made, most_bytes=10_000, most_rows=most_rows, as_they_stand=as_they_stand))
    assert [item for group in groups for item in group] == made
    for group in groups:
        assert len(group) == 1 or sum(len(item.text) for item in group) <= most_rows
        kinds = {item.columns.schema.types[0] for item in group}
        assert len(kinds - (set() if as_they_stand else {pa.null()})) <= 1
        whole = joined_columns([item.columns for item in group])
        assert whole.column(0).to_pylist() == [name for item in group for name in item.columns[0].to_pylist()]
    for group, after in pairwise(groups):
        alike = {item.columns.schema.types[0] for item in [*group, after[0]]}
        several = len(alike if as_they_stand else alike - {pa.null()}) > 1
        assert several or sum(len(item.text) for item in [*group, after[0]]) > most_rows


def chunks(root: Path, *, columns: tuple[str, ...] | None = (), **form: Any) -> list[Chunk]:
    source = Source(str(root), "tests", InputForm(**{"columns": Columns(id="id"), **form}), 1.0)
    shards, broken = list_shards(str(root), source.form)
    assert not broken
    parts = cut(shards)
    assert len(parts) == 1
    return list(read_part(source, parts[0].slices, columns))


def test_small_shards_share_a_chunk(tmp_path: Path) -> None:
    for number in range(20):
        ids = [f"{number}-{row}" for row in range(number % 4)]
        write_shard(tmp_path / f"{number:02d}.parquet", {"id": ids, "text": [f"text {name}" for name in ids]})
    (chunk,) = chunks(tmp_path)
    expected = [(f"{number:02d}.parquet", row) for number in range(20) for row in range(number % 4)]
    assert list(zip(chunk.shards.to_pylist(), chunk.shard_rows.tolist(), strict=True)) == expected
    assert chunk.columns.column("id").to_pylist() == [f"{int(name[:2])}-{row}" for name, row in expected]
    assert chunk.texts.to_pylist() == [f"text {name}" for name in chunk.columns.column("id").to_pylist()]
    assert len(set(chunk.doc_ids.to_pylist())) == len(expected)


def test_columns_without_values_and_dictionaries_are_of_any_type_unless_they_pass_through(
    tmp_path: Path,
) -> None:
    packed = pa.array(["a"]).dictionary_encode()
    sources = [pa.array(["a"]), pa.array([None]), packed, pa.array([None], pa.string())]
    for number, source in enumerate(sources):
        write_shard(tmp_path / f"{number}.parquet", {"id": [str(number)], "text": ["t"], "source": source})
    (chunk,) = chunks(tmp_path, columns=("source",))
    assert chunk.columns.column("source").to_pylist() == ["a", None, "a", None]
    passed = chunks(tmp_path, columns=None)
    assert [chunk.columns.schema.field("source").type for chunk in passed] == [it.type for it in sources]
    assert [chunk.start for chunk in passed] == [0, 1, 2, 3]


def test_a_dictionary_of_long_texts_is_unpacked_a_micro_batch_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "MICRO_BATCH_BYTES", 50_000)
    long = [f"{number}" * 10_000 for number in range(10)]
    index = pa.array([0, 1, None, *range(10)] * 200, pa.int32())
    table = pa.table(
        {
            "id": [str(row) for row in range(len(index))],
            "text": pa.DictionaryArray.from_arrays(index, pa.array(long)),
        }
    )
    (tmp_path / "corpus").mkdir()
    pq.write_table(table, tmp_path / "corpus/a.parquet", store_schema=False)
    found = chunks(tmp_path / "corpus")
    assert max(len(chunk.text.buffers()[2] or b"") for chunk in found) <= 50_000
    whole = [value for chunk in found for value in chunk.text.to_pylist()]
    assert whole == [None if at is None else long[at].encode() for at in index.to_pylist()]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_binary(), pa.dictionary(pa.int8(), pa.string())], ids=str
)
def test_text_sizes_are_bytes_and_zero_for_null(kind: pa.DataType) -> None:
    column = pa.array(["漢", None, "", "ab"]).cast(kind) if not pa.types.is_dictionary(kind) else None
    column = pa.array(["漢", None, "", "ab"]).dictionary_encode() if column is None else column
    assert text_sizes(column).tolist() == [3, 0, 0, 2]
    assert text_sizes(column.slice(1)).tolist() == [0, 0, 2]
    assert text_sizes(pa.nulls(2)).tolist() == [0, 0]


def test_files_inside_a_folder_are_those_that_the_listing_has_there(tmp_path: Path) -> None:
    for name in ("b.txt", "a/2.txt", "a/10.txt", "a/.hidden.txt", "a/b/3.txt", "_x/4.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("t")
    files = Files(str(tmp_path))
    listed = files.found()
    for folder in (".", "a", "a/b"):
        inside = [file for file in listed if str(Path(file.path).parent) == folder]
        assert files.inside(folder) == inside
        assert inside
