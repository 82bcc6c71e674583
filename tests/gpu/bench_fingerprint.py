"""Speed of forcing a whole vocabulary on a GPU, both sides of every ratio in one run; prints one JSON object.

    PYTHONPATH=. python tests/gpu/bench_fingerprint.py            about two minutes on an H200
    PYTHONPATH=. python tests/gpu/bench_fingerprint.py --tiny     a small model, also on a CPU: shows that the script works
    PYTHONPATH=. python tests/gpu/bench_fingerprint.py --profile  adds where the first step's GPU time goes

The model is a Llama of about a billion random weights with a vocabulary of 32,000, its output layer scaled until some
percent of the seeds survive the first step; nothing is loaded or fetched.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers
from bench_gpu import BILLION, PEAK_FLOPS, random_llama, seconds, synchronise

from detectors.fingerprint.engine import ForcingEngine
from detectors.fingerprint.paths import Paths
from detectors.fingerprint.pruning import RULES
from detectors.ragged import TokenBatch
from detectors.targets.output_head import head_of
from detectors.targets.target import TargetFacts
from detectors.targets.transformers_target import TransformersTarget

SURVIVE = 0.035
"""Share of seeds that the output layer is scaled to let survive the first step."""
RULE = RULES["reference"]
MARGIN = 0.01
BOS = 1
LONG_STEPS = 50


@torch.inference_mode()
def scale_head(model: Any) -> float:
    """Scale the output layer until `SURVIVE` of the seeds survive the first step; return the spread of its weights."""
    seeds = torch.arange(2, min(model.config.vocab_size, 2_050), device=model.device)
    rows = torch.stack([torch.full_like(seeds, BOS), seeds], 1)
    logits = model(input_ids=rows, use_cache=False, logits_to_keep=1).logits[:, -1].float()
    low, high = 0.1, 1000.0
    for _ in range(30):
        middle = (low * high) ** 0.5
        scaled = logits * middle
        first = (scaled.amax(-1) - scaled.logsumexp(-1)).cpu().numpy()[:, None]
        low, high = (low, middle) if RULE.alive(first, MARGIN).mean() > SURVIVE else (middle, high)
    model.lm_head.weight.mul_(low)
    return float(model.lm_head.weight.float().std())


def flops_of_a_token(model: Any) -> float:
    """Return the floating point operations of one token's matrix products; attention to two tokens is less than 0.1 %."""
    matrices = sum(p.numel() for p in model.parameters() if p.ndim == 2)
    return 2.0 * (matrices - model.get_input_embeddings().weight.numel())


@torch.inference_mode()
def as_published(model: Any, seed: int, steps: int) -> tuple[list[int], list[float]]:
    """Continue one seed as the published code does: no cache, the whole row again for every token.

    Kinder than the published code, which also builds the graph of the backward pass.
    """
    ids, chosen, probs = [BOS, seed], [], []
    for _ in range(steps):
        logits = model(input_ids=torch.tensor([ids], device=model.device), use_cache=False).logits[0, -1]
        prob = logits.float().softmax(-1)
        token = int(prob.argmax())
        probs.append(float(prob[token]))
        chosen.append(token)
        ids.append(token)
    return chosen, probs


def phase_1(engine: ForcingEngine, seeds: np.ndarray) -> tuple[Paths, Paths]:
    """Return the first step of all seeds and the k steps of those that survive it."""
    first = engine.first_step(seeds)
    survivors = seeds[RULE.alive(first.logprob_NS, MARGIN)]
    return first, engine.extend(survivors, RULE.steps, rule=RULE, margin=MARGIN)


def agreement(model: Any, first: Paths, sample: np.ndarray) -> dict[str, Any]:
    """Time the published way on a sample of seeds, and compare what both ways found."""
    same, gap = 0, []
    synchronise()
    started = time.perf_counter()
    found = [as_published(model, int(seed), RULE.steps) for seed in sample]
    taken = time.perf_counter() - started
    row = {int(seed): place for place, seed in enumerate(first.seed_N)}
    for seed, (tokens, probs) in zip(sample, found, strict=True):
        place = row[int(seed)]
        same += tokens[0] == int(first.token_NS[place, 0])
        gap.append(abs(probs[0] - float(np.exp(first.logprob_NS[place, 0]))))
    return {
        "seconds": taken,
        "same_first_token": same / len(sample),
        "mean_probability_gap": float(np.mean(gap)),
    }


def profile(work: Callable[[], Any]) -> list[dict[str, Any]]:
    """Return the kernels that take most of the GPU's time."""
    work()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as seen:
        work()
        synchronise()
    kernels = sorted(seen.key_averages(), key=lambda kernel: -kernel.self_device_time_total)[:14]
    return [
        {"kernel": kernel.key[:90], "calls": kernel.count, "ms": kernel.self_device_time_total / 1e3}
        for kernel in kernels
    ]


def behind_a_long_context(
    model: Any, head: Any, seeds: np.ndarray, tokens: int, steps: int
) -> dict[str, float]:
    """Time steps of some seeds behind a context of random tokens: our own steps, the model's with one context, with copies of it."""
    context = np.random.default_rng(1).integers(2, model.config.vocab_size, size=tokens).tolist()
    engines = {
        name: ForcingEngine(model, head, context, rows=4096, share_context=once)
        for name, once in (("own_steps", None), ("context_once", True), ("context_copied", False))
    }
    return {
        name: seconds(lambda engine=engine: engine.extend(seeds, steps), repeats=2)
        for name, engine in engines.items()
    }


def exactness(model: Any, model32: Any, paths: Paths) -> dict[str, Any]:
    """Re-score the finalists in fp32 by whole rows, with its time."""
    facts = TargetFacts("random", "random", "none", "transformers", "float32", model.config.vocab_size, None)
    target = TransformersTarget(model32, None, facts, batch_tokens=2048)
    rows = TokenBatch.of(
        [
            np.r_[BOS, seed, path].astype(np.int32)
            for seed, path in zip(paths.seed_N, paths.token_NS, strict=True)
        ]
    )
    found: dict[str, Any] = {"finalists": len(paths)}
    if not len(paths):
        return found
    found["seconds"] = seconds(lambda: target.trace(rows), repeats=1)
    scored = target.trace(rows).logprob_T.reshape(len(paths), -1)[:, 1:]
    gap = np.abs(np.exp(scored) - np.exp(paths.logprob_NS))
    return found | {"largest_probability_gap": float(gap.max()), "mean_probability_gap": float(gap.mean())}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a small model and few seeds")
    parser.add_argument("--profile", action="store_true", help="where the time of the first step goes")
    options = parser.parse_args()
    started = time.perf_counter()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not options.tiny:
        parser.error("no GPU; --tiny runs on a CPU")
    model = (
        random_llama(device, 512, (64, 64, 2, 2, 1))
        if options.tiny
        else random_llama(device, 32_000, BILLION)
    )
    spread = scale_head(model)
    gpu = torch.cuda.get_device_name(0) if device == "cuda" else "none"
    peak = next((value for name, value in PEAK_FLOPS.items() if name in gpu), None)
    seeds = np.arange(2, model.config.vocab_size, dtype=np.int32)
    floor = None if peak is None else len(seeds) * flops_of_a_token(model) / peak
    head = head_of(model, model.get_decoder())

    by_rows = {}
    for rows in (64, 256) if options.tiny else (4096, 8192, 16_384, 32_768):
        engine = ForcingEngine(model, head, [BOS], rows=rows)
        by_rows[rows] = seconds(lambda engine=engine: engine.first_step(seeds))
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    engine = ForcingEngine(model, head, [BOS])
    by_model = ForcingEngine(model, head, [BOS], rows=engine.rows, share_context=False)
    first, paths = phase_1(engine, seeds)
    one_step, whole = seconds(lambda: engine.first_step(seeds)), seconds(lambda: phase_1(engine, seeds))
    peak_memory = torch.cuda.max_memory_allocated() if device == "cuda" else None
    curve = [len(seeds)] + [
        int(RULE.alive(paths.logprob_NS[:, :step], MARGIN).sum()) for step in range(1, RULE.steps + 1)
    ]
    unpruned = seconds(lambda: engine.extend(seeds, RULE.steps), repeats=1)
    ranked = np.argsort(-first.logprob_NS[:, 0])[: 16 if options.tiny else 512]
    final = ForcingEngine(model, head, [BOS], rows=16 if options.tiny else 256)
    long_steps = 8 if options.tiny else LONG_STEPS
    second = seconds(lambda: final.extend(seeds[ranked], long_steps), repeats=1)
    sample = np.random.default_rng(0).choice(seeds, size=20 if options.tiny else 500, replace=False)
    published = agreement(model, first, sample)
    published_whole = published["seconds"] / len(sample) * len(seeds)
    model32 = copy.deepcopy(model).float()
    report = {
        "gpu": gpu,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "head_applied_by_hand": head is not None,
        "head_weight_std": spread,
        "seeds": len(seeds),
        "survivors_after_step": curve,
        "survive_first_step_share": curve[1] / curve[0],
        "rows": engine.rows,
        "first_step_seconds": one_step,
        "first_step_seconds_by_rows": by_rows,
        "first_step_seconds_by_the_models_own_code": seconds(lambda: by_model.first_step(seeds)),
        "phase_1_seconds_by_the_models_own_code": seconds(lambda: phase_1(by_model, seeds)),
        "same_first_token_as_the_models_own_code": float(
            (first.token_NS[:, 0] == by_model.first_step(seeds).token_NS[:, 0]).mean()
        ),
        "phase_1_seconds": whole,
        "phase_1_unpruned_seconds": unpruned,
        "phase_2_seconds": second,
        "behind_a_long_context_seconds": behind_a_long_context(
            model, head, seeds[:4096], tokens=16 if options.tiny else 256, steps=8
        ),
        "peak_memory_bytes": peak_memory,
        "floor_seconds": floor,
        "phase_1_over_floor": None if floor is None else whole / floor,
        "mfu_first_step": None if floor is None else floor / one_step,
        "as_published": published | {"seeds": len(sample), "whole_vocabulary_seconds": published_whole},
        "as_published_over_phase_1": published_whole / whole,
        "rescored": exactness(model, model32, final.extend(seeds[ranked], long_steps)),
        "rescored_by_the_models_own_code": exactness(
            model, model32, by_model.extend(seeds[ranked], long_steps)
        ),
    }
    if options.profile and device == "cuda":
        report["first_step_kernels"] = profile(lambda: engine.first_step(seeds))
    report["wall_s"] = time.perf_counter() - started
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
