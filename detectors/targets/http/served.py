"""What an endpoint says it serves: the model's name, its context, and the engine."""

from __future__ import annotations

from dataclasses import dataclass

from datagov.errors import ConfigError, TargetRefused, did_you_mean
from detectors.targets.http.client import Client

__all__ = ["Served", "served_model"]


@dataclass(frozen=True)
class Served:
    """One model of an endpoint, as it describes itself."""

    model: str
    context_tokens: int | None
    engine: str
    """Who serves, e.g. `vllm`; `unknown` where nothing says."""
    listed: bool = True
    """Whether the endpoint says what it serves; else the name is a guess."""


def served_model(client: Client, asked: str | None) -> Served:
    """Return the model that was asked for, or the only one.

    Raises
    ------
    ConfigError
        The endpoint serves several models and none was named, or not the one named.
    TargetUnavailable
    """
    try:
        answer = client.get("/v1/models")
    except TargetRefused:
        return Served(asked or "default", None, "unknown", listed=False)
    listed = answer.get("data") if isinstance(answer, dict) else None
    models = {str(one["id"]): one for one in listed or [] if isinstance(one, dict) and "id" in one}
    if asked is None and len(models) != 1:
        names = ", ".join(sorted(models)[:10]) or "none"
        raise ConfigError(f"{client.base}: serves {len(models)} models ({names}); name one with --model")
    name = asked or next(iter(models))
    if models and name not in models:
        raise ConfigError(f"{client.base}: does not serve {name!r}. {did_you_mean(name, models)}")
    facts = models.get(name, {})
    context = facts.get("max_model_len")
    return Served(name, context if isinstance(context, int) else None, str(facts.get("owned_by", "unknown")))
