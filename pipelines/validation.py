"""Checking what a user wrote against a model, in words a user can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from datagov.errors import ConfigError, did_you_mean

__all__ = ["Strict", "validated"]

Model = TypeVar("Model", bound=BaseModel)


class Strict(BaseModel):
    """A mapping in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def validated(model: type[Model], body: Mapping[str, Any], place: str) -> Model:
    """Check a mapping against its model; ConfigError says what is wrong at `place`."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"])
            if item["type"] == "extra_forbidden":
                hint = did_you_mean(str(item["loc"][-1]), _known_keys(model, item["loc"]))
                if item["loc"][-1] == "name":
                    hint = "A step's name stands beside its kind: `- name: NAME`."
                problems.append(f"unknown key {key!r}. {hint}")
            else:
                message = item["msg"].removeprefix("Value error, ")
                problems.append(f"{key}: {message} (got {item['input']!r})" if key else message)
        raise ConfigError(f"{place}: " + "; ".join(problems)) from None


def _known_keys(model: type[BaseModel], loc: Sequence[Any]) -> list[str]:
    """Return the keys of the mapping that the last name of `loc` stands in."""
    for name in loc[:-1]:
        kinds = [model.model_fields[name].annotation, *get_args(model.model_fields[name].annotation)]
        model = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel))
    return list(model.model_fields)
