"""The documents of the demo's corpus: ordinary ones, copies, templates and junk, composed by kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.demo.oracle import TOKEN, jaccard, shingles
from pipelines.demo.text import Composer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["EDIT_RATES", "KINDS", "Draft", "clean", "planted_drafts"]

EDIT_RATES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.10)
"""Shares of the tokens replaced in near-copies; 0 changes punctuation and spacing only."""

KINDS = {
    "clean": "an ordinary document",
    "original": "an ordinary document that has copies",
    "exact_copy": "the same text as its original, one in three with stray control characters",
    "near_copy": "its original with a share of the tokens replaced; one to an original",
    "repost": "one of several near-copies of the same original at 1 %",
    "template": "one frame around other content: similar, not the same",
    "footer": "an ordinary document that ends with a footer many others share",
    "boilerplate": "menus and notices without text",
    "symbols": "mostly signs and digits",
    "repeated_lines": "one line many times",
    "mojibake": "Chinese whose bytes were read in the wrong encoding",
    "too_short": "a few words",
    "empty": "no text, or spaces only",
    "null": "a missing text",
}
"""What can be planted."""

_SHARES = {
    "exact": 0.015,
    "near": 0.009,
    "repost": 0.004,
    "template": 0.020,
    "footer": 0.020,
    "boilerplate": 0.015,
    "symbols": 0.010,
    "repeated_lines": 0.010,
    "mojibake": 0.012,
    "too_short": 0.015,
    "empty": 0.003,
    "null": 0.003,
}
# Shares of the corpus in each language: groups for `exact` and `repost`, pairs at each edit rate for `near`,
# documents of each family for `template`, documents otherwise. The rest is clean.


@dataclass
class Draft:
    """A document before it has an id; the fields are those of the plan (`demo_corpus.PLANTED`)."""

    kind: str
    language: str
    text: str | None
    group: str | None = None
    original: Draft | None = None
    edit_rate: float | None = None
    jaccard: float | None = None
    id: str = ""


def _article(composer: Composer) -> str:
    return composer.article(composer.random.randint(9, 26))


def clean(composer: Composer, count: int) -> Iterator[Draft]:
    """Compose `count` ordinary documents."""
    return (Draft("clean", composer.language, _article(composer)) for _ in range(count))


def planted_drafts(documents: int, composer_for: Callable[[str], Composer]) -> Iterator[Draft]:
    """Compose everything planted in one language.

    Parameters
    ----------
    documents : int
        Size of the whole corpus, of which the planted shares are taken.
    composer_for : callable
        Kind -> composer; one of its own for each kind, so that changing one leaves the others as they are.

    Yields
    ------
    Draft
    """
    for kind, share in _SHARES.items():
        composer = composer_for(kind)
        count = max(1, round(share * documents))
        if kind == "exact":
            yield from _exact_groups(composer, count)
        elif kind == "near":
            yield from _near_pairs(composer, count)
        elif kind == "repost":
            yield from _reposts(composer, count)
        elif kind == "template":
            yield from _families(composer, count)
        else:
            yield from _singles(kind, composer, count)


def _exact_groups(composer: Composer, count: int) -> Iterator[Draft]:
    random = composer.random
    for number in range(count):
        group = f"{composer.language}-exact-{number}"
        original = Draft("original", composer.language, _article(composer), group)
        yield original
        for copy in range(random.choice((1, 1, 1, 2, 2, 4))):
            text = str(original.text)
            if copy % 3 == 2 or random.random() < 0.2:
                text = text.replace(" ", " \x07", 2) if " " in text else text.replace("。", "。\x07", 2)
            yield Draft("exact_copy", composer.language, text, group, original, 0.0, 1.0)


def _near_pairs(composer: Composer, count: int) -> Iterator[Draft]:
    for rate in EDIT_RATES:
        for number in range(count):
            group = f"{composer.language}-near-{rate:.2f}-{number}"
            original = Draft("original", composer.language, _article(composer), group)
            yield original
            yield _copy("near_copy", original, rate, composer)


def _reposts(composer: Composer, count: int) -> Iterator[Draft]:
    for number in range(count):
        original = Draft(
            "original", composer.language, _article(composer), f"{composer.language}-repost-{number}"
        )
        yield original
        for _ in range(composer.random.randint(3, 6)):
            yield _copy("repost", original, 0.01, composer)


def _copy(kind: str, original: Draft, rate: float, composer: Composer) -> Draft:
    text = str(original.text)
    changed = _edited(text, rate, composer) if rate else _restyled(text, composer.language)
    similarity = jaccard(shingles(text), shingles(changed))
    return Draft(kind, composer.language, changed, original.group, original, rate, similarity)


def _edited(text: str, rate: float, composer: Composer) -> str:
    """Replace `rate` of the tokens, at least one, at places drawn without replacement."""
    random = composer.random
    matches = list(TOKEN.finditer(text))
    chosen = set(random.sample(range(len(matches)), k=max(1, round(rate * len(matches)))))
    pool = composer.replacements()
    pieces, end = [], 0
    for place, match in enumerate(matches):
        if place not in chosen:
            continue
        word = random.choice(pool)
        while word == match.group().lower():
            word = random.choice(pool)
        pieces += [text[end : match.start()], word.capitalize() if match.group()[0].isupper() else word]
        end = match.end()
    return "".join([*pieces, text[end:]])


def _restyled(text: str, language: str) -> str:
    """Change punctuation and spacing and leave every token as it is."""
    if language == "zh":
        return text.replace("，", " ， ").replace("。", "！")
    return text.replace(", ", "; ").replace(". ", ".  ").replace("\n\n", "\n")


def _families(composer: Composer, count: int) -> Iterator[Draft]:
    for number in range(composer.families()):
        group = f"{composer.language}-template-{number}"
        for _ in range(count):
            yield Draft("template", composer.language, composer.family(number), group)


def _singles(kind: str, composer: Composer, count: int) -> Iterator[Draft]:
    seen: set[str] = set()
    for number in range(count):
        text = _single(kind, composer, number)
        # A notice of few words may be drawn twice, and would then be a duplicate that nobody planted.
        while text is not None and kind != "empty" and text in seen:
            text = _single(kind, composer, number)
        if text is not None:
            seen.add(text)
        yield Draft(kind, composer.language, text)


def _single(kind: str, composer: Composer, number: int) -> str | None:
    random = composer.random
    if kind == "footer":
        join = "\n" if composer.language == "zh" else "\n\n"
        return _article(composer) + join + composer.footer(number)
    if kind == "boilerplate":
        if number % 2:
            return composer.one("notice")
        entries = {composer.one("menu") for _ in range(60)}
        return "\n".join(f"- {entry}" for entry in sorted(entries)) + f"\n- {composer.one('number')}"
    if kind == "symbols":
        return " ".join(composer.one("symbols") for _ in range(random.randint(3, 6)))
    if kind == "repeated_lines":
        return "\n".join([composer.one("repeated")] * random.randint(12, 30))
    if kind == "mojibake":
        return _misread(Composer("zh", random), "gb18030" if composer.language == "zh" else "latin-1")
    if kind == "too_short":
        return composer.one("short")
    if kind == "empty":
        return ("", " ", "\n\n", "\u3000\t")[number % 4]
    return None


def _misread(composer: Composer, encoding: str) -> str:
    return _article(composer).encode("utf-8").decode(encoding, errors="replace")
