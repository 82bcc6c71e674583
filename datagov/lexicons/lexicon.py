"""What a lexicon is: terms, each of a category and with a weight, and phrases in which none of them is meant."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from datagov.errors import ConfigError, did_you_mean
from datagov.ids import digest
from datagov.text.folding import fold_table, folded
from datagov.text.term_trie import MOST_SYMBOLS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "CATEGORIES",
    "MOST_TERMS",
    "THOUSAND",
    "Lexicon",
    "Source",
    "Term",
    "checked_category",
    "checked_text",
    "checked_weight",
    "plain_form",
    "record_of_terms",
    "term_id",
]

CATEGORIES: Final = {
    "sexism": "contempt for people because of their sex or gender",
    "slur": "contempt for people because of origin, religion, orientation or disability",
    "insult": "abuse of a person",
    "profanity": "swear words that need not be meant for anyone",
    "sexual": "sexual vocabulary and pornography",
    "violence": "threats, and wishes of harm",
    "unsorted": "of a list that has no categories",
}
"""What terms can be of; each has its own signals."""

THOUSAND: Final = 1000
"""Weights are whole thousandths: 1500 is a weight of 1.5."""
MOST_TERMS: Final = 100_000
"""As many as a word list may have: the terms are written into the run's manifest."""
GREATEST_WEIGHT: Final = 1000


@dataclass(frozen=True)
class Term:
    """One entry of a lexicon."""

    id: str
    """`term_id` of the text: the same in every lexicon and every version that has the term."""
    text: str
    category: str
    weight: int
    """In thousandths, from 1."""
    variants: tuple[str, ...] = ()
    """Other ways of writing it, found as the same term."""


@dataclass(frozen=True)
class Source:
    """A list that terms came from."""

    name: str
    sha256: str | None = None
    """Of the file's contents; None for terms that came from no file."""
    dated: str | None = None
    """YYYY-MM-DD: when the list was last revised; None where nobody said."""
    licence: str | None = None
    url: str | None = None
    terms: int = 0
    """How many of the lexicon's terms it gave."""


@dataclass(frozen=True)
class Lexicon:
    """A lexicon of one version. Which terms are found depends on `content` alone."""

    name: str
    version: int
    made: str
    """YYYY-MM-DD."""
    terms: tuple[Term, ...]
    allow: tuple[str, ...] = ()
    """Phrases that are passed over with all that lies in them, such as words that hold a term by accident."""
    traditional: str = ""
    """Pairs of a traditional character and the simplified one of a term that it counts as, end to end."""
    sources: tuple[Source, ...] = field(default=(), compare=False)
    by_hand: bool = field(default=False, compare=False)
    """Whether the file it was read from says something else of its content."""

    @property
    def content(self) -> dict[str, Any]:
        """What decides which terms are found, and as what."""
        return {
            "allow": list(self.allow),
            "traditional": self.traditional,
            "terms": [
                [term.id, term.text, term.category, term.weight, list(term.variants)] for term in self.terms
            ],
        }

    @property
    def digest(self) -> str:
        """32 hex digits naming the content."""
        return digest(json.dumps(self.content, ensure_ascii=True))

    @property
    def by_category(self) -> dict[str, int]:
        """How many terms each category has, in the order of CATEGORIES, those without any left out."""
        counts = {name: sum(term.category == name for term in self.terms) for name in CATEGORIES}
        return {name: count for name, count in counts.items() if count}


@cache
def _table() -> npt.NDArray[np.uint32]:
    return fold_table(("case", "width", "zero_width"))


def plain_form(text: str) -> tuple[int, ...]:
    """Return a term's code points in lower case and usual width: terms that have these in common are one term."""
    return folded(text, _table())


def term_id(text: str) -> str:
    """Return 12 hex digits naming a term, however it is cased and whatever its width."""
    return digest("".join(map(chr, plain_form(text))))[:12]


def checked_text(text: Any) -> str:
    """Return the text of a term as it can be found, or raise ConfigError that it cannot be one."""
    if not isinstance(text, str) or text != text.strip() or not text:
        raise ConfigError(f"{text!r} is not a text without white space around it")
    if "\N{REPLACEMENT CHARACTER}" in text:
        raise ConfigError(f"{text!r} holds U+FFFD: it was decoded wrongly somewhere, and what it was is lost")
    if any(not character.isprintable() and plain_form(character) for character in text):
        raise ConfigError(f"{text!r} holds a control character")
    length = len(plain_form(text))
    if not 1 <= length <= MOST_SYMBOLS:
        raise ConfigError(f"{text[:20]!r} has {length} characters that count; expected 1 to {MOST_SYMBOLS}")
    if not any(character.isalnum() for character in map(chr, plain_form(text))):
        raise ConfigError(f"{text!r} holds neither a letter nor a digit")
    return text


def checked_category(category: Any) -> str:
    """Return a category, or raise ConfigError that there is none such."""
    if category not in CATEGORIES:
        raise ConfigError(f"there is no category {category!r}. {did_you_mean(str(category), CATEGORIES)}")
    return str(category)


def checked_weight(weight: Any) -> int:
    """Return a weight in thousandths, or raise ConfigError that it is no number from 0.001 to 1000."""
    try:
        thousandths = Decimal(str(weight)) * THOUSAND if not isinstance(weight, bool) else Decimal(0)
    except InvalidOperation:
        thousandths = Decimal(0)
    if (
        thousandths.is_finite()
        and thousandths == int(thousandths)
        and 1 <= thousandths <= GREATEST_WEIGHT * THOUSAND
    ):
        return int(thousandths)
    raise ConfigError(
        f"weight {weight!r} is not a number from 0.001 to {GREATEST_WEIGHT} of at most three decimals"
    )


def record_of_terms(lexicon: Lexicon) -> Mapping[str, tuple[str, str, int]]:
    """Return id -> text, category and weight in thousandths: what the ids of a ledger mean."""
    return {term.id: (term.text, term.category, term.weight) for term in lexicon.terms}
