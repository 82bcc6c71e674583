"""Reading the tables of findings and trials that commands are given."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

__all__ = ["read_findings", "read_trials"]


def read_findings(path: Path) -> pa.Table:
    """Return findings, joined or not.

    Raises
    ------
    InputError
        There is no such file, or it is none of findings.
    """
    from detectors.tables import FINDINGS

    return _read(path, FINDINGS.names, "findings", "`datagov detect fingerprint`")


def read_trials(paths: Sequence[Path], siblings: Sequence[Path] = ()) -> pa.Table:
    """Return the trials of some files, and joined findings of clean models as trials.

    Raises
    ------
    InputError
        As `read_findings` does, they are of another version, or a model is there twice: rates and p-values count models that
        know nothing of each other.
    """
    import pyarrow as pa

    found = pa.concat_tables([*map(_trials, paths), *map(_as_trial, siblings)])
    _refuse_repeated(found)
    return found


def _trials(path: Path) -> pa.Table:
    import json

    from detectors.fingerprint.probe_record import of_this_version
    from detectors.tables import TRIALS

    maker = "`datagov detect lab trials`"
    table = _read(path, TRIALS.names, "trials", maker).select(TRIALS.names)
    for settings in table.column("settings").unique().to_pylist():
        of_this_version(json.loads(settings), f"trials {path}", f"make them again with {maker}")
    return table


def _refuse_repeated(trials: pa.Table) -> None:
    """Refuse models that are there twice; clean ones of a base are one, whatever was planted beside them."""
    from datagov.errors import InputError

    seen = set()
    for row in trials.to_pylist():
        recipe = row["recipe"] if row["kind"] == "planted" else None
        model = (row["trial"], row["kind"], row["on_suspect"], recipe, row["settings"])
        if model in seen:
            raise InputError(
                f"the {row['kind']} model of trial {row['trial']} is there twice: give each file once, and make more trials "
                "with another --seed"
            )
        seen.add(model)


def _as_trial(path: Path) -> pa.Table:
    """Return a sibling's joined findings as a clean trial."""
    import pyarrow as pa

    from datagov.errors import InputError
    from detectors.fingerprint.probe_record import record_of, settings_of
    from detectors.fingerprint.verdict import hidden_statistics, strings_by_tier
    from detectors.tables import TRIALS

    table = read_findings(path)
    if "unexplained_bits" not in table.column_names:
        raise InputError(f"--sibling {path}: not held against a corpus; `datagov detect join` does that")
    record = record_of(table, str(path))
    tiers = list(strings_by_tier(table).values())
    row = {
        "trial": record["target"],
        "kind": "clean",
        "recipe": None,
        "on_suspect": False,
        "settings": settings_of(record),
        "family": record["family"],
        "coverage": record["coverage"],
        "unexplained": sum(tier in ("A", "B") for tier in tiers),
        "explained": tiers.count("C"),
        **hidden_statistics(table),
    }
    return pa.Table.from_pylist([row], schema=TRIALS)


def _read(path: Path, names: list[str], what: str, maker: str) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datagov.errors import InputError

    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError(f"{what} {path}: no such file; {maker} writes one") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{what} {path}: cannot be read ({error})") from error
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise InputError(
            f"{what} {path}: no column {', '.join(map(repr, missing))}; expected what {maker} writes. Where an earlier version of "
            "datagov wrote it, make it again"
        )
    return table
