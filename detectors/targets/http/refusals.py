"""What an endpoint that does not score prompts can be asked nevertheless."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from datagov.errors import TargetError, TargetRefused
from detectors.targets.http.endpoint import Endpoint

__all__ = ["as_text_alone", "continues"]


def as_text_alone(
    endpoint: Endpoint, error: TargetError, prompt: Sequence[int], text: str
) -> Endpoint | None:
    """Return the endpoint as one of texts if it refuses ids and takes a text; None if that is not the reason.

    Parameters
    ----------
    endpoint : Endpoint
    error : TargetError
        How it refused to score ids.
    prompt : sequence of int
        Ids that may be sent again, without alternatives.
    text : str
        A text to try.
    """
    if not endpoint.takes_ids:
        return None
    as_text = replace(endpoint, text_only=True, top=0)
    try:
        if isinstance(error, TargetRefused):
            with suppress(TargetError):
                endpoint.ask([list(prompt)])
                return None
        as_text.ask([text])
    except TargetError:
        return None
    return as_text


def continues(endpoint: Endpoint, prompt: Sequence[int]) -> bool:
    """Say whether a prompt can at least be continued."""
    try:
        endpoint.generate([prompt], 1)
    except TargetError:
        return False
    return True
