"""From texts to what methods read: which traces they need, made once each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datagov.errors import ConfigError, TargetRefused
from detectors.membership.method import Inputs, Method
from detectors.membership.min_k_plus_plus_top import FEWEST
from detectors.membership.perturb import swap_words
from detectors.membership.shots import DEFAULT_SHOTS, draw_shots
from detectors.membership.sizes import utf8_bytes, zlib_bytes
from detectors.membership.token_frequency import frequency_for
from detectors.ragged import TokenBatch
from detectors.targets.target import Target, TargetFacts
from detectors.targets.windows import WindowPlan
from detectors.texts import Texts
from detectors.trace import TraceBatch
from detectors.trace_sets import Which, find_set, same_set
from detectors.trace_store import load_traces, stored_traces

__all__ = ["Extras", "Tracer", "make_inputs", "roles_of", "tracer_from_store", "tracer_of"]

OPTIONAL = frozenset({"entropy", "variance", "top1", "rank", "top_logprobs"})
PERTURBED = 5
"""Perturbed versions of a text, as PAC's authors take."""
SWAPPED_SHARE = 0.3
VERBATIM_TOKENS = 32
"""Tokens a target is asked to continue, and as many are put before them at most."""


@dataclass(frozen=True)
class Extras:
    """What some methods need beyond the target and the texts."""

    frequency: Path | None = None
    reference: Tracer | None = None
    pools: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Texts to draw shots from, by role: `non_member`, `member`."""
    shots: int = DEFAULT_SHOTS
    seed: int = 0


@dataclass(frozen=True)
class Tracer:
    """Where traces come from: a target, or a store that has them already."""

    facts: TargetFacts
    plan: WindowPlan
    trace: Callable[[Sequence[str], WindowPlan], TraceBatch]
    target: Target | None = None
    """None for a store."""


def tracer_of(
    target: Target,
    plan: WindowPlan,
    *,
    store: Path | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> Tracer:
    """Return a tracer that asks the target, through a store if one is given."""

    def trace(texts: Sequence[str], windows: WindowPlan) -> TraceBatch:
        return stored_traces(store, target, texts, windows, advance=advance)

    return Tracer(target.facts, plan, trace, target)


def tracer_from_store(store: Path, texts: Texts, which: Which) -> Tracer:
    """Return a tracer that reads what a store has.

    Raises
    ------
    InputError
        The store has no such traces of the texts, or several.
    """
    found = find_set(store, texts.strings, which)

    def trace(strings: Sequence[str], windows: WindowPlan) -> TraceBatch:
        return load_traces(store, same_set(store, strings, found, windows))

    return Tracer(found.facts, found.plan, trace)


def make_inputs(
    tracer: Tracer, texts: Texts, methods: Sequence[Method], extras: Extras
) -> tuple[Inputs, TraceBatch | None]:
    """Return what the methods read, a row a text, and the plain traces window by window.

    Raises
    ------
    TargetRefused
        The target cannot give what a method needs.
    ConfigError
        A method needs a frequency table, a reference or a pool of shots, and there is none.
    """
    needs = frozenset[str]().union(*(method.needs for method in methods))
    _refuse(tracer, methods)
    strings = texts.strings
    plain = tracer.trace(strings, tracer.plan) if needs - {"continued"} else None
    lowered = [text.lower() for text in strings]
    continued, truth = _continued(tracer, strings) if "continued" in needs else (None, None)
    return Inputs(
        plain=None if plain is None else plain.by_text(),
        lowercase=tracer.trace(lowered, tracer.plan).by_text() if "lowercase" in needs else None,
        reference=_reference(extras, strings) if "reference" in needs else None,
        prefixed=_prefixed(tracer, strings, methods, extras) if "prefixed" in needs else {},
        perturbed=_perturbed(tracer, strings, extras) if "perturbed" in needs else (),
        continued=continued,
        truth=truth,
        utf8_bytes=utf8_bytes(strings) if "utf8_bytes" in needs else None,
        zlib_bytes=zlib_bytes(strings) if "zlib_bytes" in needs else None,
        unchanged=np.array([a == b for a, b in zip(strings, lowered, strict=True)], dtype=np.bool_),
        frequency=_frequency(tracer, extras) if "frequency" in needs else None,
        vocabulary_size=tracer.facts.vocabulary_size,
    ), plain


def _refuse(tracer: Tracer, methods: Sequence[Method]) -> None:
    if tracer.target is None:
        return
    can = tracer.target.capabilities
    for method in methods:
        lacks = {str(need) for need in method.needs} & OPTIONAL - can.statistics
        if method.needs & {"plain"} and can.prompt_logprobs != "exact":
            lacks = lacks | {f"log-probabilities of the prompt, which are {can.prompt_logprobs}"}
        most = can.top_logprobs
        if "top_logprobs" in method.needs and most is not None and 0 < most < FEWEST:
            lacks = lacks | {f"{FEWEST} alternatives a position, of which there are {most}"}
        if lacks:
            raise TargetRefused(
                f"method {method.name!r} needs {', '.join(sorted(lacks))}, and {tracer.facts.name} does not give it; "
                "`datagov detect methods` lists what each method needs"
            )


def _frequency(tracer: Tracer, extras: Extras) -> Any:
    if extras.frequency is None:
        raise ConfigError(
            "dc_pdd needs a token-frequency table: --frequency TABLE, made by `datagov frequency build` with the "
            "target's tokenizer"
        )
    return frequency_for(extras.frequency, tokenizer_digest=tracer.facts.tokenizer_digest)


def _reference(extras: Extras, strings: Sequence[str]) -> TraceBatch:
    if extras.reference is None:
        raise ConfigError("method 'reference' needs a reference model: --reference TARGET")
    return extras.reference.trace(strings, extras.reference.plan).by_text()


def roles_of(method: Method) -> tuple[str, ...]:
    """Return the pools of shots that a method draws from; none for one without shots."""
    if "prefixed" not in method.needs:
        return ()
    return ("non_member", "member") if method.name == "con_recall" else ("non_member",)


def _prefixed(
    tracer: Tracer, strings: Sequence[str], methods: Sequence[Method], extras: Extras
) -> dict[str, TraceBatch]:
    found = {}
    for role in sorted({role for method in methods for role in roles_of(method)}):
        if role not in extras.pools:
            raise ConfigError(f"shots of {role}s are needed: --{role.replace('_', '-')}-shots FILE")
        if tracer.target is None:
            raise ConfigError("methods with shots need the target itself, not stored traces")
        shots = draw_shots(extras.pools[role], strings, count=extras.shots, seed=extras.seed)
        prefix = tuple(int(token) for token in tracer.target.encode(["\n".join(shots) + "\n"]).token_ids)
        context = tracer.target.capabilities.context_tokens
        room = None if context is None else context - tracer.plan.window_tokens - 1
        if room is not None and len(prefix) > room:
            raise ConfigError(
                f"the shots are {len(prefix)} tokens and the context leaves {max(room, 0)} before windows of "
                f"{tracer.plan.window_tokens}: draw fewer (--shots), or make windows (--window-tokens) or the pool's texts shorter"
            )
        plan = WindowPlan(tracer.plan.window_tokens, tracer.plan.policy, tracer.plan.start_token_id, prefix)
        found[role] = tracer.trace(strings, plan).by_text()
    return found


def _perturbed(tracer: Tracer, strings: Sequence[str], extras: Extras) -> list[TraceBatch]:
    return [
        tracer.trace(
            [swap_words(text, share=SWAPPED_SHARE, seed=extras.seed + version) for text in strings],
            tracer.plan,
        ).by_text()
        for version in range(PERTURBED)
    ]


def _continued(tracer: Tracer, strings: Sequence[str]) -> tuple[TokenBatch, TokenBatch]:
    """Return what the target says after each text's beginning, and what stands there; empty where a text is too short."""
    if tracer.target is None:
        raise ConfigError(
            "method 'verbatim' asks the target itself; stored traces do not know what it would say"
        )
    encoded = tracer.target.encode(strings)
    start = [] if tracer.plan.start_token_id is None else [tracer.plan.start_token_id]
    rows = [encoded.row(index) for index in range(len(encoded))]
    begun = [row[: min(len(row) // 2, VERBATIM_TOKENS)] for row in rows]
    truth = [
        row[len(head) : len(head) + VERBATIM_TOKENS] if len(head) else row[:0]
        for row, head in zip(rows, begun, strict=True)
    ]
    asked = [index for index, head in enumerate(begun) if len(head)]
    said: list[Any] = [row[:0] for row in rows]
    if asked:
        prefixes = TokenBatch.of([np.array([*start, *begun[index]], dtype=np.int32) for index in asked])
        answers = tracer.target.force(prefixes, VERBATIM_TOKENS).token_ids_NS
        for index, answer in zip(asked, answers, strict=True):
            said[index] = answer[answer >= 0]
    return TokenBatch.of(said), TokenBatch.of(truth)
