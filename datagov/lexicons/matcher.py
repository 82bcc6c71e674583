"""A lexicon made ready to be found in texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.errors import ConfigError, did_you_mean
from datagov.lexicons.file import read_lexicon
from datagov.lexicons.lexicon import CATEGORIES, Lexicon
from datagov.lexicons.stand_ins import FEWEST_HAN, group_of_point
from datagov.text.folding import FOLDINGS, fold_table, folded
from datagov.text.tables import script_index, unicode_tables
from datagov.text.term_trie import PASSED_OVER, TermTrie, build_trie
from datagov.text.terms import Found, find_terms

if TYPE_CHECKING:
    from datagov.model_files import ModelFile
    from datagov.text.batch import TextBatch

__all__ = ["Matcher", "checked_foldings", "lexicon_of", "load", "matcher_of"]

HAN: Final = script_index("han")


@dataclass(frozen=True, eq=False)
class Matcher:
    """T terms that can be found."""

    trie: TermTrie
    ids: pa.Array
    """string[T]."""
    category: npt.NDArray[np.int64]
    """int64[T]: index into CATEGORIES."""
    weight: npt.NDArray[np.int64]
    """int64[T], in thousandths."""

    def find(self, batch: TextBatch) -> Found:
        """Return where terms stand in texts; `term` is an index into `ids`, see `datagov.text.terms.find_terms`."""
        return find_terms(batch, self.trie)


def checked_foldings(names: Sequence[str]) -> tuple[str, ...]:
    """Return foldings in the order of FOLDINGS, or raise ConfigError that one is unknown."""
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"foldings must be a list of names, not {names!r}.")
    for name in names:
        if name not in FOLDINGS:
            raise ConfigError(f"there is no folding {name!r}. {did_you_mean(name, FOLDINGS)}")
    return tuple(name for name in FOLDINGS if name in names)


def matcher_of(lexicon: Lexicon, foldings: Sequence[str] = tuple(FOLDINGS)) -> Matcher:
    """Make a lexicon ready: allowed phrases first, then terms in their order, then variants."""
    table = fold_table(foldings, lexicon.traditional)
    written = [(term.text, at) for at, term in enumerate(lexicon.terms)]
    variants = [(text, at) for at, term in enumerate(lexicon.terms) for text in term.variants]
    forms = [*((phrase, PASSED_OVER) for phrase in lexicon.allow), *written, *variants]
    standing = [form for form in (*written, *variants) if _han_characters(form[0], table) >= FEWEST_HAN]
    order = list(CATEGORIES)
    return Matcher(
        build_trie(
            forms,
            table,
            repeats="repeats" in foldings,
            groups=group_of_point(),
            grouped=standing if "homophones" in foldings else (),
        ),
        pa.array([term.id for term in lexicon.terms], pa.string()),
        np.array([order.index(term.category) for term in lexicon.terms], np.int64),
        np.array([term.weight for term in lexicon.terms], np.int64),
    )


def _han_characters(text: str, table: npt.NDArray[np.uint32]) -> int:
    tables = unicode_tables()
    return sum(tables.script[tables.class_of[point]] == HAN for point in folded(text, table))


@lru_cache(maxsize=8)
def load(file: ModelFile, foldings: tuple[str, ...]) -> Matcher:
    """Return the matcher of a lexicon's file, once a process.

    Raises
    ------
    ConfigError
        The file is not the one the recipe was read with, or no lexicon.
    """
    file.check()
    return matcher_of(lexicon_of(file), foldings)


@lru_cache(maxsize=8)
def lexicon_of(file: ModelFile) -> Lexicon:
    """Return the lexicon of a file, once a process."""
    return read_lexicon(Path(file.path))
