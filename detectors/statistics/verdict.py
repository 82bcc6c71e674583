"""One of four words for each suspect, with all that it rests on.

evidence: a known non-member would seldom score so high, and suspects cannot be told from non-members without the model.
no evidence: the score is within what non-members reach. It does not say that the text was not trained on.
confounded: suspects differ from the non-members in ways a classifier sees without any model.
not calibratable: the non-members are too few or unlike, or whether they are alike could not be decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError, InputError
from detectors.statistics.blind import BlindCheck
from detectors.statistics.conformal import Threshold, allowed_rank, p_values, threshold
from detectors.statistics.documents import Documents
from detectors.statistics.multiple import adjust, impossible

__all__ = ["VERDICTS", "Verdicts", "judge", "require_comparable"]

EVIDENCE: Final = "evidence"
NO_EVIDENCE: Final = "no evidence"
CONFOUNDED: Final = "confounded"
NOT_CALIBRATABLE: Final = "not calibratable"
VERDICTS: Final = (EVIDENCE, NO_EVIDENCE, CONFOUNDED, NOT_CALIBRATABLE)
LENGTH_FACTOR: Final = 2.0
"""Median lengths further apart than this are two length bands."""


@dataclass(frozen=True)
class Verdicts:
    """What is said of N suspect documents by one method."""

    words: list[str]
    """One of `VERDICTS` each."""
    reasons: list[str | None]
    """Why a word is not one of the first two: the method's reason for no score, `length_outside_calibration`,
    `too_few_non_members`, `blind_separated`, `blind_undecided` or `blind_not_run`."""
    p: npt.NDArray[np.float64]
    """Conformal p-values; NaN where a document has no score or its length is outside."""
    adjusted: npt.NDArray[np.float64]
    alpha: float
    correction: str
    calibration: Threshold | None
    """None where the non-members are too few for `alpha`."""
    non_members: int
    blind: BlindCheck | None
    remark: str | None
    """Why no suspect could have been evidence whatever its score; None where one could."""


def require_comparable(suspects: Documents, calibration: Documents) -> None:
    """Refuse to hold scores against non-members that were scored under other conditions or are of another length.

    Raises
    ------
    ConfigError
        Method or parameters differ.
    InputError
        Target, tokenizer, engine, dtype, start token, window policy or length band differ.
    """
    mine, theirs = (suspects.method, suspects.params), (calibration.method, calibration.params)
    if mine != theirs:
        raise ConfigError(
            f"suspects were scored by {' '.join(mine)} and known non-members by {' '.join(theirs)}; score both alike"
        )
    differing = [
        f"{name}: {suspects.origin[name]!r} and {calibration.origin[name]!r}"
        for name in suspects.origin
        if suspects.origin[name] != calibration.origin[name]
    ]
    if differing:
        raise InputError(
            f"suspects and known non-members were scored under different conditions ({'; '.join(differing)}), and their "
            "scores cannot be compared; score both with the same target in the same way"
        )
    lengths = [
        float(np.median(side.tokens[side.scored])) for side in (suspects, calibration) if side.scored.any()
    ]
    if len(lengths) == 2 and max(lengths) > LENGTH_FACTOR * max(min(lengths), 1.0):
        raise InputError(
            f"suspects and known non-members are of different lengths (medians {lengths[0]:.0f} and {lengths[1]:.0f} scored "
            "tokens); scores depend on length. Cut both to windows of one size (--window-tokens), or choose non-members alike"
        )


def judge(
    suspects: Documents,
    calibration: Documents,
    *,
    alpha: float,
    correction: str = "bh",
    blind: BlindCheck | None = None,
) -> Verdicts:
    """Give each suspect document its verdict.

    Parameters
    ----------
    suspects, calibration : Documents
        Of one method; known non-members without a score are left out.
    alpha : float
        Level of `correction`: false-discovery rate for bh, chance of any false evidence for holm, false-positive rate of
        each for none.
    correction : str
        One of `multiple.CORRECTIONS`.
    blind : BlindCheck or None
        None where texts were not given; then nothing is calibratable.

    Raises
    ------
    ConfigError, InputError
        The two are not comparable (`require_comparable`), or no known non-member has a score.
    """
    require_comparable(suspects, calibration)
    usable = calibration.scored
    known = calibration.scores[usable]
    if len(known) == 0:
        raise InputError(
            f"no known non-member has a score by {calibration.method}; there is nothing to calibrate on"
        )
    shortest, longest = calibration.tokens[usable].min(), calibration.tokens[usable].max()
    inside = (suspects.tokens >= shortest) & (suspects.tokens <= longest)
    judged = suspects.scored & inside
    p = np.where(judged, p_values(suspects.scores, known), np.nan)
    adjusted = adjust(p, correction)
    enough = allowed_rank(len(known), alpha) > 0
    words, reasons = [], []
    for row in range(len(suspects)):
        word, reason = _word(judged[row], suspects.reasons[row], enough, blind)
        if word is None:
            word = EVIDENCE if adjusted[row] <= alpha else NO_EVIDENCE
        words.append(word)
        reasons.append(reason)
    return Verdicts(
        words=words,
        reasons=reasons,
        p=p,
        adjusted=adjusted,
        alpha=alpha,
        correction=correction,
        calibration=threshold(known, alpha) if enough else None,
        non_members=len(known),
        blind=blind,
        remark=impossible(len(known), int(judged.sum()), alpha, correction),
    )


def _word(
    judged: bool, reason: str | None, enough: bool, blind: BlindCheck | None
) -> tuple[str | None, str | None]:
    """Return the verdict that holds whatever the score, with its reason; (None, None) where the score decides."""
    if not judged:
        return NOT_CALIBRATABLE, reason or "length_outside_calibration"
    if blind is not None and blind.outcome == "separated":
        return CONFOUNDED, "blind_separated"
    if not enough:
        return NOT_CALIBRATABLE, "too_few_non_members"
    if blind is None:
        return NOT_CALIBRATABLE, "blind_not_run"
    if blind.outcome == "undecided":
        return NOT_CALIBRATABLE, "blind_undecided"
    return None, None
