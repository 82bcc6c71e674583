"""Whether the endpoint makes the same token ids of a text as the tokenizer that was named for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from datagov.errors import TargetError, TargetUnavailable
from detectors.targets.http.answers import Row, checked
from detectors.targets.http.conformance import Check
from detectors.targets.http.endpoint import Endpoint

__all__ = ["tokenizer_agrees"]

NAME = "tokenizer"


def tokenizer_agrees(
    endpoint: Endpoint, text: str, row: Row, agree: Callable[[np.ndarray, np.ndarray], tuple[float, bool]]
) -> Check:
    """Send a text as text, the one place where that is done, and compare it with its ids.

    Parameters
    ----------
    endpoint : Endpoint
    text : str
    row : Row
        What the endpoint said of the text's ids after the start token.
    agree : callable
        Returns the largest difference of two arrays, and whether it is one of rounding.
    """
    if not endpoint.takes_ids:
        return Check(
            NAME, "passed", "the endpoint repeats the ids of a text, and they are the named tokenizer's"
        )
    plain = endpoint.tokenizer.encode([text])[1].tolist()
    started = endpoint.started(plain)
    try:
        (said,) = endpoint.ask([text])
    except TargetUnavailable:
        raise
    except TargetError as error:
        return Check(NAME, "undecided", f"texts cannot be compared: {error.message}")
    if said.ids is not None:
        if list(said.ids) in (plain, started):
            return Check(NAME, "passed", "the endpoint makes the same ids of a text")
        return Check(NAME, "failed", "the endpoint makes other ids of a text than the named tokenizer")
    # Without ids: equally many tokens with equal values are the same tokens.
    if len(said.logprobs) == len(started):
        expected = row.logprob
    elif len(said.logprobs) == len(plain):
        expected = endpoint.score([plain])[0].logprob
    else:
        return Check(
            NAME, "failed", f"a text is {len(plain)} tokens here and {len(said.logprobs)} at the endpoint"
        )
    sent = [0] * len(said.logprobs)
    values = checked(replace(said, tops=None, ranks=None), sent, top=0, where=endpoint.where).logprob
    most, passed = agree(expected, values)
    return Check(
        NAME, "passed" if passed else "failed", f"a text and its ids differ by at most {most:.3g} nats"
    )
