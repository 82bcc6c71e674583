"""What can be written of a filter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from pipelines.validation import Strict
from pipelines.when import When, as_list

__all__ = ["Filter", "Where"]


class Where(Strict):
    """A condition: SQL over signals that must be true of a document for it to be kept."""

    sql: str
    name: str | None = Field(default=None, pattern=r"^[a-z][a-z0-9_-]*$")
    """Rule that reasons name; `where` unless given, numbered where there are several."""
    missing: Literal["keep", "drop", "fail"] = "drop"
    """What becomes of documents for which it is undefined; dropped, as by WHERE in SQL."""


def _as_conditions(value: Any) -> Any:
    listed = [] if value is None else as_list(value)
    return [{"sql": item} if isinstance(item, str) else item for item in listed]


def _as_bounds(value: Any) -> Any:
    for signal, bound in value.items() if isinstance(value, dict) else ():
        if bound is not None and not isinstance(bound, dict):
            raise ValueError(
                f"{signal}: {bound!r} is no bound; expected limits such as {{min: 20}} or {{max: 0.3}}, or null"
            )
    return value


class Filter(Strict):
    """A profile's bounds, and others, applied to the documents it speaks of."""

    profile: str | None = None
    signals: Annotated[list[str], BeforeValidator(as_list)] = Field(default_factory=list)
    """Families to measure besides: names, or `module:attribute` of families of one's own."""
    when: When | None = None
    otherwise: Literal["keep", "drop", "annotate"] | None = None
    bounds: Annotated[dict[str, dict[str, Any] | None], BeforeValidator(_as_bounds)] = Field(
        default_factory=dict
    )
    """Changes to the profile's bounds, and bounds on other signals: signal -> {min, max, missing}; a limit of null
    is taken away, and so is the whole bound where it is null itself or left without a limit. A limit is a number
    or `{quantile: 0.05}`."""
    where: Annotated[list[Where], BeforeValidator(_as_conditions)] = Field(default_factory=list)
    """Conditions besides the bounds."""
    word_lists: dict[str, str] = Field(default_factory=dict)
    """Family that takes a list of words -> file of it, relative to the recipe's folder."""
    models: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Name of our own -> `family`, the files it reads, relative to the recipe's folder, and its other parameters."""
    measure: Literal["all", "survivors"] = "all"
    """`survivors`: it has a gate, behind which all is measured of the documents that the steps before left (`gates_of`)."""
    annotate: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Filter:
        if self.annotate and self.otherwise == "drop":
            raise ValueError(
                "annotate: true removes nothing, otherwise: drop does; write otherwise: annotate"
            )
        return self
