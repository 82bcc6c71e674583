"""Which texts a lab model learns, which it never sees, and which only its tokenizer and frequency table see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from datagov.errors import ConfigError
from detectors.lab.clusters import near_duplicate_clusters
from detectors.lab.time_shift import shift_texts

__all__ = ["LabSizes", "LabTexts", "divide"]


@dataclass(frozen=True)
class LabSizes:
    """How many texts of each kind."""

    repeated: dict[int, int]
    """Times a member stands in the training data -> members of that kind."""
    non_members: int
    calibration: int
    background: int

    @property
    def members(self) -> int:
        """Different members."""
        return sum(self.repeated.values())

    @property
    def all(self) -> int:
        """Texts needed."""
        return self.members + self.non_members + self.calibration + self.background


@dataclass(frozen=True)
class LabTexts:
    """The texts of a lab, each set disjoint from the others by near-duplicate cluster."""

    members: list[str]
    repetition: list[int]
    non_members: list[str]
    calibration: list[str]
    """More non-members, for setting thresholds."""
    shifted: list[str]
    """The non-members' texts as of a later time."""
    background: list[str]
    """For the tokenizer and the frequency table only."""

    def training(self, *, seed: int) -> list[str]:
        """Return the members, each as often as it is repeated, in an order that depends on the seed alone."""
        copies = np.repeat(np.arange(len(self.members)), self.repetition)
        return [self.members[row] for row in np.random.default_rng(seed).permutation(copies)]

    def tables(self) -> dict[str, pa.Table]:
        """Return the sets as tables: `id`, `text`, `set`, `label` (1 a member, 0 not) and `repetition`."""
        parts = {
            "members": _table("member", self.members, 1, self.repetition),
            "non_members": _table("non_member", self.non_members, 0, [0] * len(self.non_members)),
            "calibration": _table("calibration", self.calibration, 0, [0] * len(self.calibration)),
            "shifted": _table("shifted", self.shifted, 0, [0] * len(self.shifted)),
            "background": _table("background", self.background, 0, [0] * len(self.background)),
        }
        parts["labelled"] = pa.concat_tables([parts["members"], parts["non_members"]])
        parts["trap"] = pa.concat_tables([parts["members"], parts["shifted"]])
        return parts


def divide(texts: Sequence[str], sizes: LabSizes, *, seed: int) -> LabTexts:
    """Divide texts at random; near-duplicates of each other stay on one side, and one of each cluster is used.

    Raises
    ------
    ConfigError
        There are too few different texts.
    """
    clusters = near_duplicate_clusters(texts)
    order = np.random.default_rng(seed).permutation(len(texts))
    _, first = np.unique(clusters[order], return_index=True)
    chosen = order[np.sort(first)]
    if len(chosen) < sizes.all:
        raise ConfigError(
            f"a lab of this size needs {sizes.all} texts that are no near-duplicates of each other, and there are "
            f"{len(chosen)} among {len(texts)}; give more texts or ask for a smaller lab"
        )
    cuts = np.cumsum([sizes.members, sizes.non_members, sizes.calibration, sizes.background])
    members, non_members, calibration, background, _ = (
        [texts[row] for row in rows] for rows in np.split(chosen, cuts)
    )
    return LabTexts(
        members=members,
        repetition=[times for times, count in sizes.repeated.items() for _ in range(count)],
        non_members=non_members,
        calibration=calibration,
        shifted=shift_texts(non_members, seed=seed),
        background=background,
    )


def _table(name: str, texts: list[str], label: int, repetition: list[int]) -> pa.Table:
    return pa.table(
        {
            "id": pa.array([f"{name}-{row:05d}" for row in range(len(texts))], pa.string()),
            "text": pa.array(texts, pa.large_string()),
            "set": pa.array([name] * len(texts), pa.string()),
            "label": pa.array([label] * len(texts), pa.int8()),
            "repetition": pa.array(repetition, pa.int32()),
        }
    )
