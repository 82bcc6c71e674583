"""What a page's owner reserved: directives for robots, and the TDM Reservation Protocol.

Each signal that is found is named for itself, and none is set against another: which of them count is for a
recipe to say. Sources: the directives `noai` and `noimageai` (DeviantArt, November 2022) in `X-Robots-Tag` and
`<meta name="robots">`; TDMRep (W3C community group, final report of 10 May 2024); robots.txt (RFC 9309);
ai.txt (Spawning, 2023).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datagov.web.http import Answer
from datagov.web.sites import Site, path_of

__all__ = ["NOTHING", "Reservations", "reservations"]

NO_AI = "noai"


@dataclass(frozen=True)
class Reservations:
    """What was found for one page."""

    robots: str | None = None
    """Directives for robots of the head and the page, as written, in order, joined by commas."""
    tdm_reservation: int | None = None
    """1 where a representation of TDMRep reserves the page, 0 where one only says that it is not, None without."""
    tdm_policy: str | None = None
    robots_disallowed: bool | None = None
    """By the robots.txt of the same archive; None where that holds none of the site's."""
    ai_txt_disallowed: bool | None = None
    opt_out: str = ""
    """Names of the signals that reserve the page, in the order below, separated by spaces."""


NOTHING = Reservations()


def reservations(
    *,
    answer: Answer | None,
    metas: Iterable[tuple[str, str]],
    site: Site | None,
    url: str | None,
    media_type: str,
    agents: Sequence[str],
) -> Reservations:
    """Return what is reserved of a page.

    Parameters
    ----------
    answer : Answer or None
        The HTTP answer, for its head.
    metas : iterable of (name, content)
        `<meta>` elements of the page, names in lower case.
    site : Site or None
        The site's own files.
    url, media_type : str
    agents : sequence of str
        Names of robots that directives and files may speak to besides all; `*` is all of them.
    """
    metas = list(metas)
    named = {agent.lower() for agent in agents} - {"*"}
    heads = answer.values("x-robots-tag") if answer else []
    spoken = [content for name, content in metas if name == "robots" or name in named]
    directives = [*_directives(heads, named), *(each for content in spoken for each in _split(content))]
    found = [NO_AI] if any(each.lower() == NO_AI for each in directives) else []
    by_place = {
        "tdm-header": _reservation(answer.values("tdm-reservation") if answer else []),
        "tdm-meta": _reservation([content for name, content in metas if name == "tdm-reservation"]),
    }
    policies = [content for name, content in metas if name == "tdm-policy"]
    policies += answer.values("tdm-policy") if answer else []
    robots = ai_txt = None
    if site is not None and url is not None:
        path = path_of(url)
        rule = site.tdm_rule(path)
        by_place["tdm-file"] = None if rule is None else rule[0]
        policies += [rule[1]] if rule is not None and rule[1] else []
        robots = site.robots_disallow(agents, path)
        ai_txt = site.ai_disallow(agents, path, media_type)
    found += [name for name, value in by_place.items() if value == 1]
    found += ["ai.txt"] if ai_txt else []
    found += ["robots.txt"] if robots else []
    said = [value for value in by_place.values() if value is not None]
    return Reservations(
        robots=", ".join(directives) or None,
        tdm_reservation=max(said) if said else None,
        tdm_policy=policies[0] if policies else None,
        robots_disallowed=robots,
        ai_txt_disallowed=ai_txt,
        opt_out=" ".join(found),
    )


def _split(value: str) -> list[str]:
    return [each for each in (piece.strip() for piece in value.split(",")) if each]


def _directives(values: Iterable[str], named: set[str]) -> list[str]:
    """Return the directives of `X-Robots-Tag` headers that speak to all robots or to one of those named.

    `NAME: directive` speaks to one robot, as do the directives after it in the same header; `max-snippet: 5` and
    the like are directives with a value.
    """
    found = []
    for value in values:
        speaks = True
        for each in _split(value):
            name, colon, rest = each.partition(":")
            directive = each
            if colon and not name.strip().lower().startswith(("max-", "unavailable_after")):
                speaks, directive = name.strip().lower() in named, rest.strip()
            if speaks and directive:
                found.append(directive)
    return found


def _reservation(values: Sequence[str]) -> int | None:
    said = [int(value.strip()) for value in values if value.strip() in {"0", "1"}]
    return max(said) if said else None
