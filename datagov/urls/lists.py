"""Lists of domains, URLs and words, in folders as the university of Toulouse publishes its own.

A category is a folder with any of these files, one entry a line, `#` begins a comment: `domains` (`example.com`), `urls`
(`example.com/path`), and, ours, `words`, `soft_words` and `substrings`. Other files in it are passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from datagov.errors import ConfigError, did_you_mean

__all__ = ["FILES", "UrlLists", "read_lists"]

DOMAIN: Final = re.compile(r"[^\s/@:?#]+")
ADDRESS: Final = re.compile(r"[^\s/@:?#]+(:\d+)?[/?#]\S*")
WORD: Final = re.compile(r"[^\W_]+")
SCHEME: Final = re.compile(r"^[a-z][a-z0-9+.-]*://")


@dataclass(frozen=True, eq=False)
class UrlLists:
    """Entries of all categories read, in lower case."""

    domains: dict[str, list[str]] = field(default_factory=dict)
    """Domain -> categories that list it."""
    paths: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Host without `www.` -> what of its URLs is listed (`/path`), and the category."""
    words: set[str] = field(default_factory=set)
    soft_words: set[str] = field(default_factory=set)
    substrings: set[str] = field(default_factory=set)

    @property
    def entries(self) -> int:
        """How many different ones there are."""
        sets = (self.domains, self.words, self.soft_words, self.substrings)
        return sum(map(len, sets)) + sum(len(set(paths)) for paths in self.paths.values())


def read_lists(folder: Path, categories: Sequence[str]) -> UrlLists:
    """Read the categories of a folder.

    Parameters
    ----------
    folder : Path
        Holds a folder for each category; or the files themselves, and then is the category.
    categories : sequence of str
        Which of them; all if empty.

    Raises
    ------
    ConfigError
        It is no folder, holds no lists, lacks a category, or a file holds something else.
    """
    if not folder.is_dir():
        raise ConfigError(f"lists {folder}: expected a folder with a folder for each category.")
    found = {path.name: path for path in sorted(folder.iterdir()) if path.is_dir() and has_lists(path)}
    if has_lists(folder):
        found = {folder.name: folder, **found}
    if not found:
        raise ConfigError(
            f"lists {folder}: holds none of the files {', '.join(FILES)}, nor folders with them."
        )
    for name in categories:
        if name not in found:
            raise ConfigError(f"lists {folder}: there is no category {name!r}. {did_you_mean(name, found)}")
    lists = UrlLists()
    for name in categories or found:
        for file, enter in FILES.items():
            if (found[name] / file).is_file():
                for number, entry in entries_of(found[name] / file):
                    enter(lists, entry, name, f"lists {found[name] / file}: line {number}")
    if not lists.entries:
        raise ConfigError(f"lists {folder}: the files hold no entry; write one a line.")
    return lists


def has_lists(folder: Path) -> bool:
    """Whether a folder holds files of lists."""
    return any((folder / file).is_file() for file in FILES)


def entries_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number, entry in lower case), comments and blank lines passed over."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"lists {path}: cannot be read as UTF-8 text: {error}.") from error
    for number, line in enumerate(text.split("\n"), start=1):
        entry = line.strip().lower()
        if entry and not entry.startswith("#"):
            yield number, entry


def enter_domain(lists: UrlLists, entry: str, category: str, where: str) -> None:
    """Enter a domain."""
    if not DOMAIN.fullmatch(entry):
        raise ConfigError(
            f"{where}: {entry!r} is not a domain such as example.com; URLs with a path belong into `urls`."
        )
    held = lists.domains.setdefault(entry.strip("."), [])
    if category not in held:
        held.append(category)


def enter_url(lists: UrlLists, entry: str, category: str, where: str) -> None:
    """Enter a URL; one without a path is a domain."""
    plain = SCHEME.sub("", entry)
    if DOMAIN.fullmatch(plain.rstrip("/")):
        enter_domain(lists, plain.rstrip("/"), category, where)
        return
    if not ADDRESS.fullmatch(plain):
        raise ConfigError(f"{where}: {entry!r} is not a URL such as example.com/path.")
    at = min(plain.find(sign) for sign in "/?#" if sign in plain)
    host = plain[:at].partition(":")[0].removeprefix("www.")
    lists.paths.setdefault(host, []).append((plain[at:], category))


def enter_word(name: str) -> Callable[[UrlLists, str, str, str], None]:
    """Return how an entry of letters and digits is entered into one of the sets."""

    def enter(lists: UrlLists, entry: str, _: str, where: str) -> None:
        if not WORD.fullmatch(entry):
            raise ConfigError(
                f"{where}: {entry!r} holds more than letters and digits; write one word a line."
            )
        getattr(lists, name).add(entry)

    return enter


FILES: Final[Mapping[str, Callable[[UrlLists, str, str, str], None]]] = {
    "domains": enter_domain,
    "urls": enter_url,
    **{name: enter_word(name) for name in ("words", "soft_words", "substrings")},
}
"""File of a category -> how its entries are read."""
