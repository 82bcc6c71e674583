"""A language model ready to be asked: KenLM's, with the card that says how."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from datagov.extras import load
from datagov.lm.card import Card, read_card, weights_of
from datagov.lm.sentences import Sentences, read_sentences, versions_of

if TYPE_CHECKING:
    from datagov.model_files import ModelFile
    from datagov.text.batch import TextBatch

__all__ = ["LanguageModel", "Scores", "libraries_of", "load_lm", "open_kenlm", "open_pieces"]

LIBRARIES: Final = {"pieces": ("kenlm", "sentencepiece")}
"""Tokens -> the libraries a model of them needs; kenlm alone where not named."""

BEGINS: Final = (b"\\data\\", b"mmap lm http://kheafield.com/code format version")
"""How files that KenLM reads begin: ARPA, after white space, and its own binary format."""
READ_AT_ONCE: Final = 1 << 16


@dataclass(frozen=True, eq=False)
class Scores:
    """What a model makes of N documents."""

    log10: npt.NDArray[np.float64]
    """float64[N]: sum of the log10 probabilities of all sentences, their ends included."""
    predicted: npt.NDArray[np.int64]
    """int64[N]: tokens and ends of sentences; 0 for a document without a token."""


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A card and what it names, opened."""

    card: Card
    kenlm: Any
    """kenlm.Model."""
    processor: Any
    """sentencepiece.SentencePieceProcessor, or None."""

    def scores(self, batch: TextBatch) -> Scores:
        """Ask the model for every document of a batch."""
        return self.score(read_sentences(batch, self.card.reading, self.processor), batch.n)

    def score(self, sentences: Sentences, documents: int) -> Scores:
        """Return the scores of documents from their sentences: one call of the library a sentence."""
        score, data = self.kenlm.score, sentences.data
        ends = sentences.ends.tolist()
        found = [score(data[ends[at] : ends[at + 1]]) for at in range(len(ends) - 1)]
        log10 = np.zeros(documents, np.float64)
        np.add.at(log10, sentences.document, np.array(found, np.float64))
        predicted = np.zeros(documents, np.int64)
        np.add.at(predicted, sentences.document, sentences.tokens + 1)
        return Scores(log10, predicted)


def libraries_of(card: Card) -> tuple[str, ...]:
    """Return the optional libraries that a model needs."""
    return LIBRARIES.get(card.reading.tokens, ("kenlm",))


def open_kenlm(path: Path) -> Any:
    """Open an ARPA file or a binary of KenLM.

    Raises
    ------
    ConfigError
        The library is missing; or the file is of another format, cut short or damaged.
    """
    kenlm = load("kenlm", expected=None)
    try:
        with path.open("rb") as file:
            begin = file.read(READ_AT_ONCE)
    except OSError as error:
        raise ConfigError(f"language model {path}: cannot be read: {error.strerror}.") from error
    if not begin.lstrip().startswith(BEGINS):
        raise ConfigError(
            f"language model {path}: is neither an ARPA file nor a binary of KenLM; it begins with {begin[:16]!r}."
        )
    config = kenlm.Config()
    config.show_progress = False
    config.arpa_complain = kenlm.ARPALoadComplain.NONE
    try:
        return kenlm.Model(str(path), config)
    except (OSError, RuntimeError) as error:
        raise ConfigError(
            f"language model {path}: KenLM cannot read it: {' '.join(str(error).split())}. It may have been cut short: "
            "copy it again, or make it again"
        ) from error


def open_pieces(path: Path) -> Any:
    """Open a model of SentencePiece.

    Raises
    ------
    ConfigError
        The library is missing; or the file is of another format, cut short or damaged.
    """
    library = load("sentencepiece", expected=None)
    try:
        return library.SentencePieceProcessor(model_file=str(path))
    except (OSError, RuntimeError) as error:
        raise ConfigError(
            f"SentencePiece model {path}: cannot be read: {' '.join(str(error).split())}."
        ) from error


@lru_cache(maxsize=4)
def load_lm(file: ModelFile) -> LanguageModel:
    """Load a model by its card, once a process.

    Raises
    ------
    ConfigError
        The card or a file it names is not there, damaged, or not the one that was meant; a library is missing, or
        letters and words are taken from another version than when the model was made.
    """
    file.check()
    path = Path(file.path)
    card = read_card(path)
    here = versions_of(card.reading.tokens)
    for name, then in card.reading.versions.items():
        if here.get(name) != then:
            raise ConfigError(
                f"language model {path}: it was made with {name} {then}, and here is {here.get(name, 'none')}: tokens "
                "may differ. Install that version, or train the model again"
            )
    pieces = card.reading.pieces
    processor = None if pieces is None else open_pieces(weights_of(path, pieces))
    return LanguageModel(card, open_kenlm(weights_of(path, card.model)), processor)
