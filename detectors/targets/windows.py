"""Texts cut into what is sent to a target: a start token, then up to so many text tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError, did_you_mean
from detectors.ragged import TokenBatch, offsets_of
from detectors.targets.target import SharesContext, Target
from detectors.trace import TOKEN_COLUMNS, TraceBatch

__all__ = ["DISJOINT", "POLICIES", "WindowPlan", "Windows", "cut_windows", "plan_windows", "trace_texts"]

DISJOINT = "disjoint"
POLICIES = ("first", DISJOINT)
DEFAULT_WINDOW_TOKENS = 1024


@dataclass(frozen=True)
class WindowPlan:
    """How texts are cut; part of a trace's origin."""

    window_tokens: int
    """Most text tokens in a window."""
    policy: str
    """`first` or `disjoint`."""
    start_token_id: int | None
    prefix: tuple[int, ...] = ()
    """Tokens put between the start token and each window; they are seen, and not scored."""

    @property
    def lead(self) -> tuple[int, ...]:
        """What stands before each window."""
        return self.prefix if self.start_token_id is None else (self.start_token_id, *self.prefix)


@dataclass(frozen=True)
class Windows:
    """The windows of N texts."""

    rows: TokenBatch
    """W rows, each with at least one token to score, its start token included."""
    text_W: npt.NDArray[np.int64]
    texts: int


def plan_windows(target: Target, *, window_tokens: int | None = None, policy: str = DISJOINT) -> WindowPlan:
    """Return how texts are cut for a target.

    Parameters
    ----------
    target : Target
    window_tokens : int or None
        Most text tokens in a window; None for 1024, or what the target's context leaves if that is less.
    policy : str
        One of `POLICIES`.

    Raises
    ------
    ConfigError
        An unknown policy, or windows that the target's context does not hold.
    """
    if policy not in POLICIES:
        raise ConfigError(f"window policy {policy!r} is not known. {did_you_mean(policy, POLICIES)}")
    start = target.facts.start_token_id
    context = target.capabilities.context_tokens
    most = None if context is None else context - (start is not None)
    if window_tokens is None:
        window_tokens = DEFAULT_WINDOW_TOKENS if most is None else min(DEFAULT_WINDOW_TOKENS, most)
    least = 1 if start is not None else 2
    if window_tokens < least:
        raise ConfigError(
            f"windows of {window_tokens} tokens: nothing would be scored; expected {least} or more"
        )
    if most is not None and window_tokens > most:
        raise ConfigError(
            f"windows of {window_tokens} tokens: {target.facts.name} takes at most {most} text tokens at a time "
            f"(--window-tokens {most})"
        )
    return WindowPlan(window_tokens, policy, start)


def cut_windows(texts: TokenBatch, plan: WindowPlan) -> Windows:
    """Cut encoded texts into windows.

    A window without a token to score (an empty text; without a start token, a window of one token) is left out, so a
    text may have none. Windows do not overlap and know nothing of each other; without a start token the first token
    of each is not scored.
    """
    size = plan.window_tokens
    counts_N = -(-texts.lengths // size)
    if plan.policy == "first":
        counts_N = np.minimum(counts_N, 1)
    text_W = np.repeat(np.arange(len(texts), dtype=np.int64), counts_N)
    first_W = np.concatenate(([0], np.cumsum(counts_N)[:-1])) if len(texts) else np.zeros(0, np.int64)
    place_W = np.arange(len(text_W)) - first_W[text_W]
    begin_W = texts.offsets[text_W] + place_W * size
    length_W = np.minimum(texts.offsets[text_W + 1] - begin_W, size)
    extra = len(plan.lead)
    scored = length_W + extra >= 2
    text_W, begin_W, length_W = text_W[scored], begin_W[scored], length_W[scored]
    offsets = np.zeros(len(text_W) + 1, dtype=np.int64)
    np.cumsum(length_W + extra, out=offsets[1:])
    token_ids = np.empty(int(offsets[-1]), dtype=np.int32)
    window_T = np.repeat(np.arange(len(text_W)), length_W + extra)
    within_T = np.arange(len(token_ids)) - offsets[window_T] - extra
    inside_T = within_T >= 0
    token_ids[inside_T] = texts.token_ids[(begin_W[window_T] + within_T)[inside_T]]
    token_ids[~inside_T] = np.tile(np.array(plan.lead, dtype=np.int32), len(text_W))
    return Windows(TokenBatch(offsets, token_ids), text_W, len(texts))


def trace_texts(
    target: Target,
    texts: TokenBatch,
    plan: WindowPlan,
    *,
    ask: Callable[[TokenBatch], TraceBatch] | None = None,
) -> TraceBatch:
    """Return the traces of encoded texts, cut as planned; `ask` gives those of rows in place of the target's `trace`."""
    windows, trace = _after_lead(target, texts, plan, ask or target.trace)
    origin = replace(
        trace.origin,
        start_token_id=plan.start_token_id,
        window_tokens=plan.window_tokens,
        window_policy=plan.policy,
    )
    return replace(trace, origin=origin, text_W=windows.text_W, texts=windows.texts)


def _after_lead(
    target: Target, texts: TokenBatch, plan: WindowPlan, ask: Callable[[TokenBatch], TraceBatch]
) -> tuple[Windows, TraceBatch]:
    """Return windows and their traces; what stands before all of them is read once if the target can do that."""
    if len(plan.lead) > 1 and isinstance(target, SharesContext):
        # The last token before a window is the first of its row: what it says of the window's first token is scored.
        windows = cut_windows(texts, replace(plan, start_token_id=plan.lead[-1], prefix=()))
        trace = target.trace_after(plan.lead[:-1], windows.rows)
        if trace is not None:
            return windows, trace
    windows = cut_windows(texts, plan)
    return windows, without_first(ask(windows.rows), max(len(plan.lead) - 1, 0))


def without_first(trace: TraceBatch, tokens: int) -> TraceBatch:
    """Return the trace without the first scored tokens of each window, which are those of a prefix."""
    if tokens == 0:
        return trace
    lengths_W = np.diff(trace.offsets)
    within_T = np.arange(len(trace.token_ids_T)) - np.repeat(trace.offsets[:-1], lengths_W)
    kept_T = within_T >= tokens
    columns: dict[str, Any] = {
        name: None if (values := getattr(trace, name)) is None else values[kept_T] for name in TOKEN_COLUMNS
    }
    return replace(trace, offsets=offsets_of(np.maximum(lengths_W - tokens, 0)), **columns)
