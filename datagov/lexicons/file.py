"""The file of a lexicon: JSON, a term a line, with a manifest that says what is in it and where it came from."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from datagov.errors import ConfigError, did_you_mean
from datagov.lexicons.lexicon import (
    MOST_TERMS,
    THOUSAND,
    Lexicon,
    Source,
    Term,
    checked_category,
    checked_text,
    checked_weight,
    term_id,
)

__all__ = ["FORMAT", "STARTER", "encoded", "parse_lexicon", "read_lexicon", "starter", "write_lexicon"]

FORMAT: Final = 1
"""Raised when a file's keys, or what they mean, change."""
STARTER: Final = "starter"
"""The lexicon that ships with datagov, by the name under which commands take it."""

KEYS = ("datagov_lexicon", "name", "version", "made", "manifest", "sources", "allow", "traditional", "terms")
TERM_KEYS = ("term", "category", "weight", "variants", "id")


def encoded(lexicon: Lexicon) -> str:
    """Return a lexicon as the text of a file; equal lexicons give equal texts."""
    head = {
        "datagov_lexicon": FORMAT,
        "name": lexicon.name,
        "version": lexicon.version,
        "made": lexicon.made,
        "manifest": manifest(lexicon),
        "sources": [asdict(source) for source in lexicon.sources],
        "allow": list(lexicon.allow),
        "traditional": lexicon.traditional,
    }
    body = ",\n".join(f"  {json.dumps(_term_record(term), ensure_ascii=False)}" for term in lexicon.terms)
    return json.dumps(head, ensure_ascii=False, indent=1)[:-2] + f',\n "terms": [\n{body}\n ]\n}}\n'


def manifest(lexicon: Lexicon) -> dict[str, Any]:
    """Return what a file says of its own content: a file whose content is another was changed by hand."""
    return {
        "digest": lexicon.digest,
        "terms": len(lexicon.terms),
        "by_category": lexicon.by_category,
        "allow": len(lexicon.allow),
    }


def _term_record(term: Term) -> dict[str, Any]:
    weight = term.weight / THOUSAND
    record: dict[str, Any] = {
        "term": term.text,
        "category": term.category,
        "weight": int(weight) if weight == int(weight) else weight,
    }
    if term.variants:
        record["variants"] = list(term.variants)
    return {**record, "id": term.id}


def write_lexicon(path: Path, lexicon: Lexicon) -> None:
    """Write a lexicon's file, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(encoded(lexicon), encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ConfigError(f"lexicon {path}: cannot be written: {error.strerror}.") from error


def read_lexicon(path: Path, *, by_hand: bool = False) -> Lexicon:
    """Read a lexicon.

    Parameters
    ----------
    path : Path
    by_hand : bool
        Whether terms may have been changed since the manifest was written; ids are then made anew.

    Raises
    ------
    ConfigError
        The file cannot be read, is no lexicon, is of a newer format, has no term or an unsound one; or its content is
        not what its manifest says.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"lexicon {path}: cannot be read: {error.strerror}.") from error
    try:
        return parse_lexicon(content, by_hand=by_hand)
    except ConfigError as error:
        raise ConfigError(f"lexicon {path}: {error.message}") from None


def starter() -> Lexicon:
    """Return the lexicon that ships with datagov."""
    return parse_lexicon((files(__package__) / f"{STARTER}.json").read_bytes())


def parse_lexicon(content: bytes, *, by_hand: bool = False) -> Lexicon:
    """Return the lexicon that a file's bytes describe; see `read_lexicon`."""
    try:
        record = json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise ConfigError(f"cut off at byte {len(content)}; copy it again.") from None
        raise ConfigError(f"not UTF-8: {error.reason} at byte {error.start}. Save it as UTF-8.") from None
    except ValueError as error:
        raise ConfigError(
            f"not JSON ({error}); `datagov lexicon import LIST` makes a lexicon of a plain list."
        ) from None
    if not isinstance(record, dict) or "datagov_lexicon" not in record:
        raise ConfigError(
            "not a lexicon: the key 'datagov_lexicon' is missing; `datagov lexicon import LIST` makes one."
        )
    version = record["datagov_lexicon"]
    if version != FORMAT:
        newer = isinstance(version, int) and version > FORMAT
        raise ConfigError(
            f"format {version!r} is {'newer than' if newer else 'not'} what this datagov reads ({FORMAT})"
            + (": upgrade it." if newer else ".")
        )
    for key in record:
        if key not in KEYS:
            raise ConfigError(f"unknown key {key!r}. {did_you_mean(key, KEYS)}")
    terms = [_at(f"terms[{at}]", _term, each, by_hand) for at, each in enumerate(_listed(record, "terms"))]
    if not terms:
        raise ConfigError("holds no term.")
    if len(terms) > MOST_TERMS:
        raise ConfigError(f"holds {len(terms)} terms, the most are {MOST_TERMS}.")
    places: dict[str, int] = {}
    for at, term in enumerate(terms):
        if places.setdefault(term.id, at) != at:
            raise ConfigError(f"terms[{at}]: {term.text!r} is terms[{places[term.id]}] again.")
    lexicon = Lexicon(
        name=_typed(record, "name", str),
        version=_typed(record, "version", int),
        made=_typed(record, "made", str),
        terms=tuple(terms),
        allow=tuple(
            _at(f"allow[{at}]", checked_text, each) for at, each in enumerate(_listed(record, "allow"))
        ),
        traditional=_pairs(_typed(record, "traditional", str)),
        sources=tuple(
            _at(f"sources[{at}]", _source, each) for at, each in enumerate(_listed(record, "sources"))
        ),
    )
    if _typed(record, "manifest", dict) != manifest(lexicon):
        if by_hand:
            return replace(lexicon, by_hand=True)
        raise ConfigError(
            "its content is not what its manifest says: it was changed by hand. "
            "`datagov lexicon import FILE --output FILE` checks it and writes the manifest, as a new version."
        )
    return lexicon


def _at(place: str, check: Callable[..., Any], *given: Any) -> Any:
    try:
        return check(*given)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error.message}") from None


def _typed(record: Mapping[str, Any], key: str, kind: type) -> Any:
    value = record.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ConfigError(f"{key}: expected {kind.__name__}, got {value!r}.")
    return value


def _listed(record: Mapping[str, Any], key: str) -> list[Any]:
    return list(_typed(record, key, list))


def _term(record: Any, by_hand: bool) -> Term:
    if not isinstance(record, dict):
        raise ConfigError(f"expected an object, got {record!r}.")
    for key in record:
        if key not in TERM_KEYS:
            raise ConfigError(f"unknown key {key!r}. {did_you_mean(str(key), TERM_KEYS)}")
    text = checked_text(record.get("term"))
    term = Term(
        term_id(text),
        text,
        checked_category(record.get("category")),
        checked_weight(record.get("weight", 1)),
        tuple(checked_text(each) for each in _listed({"variants": [], **record}, "variants")),
    )
    if not by_hand and record.get("id") != term.id:
        raise ConfigError(
            f"{text!r} has the id {record.get('id')!r}, expected {term.id!r}. Was it changed by hand? "
            "`datagov lexicon import FILE --output FILE` checks it and writes the ids."
        )
    return term


def _pairs(pairs: str) -> str:
    if len(pairs) % 2:
        raise ConfigError("traditional: expected pairs of characters, got an odd number of them.")
    return pairs


def _source(record: Any) -> Source:
    try:
        return Source(**record)
    except TypeError:
        raise ConfigError(f"expected the keys {', '.join(Source.__annotations__)}, got {record!r}.") from None
