"""What the probe of an endpoint found, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from datagov.ids import digest
from detectors.targets.http.answers import Row
from detectors.targets.target import Capabilities

__all__ = ["Check", "Conformance", "Outcome", "fingerprint"]

Outcome = Literal["passed", "failed", "undecided", "skipped"]
ROUNDED = 2
"""Decimals of the probe's mean log-probabilities in a digest, so that rounding of the last bits changes none."""


@dataclass(frozen=True)
class Check:
    """One thing that was tried."""

    name: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True)
class Conformance:
    """An endpoint's capability record."""

    capabilities: Capabilities
    checks: tuple[Check, ...]
    convention: str
    verified_live: bool
    """Whether the convention was ever checked against its engine itself."""
    top: int
    """Alternatives a position that the endpoint gives when asked."""
    text_only: bool = False
    """Whether it takes text and no ids although its convention has them; its prompts are then never scored."""
    prompts: Sequence[Sequence[int]] = field(default=(), repr=False)
    """Rows of the probe."""
    rows: Sequence[Row] = field(default=(), repr=False)
    """What the endpoint says of them; empty where it says nothing."""

    @property
    def fingerprint(self) -> str:
        """32 hex digits naming the model by what it says of the probe."""
        return fingerprint(self.rows)

    @property
    def reasons(self) -> list[str]:
        """Why log-probabilities of prompts are not exact."""
        found = [
            check.detail
            for check in self.checks
            if check.outcome == "failed" or (check.outcome, check.name) == ("undecided", "alignment")
        ]
        return list(dict.fromkeys(found))

    def record(self) -> dict[str, Any]:
        """Return the record as JSON knows it."""
        facts = asdict(self.capabilities)
        return {
            **facts,
            "statistics": sorted(self.capabilities.statistics),
            "convention": self.convention,
            "verified_live": self.verified_live,
            "checks": [asdict(check) for check in self.checks],
        }


def fingerprint(rows: Sequence[Row]) -> str:
    """Return a digest of the mean log-probability of each row, rounded."""
    means = [float(np.mean(row.logprob, dtype=np.float64)) for row in rows]
    return digest(*(f"{mean:.{ROUNDED}f}" for mean in means))
