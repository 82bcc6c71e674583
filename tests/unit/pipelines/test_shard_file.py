"""Row groups of kept shards: bounded, and the same whatever batches the documents come in."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.encoding import encode_table
from pipelines import shard_file
from pipelines.shard_file import ShardFile

LENGTHS = st.lists(st.integers(0, 60), max_size=40)


def table(lengths: list[int]) -> pa.Table:
    texts = pa.array(["x" * length for length in lengths], pa.large_string())
    return pa.table({"n": pa.array(range(len(lengths)), pa.int64()), "text": texts})


def written(lengths: list[int], cuts: list[int]) -> bytes:
    whole = table(lengths)
    file = ShardFile(whole.schema)
    edges = sorted({0, len(lengths), *(min(cut, len(lengths)) for cut in cuts)})
    for start, stop in pairwise(edges):
        file.add(whole.slice(start, stop - start), np.array(lengths[start:stop], np.int64))
    assert file.rows == len(lengths)
    return file.finish()


@pytest.fixture(autouse=True, scope="module")
def _small() -> Iterator[None]:
    """Small row groups: at most 7 documents or 100 bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard_file, "ROW_GROUP_ROWS", 7)
        patch.setattr(shard_file, "ROW_GROUP_BYTES", 100)
        yield


@settings(max_examples=60)
@given(lengths=LENGTHS, cuts=st.lists(st.integers(0, 40), max_size=6))
def test_row_groups_are_full_and_do_not_depend_on_batches(lengths: list[int], cuts: list[int]) -> None:
    data = written(lengths, cuts)
    assert data == written(lengths, [])
    file = pq.ParquetFile(io.BytesIO(data))
    assert file.read().equals(table(lengths))
    groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    assert sum(groups) == len(lengths)
    ends = np.cumsum(groups)
    for rows, end in zip(groups, ends, strict=True):
        held = sum(lengths[end - rows : end])
        assert rows <= 7
        assert held <= 100 or rows == 1
        if end < len(lengths):
            assert rows == 7 or held + lengths[end] > 100
    assert len(groups) == 1 or all(groups)


def test_a_dictionary_may_change_from_batch_to_batch() -> None:
    parts = []
    for base in (0, 100):
        values = pa.array([f"value {base + number}" for number in range(100)])
        parts.append(pa.DictionaryArray.from_arrays(pa.array(range(100), pa.int16()), values))
    column = pa.chunked_array(parts)
    data = encode_table(pa.table({"name": column, "n": pa.chunked_array([[1] * 50, [2] * 150])}))
    found = pq.read_table(io.BytesIO(data))
    assert found.column("name").to_pylist() == column.to_pylist()
