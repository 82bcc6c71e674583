"""One run of an output folder, found, checked and opened for reading.

Everything here follows the run's manifest: no folder is listed to find tables, so that files of
other runs, or of a part that was measured twice, are never read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import duckdb

from datagov.errors import ConfigError, LedgerError, did_you_mean
from datagov.ledger.console import lock, new_connection
from datagov.ledger.views import create_file_views, create_views
from datagov.places import is_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["FORMAT", "Ledger", "SignalBound", "SignalTable"]

FORMAT = 1
"""Newest version of the output folder's layout that this code reads
(`datagov.ledger.tables.FORMAT_VERSION`, repeated so that opening a ledger imports no Arrow)."""

AT_RUN = re.compile(r"^(?P<out>.+)@(?P<run>r[0-9]+)$")


@dataclass(frozen=True)
class SignalBound:
    """The limits a step set on one signal; None is no limit."""

    min: float | None
    max: float | None
    missing: str
    """What an undefined value means: keep | drop | fail."""
    source: str
    """Citation of the limits."""


@dataclass(frozen=True)
class SignalTable:
    """What one family measured for one filter step, and the limits the step set."""

    step: str
    family: str
    """`name@version`."""
    files: tuple[str, ...]
    rules: Mapping[str, tuple[str, str | None]]
    """Signal name -> (numerator column, denominator column or None)."""
    bounds: Mapping[str, SignalBound]
    """Signal name -> limits; signals without limits are absent."""
    labels: frozenset[str] = frozenset()
    """Signals whose values are codes of `datagov.labels`."""


@dataclass(frozen=True)
class Ledger:
    """A completed run of an output folder.

    Attributes
    ----------
    root : Path
        The output folder, absolute; every path of the manifest is relative to it.
    manifest : mapping
        The run's manifest as written.
    """

    root: Path
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, out: str | Path, *, run: str | None = None) -> Ledger:
        """Open `OUT` at its newest completed run, or at `run`; `OUT@r1` names the run in one word.

        The tables of an output folder in an object store are fetched to this machine first, once.

        Raises
        ------
        ConfigError
            If the folder is not an output folder, or has no such run.
        LedgerError
            If the run is unfinished, or its manifest cannot be read.
        """
        named = AT_RUN.match(str(out))
        if is_url(str(out)):
            from datagov.ledger.fetch import fetched  # noqa: PLC0415 - imports Arrow

            place, run = (named["out"], run or named["run"]) if named else (str(out), run)
            return cls.open(fetched(place, run=run), run=run)
        root = Path(out)
        if named and not root.exists():
            root, run = Path(named["out"]), run or named["run"]
        check_folder(root)
        manifests = {path.stem: path for path in sorted((root / "runs").glob("r*.json"))}
        if run is not None:
            if run not in manifests:
                raise ConfigError(f"{root} has no run {run!r}. {did_you_mean(run, manifests)}")
            manifest = read_json(manifests[run])
            if not manifest.get("complete"):
                raise LedgerError(f"{root}@{run} is not finished: run its recipe again to resume it.")
            return cls(root.resolve(), manifest)
        for name in sorted(manifests, key=run_number, reverse=True):
            manifest = read_json(manifests[name])
            if manifest.get("complete"):
                return cls(root.resolve(), manifest)
        raise LedgerError(f"{root} has no completed run yet: run its recipe (again) with 'datagov run'.")

    @property
    def run_id(self) -> str:
        """Name of the run, e.g. `r1`."""
        return str(self.manifest["run_id"])

    @property
    def title(self) -> str:
        """The run in one line: `r1 of web, recipe 03c0b7c0`, and the share of the documents it took."""
        share = self.manifest["input"].get("sample", 1)
        sampled = "" if share in (None, 1) else f", a sample of {share:g} of the documents"
        recipe = str(self.manifest["recipe_digest"])[:8]
        return f"{self.run_id} of {self.manifest['dataset']}, recipe {recipe}{sampled}"

    @property
    def steps(self) -> list[dict[str, Any]]:
        """The run's steps in order: name, kind, in, kept, removed, annotated, not_compared, seconds."""
        return list(self.manifest["steps"])

    @cached_property
    def signals(self) -> tuple[SignalTable, ...]:
        """What every filter step measured, in the order of the manifest."""
        return tuple(signal_table(entry, self.paths(entry["files"])) for entry in self.manifest["signals"])

    def manifests(self) -> list[dict[str, Any]]:
        """Return the manifests of all runs of this output folder, unfinished ones too, oldest first."""
        paths = sorted((self.root / "runs").glob("r*.json"), key=lambda path: run_number(path.stem))
        return [read_json(path) for path in paths]

    def files(self, table: str) -> list[str]:
        """Return the absolute paths of `documents`, `decisions` or `errors`, in part order."""
        return self.paths(self.manifest["tables"].get(table, ()))

    def step_files(self, table: str) -> dict[str, list[str]]:
        """Return step -> absolute paths for a table kept by step: pairs, buckets, templates, spans, edits.

        Of a step whose families found spans, several files can hold one part.
        """
        files: dict[str, list[str]] = {}
        for entry in self.manifest["tables"].get(table, ()):
            files.setdefault(entry["step"], []).extend(self.paths(entry["files"]))
        return files

    def terms(self) -> Iterator[tuple[str, str, str, str, str, float]]:
        """Yield step, family, id, text, category and weight of every term of the lexicons that the run looked for."""
        for step in self.manifest["recipe"].get("steps", ()):
            for family in step.get("families", ()) if step.get("kind") == "filter" else ():
                for term, (text, category, thousandths) in family["params"].get("terms", {}).items():
                    yield step["name"], family["family"], term, text, category, thousandths / 1000

    def paths(self, relative: Iterable[str]) -> list[str]:
        """Return manifest paths as absolute ones.

        Raises
        ------
        LedgerError
            If a path leads out of the output folder.
        """
        for path in relative:
            pure = PurePosixPath(path)
            if pure.is_absolute() or ".." in pure.parts:
                raise LedgerError(
                    f"{self.root}@{self.run_id}: the manifest names {path!r}, outside the folder."
                )
        return [str(self.root / path) for path in relative]

    def file_of(self, files: Iterable[str], part: str) -> str:
        """Return the file of a by-document table that holds `part`.

        Raises
        ------
        LedgerError
            If none does.
        """
        for path in files:
            if Path(path).stem == part:
                return path
        raise LedgerError(f"{self.root}@{self.run_id}: no table file for part {part!r}.")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Return an in-memory DuckDB connection with the ledger's views, able to read only its files.

        The views are those of `views.sql`, and `signals_STEP`, `edits_STEP` for each step. The
        configuration is locked; statements from users go through `datagov.ledger.console`.
        """
        con = new_connection()
        files = create_file_views(con, self, schema="files")
        try:
            create_views(con, self)
        except duckdb.Error as error:
            problem = str(error).partition("\n")[0]
            raise LedgerError(
                f"{self.root}@{self.run_id}: its tables are not those of this datagov ({problem}). "
                "Run its recipe again, or read it with the version that wrote it "
                f"({self.manifest.get('code_version')})."
            ) from error
        lock(con, files)
        return con


def signal_table(entry: Mapping[str, Any], files: list[str]) -> SignalTable:
    """Read one entry of the manifest's `signals`."""
    rules = {name: (rule["numerator"], rule.get("denominator")) for name, rule in entry["rules"].items()}
    bounds = {
        short_name(bound["signal"]): SignalBound(
            bound.get("min"), bound.get("max"), bound.get("missing", ""), bound.get("source", "")
        )
        for bound in entry.get("bounds", ())
    }
    labels = frozenset(name for name, rule in entry["rules"].items() if rule.get("is_label"))
    return SignalTable(entry["step"], entry["family"], tuple(files), rules, bounds, labels)


def short_name(signal: str) -> str:
    """Return a signal's name without its family: `words/word_count` -> `word_count`."""
    return signal.rpartition("/")[2]


def run_number(name: str) -> int:
    """Return 12 for `r12`; runs with other names sort first."""
    return int(name[1:]) if name[1:].isdigit() else -1


def check_folder(root: Path) -> None:
    """Raise ConfigError unless `root` is an output folder of a layout this code reads."""
    marker = root / "datagov.json"
    if not marker.is_file():
        what = (
            "is not an output folder of datagov (it holds no datagov.json)"
            if root.exists()
            else "does not exist"
        )
        raise ConfigError(f"{root} {what}. Give the recipe's output folder, e.g. --ledger out/ or out/@r1.")
    version = read_json(marker).get("format")
    if not isinstance(version, int) or version > FORMAT:
        raise ConfigError(
            f"{marker}: format {version!r} is not one this datagov reads (up to {FORMAT}): upgrade it."
        )


def read_json(path: Path) -> dict[str, Any]:
    """Read one JSON object of the ledger, or raise LedgerError."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LedgerError(f"{path} cannot be read: {error}.") from error
    if not isinstance(value, dict):
        raise LedgerError(f"{path} should hold a JSON object.")
    return value
