"""What a site says of all its pages: robots.txt, ai.txt and tdmrep.json, where a capture holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from datagov.web.robots import PathRules, encoded, matches, read_path_rules

__all__ = ["SITE_FILES", "Site", "origin_of", "path_of", "site_file"]

SITE_FILES = {"/robots.txt": "robots", "/ai.txt": "ai", "/.well-known/tdmrep.json": "tdm"}
"""Path of a file about a whole site -> which it is."""
EXTENSIONS = {"text/plain": ".txt"}
"""Media type -> the extension that ai.txt knows it by; `.html` for all others that are read."""


def origin_of(url: str) -> str | None:
    """Return scheme, host and port of an http(s) URL, or None: rules speak of one origin (RFC 9309, 2.3)."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        return None
    if split.scheme not in {"http", "https"} or not split.hostname:
        return None
    return f"{split.scheme}://{split.hostname}{'' if port is None else f':{port}'}"


def path_of(url: str) -> str:
    """Return the path of a URL with its query, as rules are matched with."""
    split = urlsplit(url)
    return f"{split.path or '/'}{f'?{split.query}' if split.query else ''}"


def site_file(url: str) -> str | None:
    """Return which file about its whole site a URL names, or None."""
    try:
        split = urlsplit(url)
    except ValueError:
        return None
    return None if split.query else SITE_FILES.get(split.path)


@dataclass
class Site:
    """The files about one origin."""

    robots: PathRules | None = None
    ai: PathRules | None = None
    tdm: list[dict[str, Any]] | None = None

    def add(self, kind: str, data: bytes) -> None:
        """Take a file; of several captures of one, the last counts. What is not of its form says nothing."""
        if kind == "tdm":
            self.tdm = _tdm_rules(data)
        else:
            setattr(self, kind, read_path_rules(data))

    def robots_disallow(self, agents: Sequence[str], path: str) -> bool | None:
        """Return whether robots.txt disallows a path to one of the agents; None without the file."""
        return None if self.robots is None else not all(self.robots.allows(agent, path) for agent in agents)

    def ai_disallow(self, agents: Sequence[str], path: str, media_type: str) -> bool | None:
        """Return whether ai.txt disallows a page to one of the agents; None without the file.

        ai.txt speaks of kinds of files by their extensions: a page counts as `.html` whatever its URL ends with.
        """
        if self.ai is None:
            return None
        extension = EXTENSIONS.get(media_type, ".html")
        plain = path.partition("?")[0]
        folder, slash, name = plain.rpartition("/")
        typed = f"{folder}{slash}{name.rpartition('.')[0] or name or 'index'}{extension}"
        return not all(self.ai.allows(agent, typed) for agent in agents)

    def tdm_rule(self, path: str) -> tuple[int, str | None] | None:
        """Return (reservation, policy) that tdmrep.json has for a path; the longest location that matches decides."""
        met = [
            (len(rule["location"]), rule)
            for rule in self.tdm or ()
            if matches(rule["location"], encoded(path))
        ]
        if not met:
            return None
        _, rule = max(met, key=lambda pair: pair[0])
        return rule["reservation"], rule["policy"]


def _tdm_rules(data: bytes) -> list[dict[str, Any]]:
    try:
        read = orjson.loads(data)
    except orjson.JSONDecodeError:
        return []
    found = []
    for rule in read if isinstance(read, list) else [read]:
        if not isinstance(rule, dict) or not isinstance(rule.get("location"), str):
            continue
        if rule.get("tdm-reservation") in (0, 1, "0", "1"):
            policy = rule.get("tdm-policy")
            found.append(
                {
                    "location": encoded(rule["location"]),
                    "reservation": int(rule["tdm-reservation"]),
                    "policy": policy if isinstance(policy, str) else None,
                }
            )
    return found
