"""What a continuation shows: how far it is sure, whether it stops by itself, how much a base model knew of it."""

from __future__ import annotations

import zlib
from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from detectors.fingerprint.paths import Paths

__all__ = [
    "basin_sizes",
    "bits_over_base",
    "confident_runs",
    "cut_at_end",
    "said_before",
    "said_lengths",
    "stops",
    "sure_lengths",
    "zlib_ratio",
]

CONFIDENT = float(np.log(0.9))
STOP = float(np.log(0.5))
BASIN_TOKENS = 5
REPEATED_TOKENS = 3
"""Tokens in a row that are a repetition: two in a row come again in any longer text."""


def cut_at_end(paths: Paths, ends: Collection[int]) -> Paths:
    """Return the paths without what comes after the first end token of each."""
    ended_NS = np.isin(paths.token_NS, list(ends))
    after_NS = ended_NS.cumsum(1) - ended_NS > 0
    return Paths(
        paths.seed_N,
        np.where(after_NS, -1, paths.token_NS).astype(np.int32),
        np.where(after_NS, np.nan, paths.logprob_NS).astype(np.float32),
    )


def confident_runs(paths: Paths, ends: Collection[int]) -> npt.NDArray[np.int64]:
    """Return int64[N]: the longest beginning of each path in which every token has p >= 0.9; an end token is not part of it."""
    sure_NS = (paths.logprob_NS >= CONFIDENT) & _said(paths, ends)
    return np.logical_and.accumulate(sure_NS, axis=1).sum(1)


def said_lengths(paths: Paths, ends: Collection[int]) -> npt.NDArray[np.int64]:
    """Return int64[N]: the tokens of each path up to its first end token, or to where it was given up."""
    return np.logical_and.accumulate(_said(paths, ends), axis=1).sum(1)


def sure_lengths(paths: Paths, ends: Collection[int]) -> npt.NDArray[np.int64]:
    """Return int64[N]: how far each path is sure on the whole, at least the confident run; an end token is not part of it.

    The beginning with the largest sum of ln p - ln 0.9, an end token's own with it: one token of p = 0.85 in the midst of a
    text known by heart, or at its end, does not end it, what comes after the text does.
    """
    total_NS = np.nan_to_num(paths.logprob_NS.astype(np.float64) - CONFIDENT, nan=0.0).cumsum(1)
    sure_N = np.where(total_NS.max(1) > 0, total_NS.argmax(1) + 1, 0)
    return np.maximum(np.minimum(sure_N, said_lengths(paths, ends)), confident_runs(paths, ends))


def stops(paths: Paths, length_N: npt.NDArray[np.int64], ends: Collection[int]) -> npt.NDArray[np.bool_]:
    """Return bool[N]: whether the model ends the text, with p >= 0.5, right after so many tokens."""
    rows, after = np.arange(len(paths)), np.minimum(length_N, paths.steps - 1)
    ended = np.isin(paths.token_NS[rows, after], list(ends)) & (paths.logprob_NS[rows, after] >= STOP)
    return ended & (length_N < paths.steps)


def bits_over_base(
    paths: Paths, base_NS: npt.NDArray[np.float32]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the most bits by which a beginning of each path is more probable than under the base, and its tokens.

    The largest sum of log2 p - log2 p_base over the first t steps, for any t, tokens that repeat what was said before left
    out. What comes after a hidden text does not dilute it, and it needs no confidence: a text with p = 0.3 a token, of which
    the base knows nothing, has many bits. Greedy paths favour the suspect, so that clean models have some bits too: a
    cut-off comes from clean models.

    Parameters
    ----------
    paths : Paths
    base_NS : float32[N, S]
        ln p of the same tokens under the base.

    Returns
    -------
    bits : float64[N]
    tokens : int64[N]
        How many tokens that beginning has, >= 1.
    """
    gained_NS = (paths.logprob_NS.astype(np.float64) - base_NS) / np.log(2)
    said_NL = np.concatenate([paths.seed_N[:, None], paths.token_NS], axis=1)
    total_NS = np.where(said_before(said_NL)[:, 1:], 0.0, np.nan_to_num(gained_NS, nan=0.0)).cumsum(1)
    return total_NS.max(1), total_NS.argmax(1) + 1


def said_before(token_NL: npt.NDArray[np.integer]) -> npt.NDArray[np.bool_]:
    """Return bool[N, L]: whether a token completes `REPEATED_TOKENS` tokens that stand earlier in the same row.

    Whoever goes round in a loop says nothing more at the second turn, however sure of it.
    """
    repeated_NL = np.zeros(token_NL.shape, np.bool_)
    for lag in range(1, token_NL.shape[1] - REPEATED_TOKENS + 1):
        same = token_NL[:, lag:] == token_NL[:, :-lag]
        windows = np.lib.stride_tricks.sliding_window_view(same, REPEATED_TOKENS, axis=1).all(-1)
        repeated_NL[:, lag + REPEATED_TOKENS - 1 :] |= windows
    return repeated_NL


def zlib_ratio(text: str, logprobs: npt.NDArray[np.float32]) -> float | None:
    """Return the bits zlib needs for a run over the bits the model needs; None for an empty run or one that costs no bit.

    Source: Carlini et al. 2021, Extracting Training Data from Large Language Models, section 5.1.
    """
    spent = -float(logprobs.astype(np.float64).sum()) / np.log(2)
    return 8 * len(zlib.compress(text.encode("utf-8", "replace"))) / spent if text and spent > 0 else None


def basin_sizes(everything: Paths, finalists: Paths) -> npt.NDArray[np.int64] | None:
    """Return int64[N]: how many of all seeds are led into the first five tokens of each finalist's continuation.

    None where continuations have fewer than five.

    Parameters
    ----------
    everything : Paths
        All seeds, continued without pruning.
    finalists : Paths
    """
    if finalists.steps < BASIN_TOKENS or everything.steps < BASIN_TOKENS:
        return None
    windows = np.lib.stride_tricks.sliding_window_view(everything.token_NS, BASIN_TOKENS, axis=1)
    keys = _keys(windows)
    seeds = np.repeat(np.arange(len(everything)), keys.shape[1])
    entered = np.unique(np.stack([keys.ravel(), seeds], 1), axis=0)[:, 0]
    wanted = _keys(finalists.token_NS[:, None, :BASIN_TOKENS])[:, 0]
    return np.searchsorted(entered, wanted, "right") - np.searchsorted(entered, wanted, "left")


def _said(paths: Paths, ends: Collection[int]) -> npt.NDArray[np.bool_]:
    """Return bool[N, S]: the tokens that are said: neither given up nor the end."""
    return (paths.token_NS >= 0) & ~np.isin(paths.token_NS, list(ends))


def _keys(windows: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return one number for each window of tokens."""
    mixed = np.zeros(windows.shape[:-1], np.uint64)
    for place in range(windows.shape[-1]):
        mixed = (mixed ^ windows[..., place].astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return mixed.view(np.int64)
