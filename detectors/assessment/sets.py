"""Tests of the suspects as a set: by one method, by source, and by several methods together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from datagov.errors import ConfigError, InputError
from detectors.assessment.suspects import Pair
from detectors.statistics.documents import Documents, require_control
from detectors.statistics.mixture import mixture_test
from detectors.statistics.multiple import adjust
from detectors.statistics.pairing import paired_auroc
from detectors.statistics.set_tests import by_source, self_test, set_test

__all__ = ["FEWEST", "against_control", "mixed", "set_tests"]

FEWEST = 8
"""Documents of a source on either side, from which it is tested."""


def set_tests(pair: Pair, *, alpha: float, sources: bool = False, seed: int = 0) -> dict[str, Any]:
    """Return the test of all suspects and, on request, of each source, with the self-test of the known non-members.

    A source is held against known non-members of the same source, and against all where these name no source; its
    p-values are adjusted by BH over the sources tested.

    Raises
    ------
    InputError
        A side has fewer than two documents with a score, or the non-members fewer than eight.
    """
    mine, theirs = (side.scores[side.scored] for side in (pair.suspects, pair.calibration))
    if min(len(mine), len(theirs)) < 2:
        raise InputError(
            f"a set test needs documents with scores on either side; there are {len(mine)} suspects and {len(theirs)} known "
            "non-members"
        )
    blind = pair.blind
    record: dict[str, Any] = {
        "method": pair.suspects.method,
        "params": pair.suspects.params,
        "test": asdict(set_test(mine, theirs, alpha=alpha, seed=seed)),
        "self_test": asdict(self_test(theirs, alpha=alpha, seed=seed)),
        "blind": None if blind is None else {k: v for k, v in asdict(blind).items() if k != "predictions"},
        "residual": None if (residual := pair.residual) is None else asdict(residual),
        "remarks": list(pair.remarks),
    }
    if sources:
        record["sources"] = _by_source(pair, alpha, seed)
    return record


def _by_source(pair: Pair, alpha: float, seed: int) -> list[dict[str, Any]]:
    mine, theirs = by_source(pair.suspects.sources), by_source(pair.calibration.sources)
    if not mine:
        raise ConfigError(
            "--by-source: the suspects' scores name no source; score texts with a column `source`"
        )
    records: list[dict[str, Any]] = []
    for name, rows in mine.items():
        against = theirs.get(name, np.empty(0, np.int64)) if theirs else np.arange(len(pair.calibration))
        sides = _present(pair.suspects, rows), _present(pair.calibration, against)
        record: dict[str, Any] = {"source": name, "suspects": len(sides[0]), "non_members": len(sides[1])}
        if min(map(len, sides)) < FEWEST:
            record |= {"test": None, "reason": f"fewer than {FEWEST} documents with scores on a side"}
        else:
            record["test"] = asdict(set_test(*sides, alpha=alpha, seed=seed))
        records.append(record)
    p = np.array([record["test"]["permutation_p"] if record["test"] else np.nan for record in records])
    for record, value in zip(records, adjust(p, "bh"), strict=True):
        record["adjusted_p"] = None if np.isnan(value) else float(value)
    return records


def _present(side: Documents, rows: Any) -> Any:
    scores = side.scores[rows]
    return scores[~np.isnan(scores)]


def against_control(pair: Pair, control: Pair, *, alpha: float, seed: int = 0) -> dict[str, Any]:
    """Return what the suspects gain over the non-members from a control target to the target.

    Where the texts of the two sides differ in themselves, both targets score them apart; a target that has seen the
    suspects scores them further apart than one that cannot have. `test` is the set test of each document's score under
    the target less its score under the control; `auroc` compares the two AUROCs, document by document (DeLong).

    Parameters
    ----------
    pair, control : Pair
        The same texts under the target, and under an earlier checkpoint or a sibling.
    alpha : float
    seed : int

    Raises
    ------
    InputError
        The control is the target, or scored other texts; or a side has fewer than two documents with both scores.
    """
    sides = []
    for target, other in ((pair.suspects, control.suspects), (pair.calibration, control.calibration)):
        require_control(target, other)
        both = target.scored & other.scored
        if both.sum() < 2:
            raise InputError(
                f"a comparison with a control needs two documents with both scores on either side; there are {both.sum()}"
            )
        sides.append((target.scores[both], other.scores[both]))
    gains = [target - other for target, other in sides]
    return {
        "target_digest": control.suspects.origin["target"],
        "test": asdict(set_test(gains[0], gains[1], alpha=alpha, seed=seed)),
        "auroc": asdict(paired_auroc(sides[0], sides[1])),
    }


def mixed(pairs: Sequence[Pair], *, seed: int = 0) -> dict[str, Any]:
    """Return the test by a mix of methods, over documents that all of them score.

    Raises
    ------
    ConfigError
        Fewer than two methods.
    InputError
        A side has fewer than ten such documents.
    """
    if len(pairs) < 2:
        raise ConfigError("a mix has at least two methods; name them as --mix loss,min_k,zlib_ratio")
    sides = []
    for side in ([pair.suspects for pair in pairs], [pair.calibration for pair in pairs]):
        values = np.column_stack([documents.scores for documents in side])
        sides.append(values[~np.isnan(values).any(axis=1)])
    return asdict(mixture_test(sides[0], sides[1], tuple(pair.suspects.method for pair in pairs), seed=seed))
