"""The heart of the probe: let the endpoint generate, then score what it generated; the values must agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from datagov.errors import TargetError, TargetUnavailable
from detectors.targets.http.answers import checked
from detectors.targets.http.conformance import Check
from detectors.targets.http.endpoint import Endpoint
from detectors.targets.http.wire import Generated

__all__ = ["generation_agrees"]

STEPS = 8
LEAST = 3
"""Generated tokens that must have been compared, of all prompts together."""
Agree = Callable[[np.ndarray, np.ndarray], tuple[float, bool]]
Found = Literal["exact", "wrong", "absent"]


def generation_agrees(
    endpoint: Endpoint, prompts: Sequence[Sequence[int]], agree: Agree, *, scores: bool = True
) -> tuple[list[Check], Found]:
    """Compare the log-probabilities of generated tokens with those of the same tokens as a prompt.

    Parameters
    ----------
    endpoint : Endpoint
    prompts : sequence of rows of token ids
    agree : callable
        Returns the largest difference of two arrays, and whether it is one of rounding.
    scores : bool
        Whether prompts can be scored at all; if not, only the alternatives are left to compare with.

    Returns
    -------
    checks : list of Check
        `generation` (a greedy token is the likeliest of the alternatives given with it) and `alignment`.
    found : {"exact", "wrong", "absent"}
        What the log-probabilities of generated tokens are worth: `exact` needs one of the two to confirm them.
    """
    try:
        made = [endpoint.generate([prompt], STEPS)[0] for prompt in prompts]
    except TargetUnavailable:
        raise
    except TargetError as error:
        return [
            Check("generation", "failed", error.message),
            Check("alignment", "undecided", "nothing was generated that could be scored"),
        ], "absent"
    usable = [
        (list(prompt), one)
        for prompt, one in zip(prompts, made, strict=True)
        if one.logprobs and all(isinstance(value, float | int) for value in one.logprobs)
    ]
    if not usable:
        return [
            Check("generation", "failed", "generated tokens come without log-probabilities"),
            Check("alignment", "undecided", "no log-probability of a generated token to compare with"),
        ], "absent"
    greedy = _greedy(usable, agree)
    alignment = (
        _alignment(endpoint, usable, agree)
        if scores
        else Check(
            "alignment", "undecided", "prompts are not scored here, so that nothing confirms their values"
        )
    )
    if greedy.outcome == "failed":
        return [greedy, alignment], "wrong"
    confirmed = "passed" in {greedy.outcome, alignment.outcome}
    return [greedy, alignment], "exact" if confirmed else "absent"


def _greedy(usable: Sequence[tuple[list[int], Generated]], agree: Agree) -> Check:
    pairs = [
        (own, best)
        for _, one in usable
        for own, best in zip(one.logprobs or (), one.best or (), strict=False)
        if own is not None and best is not None
    ]
    if not pairs:
        return Check("generation", "undecided", "no alternatives beside the generated tokens")
    own, best = np.array(pairs, np.float64).T
    most, passed = agree(own, best)
    return Check(
        "generation",
        "passed" if passed else "failed",
        f"greedily generated tokens are at most {most:.3g} nats from the likeliest alternative",
    )


def _alignment(endpoint: Endpoint, usable: Sequence[tuple[list[int], Generated]], agree: Agree) -> Check:
    said: list[float] = []
    scored: list[float] = []
    shifted: dict[int, list[float]] = {-1: [], 1: []}
    try:
        for prompt, one in usable:
            ids = _ids(endpoint, one)
            if not ids:
                continue
            # One token more, so that values that come a token late have a place.
            sent = [*prompt, *ids, prompt[-1]]
            (answer,) = endpoint.ask([sent])
            row = checked(answer, sent, top=endpoint.top, where=endpoint.where)
            first = len(prompt) - 1
            said.extend(value for value in (one.logprobs or ())[: len(ids)] if value is not None)
            scored.extend(row.logprob[first : first + len(ids)])
            for step, values in shifted.items():
                moved = row.logprob[max(first + step, 0) : first + step + len(ids)]
                values.extend([*moved, *[np.nan] * (len(ids) - len(moved))])
    except TargetUnavailable:
        raise
    except TargetError as error:
        return Check("alignment", "failed", error.message)
    if len(said) < LEAST:
        return Check(
            "alignment",
            "undecided",
            f"only {len(said)} generated tokens could be scored again; {LEAST} are needed",
        )
    most, passed = agree(np.array(said), np.array(scored))
    if passed:
        return Check(
            "alignment",
            "passed",
            f"generated and then scored, {len(said)} tokens differ by {most:.3g} nats at most",
        )
    detail = f"generated and then scored, tokens differ by up to {most:.3g} nats: the values of prompts belong to other tokens"
    for step, values in shifted.items():
        known = np.isfinite(values)
        if (
            known.sum() >= LEAST
            and np.abs(np.array(values)[known] - np.array(said)[known]).mean() < most / 20
        ):
            detail += f" (each stands one token too {'early' if step < 0 else 'late'})"
    return Check("alignment", "failed", detail)


def _ids(endpoint: Endpoint, one: Generated) -> list[int]:
    """Return the generated ids as far as they are known.

    Of strings, up to the first that is not one token: a part of a character, or a text that two tokens share.
    What is read wrongly from a string gets another value when it is scored, and is found out by that.
    """
    if one.ids is not None:
        return [int(token) for token in one.ids][: len(one.logprobs or ())]
    known = []
    for token in one.tokens or ():
        ids = endpoint.tokenizer.encode([str(token)])[1].tolist()
        if len(ids) != 1 or endpoint.tokenizer.decode(ids) != token:
            break
        known.append(ids[0])
    return known
