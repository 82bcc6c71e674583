"""Small lexicons for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from datagov.lexicons.file import write_lexicon
from datagov.lexicons.lexicon import Lexicon, Term, checked_weight, term_id

__all__ = ["made", "write"]


def made(
    *terms: tuple[Any, ...],
    allow: Sequence[str] = (),
    traditional: str = "",
    name: str = "made",
    version: int = 1,
) -> Lexicon:
    """Return a lexicon of terms given as text, category and, if they like, weight and variants."""
    entries = []
    for text, category, *rest in terms:
        weight = rest[0] if rest else 1
        variants = tuple(rest[1]) if len(rest) > 1 else ()
        entries.append(Term(term_id(text), text, category, checked_weight(weight), variants))
    return Lexicon(name, version, "2026-01-02", tuple(entries), tuple(allow), traditional)


def write(path: Path, *terms: tuple[Any, ...], **fields: Any) -> Path:
    """Write such a lexicon and return its path."""
    write_lexicon(path, made(*terms, **fields))
    return path
