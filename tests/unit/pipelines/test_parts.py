from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.documents import list_shards
from datagov.errors import InputError
from datagov.shards import InputForm, Shard
from pipelines.parts import Part, check_output_names, cut, output_name

ROWS = st.integers(0, 40)
GROUPS = st.lists(st.tuples(ROWS, st.integers(0, 90)), max_size=6)


def shard(name: str, groups: list[tuple[int, int]], footer: str = "f") -> Shard:
    rows, sizes = zip(*groups, strict=True) if groups else ((), ())
    return Shard(name, sum(sizes) + 9, 1, footer, tuple(rows), tuple(sizes))


SHARDS = st.lists(GROUPS, min_size=1, max_size=8).map(
    lambda items: [shard(f"{index:02d}.parquet", groups) for index, groups in enumerate(items)]
)
CAPS = {"part_bytes": st.integers(1, 200), "part_rows": st.integers(1, 90)}


def groups_of(part: Part) -> list[tuple[str, int]]:
    return [(piece.path, group) for piece in part.slices for group in range(*piece.groups)]


@settings(max_examples=examples(200))
@given(shards=SHARDS, **CAPS)
def test_every_row_once_and_in_order(shards: list[Shard], part_bytes: int, part_rows: int) -> None:
    parts = cut(shards, part_bytes=part_bytes, part_rows=part_rows)
    rows = [
        (piece.path, row) for part in parts for piece in part.slices for row in range(piece.start, piece.stop)
    ]
    assert rows == [(item.path, row) for item in shards for row in range(item.rows)]
    groups = [group for part in parts for group in groups_of(part)]
    assert groups == [(item.path, group) for item in shards for group in range(len(item.group_rows))]
    assert {piece.path for part in parts for piece in part.slices} == {item.path for item in shards}


@settings(max_examples=examples(200))
@given(shards=SHARDS, **CAPS)
def test_caps_hold_and_parts_are_not_smaller_than_need_be(
    shards: list[Shard], part_bytes: int, part_rows: int
) -> None:
    by_path = {item.path: item for item in shards}
    parts = cut(shards, part_bytes=part_bytes, part_rows=part_rows)

    def full(groups: list[tuple[str, int]]) -> float:
        rows = sum(by_path[path].group_rows[group] for path, group in groups)
        size = sum(by_path[path].group_text_bytes[group] for path, group in groups)
        return max(rows / part_rows, size / part_bytes)

    def whole(path: str) -> list[tuple[str, int]]:
        return [(path, group) for group in range(len(by_path[path].group_rows))]

    for part in parts:
        groups = groups_of(part)
        assert max(part.rows / part_rows, part.text_bytes / part_bytes) == full(groups)
        # Over a cap only for want of a place to cut: one row group, and such as hold no row.
        assert full(groups) <= 1 or sum(by_path[path].group_rows[group] > 0 for path, group in groups) <= 1
        assert all(piece.whole for piece in part.slices) or len(part.slices) == 1
    for part, after in pairwise(parts):
        path, following = part.slices[-1].path, after.slices[0].path
        if path == following:
            assert full([*groups_of(part), groups_of(after)[0]]) > 1
        else:
            large = full(whole(path)) > 1 or full(whole(following)) > 1
            assert large or full([*groups_of(part), *whole(following)]) > 1 or full(groups_of(part)) >= 0.5


@settings(max_examples=examples(100))
@given(shards=SHARDS, **CAPS)
def test_slices_say_what_they_are(shards: list[Shard], part_bytes: int, part_rows: int) -> None:
    by_path = {item.path: item for item in shards}
    for part in cut(shards, part_bytes=part_bytes, part_rows=part_rows):
        assert [path for path, _ in part.modified] == [piece.path for piece in part.slices]
        for piece in part.slices:
            rows = by_path[piece.path].group_rows
            assert piece.start == sum(rows[: piece.groups[0]])
            assert piece.stop == sum(rows[: piece.groups[1]])
            assert piece.whole == (piece.groups == (0, len(rows)))


@settings(max_examples=examples(100))
@given(shards=SHARDS, gone=st.sets(st.integers(0, 7)), part_rows=st.integers(1, 90))
def test_a_part_keeps_its_name_when_other_shards_come_and_go(
    shards: list[Shard], gone: set[int], part_rows: int
) -> None:
    left = [item for index, item in enumerate(shards) if index not in gone]
    before, after = cut(shards, part_rows=part_rows), cut(left, part_rows=part_rows)
    content = {part.name: part for part in before}
    assert len(content) == len(before)
    for part in after:
        same = [other for other in before if other.slices == part.slices]
        if same:
            assert part.name == same[0].name
        else:
            assert part.name not in content


@settings(max_examples=examples(100))
@given(shards=SHARDS, groups=st.lists(st.tuples(st.integers(1, 9), st.just(9)), min_size=2, max_size=9))
def test_a_large_shard_is_cut_by_itself_whatever_stands_around_it(
    shards: list[Shard], groups: list[tuple[int, int]]
) -> None:
    large = shard("04-large.parquet", [*groups, (20, 9)])
    alone = cut([large], part_rows=20)
    around = cut(sorted([*shards, large], key=lambda item: item.path), part_rows=20)
    assert [part for part in around if large.path in {piece.path for piece in part.slices}] == alone


@pytest.mark.slow
def test_a_small_shard_that_comes_or_goes_changes_few_of_many_groups() -> None:
    random = Random(1)
    shards = [shard(f"{index:05d}.parquet", [(1, random.randint(1, 2000))]) for index in range(2000)]
    before = cut(shards, part_bytes=20_000)
    names = {part.name for part in before}
    assert sum(part.text_bytes for part in before) > 0.6 * 20_000 * len(before)
    changed = []
    for gone in random.sample(range(len(shards)), 100):
        after = cut(shards[:gone] + shards[gone + 1 :], part_bytes=20_000)
        changed.append(len({part.name for part in after} - names))
    assert len(before) > 100
    assert sum(changed) / len(changed) < 3
    assert max(changed) < 20


def test_names_follow_contents_and_not_modification_times() -> None:
    base = shard("a.parquet", [(1, 1)])
    (part,) = cut([base])
    assert cut([replace(base, mtime_ns=2)])[0].name == part.name
    assert cut([replace(base, mtime_ns=2)])[0].modified != part.modified
    for other in (
        replace(base, footer="g"),
        replace(base, size=1),
        replace(base, path="b.parquet"),
        shard("a.parquet", [(1, 1), (1, 1)]),
    ):
        assert cut([other])[0].name != part.name


def test_shards_of_no_rows_belong_to_a_part() -> None:
    shards = [
        shard("a", []),
        shard("b", [(0, 0)]),
        shard("c", [(5, 5)]),
        shard("d", [(9, 9)]),
        shard("e", []),
    ]
    parts = cut(shards, part_rows=5)
    assert [[piece.path for piece in part.slices] for part in parts] == [["a", "b", "c"], ["d"], ["e"]]
    assert all(piece.whole for part in parts for piece in part.slices)


@settings(max_examples=examples(100))
@given(shards=SHARDS, part_rows=st.integers(1, 90))
def test_every_piece_is_written_to_a_file_of_its_own(shards: list[Shard], part_rows: int) -> None:
    parts = cut(shards, part_rows=part_rows)
    check_output_names(parts)
    names = [output_name(piece) for part in parts for piece in part.slices]
    assert len(set(names)) == len(names)
    whole = {piece.path for part in parts for piece in part.slices if piece.whole}
    assert whole <= set(names)


def test_a_piece_that_would_overwrite_another_shard_is_refused() -> None:
    shards = [shard("x/a.00001.parquet", [(1, 1)]), shard("x/a.parquet", [(2, 2), (2, 2)])]
    check_output_names(cut(shards))
    with pytest.raises(InputError, match=r"x/a\.00001\.parquet and x/a\.parquet: .*Rename one"):
        check_output_names(cut(shards, part_rows=2))


def test_parts_of_real_files(tmp_path: Path) -> None:
    for name, rows, group in (("a", 10, 3), ("b", 2, 2), ("c/d", 25, 100)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        table = pa.table({"text": [f"{name} {row}" for row in range(rows)]})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=group)
    shards, _ = list_shards(str(tmp_path), InputForm())
    parts = cut(shards, part_rows=6)
    assert [[(piece.path, piece.start, piece.stop) for piece in part.slices] for part in parts] == [
        [("a.parquet", 0, 6)],
        [("a.parquet", 6, 10)],
        [("b.parquet", 0, 2)],
        [("c/d.parquet", 0, 25)],
    ]
    assert all(part.text_bytes > 0 for part in parts)
