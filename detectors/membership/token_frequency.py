"""How often each token occurs in a reference corpus: what DC-PDD divides by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["FrequencyTable"]


@dataclass(frozen=True)
class FrequencyTable:
    """Term frequencies of a corpus under one tokenizer; tables of the same tokenizer and token cap add up."""

    counts: npt.NDArray[np.int64]
    """Shape (V,): occurrences of each token id, special tokens not counted."""
    tokenizer_digest: str
    corpus_digest: str
    """Names the documents that were counted."""
    token_cap: int | None
    """Most tokens counted of a document; None: all."""
    documents: int

    @property
    def tokens(self) -> int:
        """N': occurrences counted in all."""
        return int(self.counts.sum())
