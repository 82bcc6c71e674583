"""The limits that a step's quantile bounds have for one document, where they differ by source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datagov.ledger.console import fetch
from datagov.ledger.quoting import literal

if TYPE_CHECKING:
    import duckdb

    from datagov.ledger.reader import Ledger

__all__ = ["set_own_limits"]


def set_own_limits(
    con: duckdb.DuckDBPyConnection,
    ledger: Ledger,
    step: str,
    found: Mapping[str, Any],
    signals: Sequence[dict[str, Any]],
) -> None:
    """Put the limits for one document's source into what is told of a step's signals."""
    for path in ledger.step_files("limits").get(step, ()):
        sql = (
            f'SELECT signal, bound, "limit" AS own FROM read_parquet({literal(path)}) '  # noqa: S608 - from the manifest
            "WHERE \"by\" = 'source' AND stratum IS NOT DISTINCT FROM $source"
        )
        own = fetch(con, sql, params={"source": found["source"]}).records()
        limits = {(row["signal"], row["bound"]): row["own"] for row in own}
        for signal in signals:
            for name in ("min", "max"):
                if (signal["signal"], name) in limits:
                    signal[name] = limits[signal["signal"], name]
