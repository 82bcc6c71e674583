"""Lines of the table on lexicons: 10,000 terms over Chinese text on one core."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from measuring import OURS, PEERS, Row, attempt, failures, measure

LIMIT_MB = {"datagov": 16.0, "ahocorasick_rs": 16.0, "pyahocorasick": 4.0}
"""Most text each side is given, in MB."""
WANTED = 70.0
"""MB/s that are enough whatever a peer does; less is enough where it is as much as the fastest peer."""


def lexicon(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """Rates of ours and of two libraries, ours before and after."""
    folder = inputs["zh"]

    def rate(side: str) -> dict:
        return measure(
            OURS if side == "datagov" else PEERS,
            "bench_lexicon.py",
            *("--side", side, "--input", folder, "--limit-mb", LIMIT_MB[side] * scale),
            cores={cores[-1]},
        )

    first = attempt(partial(rate, "datagov"))
    peers = {side: attempt(partial(rate, side)) for side in ("ahocorasick_rs", "pyahocorasick")}
    runs = [run for run in (first, attempt(partial(rate, "datagov"))) if isinstance(run, dict)]
    ours = max((run["bytes"] / run["cpu_seconds"] / 1e6 for run in runs), default=None)
    rows = []
    for side, peer in peers.items():
        work = f"10,000 terms vs {side}"
        if isinstance(peer, str) or ours is None:
            rows.append(Row(work, folder.name, ours, None, "MB/s", None, "", None, failures(first, peer)))
            continue
        theirs = peer["bytes"] / peer["cpu_seconds"] / 1e6
        note = f"{side}: {peer['found']} found in {peer['bytes'] / 1e6:.1f} MB; datagov: {runs[0]['found']} in {runs[0]['bytes'] / 1e6:.1f} MB"
        target = f">= {WANTED:g} MB/s or 1x" if side == "ahocorasick_rs" else ""
        reached = ours >= WANTED or ours >= theirs if target else None
        rows.append(Row(work, folder.name, ours, theirs, "MB/s", ours / theirs, target, reached, note))
    return rows
