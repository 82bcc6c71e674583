"""Which entries of lists some URLs meet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagov.extras import load
from datagov.urls.lists import UrlLists

__all__ = ["Hit", "UrlMatcher"]

PARTS: Final = r"^(?P<head>(?:[a-z][a-z0-9+.\-]*:)?(?://)?(?:[^/?#@]*@)?)(?P<host>[^/?#:]*)(?P<port>:\d*)?(?P<rest>(?s:.*))$"
ENDS: Final = "/?#&;="
"""Where a path may go on after a listed one."""
LONGEST_HOST: Final = 253
"""Characters of the longest host name (RFC 1035, 2.3.4: 255 octets with their lengths); a longer one is none, and meets nothing."""
MOST_REMEMBERED: Final = 1 << 16


@dataclass(frozen=True)
class Hit:
    """One entry that a URL meets."""

    row: int
    rule: str
    """`host` or `path`."""
    start: int
    """Position in the URL's code points of what meets the entry."""
    end: int
    term: str
    """`CATEGORY/ENTRY`."""


class UrlMatcher:
    """Lists, and the registered domains beyond which a host's parents are not looked at.

    Parameters
    ----------
    lists : UrlLists
    by : str or None
        The library of public suffixes the work was planned with.
    """

    def __init__(self, lists: UrlLists, by: str | None) -> None:
        self._lists = lists
        self._suffixes = suffix_list(by)
        self._parents = lru_cache(maxsize=MOST_REMEMBERED)(self._parents_of)

    def hits(self, urls: pa.LargeStringArray) -> list[Hit]:
        """Return the listed hosts and paths that URLs meet, by row.

        A host meets a domain that is itself or a parent of it on a label boundary, down to its registered
        domain: a listed `com.cn` or `github.io` is met by that very host alone. A URL meets a path where host and
        path are the same, but for `www.`, and what follows begins at a boundary: `a.com/x` is met by `a.com/x/y`
        and `a.com/x?y`, not by `a.com/xyz`.
        """
        parts = pc.extract_regex(pc.ascii_lower(urls), PARTS)
        hosts = pc.dictionary_encode(parts.field(1))
        names = hosts.dictionary.to_pylist()
        listed = [bool(self._parents(name)) or self._without_www(name) in self._lists.paths for name in names]
        codes = hosts.indices.to_numpy(zero_copy_only=False)
        chosen: list[int] = np.flatnonzero(np.array(listed, np.bool_)[codes]).tolist() if names else []
        return [hit for row in chosen for hit in self._of_url(row, parts[row].as_py())]

    def _of_url(self, row: int, parts: dict[str, str]) -> Iterable[Hit]:
        start = len(parts["head"])
        end = start + len(parts["host"])
        host = parts["host"].rstrip(".")
        for domain, categories in self._parents(parts["host"]):
            # A host of other letters may be listed as DNS has it: then the whole of it is what meets the entry.
            inside = start + len(host) - len(domain) if host.endswith(domain) else start
            for category in categories:
                yield Hit(row, "host", inside, start + len(host), f"{category}/{domain}")
        bare = self._without_www(parts["host"])
        rest = parts["rest"]
        for path, category in self._lists.paths.get(bare, ()):
            plain = path.rstrip("/") or "/"
            if rest.startswith(plain) and (
                len(rest) == len(plain) or plain[-1] in ENDS or rest[len(plain)] in ENDS
            ):
                after = end + len(parts["port"] or "") + len(plain)
                yield Hit(row, "path", start, after, f"{category}/{bare}{path}")

    def _parents_of(self, host: str) -> list[tuple[str, list[str]]]:
        """Return the listed domains that a host is or lies in, the longest first, with their categories."""
        name = host.rstrip(".")
        if len(name) > LONGEST_HOST:
            return []
        met = []
        for form in dict.fromkeys((name, ascii_host(name))):
            labels = form.split(".")
            for at in range(len(labels)):
                domain = ".".join(labels[at:])
                if domain in self._lists.domains and (at == 0 or self._is_owned(form, domain)):
                    met.append((domain, self._lists.domains[domain]))
        return met

    def _is_owned(self, host: str, domain: str) -> bool:
        """Whether a parent of a host is its registered domain or lies in it; addresses have no parents."""
        if host.rpartition(".")[2].isdigit():
            return False
        registered = self._suffixes.privatesuffix(host)
        return registered is not None and len(domain) >= len(registered)

    @staticmethod
    def _without_www(host: str) -> str:
        return host.rstrip(".").removeprefix("www.")


@cache
def suffix_list(by: str | None) -> Any:
    """Return the public suffix list that the library holds; it asks no network."""
    return load("publicsuffixlist", expected=by).PublicSuffixList()


def ascii_host(host: str) -> str:
    """Return a host as DNS has it: `xn--...` for labels of other letters; as it is where it has no such form."""
    if host.isascii():
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return host


def counts_of(rows: Iterable[int], size: int) -> npt.NDArray[np.int64]:
    """Return int64[size]: how often each row is named."""
    return np.bincount(np.fromiter(rows, np.int64), minlength=size).astype(np.int64)
