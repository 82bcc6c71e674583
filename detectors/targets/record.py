"""What is written down of targets: rows of the ledger's table `targets`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pyarrow as pa

from detectors.tables import TARGETS
from detectors.targets.target import Target

__all__ = ["targets_table"]


def targets_table(targets: Sequence[Target]) -> pa.Table:
    """Return one row a target: its facts and capabilities."""
    rows = []
    for target in targets:
        facts, capabilities = asdict(target.facts), asdict(target.capabilities)
        rows.append(
            {
                **facts,
                **capabilities,
                "target": facts["digest"],
                "tokenizer": facts["tokenizer_digest"],
                "statistics": sorted(capabilities["statistics"]),
            }
        )
    return pa.Table.from_pylist([{name: row[name] for name in TARGETS.names} for row in rows], schema=TARGETS)
