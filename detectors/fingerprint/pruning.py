"""When a path can no longer reach the threshold: pruning that loses no candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError, did_you_mean

__all__ = ["RULES", "Rule", "margin_of", "rule_of"]

MARGIN = {"float32": 1e-3, "float64": 1e-3}
HALF_PRECISION_MARGIN = 1e-2
"""How far below the threshold a path is kept in the first phase, whose numbers depend on the batch by a little; the
finalists' own numbers, computed in fp32, then decide."""


@dataclass(frozen=True)
class Rule:
    """A score of the first k steps of a path, and the threshold above which the path is a candidate.

    `reference` is the published one, (1 + p_1 + ... + p_k) / (k + 1), which counts the forced token as certain;
    `mean` is the mean of p_t, `log` the mean of ln p_t (nats).

    Source: Hoscilowicz et al. 2024, arXiv 2406.02481, Algorithm 1, and its published notebooks (k = 3, threshold 0.95).
    """

    name: str
    steps: int = 3
    """k."""
    threshold: float = 0.95

    def scores(self, logprob_NS: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return float64[N]: the score of each path; NaN where it was given up before step k."""
        return (
            self.best(logprob_NS[:, : self.steps])
            if logprob_NS.shape[1] >= self.steps
            else _unknown(logprob_NS)
        )

    def best(self, logprob_NJ: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return float64[N]: the highest score that paths with these first J <= k steps can still reach."""
        known = logprob_NJ.astype(np.float64)
        left = self.steps - known.shape[1]
        if self.name == "log":
            return known.sum(1) / self.steps
        total = np.exp(known).sum(1) + left
        return (total + 1) / (self.steps + 1) if self.name == "reference" else total / self.steps

    def alive(self, logprob_NJ: npt.NDArray[np.float32], margin: float) -> npt.NDArray[np.bool_]:
        """Return bool[N]: whether a path can still end above the threshold, or within `margin` below it."""
        return self.best(logprob_NJ[:, : self.steps]) > self.threshold - margin


RULES = {
    "reference": Rule("reference", threshold=0.95),
    "mean": Rule("mean", threshold=0.95),
    "log": Rule("log", threshold=float(np.log(0.9))),
}


def rule_of(name: str, *, steps: int = 3, threshold: float | None = None) -> Rule:
    """Return a rule by name.

    Raises
    ------
    ConfigError
        There is no such rule, no step, or a threshold that no path can exceed.
    """
    if name not in RULES:
        raise ConfigError(f"score {name!r} is not known. {did_you_mean(name, RULES)}")
    if steps < 1:
        raise ConfigError(f"--steps {steps}: a score needs at least one step")
    rule = Rule(name, steps, RULES[name].threshold if threshold is None else threshold)
    most = float(rule.scores(np.zeros((1, steps), np.float32))[0])
    if not rule.threshold < most:
        raise ConfigError(
            f"--threshold {rule.threshold:g}: no path can exceed it; expected less than {most:g}"
        )
    return rule


def margin_of(dtype: str) -> float:
    """Return the margin for a number format."""
    return MARGIN.get(dtype, HALF_PRECISION_MARGIN)


def _unknown(logprob_NS: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.full(len(logprob_NS), np.nan)
