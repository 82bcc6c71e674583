"""Files of rules about paths: robots.txt (RFC 9309), and ai.txt, which is written in the same way."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["PathRules", "matches", "read_path_rules"]

MOST_BYTES = 500 * 2**10
"""How much of a file is read: RFC 9309, 2.5, asks for at least 500 KiB."""
AS_THEY_ARE = "".join(chr(code) for code in range(33, 127))


@dataclass(frozen=True)
class PathRules:
    """Which paths of a site are disallowed to whom."""

    groups: tuple[tuple[frozenset[str], tuple[tuple[str, bool], ...]], ...]
    """(agents in lower case, (pattern, whether it allows)) in the order of the file."""

    def allows(self, agent: str, path: str) -> bool:
        """Return whether an agent may take a path, which begins with `/` and holds the query.

        The longest pattern that matches decides, an allowing one where two are as long; nothing matching
        allows (RFC 9309, 2.2.2). Groups that name the agent are one; without them, those for `*` (2.2.1).
        """
        wanted = agent.lower()
        named = [rules for agents, rules in self.groups if wanted in agents]
        chosen = named or [rules for agents, rules in self.groups if "*" in agents]
        written = encoded(path)
        met = [
            (len(pattern), allow) for rules in chosen for pattern, allow in rules if matches(pattern, written)
        ]
        return max(met)[1] if met else True


def encoded(path: str) -> str:
    """Return a path or pattern with what is not ASCII percent-encoded, as rules are compared."""
    return quote(path, safe=AS_THEY_ARE)


def matches(pattern: str, path: str) -> bool:
    """Return whether a path begins as the pattern says: `*` is any characters, `$` at its end the path's end."""
    ends = pattern.endswith("$")
    first, *others = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    if not others:
        return not ends or at == len(path)
    *middle, last = others
    for piece in middle:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    if ends:
        return len(path) - len(last) >= at and path.endswith(last)
    return path.find(last, at) >= 0


def read_path_rules(data: bytes) -> PathRules:
    """Read a file of rules; lines that are none are passed over, as RFC 9309 asks."""
    groups: list[tuple[set[str], list[tuple[str, bool]]]] = []
    agents_end = True
    for key, value in _lines(data[:MOST_BYTES].decode("utf-8-sig", "replace").splitlines()):
        if key == "user-agent":
            if agents_end:
                groups.append((set(), []))
            groups[-1][0].add(value.lower())
            agents_end = False
        elif key in {"allow", "disallow"}:
            agents_end = True
            if value and groups:
                groups[-1][1].append((encoded(value), key == "allow"))
    return PathRules(tuple((frozenset(agents), tuple(rules)) for agents, rules in groups))


def _lines(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()
