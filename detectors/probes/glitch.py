"""Tokens that a model was hardly trained on: its embeddings give them away, and it cannot repeat them.

Source: Land and Bartolo 2024, Fishing for Magikarp, arXiv 2405.05417: the indicators of sections 3.1 and 3.2, verification by
prompts that ask for the token to be repeated, and the bounds on its probability. Theirs ask an assistant; ours are patterns that
a model without instructions goes on with as well, and ordinary tokens are asked beside them: a model that cannot repeat those
says nothing about the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from datagov.tokenizer import Tokenizer
from detectors.fingerprint.seeds import Seeds
from detectors.ragged import TokenBatch
from detectors.targets.target import Target

__all__ = [
    "CONTROLS",
    "Suspects",
    "indicator",
    "repeat_probability",
    "strength",
    "suspects_of",
    "unused_rows",
]

SHARE: Final = 0.02
"""Of the tokens, those with the lowest indicator are verified."""
CONTROLS: Final = 200
"""Ordinary tokens that are asked beside them."""
STRONG, WEAK, SOME = 1e-3, 0.1, 0.9
PATTERNS: Final = (
    ('"', '" is written "', '" and again "'),
    ("Say it: ", "\nSay it: ", "\nSay it: "),
    ("", ", ", ", "),
)
"""Before the first, the second and the asked-for repetition."""
IMPOSSIBLE: Final = (0xC0, 0xC1, *range(0xF5, 0x100))
NEVER: Final = frozenset(name for byte in IMPOSSIBLE for name in (chr(byte), f"<0x{byte:02X}>"))
"""Bytes that no UTF-8 text has, as byte-level and SentencePiece vocabularies spell them."""


@dataclass(frozen=True)
class Suspects:
    """Tokens to be verified, the lowest indicator first."""

    token_N: npt.NDArray[np.int32]
    indicator_N: npt.NDArray[np.float64]
    of: str
    """Which indicator: `input norm` or `distance from unused rows`."""


def indicator(
    input_VD: npt.NDArray[np.float32],
    output_VD: npt.NDArray[np.float32],
    *,
    tied: bool,
    unused: Sequence[int],
) -> tuple[npt.NDArray[np.float64], str]:
    """Return a number for each row, lower for a less trained token, and its name.

    Parameters
    ----------
    input_VD, output_VD : float32[V, D]
        Embeddings and output layer.
    tied : bool
        They are one matrix, which every step of training moves: then rows known to be unused are the reference.
    unused : sequence of int
        Rows that no text leads to.

    Returns
    -------
    float64[V]
        Not tied: the length of the input embedding. Tied: one minus the cosine between an output row and the mean of the
        unused ones, both without the mean and the first principal component of all rows.

    Raises
    ------
    ConfigError
        Tied, and no row is known to be unused.
    """
    if not tied:
        return np.linalg.norm(input_VD.astype(np.float64), axis=1), "input norm"
    if not len(unused):
        raise ConfigError(
            "the model's embeddings are tied and its vocabulary has no row that text never leads to: there is nothing to "
            "compare with"
        )
    centred_VD = output_VD.astype(np.float64) - output_VD.mean(0, dtype=np.float64)
    _, vectors = np.linalg.eigh(centred_VD.T @ centred_VD)
    first_D = vectors[:, -1]
    centred_VD -= np.outer(centred_VD @ first_D, first_D)
    reference_D = centred_VD[list(unused)].mean(0)
    lengths_V = np.linalg.norm(centred_VD, axis=1) * np.linalg.norm(reference_D)
    cosine_V = np.divide(
        centred_VD @ reference_D, lengths_V, out=np.zeros(len(lengths_V)), where=lengths_V > 0
    )
    return 1 - cosine_V, "distance from unused rows"


def suspects_of(indicator_V: npt.NDArray[np.float64], of: str, seeds: Seeds) -> Suspects:
    """Return the tokens with the lowest indicator, those aside that no text leads to: they need no verification."""
    text = np.array([kind in ("text", "fragment") for kind in seeds.kind])
    token_N = seeds.token_N[text]
    count = max(1, round(SHARE * len(seeds)))
    order = np.lexsort((token_N, indicator_V[token_N]))[:count]
    return Suspects(token_N[order], indicator_V[token_N[order]], of)


def repeat_probability(
    target: Target, tokenizer: Tokenizer, token_N: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """Return float64[N]: the largest probability with which the model repeats each token, of `PATTERNS`."""
    start = target.facts.start_token_id
    before = [] if start is None else [start]
    rows = []
    for pattern in PATTERNS:
        parts = [tokenizer.encode([part])[1].tolist() for part in pattern]
        rows += [
            [*before, *parts[0], token, *parts[1], token, *parts[2], token] for token in token_N.tolist()
        ]
    traced = target.trace(TokenBatch.of(rows)).by_text()
    last = traced.logprob_T[traced.offsets[1:] - 1].astype(np.float64)
    return np.exp(last.reshape(len(PATTERNS), len(token_N)).max(0))


def strength(probability: float) -> str:
    """Return `strong`, `weak`, `weak reject` or `reject`: how sure it is that a token is under-trained."""
    if probability < STRONG:
        return "strong"
    if probability < WEAK:
        return "weak"
    return "weak reject" if probability < SOME else "reject"


def unused_rows(seeds: Seeds, rows: int) -> list[int]:
    """Return rows of the output layer that no text leads to: beyond the tokenizer, unreachable, or bytes UTF-8 never has.

    Parameters
    ----------
    seeds : Seeds
    rows : int
        Of the output layer.
    """
    known = set(seeds.token_N.tolist())
    beyond = [row for row in range(rows) if row not in known]
    never = [
        int(token)
        for token, kind, name in zip(seeds.token_N, seeds.kind, seeds.name, strict=True)
        if kind == "unreachable" or (kind == "byte" and name in NEVER)
    ]
    return sorted([*beyond, *never])
