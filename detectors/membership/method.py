"""What a membership method is: what it needs, and how it scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from detectors.ragged import TokenBatch
from detectors.trace import TraceBatch

if TYPE_CHECKING:
    from datagov.frequency import FrequencyTable

__all__ = ["Explanation", "Inputs", "Method", "Need", "Scores", "needed"]

Need: TypeAlias = Literal[
    "plain",
    "entropy",
    "variance",
    "top1",
    "rank",
    "top_logprobs",
    "lowercase",
    "reference",
    "prefixed",
    "perturbed",
    "continued",
    "utf8_bytes",
    "zlib_bytes",
    "frequency",
    "vocabulary_size",
]
"""What a method reads: the trace of the text itself, an optional statistic of it, the trace of another text or
under another model, a generated continuation, the size of the text or of the vocabulary, or a token-frequency table."""

Params: TypeAlias = Mapping[str, Any]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Inputs:
    """What there is to score N rows from; a method reads what its `needs` name.

    A row is a text or a window, as the caller decided; all members have the same rows in the same order.
    """

    plain: TraceBatch | None = None
    """Trace of the text itself; None for generation-only endpoints."""
    lowercase: TraceBatch | None = None
    """Trace of the lower-cased text."""
    reference: TraceBatch | None = None
    """Trace of the same text under the reference model, with that model's tokenizer."""
    prefixed: Mapping[str, TraceBatch] = field(default_factory=dict)
    """Traces of the same text tokens after a prefix, by the prefix's role: `non_member`, `member`."""
    perturbed: Sequence[TraceBatch] = ()
    """Traces of perturbed versions of the text."""
    continued: TokenBatch | None = None
    """What the target generated after the first part of each text."""
    truth: TokenBatch | None = None
    """What really follows there; goes with `continued`."""
    utf8_bytes: npt.NDArray[np.int64] | None = None
    zlib_bytes: npt.NDArray[np.int64] | None = None
    """Bytes of `zlib.compress(text, 6)`."""
    unchanged: npt.NDArray[np.bool_] | None = None
    """Rows whose lower-cased text is the text itself."""
    frequency: FrequencyTable | None = None
    vocabulary_size: int | None = None
    """Rows of the target's output layer, padding included (config.vocab_size)."""


@dataclass(frozen=True)
class Scores:
    """One score a row, or the reason there is none."""

    values: npt.NDArray[np.float64]
    """Shape (N,); higher = more likely a member; NaN exactly where `reasons` is not None."""
    reasons: list[str | None]
    """Why a row has no score: `no_tokens`, `lowercase_equal`, ..."""
    details: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    """Further readings of each row by name, shape (N,); NaN where there is none."""


@dataclass(frozen=True)
class Explanation:
    """What each token contributes to its row's score."""

    values_T: npt.NDArray[np.float64]
    """Higher = speaks more for membership; NaN where a token is not looked at."""
    meaning: str
    """What the number is, in words."""


@dataclass(frozen=True)
class Method:
    """A membership method: `score(inputs, params)` is pure and deterministic, and a row does not depend on the others."""

    name: str
    needs: frozenset[Need]
    score: Callable[[Inputs, Params], Scores]
    defaults: Params
    """Parameters and their defaults; a parameter not named here is refused."""
    passes: str
    """Forward passes a text in words, e.g. `1`, `1 + 5 perturbed`."""
    formula: str
    source: str
    """Paper and section, or repository and file, that the definition follows."""
    null_when: str
    """When a row has no score, and how short texts are treated."""
    differs: str = ""
    """Where and why this definition differs from public implementations."""
    explain: Callable[[Inputs, Params], Explanation] | None = None
    """What each token of `inputs.plain` contributes; None where a score is not made of tokens."""


def needed(value: Value | None, need: str, method: str) -> Value:
    """Return an input that a method cannot do without.

    Raises
    ------
    ConfigError
        It is not there.
    """
    if value is None:
        raise ConfigError(
            f"method {method!r} needs {need}, which these traces do not have; `datagov detect methods {method}` says "
            "what it needs, `datagov detect target check` what the target gives"
        )
    return value
