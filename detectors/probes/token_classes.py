"""What the tokens of a vocabulary are: twelve classes, and the scripts of those that are letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.text.batch import TextBatch
from datagov.text.tables import SCRIPTS
from datagov.tokenizer import Tokenizer
from detectors.fingerprint.seeds import Seeds, vocabulary_seeds

__all__ = ["CLASSES", "Vocabulary", "read_vocabulary"]

FORMS: Final = ("char", "spaced", "inner")
CONTENTS: Final = ("alpha", "other", "errors")
CLASSES: Final = (
    "control_tokens",
    "pure_unicode",
    "unicode_flanks",
    *(f"{form}_{content}" for content in CONTENTS for form in FORMS),
)
"""Each token is in one. `control_tokens`: special; `pure_unicode`: one byte that is no character; `unicode_flanks`: several
bytes, not all of them whole characters. The others are by form and content: `char`: one character; `spaced`: begins a word
with its space; `inner`: the rest. `alpha`: letters of one script alone; `errors`: no text encodes to it; `other`: the rest.

Source: the classes of nup-csai/Qtok; what counts as an error is our reading: a token that text never gives."""
MARKERS: Final = ("\u0120", "\u2581", " ")
"""How vocabularies spell the space before a word."""


@dataclass(frozen=True)
class Vocabulary:
    """N tokens, ascending by id."""

    seeds: Seeds
    text: list[str]
    """Decoded by itself, without the space before it."""
    class_N: npt.NDArray[np.str_]
    """One of `CLASSES` each."""
    script_N: npt.NDArray[np.str_]
    """Script of the letters of `alpha` tokens; empty for the others."""
    han_N: npt.NDArray[np.int64]
    """Han characters of each."""

    def class_counts(self) -> dict[str, int]:
        """Return tokens by class."""
        return {name: int((self.class_N == name).sum()) for name in CLASSES}

    def script_counts(self) -> dict[str, int]:
        """Return tokens that are letters of one script, by script, most first."""
        names, counts = np.unique(self.script_N[self.script_N != ""], return_counts=True)
        order = np.lexsort((names, -counts))
        return {str(names[row]): int(counts[row]) for row in order}


def read_vocabulary(tokenizer: Tokenizer) -> Vocabulary:
    """Return every token of a tokenizer with its class and script."""
    seeds = vocabulary_seeds(tokenizer)
    decoded = tokenizer.backend.decode_batch(
        [[int(token)] for token in seeds.token_N], skip_special_tokens=False
    )
    spaced_N = np.array([name.startswith(MARKERS) for name in seeds.name])
    texts = [
        text.removeprefix(" ") if spaced else text for text, spaced in zip(decoded, spaced_N, strict=True)
    ]
    batch = TextBatch(pa.array(texts, pa.large_string()))
    letters_NS, chars_N = batch.script_counts, batch.chars
    one_N = (letters_NS.max(1) == chars_N) & (chars_N > 0)
    script_N = np.where(one_N, np.array(SCRIPTS)[letters_NS.argmax(1)], "")
    kind_N = np.array(seeds.kind)
    form_N = np.where(spaced_N, "spaced", np.where(chars_N == 1, "char", "inner"))
    content_N = np.where(kind_N == "unreachable", "errors", np.where(one_N, "alpha", "other"))
    class_N = np.char.add(np.char.add(form_N, "_"), content_N).astype(object)
    for kind, name in (
        ("special", "control_tokens"),
        ("byte", "pure_unicode"),
        ("fragment", "unicode_flanks"),
    ):
        class_N[kind_N == kind] = name
    alpha_N = (kind_N == "text") & one_N
    return Vocabulary(
        seeds=seeds,
        text=texts,
        class_N=class_N.astype(str),
        script_N=np.where(alpha_N, script_N, ""),
        han_N=letters_NS[:, SCRIPTS.index("han")],
    )
