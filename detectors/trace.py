"""The hourglass: what one forward pass says of each token. Every score is computed from this alone.

Names end in their shape: T tokens, W windows, N texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["TOKEN_COLUMNS", "TraceBatch", "TraceOrigin"]

TOKEN_COLUMNS = ("token_ids_T", "logprob_T", "entropy_T", "variance_T", "top1_T", "rank_T", "top_TK")
"""Fields of `TraceBatch` with one entry a token."""


@dataclass(frozen=True)
class TraceOrigin:
    """Under which conditions a trace was made; scores of traces with different origins are not comparable."""

    target_digest: str
    """Names the model that answered, weights or endpoint included."""
    tokenizer_digest: str
    """Names the tokenizer that made the token ids."""
    engine: str
    """Who computed it, with version, e.g. `transformers 5.23.0`."""
    dtype: str
    """Number format of the forward pass, e.g. `float32`, `bfloat16`, or `unknown` behind an endpoint."""
    start_token_id: int | None
    """Token put before each window so that its first token has a probability; None: the first token is unscored."""
    window_tokens: int
    """Most text tokens in a window."""
    window_policy: str
    """`first`: a text is its first window, the rest is not scored; `disjoint`: windows follow each other."""


@dataclass(frozen=True)
class TraceBatch:
    """Statistics of each scored token of W windows of N texts, laid end to end.

    Only scored tokens stand here: never the start token and, without one, not the first token of a window.
    Logarithms are natural. An optional statistic is None where the target cannot give it.
    """

    origin: TraceOrigin
    text_W: npt.NDArray[np.int64]
    """Text that each window belongs to, ascending, in [0, texts)."""
    texts: int
    """N; a text without any scored token has no window."""
    offsets: npt.NDArray[np.int64]
    """Shape (W+1,): tokens of window w are `[offsets[w], offsets[w+1])`."""
    token_ids_T: npt.NDArray[np.int32]
    logprob_T: npt.NDArray[np.float32]
    """ln p(x_i | start, x_<i) <= 0."""
    entropy_T: npt.NDArray[np.float32] | None = None
    """H_i = -sum_v p(v) ln p(v) >= 0, in nats."""
    variance_T: npt.NDArray[np.float32] | None = None
    """sum_v p(v) (ln p(v) + H_i)^2 >= 0, centred, in nats squared."""
    top1_T: npt.NDArray[np.float32] | None = None
    """max_v ln p(v)."""
    top1_id_T: npt.NDArray[np.int32] | None = None
    """The token that has it; the least id of equals. For people and endpoints; no score is made of it."""
    rank_T: npt.NDArray[np.int32] | None = None
    """Tokens of the vocabulary that are more probable than x_i; 0 for the most probable."""
    top_TK: npt.NDArray[np.float32] | None = None
    """The K largest ln p(v), descending, NaN after the last that was given: what endpoints give instead of entropy
    and variance."""

    @property
    def windows(self) -> int:
        """W."""
        return len(self.offsets) - 1

    def by_text(self) -> TraceBatch:
        """Return the same tokens with one row a text, its windows joined; a text without tokens has an empty row."""
        starts = np.searchsorted(self.text_W, np.arange(self.texts + 1))
        return replace(self, text_W=np.arange(self.texts, dtype=np.int64), offsets=self.offsets[starts])

    @classmethod
    def joined(cls, parts: Sequence[TraceBatch]) -> TraceBatch:
        """Return traces of consecutive texts as one; all have the same origin, and there is at least one.

        A statistic that one of them lacks is left out.
        """
        if len({part.origin for part in parts}) != 1:
            raise ValueError("traces of different origins are not comparable and are never joined")
        texts = np.cumsum([0, *(part.texts for part in parts)])
        tokens = np.cumsum([0, *(len(part.token_ids_T) for part in parts)])
        columns: dict[str, Any] = {
            name: None
            if any(getattr(part, name) is None for part in parts)
            else np.concatenate([getattr(part, name) for part in parts])
            for name in TOKEN_COLUMNS
        }
        return cls(
            origin=parts[0].origin,
            text_W=np.concatenate([part.text_W + first for part, first in zip(parts, texts, strict=False)]),
            texts=int(texts[-1]),
            offsets=np.concatenate(
                [[0], *(part.offsets[1:] + first for part, first in zip(parts, tokens, strict=False))]
            ),
            **columns,
        )
