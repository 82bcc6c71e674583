"""Whatever shape the input has: same documents, same decisions, and nothing lost on the way out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from governing import Governed, write_shard
from made_corpora import prose, variant, write_corpus

from datagov.errors import ConfigError, InputError, PartialRun
from datagov.ids import doc_ids, row_ids

Run = Callable[..., Governed]
Recipe = Callable[..., Path]

BASES = {f"{at:02d}": prose(at, 30) for at in range(12)}
TEXTS: dict[str, str | None] = {
    **BASES,
    **{f"{key} copy": text for key, text in list(BASES.items())[:4]},
    **{f"{key} near": variant(text, longer=3) for key, text in list(BASES.items())[2:7]},
    "null": None,
    "blank": " ",
}
STEPS: list[dict[str, Any]] = [{"exact_dedup": {}}, {"near_dedup": {"bands": 20, "rows": 2, "shingle": 3}}]


def hexes(ids: pa.Array) -> list[str]:
    return [value.hex() for value in ids.storage.to_pylist()]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe, govern: Run) -> Governed:
    folder = tmp_path_factory.mktemp("plain")
    write_corpus(folder / "corpus", TEXTS)
    return govern(recipe(folder, steps=STEPS))


@pytest.mark.parametrize(
    ("shards", "row_group_rows", "part_rows"), [(1, 1, 1), (1, 3, 7), (4, 2, None), (7, None, 1), (23, 1, 5)]
)
def test_layout_does_not_matter(
    plain: Governed,
    tmp_path: Path,
    recipe: Recipe,
    govern: Run,
    shards: int,
    row_group_rows: int | None,
    part_rows: int | None,
) -> None:
    write_corpus(tmp_path / "corpus", TEXTS, shards=shards, row_group_rows=row_group_rows)
    done = govern(recipe(tmp_path, steps=STEPS), part_rows=part_rows)
    assert done.verdicts() == plain.verdicts()
    assert done.exported().equals(plain.exported())


def test_something_was_decided(plain: Governed) -> None:
    assert {step["removed"] for step in plain.manifest["steps"]} == {4, 5}
    assert plain.counts["errored"] == 1


def test_a_single_file_is_an_input(plain: Governed, tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    path = write_corpus(tmp_path / "corpus", TEXTS) / "00.parquet"
    (tmp_path / "corpus/neighbour.parquet").write_bytes(b"not looked at")
    done = govern(recipe(tmp_path, input={"path": str(path)}, steps=STEPS))
    assert done.verdicts() == plain.verdicts()
    assert done.manifest["data"] == ["data/r1/00.parquet"]


def test_numbers_are_ids_too(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": pa.array([7, 12], pa.int64()), "text": ["x", "y"]})
    rows = govern(recipe(tmp_path)).decisions()
    assert list(rows) == ["7", "12"]
    assert [row["doc_id"] for row in rows.values()] == hexes(doc_ids("tests", pa.array(["7", "12"])))


def test_without_an_id_documents_are_named_by_shard_and_row(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    texts = [prose(at) for at in range(5)]
    write_shard(tmp_path / "corpus/x/a.parquet", {"text": texts[:3]}, row_group_rows=2)
    write_shard(tmp_path / "corpus/b.parquet", {"text": texts[3:]})
    done = govern(recipe(tmp_path, input={"id": None}), part_rows=2)
    rows = done.rows("SELECT doc_id, id, shard, shard_row FROM documents ORDER BY shard DESC, shard_row")
    expected = [*hexes(row_ids("tests", "x/a.parquet", 0, 3)), *hexes(row_ids("tests", "b.parquet", 0, 2))]
    assert [row["doc_id"] for row in rows] == expected
    assert {row["id"] for row in rows} == {None}
    assert [row["shard_row"] for row in rows] == [0, 1, 2, 0, 1]


def test_the_output_of_a_run_is_an_input_with_its_identities(
    plain: Governed, tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    source = {"path": str(plain.out / "data/r1"), "id": None}
    again = govern(recipe(tmp_path, dataset="another", input=source))
    before = plain.rows("SELECT doc_id FROM decisions WHERE action = 'keep' ORDER BY 1")
    assert again.rows("SELECT doc_id FROM decisions ORDER BY 1") == before
    assert again.exported().schema == plain.exported().schema
    assert again.exported().column_names.count("doc_id") == 1


def test_a_doc_id_column_of_another_kind_is_only_a_column(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1"], "text": ["x"], "doc_id": ["mine"]})
    done = govern(recipe(tmp_path))
    assert done.exported().column("doc_id").to_pylist() == ["mine"]
    assert done.rows("SELECT doc_id FROM documents") == [
        {"doc_id": hexes(doc_ids("tests", pa.array(["1"])))[0]}
    ]


def test_all_columns_pass_through_with_their_types(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    stamp = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    columns: dict[str, pa.Array] = {
        "flag": pa.array([True, None, False]),
        "text": pa.array(["one text", None, "another text"], pa.string()),
        "id": pa.array([1, 2, 3], pa.uint16()),
        "when": pa.array([stamp, None, stamp], pa.timestamp("us", tz="UTC")),
        "day": pa.array([dt.date(2024, 1, 1)] * 3),
        "price": pa.array([Decimal("1.50"), None, Decimal("2.25")], pa.decimal128(9, 2)),
        "tags": pa.array([["a", None], [], None], pa.list_(pa.string())),
        "meta": pa.array([{"a": 1, "b": {"c": "x"}}, None, {"a": 2, "b": None}]),
        "pairs": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int32())),
        "raw": pa.array([b"\xff", b"", None], pa.binary()),
        "hash": pa.array([b"abcd", None, b"efgh"], pa.binary(4)),
        "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
        "nothing": pa.nulls(3),
        "with.dot": pa.array([0.5, float("inf"), None], pa.float32()),
        "Ünïcode name": pa.array(["ä", "ö", "ü"], pa.large_string()),
    }
    table = pa.table(columns).replace_schema_metadata({"made": "by hand"})
    write_shard(tmp_path / "corpus/a.parquet", table, row_group_rows=2)
    done = govern(recipe(tmp_path, steps=[{"normalise": {}}]))
    found = pq.read_table(done.out / "data/r1/a.parquet")
    expected = table.filter(table.column("text").is_valid())
    assert found.column_names == [*table.column_names, "doc_id"]
    for name in table.column_names:
        kind = pa.large_string() if name == "text" else table.schema.field(name).type
        assert found.schema.field(name).type == kind
        assert found.column(name).cast(kind).to_pylist() == expected.column(name).to_pylist()
    assert found.schema.metadata[b"made"] == b"by hand"


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
def test_any_type_of_text(
    plain: Governed, tmp_path: Path, recipe: Recipe, govern: Run, kind: pa.DataType
) -> None:
    text = pa.array(list(TEXTS.values()), pa.string())
    text = text.dictionary_encode() if pa.types.is_dictionary(kind) else text.cast(kind)
    write_shard(tmp_path / "corpus/00.parquet", {"id": list(TEXTS), "text": text}, row_group_rows=5)
    done = govern(recipe(tmp_path, steps=STEPS), part_rows=5)
    assert done.verdicts() == plain.verdicts()
    assert done.exported().schema.field("text").type == pa.large_string()


def test_the_output_has_the_edited_text(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    texts = {"a": "cafe\u0301", "b": "\ufeffbell\x07\r\n", "c": "ｆｕｌｌ", "d": "plain"}
    write_corpus(tmp_path / "corpus", texts)
    steps: list[dict[str, Any]] = [{"normalise": {}}]
    done = govern(recipe(tmp_path, steps=steps))
    assert done.exported().column("text").to_pylist() == ["café", "bell\r\n", "ｆｕｌｌ", "plain"]
    steps = [{"normalise": {"strip_control": False}}, {"exact_dedup": {}}, {"normalise": {"form": "NFKC"}}]
    done = govern(recipe(tmp_path, steps=steps))
    assert done.exported().column("text").to_pylist() == ["café", "bell\r\n", "full", "plain"]
    names = [entry["step"] for entry in done.manifest["tables"]["edits"]]
    assert names == ["normalise-1", "normalise-2"]
    for name, ids in (("edits_normalise_1", ["a"]), ("edits_normalise_2", ["b", "c"])):
        changed = done.rows(f"SELECT id FROM {name} JOIN documents USING (doc_id) WHERE changed")  # noqa: S608
        assert [row["id"] for row in changed] == ids


def test_zero_rows_in_zero_rows_out(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("n", pa.int8())])
    write_shard(tmp_path / "corpus/b.parquet", schema.empty_table())
    pq.ParquetWriter(tmp_path / "corpus/c.parquet", schema).close()
    steps = [{"normalise": {}}, {"filter": {"profile": "gopher-en"}}, *STEPS]
    done = govern(recipe(tmp_path, steps=steps))
    assert done.counts["documents_in"] == done.counts["kept"] == 0
    assert done.manifest["data"] == ["data/r1/b.parquet", "data/r1/c.parquet"]
    assert done.exported().num_rows == 0
    assert done.rows("SELECT * FROM decisions") == []
    write_shard(
        tmp_path / "corpus/a.parquet",
        {"id": ["1", "2"], "text": ["x", "x"], "n": pa.array([1, 2], pa.int8())},
    )
    done = govern(recipe(tmp_path, steps=STEPS))
    assert (done.counts["kept"], done.exported().column("n").to_pylist()) == (1, [1])


def test_ids_that_occur_twice_are_named(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1", "2", "1"], "text": ["x", "y", "z"]})
    write_shard(tmp_path / "corpus/b.parquet", {"id": ["2", "3"], "text": ["v", "w"]})
    with pytest.raises(InputError) as caught:
        govern(recipe(tmp_path))
    for piece in (
        "2 document id(s)",
        "a.parquet:0 and a.parquet:2",
        "a.parquet:1 and b.parquet:0",
        "column 'id'",
    ):
        assert piece in caught.value.message


def test_an_id_that_is_null_is_named(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    write_shard(tmp_path / "corpus/a.parquet", {"id": ["1", None], "text": ["x", "y"]})
    with pytest.raises(InputError, match=r"a\.parquet:1: column 'id' is NULL"):
        govern(recipe(tmp_path))


def test_a_shard_without_a_column_that_a_step_reads(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    write_corpus(tmp_path / "corpus", {"a": "x"})
    steps = [{"exact_dedup": {"keep": {"newest": "date"}}}]
    with pytest.raises(InputError, match=r"no column 'date', which step 'exact_dedup' \(date\) names"):
        govern(recipe(tmp_path, steps=steps))


def test_an_unreadable_shard_stops_before_anything_is_compared(
    tmp_path: Path, recipe: Recipe, govern: Run
) -> None:
    root = write_corpus(tmp_path / "corpus", TEXTS, shards=3)
    whole = (root / "01.parquet").read_bytes()
    (root / "01.parquet").write_bytes(whole[: len(whole) // 2])
    path = recipe(tmp_path, steps=STEPS)
    with pytest.raises(PartialRun, match=r"1 shard\(s\) of .* cannot be read: 01\.parquet"):
        govern(path, part_rows=8)
    assert not (tmp_path / "out/ledger/decisions").exists()
    skipping = govern(recipe(tmp_path, steps=STEPS, input={"unreadable": "skip"}), part_rows=8)
    assert skipping.counts["documents_in"] == len(TEXTS) - 8
    assert "01.parquet" in skipping.manifest["warnings"][0]
    (root / "01.parquet").write_bytes(whole)
    assert govern(path, part_rows=8).counts["documents_in"] == len(TEXTS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dataset": "other"}, "belongs to another dataset: 'tests', this recipe says 'other'"),
        ({"input": {"path": "elsewhere"}}, "belongs to another input"),
    ],
)
def test_an_output_folder_of_something_else_is_refused(
    tmp_path: Path, recipe: Recipe, govern: Run, changes: dict[str, Any], message: str
) -> None:
    write_corpus(tmp_path / "corpus", {"a": "x"})
    write_corpus(tmp_path / "elsewhere", {"b": "y, and more"})
    govern(recipe(tmp_path))
    if "input" in changes:
        changes = {"input": {"path": str(tmp_path / "elsewhere")}}
    with pytest.raises(ConfigError, match=message):
        govern(recipe(tmp_path, **changes))


def test_an_input_that_moved_is_the_same_input(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    write_corpus(tmp_path / "corpus", TEXTS)
    first = govern(recipe(tmp_path, steps=STEPS))
    (tmp_path / "corpus").rename(tmp_path / "moved")
    second = govern(recipe(tmp_path, steps=STEPS, input={"path": str(tmp_path / "moved")}))
    assert (second.manifest["run_id"], second.verdicts()) == (first.manifest["run_id"], first.verdicts())


def test_a_folder_with_other_files_is_no_output(tmp_path: Path, recipe: Recipe, govern: Run) -> None:
    write_corpus(tmp_path / "corpus", {"a": "x"})
    path = recipe(tmp_path)
    for output, message in (
        (tmp_path / "corpus", "not a datagov output"),
        (tmp_path, "not a datagov output"),
        (path, "is a file"),
        (tmp_path / "corpus/out", "inside the input"),
    ):
        with pytest.raises(ConfigError, match=message):
            govern(path, output=str(output))
    assert sorted(item.name for item in (tmp_path / "corpus").iterdir()) == ["00.parquet"]
