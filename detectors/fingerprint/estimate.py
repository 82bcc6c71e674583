"""Time and memory of a sweep before it is made: a few seeds are forced and the rest is arithmetic."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from datagov.errors import ConfigError
from detectors.fingerprint.contexts import Context
from detectors.fingerprint.engine import ForcingEngine
from detectors.fingerprint.sweep import Settings
from detectors.targets.context_states import LONG_CONTEXT
from detectors.targets.transformers_target import TransformersTarget

__all__ = ["Estimate", "estimate"]

PROBE_SEEDS = 256
ASSUMED_SURVIVORS = 0.05
"""Share of the seeds that survive the first step; a sweep says how many really did."""


@dataclass(frozen=True)
class Estimate:
    """What a sweep will need."""

    seeds: int
    token_steps: int
    """Tokens fed to the suspect, all contexts together."""
    seconds: float
    bytes: int
    """Keys and values of a step's rows, beside the weights."""
    free_bytes: int
    own_steps: bool
    """Whether the first phase takes steps of our own (`fused_steps`) and not those of the model's code."""


def estimate(
    target: TransformersTarget,
    contexts: list[Context],
    seed_N: npt.NDArray[np.int32],
    settings: Settings,
    *,
    with_base: bool,
    most_hours: float,
) -> Estimate:
    """Return what a sweep will need.

    Raises
    ------
    ConfigError
        It would take longer than `most_hours`, or a single seed more memory than there is.
    TargetError
        The model keeps another state than keys and values, or does not attend over so many tokens.
    """
    longest = max(contexts, key=lambda context: len(context.token_ids))
    engine = ForcingEngine(target.model, target.head, longest.token_ids, rows=settings.rows)
    engine.refuse_beyond_window(settings.long_steps)
    probe = seed_N[:: max(len(seed_N) // PROBE_SEEDS, 1)][:PROBE_SEEDS]
    engine.first_step(probe)
    started = time.perf_counter()
    engine.first_step(probe)
    seconds_a_step = (time.perf_counter() - started) / max(len(probe), 1)
    steps = _token_steps(len(seed_N), settings, with_base=with_base)
    slots = settings.long_steps if settings.exhaustive else settings.rule.steps
    read_again = len(longest.token_ids) if len(longest.token_ids) < LONG_CONTEXT else 0
    base_steps = (1 + slots + read_again) * len(seed_N) if with_base else 0
    free = _free_bytes(target)
    found = Estimate(
        seeds=len(seed_N),
        token_steps=steps * len(contexts),
        seconds=(steps + base_steps) * len(contexts) * seconds_a_step,
        bytes=engine.row_bytes(slots) * min(engine.rows, len(seed_N)),
        free_bytes=free,
        own_steps=engine.own_steps,
    )
    if not found.seconds <= most_hours * 3600:  # nor if there is no such number
        raise ConfigError(
            f"forcing {len(seed_N)} seeds in {len(contexts)} contexts would take about {found.seconds / 3600:.1f} hours on "
            f"{target.model.device} and --max-hours is {most_hours:g}; use a GPU, fewer contexts, or raise --max-hours"
        )
    if engine.row_bytes(slots) > free:
        raise ConfigError(
            f"one seed needs {engine.row_bytes(slots):,} bytes on {target.model.device} and {free:,} are free; use a shorter "
            "context or fewer --tokens"
        )
    return found


def _token_steps(seeds: int, settings: Settings, *, with_base: bool) -> int:
    if settings.exhaustive:
        first = seeds * settings.long_steps
    elif with_base:
        first = seeds * settings.rule.steps
    else:
        first = int(seeds * (1 + ASSUMED_SURVIVORS * settings.rule.steps))
    finalists = min(settings.finalists * (2 if with_base else 1), seeds)
    return first + finalists * (settings.rule.steps + settings.long_steps)


def _free_bytes(target: TransformersTarget) -> int:
    if target.model.device.type == "cuda":
        return int(torch.cuda.mem_get_info(target.model.device)[0])
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
