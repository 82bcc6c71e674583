"""What a model under test can be asked, and what is known of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from detectors.ragged import TokenBatch
from detectors.trace import TraceBatch

__all__ = ["Capabilities", "Continuations", "Sampler", "SharesContext", "Target", "TargetFacts"]


@dataclass(frozen=True)
class Capabilities:
    """What a target gives truthfully; for endpoints, what the probe found."""

    prompt_logprobs: Literal["exact", "misaligned", "absent"]
    generated_logprobs: Literal["exact", "wrong", "absent"]
    id_prompts: bool
    """Whether prompts can be lists of token ids."""
    statistics: frozenset[str]
    """Those of `entropy`, `variance`, `top1`, `rank`, `top_logprobs` that traces carry."""
    context_tokens: int | None = None
    """Most tokens of a prompt, start token included; None if not known."""
    batch_prompts: int | None = None
    """Most prompts of one request; None if not limited or not known."""
    top_logprobs: int | None = None
    """Most alternatives a position; None if not limited or not known."""
    tolerance_nats: float = 0.0
    """Largest difference seen between two computations of the same log-probability."""
    deterministic: bool = True


@dataclass(frozen=True)
class TargetFacts:
    """What identifies a target; see `TraceOrigin`."""

    name: str
    digest: str
    tokenizer_digest: str
    engine: str
    dtype: str
    vocabulary_size: int
    """Rows of the output layer, padding included (config.vocab_size)."""
    start_token_id: int | None
    """BOS, else EOS, else None."""
    notes: tuple[str, ...] = ()
    """What a person should know of how the target was opened, e.g. files that were ignored."""


@dataclass(frozen=True)
class Continuations:
    """Greedy continuations of N prefixes by at most S tokens."""

    token_ids_NS: npt.NDArray[np.int32]
    """-1 after the end."""
    logprob_NS: npt.NDArray[np.float32]
    """ln p of each continued token; NaN after the end."""


class Target(Protocol):
    """A model under test. Every call is deterministic up to `capabilities.tolerance_nats`."""

    facts: TargetFacts

    @property
    def capabilities(self) -> Capabilities:
        """What it can be asked."""

    def encode(self, texts: Sequence[str]) -> TokenBatch:
        """Return the token ids of each text, without any special token."""

    def decode(self, token_ids: Sequence[int]) -> str:
        """Return the text of token ids; bytes that are not UTF-8 become U+FFFD."""

    def trace(self, windows: TokenBatch) -> TraceBatch:
        """Return the statistics of every token but the first of each row; see `windows.py` for how rows are made.

        In the result a row is a text of its own, `origin.window_policy` is `first`.
        """

    def force(self, prefixes: TokenBatch, steps: int) -> Continuations:
        """Return the greedy continuation of each prefix by `steps` tokens."""

    def confirm(self) -> None:
        """Make sure, at the end of a run, that the model is still the one that `facts.digest` names.

        Raises
        ------
        TargetMisaligned
            An endpoint answers its probe differently now; what was traced cannot be trusted to be of one model.
        """


@runtime_checkable
class SharesContext(Protocol):
    """A target that need not read again what all rows have before them."""

    def trace_after(self, context_ids: Sequence[int], windows: TokenBatch) -> TraceBatch | None:
        """Return what `Target.trace` does, of rows that all stand behind some tokens; None if these have to be part of the rows."""


@runtime_checkable
class Sampler(Protocol):
    """A target from which texts can be drawn in this process."""

    def sample(
        self, uniform_NS: npt.NDArray[np.float64], *, top_k: int | None, prefix: Sequence[int] | None = None
    ) -> TokenBatch:
        """Return N texts of at most S tokens, drawn by the given numbers after a prefix; see `sampling.drawn`."""
