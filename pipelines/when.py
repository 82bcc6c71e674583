"""What steps share in a recipe: `when`, and that one value may stand for a list."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from datagov.errors import did_you_mean
from datagov.signals.script import SCRIPT_NAMES
from pipelines.validation import Strict

__all__ = ["When", "as_list"]


def as_list(value: Any) -> Any:
    """Return a value as a list of one, unless it is a list."""
    return value if isinstance(value, list) else [value]


class When(Strict):
    """Which documents a step speaks of: those whose main script, as they stand there, is one of these."""

    script: Annotated[list[str], BeforeValidator(as_list)] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _mapping(cls, value: Any) -> Any:
        if isinstance(value, dict | When):
            return value
        raise ValueError(
            "expected the scripts it speaks of, such as {script: latin} or {script: [han, kana]}"
        )

    @model_validator(mode="after")
    def _known(self) -> When:
        for name in self.script:
            if name not in SCRIPT_NAMES:
                raise ValueError(f"unknown script {name!r}. {did_you_mean(name, SCRIPT_NAMES)}")
        return self
