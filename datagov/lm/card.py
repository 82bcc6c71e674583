"""The card of a language model: what has to be known to ask it, and where it came from.

A model means nothing without the way its texts were cut into tokens. A card says both; its files lie beside it and
are named with their digests, so that the card's own digest names the whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from datagov.errors import ConfigError
from datagov.model_files import sha256_of

__all__ = ["CARD", "Buckets", "Card", "Reading", "Weights", "read_card", "weights_of"]

CARD = "card.json"


class Strict(BaseModel):
    """A part of a card: nothing unknown, nothing changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Weights(Strict):
    """A file beside the card."""

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Reading(Strict):
    """How a text becomes sentences of tokens."""

    normal: Literal["as_is", "cc_net"] = "as_is"
    """What is done to a document first, see `datagov.lm.normal`."""
    sentences: Literal["lines", "document"] = "lines"
    """What the model takes for a sentence; a line without a token is none."""
    tokens: Literal["characters", "words", "pieces"]
    """`characters` besides white space and controls; `words` as `TextBatch.words` has them; `pieces` of SentencePiece."""
    pieces: Weights | None = None
    """SentencePiece's model."""
    versions: dict[str, str] = Field(default_factory=dict)
    """What letters and words were taken from when the model was made: `unicode`, and `rjieba` for words."""

    @model_validator(mode="after")
    def _consistent(self) -> Reading:
        if (self.pieces is None) == (self.tokens == "pieces"):
            raise ValueError("a SentencePiece model belongs to tokens: pieces, and to no others")
        return self


class Buckets(Strict):
    """Limits that were published with a model, and mean nothing for another."""

    head: float = Field(gt=0)
    """A perplexity below is `head`."""
    middle: float = Field(gt=0)
    """A perplexity below is `middle`, others are `tail`."""
    source: str = Field(min_length=1)

    @model_validator(mode="after")
    def _ascending(self) -> Buckets:
        if self.head >= self.middle:
            raise ValueError("head must lie below middle")
        return self


class Card(Strict):
    """A language model's card."""

    datagov_lm: Literal[1]
    name: str = Field(min_length=1)
    model: Weights
    """KenLM's file, ARPA or binary."""
    reading: Reading
    buckets: Buckets | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    """Data, settings and versions, where they are known."""


def read_card(path: Path) -> Card:
    """Read a card.

    Raises
    ------
    ConfigError
        It is not there, damaged, or something else.
    """
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"language model {path}: cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"language model {path}: is no card, which is JSON. `datagov train lm-card {path}` writes the card of a "
            "model that is there already."
        ) from error
    try:
        return Card.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the card"
        raise ConfigError(
            f"language model {path}: not a card of format 1 ({place}: {first['msg']}). `datagov train lm` writes a folder "
            "with card.json and the model; name the card."
        ) from error


def weights_of(card: Path, weights: Weights) -> Path:
    """Return the path of a file that a card names.

    Raises
    ------
    ConfigError
        It is not there, or holds something else than the card says.
    """
    path = card.with_name(weights.file)
    found = sha256_of(path)
    if found != weights.sha256:
        raise ConfigError(
            f"model file {path}: sha256 {found[:12]}…, the card says {weights.sha256[:12]}…: the file was changed or "
            "only partly copied. Copy the whole folder again."
        )
    return path
