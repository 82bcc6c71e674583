"""Text composed by the project itself: a small generative grammar with large vocabularies.

The vocabulary file holds, for each language, sentence patterns and the words that fill them. A document
is about one topic; its sentences follow different patterns, and every pattern leaves only short runs of
fixed words, so that two documents composed apart share almost no 5-gram.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from random import Random

__all__ = ["LANGUAGES", "Composer"]

LANGUAGES = ("zh", "en")

Pattern = tuple[str, ...]
"""Text and slot names in turn: text at even places, names at odd ones."""

_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeiouAEIOU])")
_SENTENCE_START = re.compile(r"(^|[.!?\"] |\n)([a-z])")


@cache
def _vocabulary(language: str) -> tuple[dict[str, Any], dict[str, tuple[Pattern, ...]]]:
    entry = _all_words()[language]
    patterns = {name: _patterns(words) for name, words in entry.items() if isinstance(words, list)}
    return entry, patterns


@cache
def _all_words() -> dict[str, dict[str, Any]]:
    text = files("pipelines.demo").joinpath("vocabulary.yaml").read_text(encoding="utf-8")
    words: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return words


def _patterns(words: list[str]) -> tuple[Pattern, ...]:
    return tuple(tuple(_SLOT.split(str(word))) for word in words)


class Composer:
    """Composes documents of one language, all from one stream of random numbers.

    Parameters
    ----------
    language : str
        `zh` or `en`.
    random : random.Random
        The only source of chance: the same state composes the same texts.
    """

    def __init__(self, language: str, random: Random) -> None:
        self.language = language
        self.random = random
        self._entry, self._lists = _vocabulary(language)
        self._topics = [
            {name: _patterns(words) for name, words in topic.items()}
            for topic in self._entry["topics"].values()
        ]

    def article(self, sentences: int) -> str:
        """Return a document of `sentences` sentences in paragraphs, one in four under a headline."""
        random = self.random
        topic = random.choice(self._topics)
        patterns: list[Pattern] = []
        while len(patterns) < sentences:
            patterns += random.sample(self._lists["sentence"], k=len(self._lists["sentence"]))
        lines = [self._finished(self._expand(pattern, topic)) for pattern in patterns[:sentences]]
        paragraphs = []
        while lines:
            size = random.randint(3, 6)
            paragraphs.append(self._entry["sentence_join"].join(lines[:size]))
            lines = lines[size:]
        if random.random() < 0.25:
            paragraphs.insert(0, self.one("headline", topic))
        joined: str = self._entry["paragraph_join"].join(paragraphs)
        return joined

    def one(self, name: str, topic: dict[str, tuple[Pattern, ...]] | None = None) -> str:
        """Return one expanded entry of the list called `name`, on `topic` or on a topic drawn anew."""
        chosen = self.random.choice(self._topics) if topic is None else topic
        return self._finished(self._slot(name, chosen))

    def family(self, number: int) -> str:
        """Return a new member of template family `number`: the same frame around other content."""
        return self._finished(self._expand(self._lists["template"][number], self.random.choice(self._topics)))

    def families(self) -> int:
        """Return how many template families the language has."""
        return len(self._lists["template"])

    def footer(self, number: int) -> str:
        """Return footer `number`, always the same words."""
        return "".join(self._lists["footer"][number % len(self._lists["footer"])])

    def replacements(self) -> tuple[str, ...]:
        """Return the tokens that edits may put in place of others: words, or Han characters."""
        names = ("adjective", "adverb", "quality", "material")
        entries = [str(word) for name in names for word in self._entry[name]]
        if self.language == "zh":
            return tuple(sorted(set("".join(entries))))
        return tuple(sorted({word for word in entries if " " not in word}))

    def _expand(self, pattern: Pattern, topic: dict[str, tuple[Pattern, ...]]) -> str:
        return "".join(
            self._slot(piece, topic) if place % 2 else piece for place, piece in enumerate(pattern)
        )

    def _slot(self, name: str, topic: dict[str, tuple[Pattern, ...]]) -> str:
        random = self.random
        if name == "number":
            return str(random.randint(1_000, 989_999))
        if name == "small":
            return str(random.randint(4, 19))
        if name == "year":
            return str(random.randint(1921, 2024))
        choices = topic.get(name) or self._lists[name]
        return self._expand(random.choice(choices), topic)

    def _finished(self, text: str) -> str:
        if self.language != "en":
            return text
        text = _ARTICLE.sub(r"\1n ", text)
        return _SENTENCE_START.sub(lambda match: match[1] + match[2].upper(), text)
