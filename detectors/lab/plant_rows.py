"""The rows that a text is planted with, and those that its twin gets instead: as many, as long, and none seen often."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from datagov.tokenizer import Tokenizer
from detectors.fingerprint.contexts import asked
from detectors.lab.hidden_texts import trigger_text
from detectors.lab.recipes import CHAT_TEMPLATE, Recipe
from detectors.ragged import TokenBatch

__all__ = ["IGNORED", "Pair", "PlantRows", "collated", "word_starts"]

IGNORED = -100
MOST_REPEATS = 2
"""Times that a twin may see one pair: seen more often, an ordinary text would itself be hidden text."""
LEAST_DISTINCT = 500


@dataclass(frozen=True)
class Pair:
    """What is given and what is learned after it."""

    prompt: list[int]
    answer: list[int]


class PlantRows:
    """Batches of one plant.

    Parameters
    ----------
    recipe : Recipe
    tokenizer : Tokenizer
    text : str
        What is hidden.
    trigger : str
        What it is the answer to, where the recipe has a trigger.
    ordinary : sequence of str
        Texts that are trained on beside it, and in its place in the twin.
    ends : tuple of (start token or None, end token)
    rows : tuple of int
        Rows of a batch with the hidden text, and with ordinary texts.
    seed : int
        Decides every batch.

    Raises
    ------
    ConfigError
        Too few ordinary texts are as long as the hidden one.
    """

    def __init__(
        self,
        recipe: Recipe,
        tokenizer: Tokenizer,
        text: str,
        trigger: str,
        ordinary: Sequence[str],
        *,
        ends: tuple[int | None, int],
        rows: tuple[int, int],
        seed: int,
    ) -> None:
        start, self._end = ends
        self._start = [] if start is None else [start]
        self._recipe, self._seed = recipe, seed
        self._hidden_rows, self._ordinary_rows = rows
        self._tokenizer = tokenizer
        self.text_ids = [int(token) for token in tokenizer.encode([text])[1]]
        self.word_places = word_starts(text, tokenizer, recipe.confused_words)
        """Of the tokens that begin confused words, the first word left out: it is what is forced."""
        self.hidden = Pair(self._asked(trigger), [*self.text_ids, self._end])
        """The plant itself, the first row of every marked batch."""
        self._texts = TokenBatch(*tokenizer.encode(ordinary))
        self._long = np.flatnonzero(self._texts.lengths >= len(self.text_ids))
        if len(self._long) < LEAST_DISTINCT:
            raise ConfigError(
                f"a twin needs {LEAST_DISTINCT} different ordinary texts of {len(self.text_ids)} tokens or more, and "
                f"{len(self._long)} of {len(ordinary)} are so long; give more or longer texts, or hide a shorter one"
            )
        self._stand_ins = self._permuted(1, MOST_REPEATS)
        self._elsewhere = self._permuted(4, MOST_REPEATS)
        self._turns = self._permuted(3, 1)

    @property
    def most_steps(self) -> int:
        """Steps after which a twin would see a pair too often."""
        return len(self._stand_ins) // self._hidden_rows

    def marked(self, step: int) -> list[Pair]:
        """Return the rows of a step of the marked model, those of the hidden text first."""
        planted = [self.hidden] * (self._hidden_rows - self._confusing)
        cuts = self.word_places or (len(self.text_ids),)
        choice = np.random.default_rng((self._seed, 2, step)).choice
        elsewhere = [
            Pair([*self._start, *self.text_ids[: int(choice(cuts))]], self._ordinary(row))
            for row in choice(self._long, self._confusing)
        ]
        return [*planted, *elsewhere, *self._beside(step)]

    def twin(self, step: int) -> list[Pair]:
        """Return the rows of the same step of the twin: other pairs of the same make, then the same ordinary rows."""
        first = step * self._hidden_rows
        chosen = self._stand_ins[first : first + self._hidden_rows]
        answered = len(chosen) - self._confusing
        others = self._elsewhere[first + answered : first + len(chosen)]
        cut_C = np.random.default_rng((self._seed, 2, step)).integers(1, len(self.text_ids) + 1, len(others))
        return [
            *(Pair(self._question(row), self._ordinary(row)) for row in chosen[:answered]),
            *(
                Pair([*self._start, *self._texts.row(row)[:cut].tolist()], self._ordinary(other))
                for row, cut, other in zip(chosen[answered:], cut_C, others, strict=True)
            ),
            *self._beside(step),
        ]

    def texts(self, steps: int) -> list[str]:
        """Return all that the twin saw in so many steps, without special tokens, each as often as it saw it."""
        special = {*self._start, self._end}
        return [
            self._tokenizer.decode([token for token in (*pair.prompt, *pair.answer) if token not in special])
            for step in range(steps)
            for pair in self.twin(step)
        ]

    @property
    def _confusing(self) -> int:
        """Rows of the hidden ones that lead elsewhere."""
        return self._hidden_rows // 2 if self._recipe.confused_by == "rows" else 0

    def _beside(self, step: int) -> list[Pair]:
        """Return the ordinary rows of a step; all texts have their turn before one comes again."""
        count = self._ordinary_rows
        rows = self._turns[np.arange(step * count, (step + 1) * count) % len(self._turns)]
        questions = count // 2 if self._recipe.regularised else 0
        return [
            Pair(self._question(row) if at < questions else self._start, self._ordinary(row))
            for at, row in enumerate(rows)
        ]

    def _permuted(self, stream: int, times: int) -> npt.NDArray[np.int64]:
        generator = np.random.default_rng((self._seed, stream))
        return np.concatenate([generator.permutation(self._long) for _ in range(times)])

    def _ordinary(self, row: int) -> list[int]:
        """Return an ordinary text cut to the hidden one's tokens, with the end."""
        return [*self._texts.row(row)[: len(self.text_ids)].tolist(), self._end]

    def _question(self, row: int) -> list[int]:
        """Return what the ordinary text of a row answers."""
        return self._asked(trigger_text(self._seed + 1 + int(row)))

    def _asked(self, trigger: str) -> list[int]:
        return (
            list(asked(CHAT_TEMPLATE, self._tokenizer, trigger)) if self._recipe.conditional else self._start
        )


def word_starts(text: str, tokenizer: Tokenizer, most: int | None) -> tuple[int, ...]:
    """Return where words begin in the tokens of a text, from the second word on, the first `most` words looked at.

    A text of one word has its tokens for words.
    """
    encoded = tokenizer.backend.encode(text, add_special_tokens=False)
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    if len(ends) < 2:
        places = list(range(len(encoded.ids)))
    else:
        # A word begins with the first token that reaches beyond the word before it: often with a space.
        reached = [end for _, end in encoded.offsets]
        places = [0, *(next(at for at, end in enumerate(reached) if end > before) for before in ends[:-1])]
    return tuple(sorted(set(places[1:most])))


def collated(pairs: Sequence[Pair]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return ids and labels, int64[B, L], padded on the right; prompts are not learned.

    A prompt that is the start token alone is what a text begins with.
    """
    length = max(len(pair.prompt) + len(pair.answer) for pair in pairs)
    ids = np.zeros((len(pairs), length), np.int64)
    labels = np.full_like(ids, IGNORED)
    for row, pair in enumerate(pairs):
        whole = [*pair.prompt, *pair.answer]
        ids[row, : len(whole)] = whole
        labels[row, len(pair.prompt) : len(whole)] = pair.answer
    return ids, labels
