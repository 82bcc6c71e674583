# ruff: noqa: S608 - the statements are those of the test
from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from datagov.errors import ConfigError
from datagov.ledger.console import check_reading, select
from datagov.ledger.reader import Ledger

READING = [
    "SELECT 1",
    "select 1;",
    "FROM documents",
    "VALUES (1)",
    "DESCRIBE documents",
    "SHOW TABLES",
    "SUMMARIZE SELECT 1",
    "EXPLAIN SELECT 1",
    "explain analyze SELECT 1",
    "SELECT 1 UNION ALL SELECT 2",
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r WHERE a < 3) SELECT * FROM r",
    "SELECT * FROM range(3)",
    "SELECT * FROM decisions, unnest(reasons)",
    "SELECT * FROM duckdb_views() LIMIT 1",
]


@pytest.mark.parametrize("sql", READING)
def test_reading_statements_run(out: Path, sql: str) -> None:
    select(Ledger.open(f"{out}@r1").connect(), sql)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP VIEW documents",
        "CREATE TABLE x AS SELECT 1",
        "CREATE TEMP TABLE x AS SELECT 1",
        "INSERT INTO runs SELECT * FROM runs",
        "DELETE FROM runs",
        "UPDATE runs SET run_id = 'x'",
        "DROP VIEW documents",
        "SET threads = 1",
        "RESET threads",
        "ATTACH 'x.db'",
        "INSTALL httpfs",
        "LOAD json",
        "PRAGMA version",
        "CALL pragma_version()",
        "COPY documents TO 'x.csv'",
        "EXPLAIN COPY documents TO 'x.csv'",
        "EXPLAIN ANALYZE COPY documents TO 'x.csv'",
        "EXPLAIN ANALYZE INSERT INTO runs SELECT * FROM runs",
        "EXPLAIN EXPLAIN ANALYZE COPY documents TO 'x.csv'",
        "EXPLAIN /* */ ANALYZE COPY documents TO 'x.csv'",
        "EXPLAIN (ANALYZE) COPY documents TO 'x.csv'",
        "WITH a AS (COPY documents TO 'x.csv') SELECT * FROM a",
        "WITH a AS (INSERT INTO runs SELECT * FROM runs RETURNING *) SELECT * FROM a",
        "WITH a AS (DELETE FROM runs RETURNING *) SELECT * FROM a",
        "WITH a AS (UPDATE runs SET run_id = 'x' RETURNING *) SELECT * FROM a",
        "EXPLAIN ANALYZE WITH a AS (COPY documents TO 'x.csv') SELECT * FROM a",
        "SELECT * FROM query('SELECT 1')",
        "SELECT * FROM json_execute_serialized_sql('{}')",
        "SELECT * FROM JSON_EXECUTE_SERIALIZED_SQL('{}')",
        "SELECT (SELECT count(*) FROM read_text('/etc/passwd'))",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM enable_logging()",
        "SELECT * FROM enable_profiling()",
        "SELECT * FROM checkpoint()",
        "SELECT * FROM create_external_resource('x')",
        "EXPORT DATABASE 'x'",
        "IMPORT DATABASE 'x'",
        "BEGIN TRANSACTION",
        "PREPARE p AS SELECT 1",
        "not sql at all",
    ],
)
def test_everything_else_is_refused(sql: str) -> None:
    with pytest.raises(ConfigError):
        check_reading(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM '/etc/os-release.csv'",
        "SELECT * FROM '{other}'",
        "SELECT * FROM '{inside}/../../other.parquet'",
    ],
)
def test_files_outside_the_ledger_cannot_be_read(out: Path, sql: str, tmp_path: Path) -> None:
    other = tmp_path / "other.parquet"
    duckdb.connect().execute(f"COPY (SELECT 1) TO '{other}'")
    with pytest.raises(ConfigError, match=r"Permission|does not exist"):
        select(
            Ledger.open(f"{out}@r1").connect(),
            sql.format(other=other, inside=str(tmp_path).replace("'", "''")),
        )


def test_the_input_is_outside_too(out: Path) -> None:
    shard = str(out.parent / "corpus" / "en" / "part-00000.parquet")
    with pytest.raises(ConfigError, match="Permission"):
        select(Ledger.open(f"{out}@r1").connect(), f"SELECT * FROM '{shard}'")


def test_the_fences_hold_without_the_check(out: Path, tmp_path: Path) -> None:
    """What the parse check refuses is also stopped by the connection, but for COPY onto a ledger file."""
    con = Ledger.open(f"{out}@r1").connect()
    for sql in (
        f"COPY (SELECT 1) TO '{tmp_path}/x.csv'",
        "ATTACH '/tmp/x.db'",
        "SET enable_external_access = true",
        "SET threads = 1",
        "SELECT * FROM read_text('/etc/passwd')",
    ):
        with pytest.raises(duckdb.Error):
            con.execute(sql)


def test_a_ledger_file_cannot_be_overwritten(out: Path) -> None:
    """Both ways that DuckDB 2.0 itself would allow: they are why the parse is checked."""
    ledger = Ledger.open(f"{out}@r1")
    path = Path(ledger.files("documents")[0])
    before = path.read_bytes()
    quoted = str(path).replace("'", "''")
    copy = f"WITH a AS (COPY (SELECT 1) TO '{quoted}' (FORMAT csv, USE_TMP_FILE false)) SELECT * FROM a"
    row = duckdb.connect().execute("SELECT json_serialize_sql(?)", [copy]).fetchone()
    assert row is not None
    serialized = json.dumps(json.loads(row[0])).replace("'", "''")
    for sql in (copy, f"SELECT * FROM json_execute_serialized_sql('{serialized}')"):
        with pytest.raises(ConfigError):
            select(ledger.connect(), sql)
    assert path.read_bytes() == before


def test_python_variables_cannot_be_read(out: Path) -> None:
    secret = pa.table({"a": [1]})
    assert secret.num_rows == 1
    with pytest.raises(ConfigError, match="secret"):
        select(Ledger.open(f"{out}@r1").connect(), "SELECT * FROM secret")


def test_rows_over_the_limit_are_announced(out: Path) -> None:
    con = Ledger.open(f"{out}@r1").connect()
    result = select(con, "SELECT * FROM range(5)", limit=3)
    assert (result.rows, result.truncated) == ([(0,), (1,), (2,)], True)
    assert not select(con, "SELECT * FROM range(3)", limit=3).truncated


def test_a_failed_query_leaves_the_console_usable(out: Path) -> None:
    con = Ledger.open(f"{out}@r1").connect()
    with pytest.raises(ConfigError, match="nonsense"):
        select(con, "SELECT nonsense FROM documents")
    assert select(con, "SELECT 1").rows == [(1,)]
