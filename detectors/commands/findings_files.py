"""Reading the tables of findings and trials that commands are given."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def read_trials(path: Path) -> pa.Table:
    """Return trials; raises as `read_findings` does."""
    from detectors.tables import TRIALS

    return _read(path, TRIALS.names, "trials", "`datagov detect lab trials`").select(TRIALS.names)


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
            f"{what} {path}: no column {', '.join(map(repr, missing))}; expected what {maker} writes"
        )
    return table
