# ruff: noqa: S608 - the statements are those of the test
from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from datagov.errors import ConfigError, LedgerError
from datagov.ledger import reader
from datagov.ledger.reader import Ledger
from datagov.ledger.tables import FORMAT_VERSION, TABLES
from datagov.ledger.views import create_file_views, view_names

if TYPE_CHECKING:
    from pathlib import Path


def test_the_newest_completed_run_is_opened_unless_another_is_named(out: Path) -> None:
    assert Ledger.open(out).run_id == "r2"
    assert Ledger.open(f"{out}@r1").run_id == "r1"
    assert Ledger.open(out, run="r1").run_id == "r1"


def test_an_unfinished_run_is_refused_when_named(out: Path) -> None:
    with pytest.raises(LedgerError, match="not finished"):
        Ledger.open(f"{out}@r3")


def test_an_unknown_run_names_the_known_ones(out: Path) -> None:
    with pytest.raises(ConfigError, match="r1, r2, r3"):
        Ledger.open(f"{out}@r9")


def test_a_folder_that_is_no_output_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not an output folder"):
        Ledger.open(tmp_path)
    with pytest.raises(ConfigError, match="does not exist"):
        Ledger.open(tmp_path / "nowhere")


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "datagov.json").write_text('{"format": 99}')
    with pytest.raises(ConfigError, match="upgrade"):
        Ledger.open(tmp_path)


def test_an_output_without_a_completed_run_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "datagov.json").write_text('{"format": 1}')
    with pytest.raises(LedgerError, match="datagov run"):
        Ledger.open(tmp_path)


def test_the_format_is_that_of_the_tables() -> None:
    assert reader.FORMAT == FORMAT_VERSION


@pytest.mark.parametrize("path", ["../elsewhere.parquet", "/etc/passwd"])
def test_a_manifest_cannot_lead_out_of_the_folder(out: Path, path: str) -> None:
    with pytest.raises(LedgerError, match="outside the folder"):
        Ledger.open(out).paths([path])


def test_views_hold_every_document_once_with_its_part_and_row(out: Path) -> None:
    con = Ledger.open(f"{out}@r1").connect()
    found = con.execute("SELECT count(*), count(DISTINCT doc_id), count(DISTINCT (part, row)) FROM documents")
    assert found.fetchone() == (14, 14, 14)
    joined = con.execute("SELECT count(*) FROM documents JOIN decisions USING (doc_id, part, row)")
    assert joined.fetchone() == (14,)
    assert con.execute(
        "SELECT max(len(doc_id)), bool_and(doc_id ~ '^[0-9a-f]{32}$') FROM decisions"
    ).fetchone() == (
        32,
        True,
    )


def test_signals_are_doubles_and_undefined_stays_null(out: Path) -> None:
    con = Ledger.open(f"{out}@r1").connect()
    wide = "SELECT word_count, mean_word_length FROM signals_filter_1 JOIN documents USING (doc_id) WHERE id = $id"
    assert con.execute(wide, {"id": "en-short"}).fetchall() == [(3.0, 1.0)]
    assert con.execute(wide, {"id": "zh-1"}).fetchall() == [(None, None)]
    long = "SELECT count(*), count(value) FROM signals WHERE step = 'filter-1' AND signal = 'word_count'"
    assert con.execute(long).fetchone() == (14, 12)


def test_every_view_can_be_read_and_no_column_needs_quotes(out: Path) -> None:
    con = Ledger.open(f"{out}@r1").connect()
    views = con.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main' ORDER BY ALL"
    ).fetchall()
    names = {name for (name,) in views}
    assert names >= {
        "bounds", "buckets", "counts", "decisions", "documents", "edits_normalise", "errors", "pairs", "part_files",
        "parts", "reasons", "runs", "signals", "signals_filter_1", "signals_filter_2", "steps", "templates", "warnings",
    }  # fmt: skip
    reserved = {
        name
        for (name,) in con.execute(
            "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'"
        ).fetchall()
    }
    for name in names:
        columns = [column[0] for column in con.execute(f"SELECT * FROM {name} LIMIT 1").description or ()]
        assert columns
        assert not reserved & set(columns), name
        con.execute(f"SELECT {', '.join(columns)} FROM {name}").fetchall()


def test_wide_integers_are_not_rounded(out: Path) -> None:
    assert Ledger.open(f"{out}@r1").connect().execute("SELECT key FROM buckets").fetchone() == (2**64 - 1,)


def test_the_estimate_corrects_for_chance_agreement(out: Path) -> None:
    con = Ledger.open(f"{out}@r1").connect()
    row = con.execute("SELECT jaccard, estimate FROM pairs WHERE verified").fetchone()
    assert row == (0.8, pytest.approx((90 / 112 - 1 / 256) / (1 - 1 / 256)))


def test_a_run_without_tables_of_some_kind_has_them_empty(out: Path, tmp_path: Path) -> None:
    copied = tmp_path / "bare"
    shutil.copytree(out, copied)
    path = copied / "runs" / "r1.json"
    manifest = json.loads(path.read_text())
    for table in ("errors", "pairs", "buckets", "templates", "edits"):
        manifest["tables"][table] = []
    manifest["signals"] = []
    path.write_text(json.dumps(manifest))
    con = Ledger.open(copied, run="r1").connect()
    for view in ("errors", "pairs", "buckets", "templates", "signals"):
        assert con.execute(f"SELECT * FROM {view}").fetchall() == []


@pytest.mark.parametrize("table", sorted(TABLES))
def test_an_empty_table_has_the_columns_of_its_schema(table: str, out: Path) -> None:
    ledger = Ledger.open(f"{out}@r1")
    empty = Ledger(ledger.root, {**ledger.manifest, "tables": {}, "signals": []})
    con = empty.connect()
    if table != "edits":
        columns = {column[0] for column in con.execute(f"SELECT * FROM files.{table}").description or ()}
        assert {field.name for field in TABLES[table]} <= columns
    assert isinstance(TABLES[table], pa.Schema)


def test_a_missing_file_is_a_ledger_error(out: Path, tmp_path: Path) -> None:
    copied = tmp_path / "damaged"
    shutil.copytree(out, copied)
    for path in (copied / "ledger" / "documents").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(LedgerError, match="documents"):
        Ledger.open(copied).connect()


def test_only_the_tables_asked_for_are_opened(out: Path) -> None:
    from datagov.ledger.console import new_connection

    con = new_connection()
    files = create_file_views(con, Ledger.open(out), schema="few", only={"documents"})
    assert any("decisions" in path for path in files)
    views = con.execute("SELECT table_name FROM information_schema.tables").fetchall()
    assert views == [("documents",)]


def test_step_names_become_plain_view_names() -> None:
    assert view_names(["filter-1", "filter_1", "中文"]) == {
        "filter-1": "filter_1",
        "filter_1": "filter_1_",
        "中文": "中文",
    }
