"""What a membership method is: what it needs, and how it scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from detectors.trace import TraceBatch

if TYPE_CHECKING:
    from detectors.membership.token_frequency import FrequencyTable

__all__ = ["Inputs", "Method", "Need", "Scores"]

Need: TypeAlias = Literal[
    "plain",
    "entropy",
    "variance",
    "top1",
    "rank",
    "lowercase",
    "reference",
    "prefixed",
    "perturbed",
    "utf8_bytes",
    "zlib_bytes",
    "frequency",
]
"""What a method reads: the trace of the text itself, an optional statistic of it, the trace of another text or
under another model, the size of the text, or a token-frequency table."""


@dataclass(frozen=True)
class Inputs:
    """What there is to score N rows from; a method reads what its `needs` name.

    A row is a text or a window, as the caller decided; all members have the same rows in the same order.
    """

    plain: TraceBatch
    lowercase: TraceBatch | None = None
    """Trace of the lower-cased text."""
    reference: TraceBatch | None = None
    """Trace of the same text under the reference model, with that model's tokenizer."""
    prefixed: Mapping[str, TraceBatch] = field(default_factory=dict)
    """Traces of the same text tokens after a prefix, by the prefix's role: `non_member`, `member`."""
    perturbed: Sequence[TraceBatch] = ()
    """Traces of perturbed versions of the text."""
    utf8_bytes: npt.NDArray[np.int64] | None = None
    zlib_bytes: npt.NDArray[np.int64] | None = None
    """Bytes of `zlib.compress(text, 6)`."""
    unchanged: npt.NDArray[np.bool_] | None = None
    """Rows whose lower-cased text is the text itself."""
    frequency: FrequencyTable | None = None


@dataclass(frozen=True)
class Scores:
    """One score a row, or the reason there is none."""

    values: npt.NDArray[np.float64]
    """Shape (N,); higher = more likely a member; NaN exactly where `reasons` is not None."""
    reasons: list[str | None]
    """Why a row has no score: `no_tokens`, `lowercase_equal`, ..."""


@dataclass(frozen=True)
class Method:
    """A membership method: `score(inputs, params)` is pure and deterministic, and a row does not depend on the others."""

    name: str
    needs: frozenset[Need]
    score: Callable[[Inputs, Mapping[str, Any]], Scores]
    defaults: Mapping[str, Any]
    """Parameters and their defaults; a parameter not named here is refused."""
    passes: str
    """Forward passes a text in words, e.g. `1`, `1 + 5 perturbed`."""
    formula: str
    source: str
    """Paper and section, or repository and file, that the definition follows."""
    differs: str = ""
    """Where and why this definition differs from public implementations."""
