"""Lists of words that others publish, read into terms: what cannot be a term is dropped and told, never mended."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from datagov.errors import ConfigError
from datagov.lexicons.lexicon import (
    MOST_TERMS,
    Lexicon,
    Source,
    Term,
    checked_category,
    checked_text,
    checked_weight,
    plain_form,
    term_id,
)
from datagov.model_files import sha256_of

__all__ = ["KINDS", "Dropped", "Kind", "Read", "joined", "read_list"]

DATE: Final = re.compile(r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")
FEW: Final = 100
"""A list of which at most one line in FEW is not UTF-8 has corrupt entries; with more it is in another encoding."""


@dataclass(frozen=True)
class Kind:
    """A published list: what is said of it in a lexicon's sources."""

    name: str | None = None
    licence: str | None = None
    url: str | None = None


KINDS: Final = {
    "plain": Kind(),
    "sexhatelex": Kind("SexHateLex", "MIT", "https://github.com/aggiejiang/SWSR"),
    "ldnoobw": Kind(
        "LDNOOBW",
        "CC-BY-4.0",
        "https://github.com/LDNOOBW/List-of-Dirty-Naughty-Obscene-and-Otherwise-Bad-Words",
    ),
}
"""Lists that are known by name. All are a term a line, without categories or dates."""


@dataclass(frozen=True)
class Dropped:
    """An entry of a list that became no term."""

    line: int
    entry: str
    reason: str


@dataclass(frozen=True)
class Read:
    """What a list held."""

    terms: tuple[Term, ...]
    dropped: tuple[Dropped, ...]
    source: Source


def read_list(
    path: Path,
    *,
    kind: str = "plain",
    category: str = "unsorted",
    weight: float | str = 1,
    fewest_chars: int = 1,
    dated: str | None = None,
) -> Read:
    """Read a list: UTF-8, a term a line, or a term, its category and its weight with tabs between.

    Blank lines and those that begin with `#` are passed over. Dropped are entries that hold U+FFFD or a control
    character, are not UTF-8, have nothing to be found by or too much, or are an earlier term again.

    Parameters
    ----------
    path : Path
    kind : str
        One of KINDS.
    category, weight : str, number
        Of terms that name none.
    fewest_chars : int
        Shorter terms are dropped.
    dated : str, optional
        YYYY-MM-DD, when the list was last revised.

    Raises
    ------
    ConfigError
        The file cannot be read, is in another encoding, has an unknown category or a weight that is none, or no entry
        that can be a term; or `dated` is no date.
    """
    if dated is not None and not DATE.match(dated):
        raise ConfigError(f"dated {dated!r}: expected YYYY-MM-DD.")
    usual = checked_category(category), checked_weight(weight)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"list {path}: cannot be read: {error.strerror}.") from error
    lines = _lines(content, path)
    terms: dict[str, Term] = {}
    dropped: list[Dropped] = []
    for number, line in enumerate(lines, start=1):
        if line is None:
            dropped.append(Dropped(number, "", "not UTF-8"))
            continue
        if not line.strip() or line.startswith("#"):
            continue
        entry, *columns = (part.strip() for part in line.strip().split("\t"))
        try:
            text = checked_text(entry)
        except ConfigError as error:
            dropped.append(Dropped(number, entry, error.message))
            continue
        try:
            term = _term(text, columns, usual)
        except ConfigError as error:
            raise ConfigError(f"list {path}: line {number}: {error.message}") from None
        length = len(plain_form(text))
        if length < fewest_chars:
            dropped.append(Dropped(number, entry, f"{length} characters, fewer than {fewest_chars}"))
        elif terms.setdefault(term.id, term) is not term:
            dropped.append(Dropped(number, entry, f"{terms[term.id].text!r} again"))
    if not terms:
        raise ConfigError(f"list {path}: holds no entry that can be a term; {_summary(dropped)}.")
    published = KINDS[kind]
    source = Source(
        published.name or path.name, sha256_of(path), dated, published.licence, published.url, len(terms)
    )
    return Read(tuple(terms.values()), tuple(dropped), source)


def _lines(content: bytes, path: Path) -> list[str | None]:
    """Return a file's lines, None for each that is not UTF-8, or raise ConfigError that it is in another encoding."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError(f"list {path}: is UTF-16: convert it first, iconv -f UTF-16 -t UTF-8.")
    lines: list[str | None] = []
    for line in content.removeprefix(b"\xef\xbb\xbf").splitlines():
        try:
            lines.append(line.decode("utf-8"))
        except UnicodeDecodeError:
            lines.append(None)
    wrong = lines.count(None)
    if wrong * FEW > len(lines):
        hint = next(
            (f", iconv -f {name} -t UTF-8" for name in ("GB18030", "BIG5") if _decodes(content, name)), ""
        )
        raise ConfigError(
            f"list {path}: {wrong} of {len(lines)} lines are not UTF-8: it is in another encoding; convert it first{hint}."
        )
    return lines


def _decodes(content: bytes, encoding: str) -> bool:
    try:
        content.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _term(text: str, columns: Sequence[str], usual: tuple[str, int]) -> Term:
    if len(columns) > 2:
        raise ConfigError(
            f"{text!r}: expected a term, its category and its weight, got {len(columns) + 1} columns"
        )
    category = checked_category(columns[0]) if columns and columns[0] else usual[0]
    weight = checked_weight(columns[1]) if len(columns) == 2 else usual[1]
    return Term(term_id(text), text, category, weight)


def _summary(dropped: Sequence[Dropped]) -> str:
    return f"{len(dropped)} were dropped, the first: {dropped[0].reason}" if dropped else "it is empty"


def joined(
    before: Lexicon | None,
    name: str,
    terms: Iterable[Term],
    sources: Iterable[Source],
    *,
    allow: Iterable[str] = (),
    add: bool = False,
    today: str,
    counterparts: Callable[[str], str],
) -> tuple[Lexicon, tuple[Term, ...]]:
    """Return the lexicon that terms make, or with `add` that they and those of an earlier version make.

    Parameters
    ----------
    before : Lexicon or None
        What is there already; a lexicon of other content becomes its next version.
    name, today : str
    terms, sources, allow : iterables
    add : bool
        Keep what `before` has; its terms stay as they are where they come again.
    counterparts : callable
        From characters to the pairs of traditional and simplified characters that matter for them.

    Returns
    -------
    Lexicon
        `before` itself where nothing changed.
    tuple of Term
        Terms that were there already, when added.
    """
    kept = before if add and before is not None else None
    found = {term.id: term for term in kept.terms} if kept is not None else {}
    again = tuple(term for term in terms if found.setdefault(term.id, term) is not term)
    if len(found) > MOST_TERMS:
        raise ConfigError(f"{len(found)} terms, the most of a lexicon are {MOST_TERMS}.")
    phrases = tuple(dict.fromkeys([*(kept.allow if kept is not None else ()), *allow]))
    characters = sorted({c for term in found.values() for text in (term.text, *term.variants) for c in text})
    made = Lexicon(
        name,
        1 if before is None else before.version + 1,
        today,
        tuple(found.values()),
        phrases,
        counterparts("".join(characters)),
        (*(kept.sources if kept is not None else ()), *sources),
    )
    same = before is not None and replace(made, version=before.version, made=before.made) == before
    if before is not None and same and not before.by_hand:
        return before, again
    return made, again
