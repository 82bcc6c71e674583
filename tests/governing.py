"""Making small corpora and recipes, running them, and reading what came of it; no test logic."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from xxhash import xxh3_128_hexdigest

from datagov.ledger.reader import Ledger
from pipelines.demo.corpus import Plan as DemoPlan
from pipelines.demo.corpus import make_corpus
from pipelines.executors.local import LocalExecutor
from pipelines.parts import cut
from pipelines.plan import Plan, make_plan
from pipelines.progress import Reporter
from pipelines.recipe import load_recipe
from pipelines.run import run

__all__ = [
    "DemoPlan",
    "Finished",
    "Governed",
    "contents",
    "govern",
    "make_corpus",
    "plan_of",
    "run_program",
    "write_recipe",
    "write_shard",
]

COLUMNS = {"text": "text", "id": "id", "source": "source", "url": "url"}


def write_shard(
    path: Path, columns: Mapping[str, Any] | pa.Table, *, row_group_rows: int | None = None
) -> Path:
    """Write one Parquet shard, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = columns if isinstance(columns, pa.Table) else pa.table(dict(columns))
    pq.write_table(table, path, row_group_size=row_group_rows)
    return path


def write_recipe(folder: Path, **changes: Any) -> Path:
    """Write `folder/recipe.yaml`: input `folder/corpus`, output `folder/out`, and no dedup unless `steps` says so.

    `changes` replace keys of the recipe; those of a mapping `input` are merged, None takes one away.
    """
    source = {"path": str(folder / "corpus"), "text": "text", "id": "id", **changes.pop("input", {})}
    recipe = {
        "dataset": "tests",
        "input": {key: value for key, value in source.items() if value is not None},
        "output": str(folder / "out"),
        "steps": [{"exact_dedup": {}}],
        **changes,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Governed:
    """A run that was made in this process."""

    plan: Plan
    manifest: dict[str, Any]

    @property
    def out(self) -> Path:
        """The output folder."""
        return self.plan.out

    @property
    def counts(self) -> dict[str, int]:
        """Documents in, kept, removed, errored and orphaned, bytes in and kept."""
        return self.manifest["counts"]

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger of this run."""
        return Ledger.open(self.out, run=self.manifest["run_id"])

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with the ledger's views."""
        connection = self.ledger.connect()
        try:
            yield connection
        finally:
            connection.close()

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query over the ledger's views."""
        with self.connect() as connection:
            result = connection.execute(sql)
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def decisions(self) -> dict[str, dict[str, Any]]:
        """Return own id -> decision, with the documents' columns; keeper and survivor as own ids."""
        rows = self.rows("SELECT * FROM decisions JOIN documents USING (doc_id, part, row)")
        own = {row["doc_id"]: row["id"] for row in rows}
        for row in rows:
            for link in ("keeper", "survivor"):
                row[link] = own[row[link]] if row[link] is not None else None
        found = {row["id"]: row for row in rows}
        assert len(found) == len(rows)
        return found

    def verdicts(self) -> dict[str, tuple[Any, ...]]:
        """Return own id -> everything decided of a document, but for where it lies."""
        return {
            key: (
                row["action"],
                row["step"],
                tuple(
                    tuple(value for name, value in reason.items() if name != "keeper")
                    for reason in row["reasons"]
                ),
                row["keeper"],
                row["survivor"],
                row["orphaned"],
                row["cluster_size"],
            )
            for key, row in self.decisions().items()
        }

    def kept(self) -> set[str]:
        """Return the own ids of the documents the ledger says are kept."""
        return {key for key, row in self.decisions().items() if row["action"] == "keep"}

    def exported(self) -> pa.Table:
        """Return all kept documents as written, in the order of the manifest."""
        tables = [pq.read_table(self.out / path) for path in self.manifest["data"]]
        return pa.concat_tables(tables, promote_options="permissive")


def plan_of(recipe: Path, *, part_rows: int | None = None, sample: float = 1.0, **changes: Any) -> Plan:
    """Plan a recipe; `part_rows` cuts smaller parts than a real run would."""
    plan = make_plan(load_recipe(recipe, **changes), sample=sample)
    return plan if part_rows is None else replace(plan, parts=tuple(cut(plan.shards, part_rows=part_rows)))


def govern(
    recipe: Path,
    *,
    workers: int = 1,
    part_rows: int | None = None,
    sample: float = 1.0,
    share: tuple[int, int] | None = None,
    **changes: Any,
) -> Governed:
    """Plan and run a recipe quietly, with one worker in this process."""
    plan = plan_of(recipe, part_rows=part_rows, sample=sample, **changes)
    executor = LocalExecutor(workers)
    try:
        with Reporter(quiet=True) as reporter:
            manifest = run(plan, executor, reporter, share=share)
    finally:
        executor.close()
    return Governed(plan, manifest)


def contents(out: Path, *folders: str) -> dict[str, str]:
    """Return path -> digest of every file below some folders of an output folder."""
    files = (path for folder in folders for path in sorted((out / folder).rglob("*")) if path.is_file())
    return {path.relative_to(out).as_posix(): xxh3_128_hexdigest(path.read_bytes()) for path in files}


@dataclass(frozen=True)
class Finished:
    """A finished `datagov` process."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


def run_program(*arguments: str | Path, cwd: Path | None = None) -> Finished:
    """Run `datagov` as a user would."""
    command = [sys.executable, "-m", "datagov", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300)
    return Finished(done.returncode, done.stdout, done.stderr)
