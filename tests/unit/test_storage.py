from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from datagov.errors import InputError, LedgerError, PartialRun
from datagov.storage import (
    ROW_GROUP_ROWS,
    Output,
    Receipt,
    commit,
    encode_table,
    publish,
    read_receipt,
)
from datagov.storage import replace as put

TABLE = pa.table({"n": pa.array([1, 2, 3], pa.int64()), "s": pa.array(["a", None, "漢"], pa.string())})
DRAFT = Receipt("measure", "p-1", (), {"rows": 3}, {"modified": [["a.parquet", 7]]}, 0.5)
RECEIPT = "receipts/measure-1/p-1.json"


def done(root: Path, draft: Receipt = DRAFT) -> Receipt:
    return commit(
        root, RECEIPT, draft, [Output("ledger/t/p-1.parquet", TABLE), Output("work/f/p-1.npy", b"bytes")]
    )


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_commit_publishes_files_and_then_says_so(tmp_path: Path) -> None:
    receipt = done(tmp_path)
    assert names(tmp_path) == ["ledger/t/p-1.parquet", RECEIPT, "work/f/p-1.npy"]
    assert read_receipt(tmp_path, RECEIPT) == receipt
    assert [file.rows for file in receipt.files] == [3, 0]
    assert [file.bytes for file in receipt.files] == [
        (tmp_path / file.path).stat().st_size for file in receipt.files
    ]
    assert pq.read_table(tmp_path / "ledger/t/p-1.parquet").equals(TABLE)


def test_receipts_tell_contents_from_timing(tmp_path: Path) -> None:
    first = done(tmp_path / "a")
    later = done(tmp_path / "b", replace(DRAFT, seconds=9.0))
    other = done(tmp_path / "c", replace(DRAFT, facts={"rows": 4}))
    assert first.digest == later.digest
    assert first.digest != other.digest


def test_a_unit_is_not_done_without_its_receipt_inputs_or_files(tmp_path: Path) -> None:
    assert read_receipt(tmp_path, RECEIPT) is None
    done(tmp_path)
    assert read_receipt(tmp_path, RECEIPT, inputs={"modified": [["a.parquet", 7]]}) is not None
    assert read_receipt(tmp_path, RECEIPT, inputs={"modified": [["a.parquet", 8]]}) is None
    (tmp_path / "work/f/p-1.npy").write_bytes(b"byte")
    assert read_receipt(tmp_path, RECEIPT) is None
    done(tmp_path)
    assert read_receipt(tmp_path, RECEIPT) is not None
    (tmp_path / "work/f/p-1.npy").unlink()
    assert read_receipt(tmp_path, RECEIPT) is None


@pytest.mark.parametrize("written", ["{not json", "", "{}", "[]", "null", '{"files": [1]}', '{"files": []}'])
def test_a_receipt_that_is_none_is_reported(tmp_path: Path, written: str) -> None:
    path = tmp_path / RECEIPT
    path.parent.mkdir(parents=True)
    path.write_text(written)
    with pytest.raises(LedgerError, match=r"is not a receipt.*delete it and run again"):
        read_receipt(tmp_path, RECEIPT)


def test_publishing_twice_leaves_one_file_and_no_traces(tmp_path: Path) -> None:
    path = tmp_path / "folder/file"
    publish(path, b"same")
    before = path.stat()
    publish(path, b"same")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    publish(path, b"what a cut-off attempt left is replaced")
    assert path.read_bytes() == b"what a cut-off attempt left is replaced"
    assert names(tmp_path) == ["folder/file"]


def test_a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    put(path, b"old")
    with path.open("rb") as reader:
        put(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["manifest.json"]


def test_a_path_that_is_in_the_way_is_a_partial_run(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_bytes(b"a file, not a folder")
    with pytest.raises(PartialRun, match=r"cannot write.*run again to resume"):
        publish(tmp_path / "ledger/file", b"")


def test_equal_tables_give_equal_bytes_however_they_are_chunked() -> None:
    chunked = pa.concat_tables([TABLE.slice(0, 1), TABLE.slice(1, 2)])
    assert encode_table(chunked) == encode_table(TABLE)


@settings(max_examples=examples(30))
@given(st.lists(st.integers(0, 5), max_size=6))
def test_row_groups_are_as_asked(lengths: list[int]) -> None:
    table = pa.table({"n": pa.array(range(sum(lengths)), pa.int64())})
    file = pq.ParquetFile(pa.BufferReader(encode_table(table, row_groups=lengths)))
    found = [file.metadata.row_group(index).num_rows for index in range(file.metadata.num_row_groups)]
    assert found == lengths
    assert [file.read_row_group(index).num_rows for index in range(len(lengths))] == lengths
    file.close()


@pytest.mark.parametrize("rows", [0, 1, ROW_GROUP_ROWS, ROW_GROUP_ROWS + 1])
def test_fixed_row_groups(rows: int) -> None:
    table = pa.table({"n": pa.array(range(rows), pa.int64())})
    file = pq.ParquetFile(pa.BufferReader(encode_table(table, encodings={"n": "DELTA_BINARY_PACKED"})))
    assert file.metadata.num_rows == rows
    assert file.read().equals(table)
    assert file.metadata.num_row_groups == max(1, -(-rows // ROW_GROUP_ROWS))
    file.close()


def test_a_receipt_is_plain_json(tmp_path: Path) -> None:
    done(tmp_path)
    record = json.loads((tmp_path / RECEIPT).read_bytes())
    assert set(record) == {"stage", "unit", "files", "facts", "inputs", "seconds", "spent"}
    assert record["files"][0]["path"] == "ledger/t/p-1.parquet"


def test_a_unit_that_earlier_runs_refer_to_is_not_replaced_by_other_results(tmp_path: Path) -> None:
    draft = Receipt(stage="measure", unit="p-1", files=(), facts={}, inputs={"modified": [["a.parquet", 1]]})
    commit(tmp_path, "receipts/x.json", draft, [Output("ledger/x.parquet", b"first")])
    touched = Receipt(
        stage="measure", unit="p-1", files=(), facts={}, inputs={"modified": [["a.parquet", 2]]}
    )
    commit(tmp_path, "receipts/x.json", touched, [Output("ledger/x.parquet", b"first")])
    with pytest.raises(InputError, match="another output folder"):
        commit(tmp_path, "receipts/x.json", touched, [Output("ledger/x.parquet", b"second")])
    assert (tmp_path / "ledger/x.parquet").read_bytes() == b"first"
