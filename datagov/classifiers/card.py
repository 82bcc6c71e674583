"""The card of a classifier: all that has to be known to use its weights, and where they came from.

A classifier is a folder with `card.json` and the file of weights that the card names with its digest; the card's own
digest therefore names the whole.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from datagov.errors import ConfigError

__all__ = ["CARD", "FORMAT", "MILLION", "Calibration", "Card", "NGrams", "Tokens", "Weights", "read_card"]

CARD = "card.json"
FORMAT = 1
"""Raised when a card's fields, or what they mean, change."""
MILLION = 1_000_000
"""Scores are whole millionths: 250000 is a probability of one in four."""


class Strict(BaseModel):
    """A part of a card: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Reading(Strict):
    """How texts are read, whatever is made of them."""

    form: Literal["NFC", "NFKC", "NFD", "NFKD"] | None = None
    """Unicode normal form that texts are brought to first; None leaves them as they are."""


class NGrams(Reading):
    """What a linear classifier weighs: n-grams of the text in lower case, each run of white space one space."""

    kind: Literal["linear"] = "linear"
    chars: tuple[int, int] | None
    """Smallest and largest character n-gram, both counted, with a space before and after the text; None for none."""
    words: int = Field(ge=0, le=3)
    """Largest word n-gram, words as `TextBatch.words` has them; 0 for none."""

    @model_validator(mode="after")
    def _some(self) -> NGrams:
        if self.chars is None and not self.words:
            raise ValueError("neither character n-grams nor words")
        if self.chars is not None and not 1 <= self.chars[0] <= self.chars[1] <= 16:
            raise ValueError("chars must be two sizes from 1 to 16, the smaller first")
        return self


class Tokens(Reading):
    """What fastText reads: tokens between spaces."""

    kind: Literal["fasttext"] = "fasttext"
    cut: Literal["words", "characters", "as_is"]
    """`words` as `TextBatch.words` has them; `characters` besides white space; `as_is` cuts at white space, as
    fastText does."""
    lower: bool
    """In lower case."""
    outputs: list[str] = Field(min_length=2)
    """What the model itself calls the labels, in their order."""


class Weights(Strict):
    """The file of weights, beside the card."""

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Calibration(Strict):
    """From a raw output to a probability: straight lines between knots, level outside them.

    Only additions, multiplications and divisions are needed, so that scores are the same on every CPU.
    """

    raw: list[Annotated[float, Field(allow_inf_nan=False)]] = Field(min_length=1)
    """Ascending."""
    millionths: list[Annotated[int, Field(ge=0, le=MILLION)]]
    """Probability at each knot; never falls."""

    @model_validator(mode="after")
    def _monotone(self) -> Calibration:
        if len(self.raw) != len(self.millionths):
            raise ValueError("raw and millionths differ in length")
        if any(a >= b for a, b in pairwise(self.raw)) or any(a > b for a, b in pairwise(self.millionths)):
            raise ValueError("knots must ascend")
        return self


class Card(Strict):
    """A classifier's card."""

    datagov_classifier: Literal[1]
    name: str
    labels: list[str] = Field(min_length=2)
    """In the order of the outputs."""
    positive: str
    """The label whose probability is meant where none is named."""
    reading: Annotated[NGrams | Tokens, Field(discriminator="kind")]
    """What kind of classifier it is, and how it reads texts."""
    tables: dict[str, str]
    """What words and letters were taken from when it was trained, and the versions: `unicode`, and `rjieba` for words."""
    weights: Weights
    calibration: dict[str, Calibration]
    """By label. A classifier of two labels has one, that of `positive`: the other's score is the rest."""
    training: dict[str, Any]
    """Data and their digests, settings, versions."""
    evaluation: dict[str, Any]
    """What held-out documents showed."""

    @model_validator(mode="after")
    def _labels_agree(self) -> Card:
        if len(set(self.labels)) < len(self.labels):
            raise ValueError("two labels are the same")
        if self.positive not in self.labels:
            raise ValueError(f"positive is {self.positive!r}, which is no label")
        wanted = {self.positive} if len(self.labels) == 2 else set(self.labels)
        if set(self.calibration) != wanted:
            raise ValueError(f"calibration must be of {', '.join(sorted(wanted))}")
        if isinstance(self.reading, Tokens) and len(self.reading.outputs) != len(self.labels):
            raise ValueError("reading.outputs and labels differ in length")
        return self


def read_card(path: Path) -> Card:
    """Read a card.

    Raises
    ------
    ConfigError
        It is not there, of another format, or damaged.
    """
    try:
        content = path.read_bytes()
    except IsADirectoryError:
        raise ConfigError(f"classifier {path}: a folder; name the file {path / CARD} in it.") from None
    except OSError as error:
        raise ConfigError(f"classifier {path}: cannot be read: {error.strerror}.") from error
    try:
        return Card.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(
            f"classifier {path}: not a card of format {FORMAT} ({where + ': ' if where else ''}{first['msg']}). "
            f"`datagov train classifier` writes a folder with {CARD} and weights; name the card."
        ) from None
