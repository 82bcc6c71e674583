"""The same documents under two targets: the one that may have seen them, and one that cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagov.errors import InputError
from detectors.statistics.roc import Z95, placements

__all__ = ["PairedAuroc", "paired_auroc"]


@dataclass(frozen=True)
class PairedAuroc:
    """AUROC under the target minus AUROC under the control, on the same documents."""

    target: float
    control: float
    difference: float
    low: float | None
    high: float | None
    """95 % interval; None where both targets order the documents alike and nothing varies."""
    p_value: float | None
    """Of no difference, two-sided."""


def paired_auroc(
    members: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
    non_members: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> PairedAuroc:
    """Compare two targets.

    Parameters
    ----------
    members : pair of float64[n1]
        Scores of the members (or suspects) under the target and under the control, document by document.
    non_members : pair of float64[n0]
        The same of the non-members.

    Raises
    ------
    InputError
        The two targets scored different numbers of documents, or there are fewer than two of a kind.

    Source: DeLong, DeLong and Clarke-Pearson 1988.
    """
    from scipy.stats import norm  # noqa: PLC0415 - loaded where a distribution is needed

    for side in (members, non_members):
        if len(side[0]) != len(side[1]):
            raise InputError(
                f"the target scored {len(side[0])} documents and the control {len(side[1])} of the same kind"
            )
        if len(side[0]) < 2:
            raise InputError("a paired comparison needs at least two documents of each kind")
    above, below = zip(*(placements(m, n) for m, n in zip(members, non_members, strict=True)), strict=True)
    target, control = float(above[0].mean()), float(above[1].mean())
    gain_1, gain_0 = above[0] - above[1], below[0] - below[1]
    spread = float(np.sqrt(gain_1.var(ddof=1) / len(gain_1) + gain_0.var(ddof=1) / len(gain_0)))
    difference = target - control
    if spread == 0:
        return PairedAuroc(target, control, difference, None, None, None)
    return PairedAuroc(
        target,
        control,
        difference,
        difference - Z95 * spread,
        difference + Z95 * spread,
        float(2 * norm.sf(abs(difference) / spread)),
    )
