from __future__ import annotations

import numpy as np
import pyarrow as pa
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh3_128_digest

from datagov.ids import as_uuid, digest, doc_ids, halves, hex_id, row_ids, value_ids

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)


def hexes(ids: pa.Array) -> list[str | None]:
    return [None if value is None else hex_id(value) for value in ids.storage.to_pylist()]


@settings(max_examples=examples(100))
@given(st.lists(TEXTS, max_size=4), st.lists(TEXTS, max_size=4))
def test_a_digest_tells_every_list_of_parts_apart(a: list[str], b: list[str]) -> None:
    assert (digest(*a) == digest(*b)) == (a == b)


def test_identities_are_for_good() -> None:
    """They are written into users' data: these values may never change."""
    assert digest("ab", "c") == digest("ab", b"c") == "f2eda2708bcfd51cc05c0ee4c9f60440"
    assert hexes(doc_ids("d", pa.array(["x"]))) == ["cf14061aaa7d132b700db5f68f441517"]
    assert hexes(row_ids("d", "a.parquet", 3, 1)) == ["824908afa797ef41727a46d7ec49adf0"]


@settings(max_examples=examples(50))
@given(st.lists(TEXTS, unique=True, max_size=6), TEXTS, TEXTS)
def test_doc_ids_name_dataset_and_id(ids: list[str], dataset: str, other: str) -> None:
    found = hexes(doc_ids(dataset, pa.array(ids, pa.string())))
    assert len(set(found)) == len(ids)
    assert found == hexes(doc_ids(dataset, pa.array(ids, pa.large_string())))
    if dataset != other:
        assert not set(found) & set(hexes(doc_ids(other, pa.array(ids, pa.string()))))


def test_an_id_depends_on_nothing_else() -> None:
    together = hexes(doc_ids("d", pa.array(["x", "y", "z"])))
    apart = [hexes(doc_ids("d", pa.array([value])))[0] for value in "xyz"]
    assert together == apart
    assert hexes(row_ids("d", "a.parquet", 0, 5))[3:] == hexes(row_ids("d", "a.parquet", 3, 2))


def test_row_ids_tell_datasets_shards_and_rows_apart() -> None:
    found = [
        *hexes(row_ids("d", "a", 0, 20)),
        *hexes(row_ids("d", "a1", 0, 20)),
        *hexes(row_ids("e", "a", 0, 20)),
        *hexes(doc_ids("d", pa.array(["a", "0"]))),
    ]
    assert len(set(found)) == len(found)


def test_value_ids_are_of_the_bytes() -> None:
    texts = ["abc", "", None, "漢字"]
    expected = [None if not text else xxh3_128_digest(text.encode()).hex() for text in texts]
    for kind in (pa.string(), pa.large_string()):
        assert hexes(value_ids(pa.array(texts, kind))) == expected
    raw = pa.array([None if text is None else text.encode() for text in texts], pa.binary())
    assert hexes(value_ids(raw)) == expected


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=8), st.integers(0, 8))
def test_halves_are_the_two_big_endian_numbers(values: list[bytes], start: int) -> None:
    ids = as_uuid(values).slice(start)
    high, low = halves(ids)
    assert high.dtype == low.dtype == np.uint64
    assert [(int(a) << 64) | int(b) for a, b in zip(high, low, strict=True)] == [
        int.from_bytes(value, "big") for value in values[start:]
    ]


def test_ids_are_uuids() -> None:
    ids = as_uuid([b"\0" * 16, None])
    assert ids.type == pa.uuid()
    assert ids.null_count == 1
