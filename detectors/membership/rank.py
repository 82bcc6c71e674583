"""Rank of each token among the model's choices."""

from __future__ import annotations

import numpy as np

from datagov.errors import ConfigError
from detectors.membership.method import Explanation, Inputs, Method, Params, Scores, needed
from detectors.membership.rows import row_means, scores

__all__ = ["RANK"]


def _values(inputs: Inputs, params: Params) -> np.ndarray:
    trace = needed(inputs.plain, "a trace", "rank")
    places = needed(trace.rank_T, "the rank of each token", "rank").astype(np.float64) + 1
    if params["scale"] not in ("log", "linear"):
        raise ConfigError(f"scale={params['scale']!r} of rank is neither log nor linear")
    oriented: np.ndarray = -np.log(places) if params["scale"] == "log" else -places
    return oriented


def _score(inputs: Inputs, params: Params) -> Scores:
    trace = needed(inputs.plain, "a trace", "rank")
    return scores(
        row_means(_values(inputs, params), trace.offsets), {"no_tokens": np.diff(trace.offsets) == 0}
    )


def _explain(inputs: Inputs, params: Params) -> Explanation:
    return Explanation(_values(inputs, params), f"minus the token's rank, {params['scale']} scale")


RANK = Method(
    name="rank",
    needs=frozenset({"plain", "rank"}),
    score=_score,
    defaults={"scale": "log"},
    passes="1",
    formula="minus the mean of ln(rank_i), rank 1 being the most probable token; of rank_i with scale=linear",
    source="Gehrmann et al. 2019, GLTR; Mitchell et al. 2023, DetectGPT, section 5 (rank and log-rank baselines)",
    null_when="no token is scored",
    explain=_explain,
)
