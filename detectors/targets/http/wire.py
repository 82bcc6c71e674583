"""What passes between an endpoint and a convention, before anything of it is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from datagov.errors import TargetRefused

__all__ = ["Asked", "Convention", "Draw", "Drawing", "Generated", "Prompt", "Scored", "choices_of", "need"]

Prompt: TypeAlias = list[int] | str
"""Token ids, start token included; text only for engines that take none, and inside the probe."""
Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Asked:
    """What goes with every request."""

    model: str
    top: int
    """Alternatives a position."""


@dataclass(frozen=True)
class Draw:
    """How a text is drawn, at temperature 1."""

    steps: int
    """Most tokens."""
    top_k: int | None
    """Of how many most probable tokens; None for all."""
    seed: int | None
    """None where the engine takes none."""


@dataclass(frozen=True)
class Scored:
    """What an endpoint said of one prompt of n tokens."""

    logprobs: Sequence[float | None]
    """One entry a prompt token, the first included, which has none."""
    ids: Sequence[int] | None = None
    """Ids of the prompt, where the endpoint repeats them."""
    ranks: Sequence[int | None] | None = None
    """0 for the most probable token."""
    tops: Sequence[Sequence[float]] | None = None
    """The largest log-probabilities of each position."""


@dataclass(frozen=True)
class Generated:
    """What an endpoint continued one prompt with."""

    text: str
    ids: Sequence[int] | None
    """None where the endpoint names tokens by strings only."""
    logprobs: Sequence[float | None] | None
    best: Sequence[float | None] | None
    """Largest log-probability among the alternatives it gave at each step."""
    tokens: Sequence[str] | None = None
    """The tokens as strings; read by the probe alone."""


class Convention(Protocol):
    """One engine's way to be asked."""

    name: str
    path: str
    live: bool
    """Whether it was checked against the engine itself, not only against its documentation."""
    takes_ids: bool
    one_by_one: bool
    """Whether a request holds one prompt."""
    statistics: frozenset[str]
    """What it can give besides log-probabilities."""

    def scoring(self, prompts: Sequence[Prompt], asked: Asked) -> dict[str, Any]:
        """Return the request for the log-probabilities of prompts."""

    def scored(self, answer: Any, prompts: Sequence[Prompt]) -> list[Scored]:
        """Return what the answer says of each prompt, in their order."""

    def generating(self, prompts: Sequence[Prompt], steps: int, asked: Asked) -> dict[str, Any]:
        """Return the request for greedy continuations."""

    def generated(self, answer: Any, prompts: Sequence[Prompt]) -> list[Generated]:
        """Return the continuation of each prompt, in their order."""


@runtime_checkable
class Drawing(Convention, Protocol):
    """A convention in which texts can be drawn."""

    def drawing(self, prompt: Prompt, draw: Draw, asked: Asked) -> dict[str, Any]:
        """Return the request for one continuation drawn at random; `generated` reads its answer."""


def need(holder: Any, key: str, kind: type[Kind]) -> Kind:
    """Return `holder[key]` if it is there and of the kind expected.

    Raises
    ------
    TargetRefused
        It is not; the message names the key.
    """
    value = holder.get(key) if isinstance(holder, Mapping) else None
    if not isinstance(value, kind):
        found = "is missing" if value is None else f"is of the kind {type(value).__name__}"
        raise TargetRefused(
            f"the answer's {key!r} {found}, expected {kind.__name__}: the endpoint does not give what was asked, or it "
            "speaks another convention (--api)"
        )
    return value


def choices_of(answer: Any, prompts: Sequence[Prompt]) -> list[Any]:
    """Return one choice a prompt, ordered by their `index`: engines may finish them in any order."""
    choices = need(answer, "choices", list)
    by_index = {need(choice, "index", int): choice for choice in choices}
    if sorted(by_index) != list(range(len(prompts))) or len(choices) != len(prompts):
        raise TargetRefused(
            f"asked for {len(prompts)} prompts, the answer has {len(choices)} choices with the indices {sorted(by_index)}"
        )
    return [by_index[index] for index in range(len(prompts))]
