"""What words and letters are taken from, by version: a classifier is asked only with what it was trained with."""

from __future__ import annotations

from importlib.metadata import version

from datagov.classifiers.card import Card, NGrams, Tokens
from datagov.errors import ConfigError
from datagov.text.tables import unicode_tables

__all__ = ["require_tables", "tables_of"]


def tables_of(reading: NGrams | Tokens) -> dict[str, str]:
    """Return the versions that decide how texts are read this way."""
    found = {"unicode": unicode_tables().version}
    if reading.words if isinstance(reading, NGrams) else reading.cut == "words":
        found["rjieba"] = version("rjieba")
    return found


def require_tables(card: Card) -> None:
    """Raise ConfigError where a classifier was trained on texts cut otherwise than they are here."""
    here = tables_of(card.reading)
    for name, trained in card.tables.items():
        if here.get(name) != trained:
            raise ConfigError(
                f"classifier {card.name!r} was trained with {name} {trained}, and texts are cut with "
                f"{here.get(name, 'none')} here: words would differ. Train it again, or install that version."
            )
    if here.keys() != card.tables.keys():
        raise ConfigError(
            f"classifier {card.name!r}: its card does not say which {', '.join(sorted(here.keys() - card.tables.keys()))} "
            "it was trained with."
        )
