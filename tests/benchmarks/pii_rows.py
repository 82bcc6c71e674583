"""Lines of the table on personal data: nine kinds, on one core."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from measuring import OURS, PEERS, Row, attempt, failures, limit, measure

TARGET = 20.0
LIMIT_MB = {"datagov": 32.0, "presidio": 2.0}
"""Most text each side is given, in MB."""


def personal_data(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """Rates and ratios against presidio-analyzer's recognisers by pattern."""
    rows = []
    for name in ("zh_reviews", inputs["en"].name):
        folder = inputs["en"].parent / name
        if not folder.is_dir():
            continue

        def rate(side: str, folder: Path = folder) -> dict:
            return measure(
                PEERS if side == "presidio" else OURS,
                "bench_pii.py",
                *("--side", side, "--input", folder, "--limit-mb", LIMIT_MB[side] * scale),
                *("--repeats", 3 if side == "datagov" else 1),
                cores={cores[-1]},
            )

        ours, theirs = (attempt(partial(rate, side)) for side in ("datagov", "presidio"))
        work = "personal data vs presidio's patterns"
        if isinstance(ours, str) or isinstance(theirs, str):
            rows.append(
                Row(work, name, None, None, "MB/s", None, limit(TARGET), None, failures(ours, theirs))
            )
            continue
        rates = [run["bytes"] / run["cpu_seconds"] / 1e6 for run in (ours, theirs)]
        note = f"presidio: {theirs['bytes'] / 1e6:.1f} MB; datagov: {ours['bytes'] / 1e6:.1f} MB"
        ratio = rates[0] / rates[1]
        rows.append(Row(work, name, *rates, "MB/s", ratio, limit(TARGET), ratio >= TARGET, note))
    return rows
