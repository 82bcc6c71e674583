"""Speed and exactness of traces on a GPU, both sides of every ratio in one run; prints one JSON object.

    PYTHONPATH=. python tests/gpu/bench_gpu.py            about two minutes on an H100
    PYTHONPATH=. python tests/gpu/bench_gpu.py --differences    only how far batches, orders and layouts lie apart
    PYTHONPATH=. python tests/gpu/bench_gpu.py --tiny     a small model, also on a CPU: shows that the script works

The model is a Llama of about a billion random weights with a vocabulary of 32,000; nothing is loaded or fetched.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import transformers

from detectors.ragged import TokenBatch
from detectors.targets.fused_statistics import fused_statistics
from detectors.targets.precision import compute_in_fp64
from detectors.targets.target import TargetFacts
from detectors.targets.token_statistics import TokenStatistics, plain_statistics
from detectors.targets.transformers_target import TransformersTarget

PEAK_FLOPS = {"H100 PCIe": 756e12, "H100": 989e12, "H200": 989e12, "A100": 312e12}
"""Dense bf16 peak by name of the GPU."""
BILLION = (2048, 8192, 16, 32, 8)
HEAD_STD = 0.08
"""Spread of the output layer's weights: logits then spread by about 3.6, as a trained model's do."""


class MeanLogprobOnly(TransformersTarget):
    """The same batches and the same output layer, but nothing except the log-probability."""

    @staticmethod
    def _statistics(logits_MV: torch.Tensor, token_M: torch.Tensor) -> TokenStatistics:
        logprob_M = -torch.nn.functional.cross_entropy(logits_MV, token_M, reduction="none")
        none_M = torch.zeros_like(token_M, dtype=torch.int32)
        return TokenStatistics(logprob_M, *(logprob_M,) * 3, none_M, none_M)


def random_llama(device: str, vocabulary: int, size: tuple[int, int, int, int, int]) -> Any:
    """Return a model in bf16, the same for every run; `size` is hidden, inner, layers, heads, key heads."""
    hidden, inner, layers, heads, key_heads = size
    config = transformers.LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=key_heads,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = transformers.LlamaForCausalLM(config)
    torch.set_default_dtype(torch.float32)
    return model.eval()


def make_model(device: str, *, tiny: bool) -> Any:
    """Return the model that is traced."""
    model = random_llama(device, 300, (64, 64, 1, 1, 1)) if tiny else random_llama(device, 32_000, BILLION)
    with torch.no_grad():
        model.lm_head.weight.normal_(0.0, HEAD_STD)
    return model


def target_of(
    model: Any, kind: type[TransformersTarget] = TransformersTarget, **options: Any
) -> TransformersTarget:
    """Return the model as a target that is only given token ids."""
    name = str(model.dtype).removeprefix("torch.")
    facts = TargetFacts("random", "random", "none", "transformers", name, model.config.vocab_size, None)
    return kind(model, None, facts, **options)


def rows_of(count: int, lengths: tuple[int, int], vocabulary: int) -> TokenBatch:
    """Return pseudo-random rows with lengths spread evenly between two bounds."""
    generator = np.random.default_rng(1)
    sizes = generator.integers(lengths[0], lengths[1] + 1, size=count)
    return TokenBatch.of([generator.integers(vocabulary, size=size).astype(np.int32) for size in sizes])


def seconds(work: Callable[[], Any], *, repeats: int = 3) -> float:
    """Return the least wall time of some runs, after one to warm up."""
    work()
    best = float("inf")
    for _ in range(repeats):
        synchronise()
        started = time.perf_counter()
        work()
        synchronise()
        best = min(best, time.perf_counter() - started)
    return best


def synchronise() -> None:
    """Wait for the GPU."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def interleaved(works: dict[str, Callable[[], Any]], *, repeats: int = 3) -> dict[str, float]:
    """Return the least wall time of each, measured in turns so that both sides see the same machine."""
    best = {name: seconds(work, repeats=1) for name, work in works.items()}
    for _ in range(repeats - 1):
        for name, work in works.items():
            best[name] = min(best[name], seconds(work, repeats=1))
    return best


@torch.inference_mode()
def loop_of_one(model: Any, rows: TokenBatch) -> list[np.ndarray]:
    """Trace text by text, keeping the logits of the whole text: equal work, without batches or chunks."""
    found = []
    for index in range(len(rows)):
        ids = torch.from_numpy(rows.row(index).astype(np.int64)).to(model.device)
        logits = model(input_ids=ids[None], use_cache=False).logits[0, :-1].float()
        log_probs = logits.log_softmax(-1)
        probs = log_probs.exp()
        entropy = -(probs * log_probs).sum(-1)
        chosen = log_probs.gather(1, ids[1:, None])
        variance = (probs * (log_probs + entropy[:, None]).square()).sum(-1)
        rank = (log_probs > chosen).sum(-1)
        found.append(
            torch.stack([chosen[:, 0], entropy, variance, log_probs.amax(-1), rank.float()]).cpu().numpy()
        )
    return found


@torch.inference_mode()
def as_published(model: Any, reference: Any, rows: TokenBatch) -> list[float]:
    """Score text by text as the papers' scripts do: fp32, a pass each for the text, its lower case and a reference.

    The three passes have the text's length; the token log-probabilities of the first are fetched at once, which is
    kinder than the scripts, which fetch them one by one.
    """
    found = []
    for index in range(len(rows)):
        ids = torch.from_numpy(rows.row(index).astype(np.int64)).to(model.device)[None]
        answer = model(input_ids=ids, labels=ids, use_cache=False)
        log_probs = torch.nn.functional.log_softmax(answer.logits, dim=-1)[0, :-1]
        chosen = log_probs.gather(1, ids[0, 1:, None])[:, 0].cpu().numpy()
        lower = model(input_ids=ids, labels=ids, use_cache=False).loss.item()
        other = reference(input_ids=ids, labels=ids, use_cache=False).loss.item()
        found.append(float(np.sort(chosen)[: len(chosen) // 5].mean()) + lower + other)
    return found


def flops(model: Any, rows: TokenBatch) -> float:
    """Return the floating point operations of one forward pass over the rows: matrix products and causal attention."""
    config = model.config
    products = (
        sum(p.numel() for p in model.parameters() if p.ndim == 2)
        - model.get_input_embeddings().weight.numel()
    )
    attention = 2 * 2 * config.num_hidden_layers * config.hidden_size * float((rows.lengths**2).sum()) / 2
    return 2.0 * products * float(rows.lengths.sum()) + attention


def largest_difference(one: Any, other: Any) -> dict[str, float]:
    """Return how far two traces of the same tokens lie apart, in nats."""
    gap = np.abs(one.logprob_T.astype(np.float64) - other.logprob_T)
    return {"max": float(gap.max()), "p99.9": float(np.quantile(gap, 0.999)), "mean": float(gap.mean())}


def reversed_rows(target: TransformersTarget, rows: TokenBatch) -> Any:
    """Trace the rows in reverse order; return the trace in the order of the rows."""
    traced = target.trace(TokenBatch.of([rows.row(row) for row in reversed(range(len(rows)))]))
    parts = np.split(traced.logprob_T, traced.offsets[1:-1])
    return dataclasses.replace(traced, logprob_T=np.concatenate(parts[::-1]))


def exactness(model: Any, model32: Any, model64: Any, rows: TokenBatch) -> dict[str, Any]:
    """Return differences between number formats, batch sizes and layouts."""
    found: dict[str, Any] = {}
    for name, held in (("bfloat16", model), ("float32", model32), ("float64", model64)):
        ours = target_of(held)
        whole = ours.trace(rows)
        found[name] = {
            "tolerance_nats": ours.capabilities.tolerance_nats,
            "batch_1": largest_difference(whole, target_of(held, batch_tokens=1).trace(rows)),
            "batch_8": largest_difference(whole, target_of(held, batch_tokens=8 * 512).trace(rows)),
            "packed": largest_difference(
                whole, target_of(held, layout="packed", batch_tokens=4096).trace(rows)
            ),
            "reversed": largest_difference(whole, reversed_rows(target_of(held, batch_tokens=4096), rows)),
        }
    found["bfloat16_against_float32"] = largest_difference(
        target_of(model).trace(rows), target_of(model32).trace(rows)
    )
    found["float32_against_float64"] = largest_difference(
        target_of(model32).trace(rows), target_of(model64).trace(rows)
    )
    looped = np.concatenate(loop_of_one(model32, rows), axis=1)
    trace = target_of(model32).trace(rows)
    for place, name in enumerate(("logprob_T", "entropy_T", "variance_T", "top1_T", "rank_T")):
        found[f"float32_against_loop.{name}"] = float(np.abs(getattr(trace, name) - looped[place]).max())
    return found


def fused_against_plain(device: str, vocabulary: int) -> dict[str, Any]:
    """Return whether the fused kernel ran, and how far it lies from torch's own operations."""
    if device == "cpu":
        return {"ran": False}
    generator = torch.Generator(device).manual_seed(2)
    logits = torch.randn((512, vocabulary + 7), generator=generator, device=device) * 4
    token = torch.randint(vocabulary, (512,), generator=generator, device=device)
    fused = fused_statistics(logits, token)
    if fused is None:
        return {"ran": False}
    plain = plain_statistics(logits.clone(), token)
    gaps = {
        name: float((ours.double() - theirs.double()).abs().max())
        for name, ours, theirs in zip(TokenStatistics._fields, fused, plain, strict=True)
    }
    return {"ran": True, "largest_difference": gaps}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true", help="a small model and few texts")
    parser.add_argument(
        "--differences", action="store_true", help="only how far batches, orders and layouts lie apart"
    )
    given = parser.parse_args()
    tiny = given.tiny
    started = time.perf_counter()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not tiny:
        parser.error("no GPU; --tiny runs on a CPU")
    model = make_model(device, tiny=tiny)
    model32 = copy.deepcopy(model).float()
    model64 = compute_in_fp64(copy.deepcopy(model).double())
    vocabulary = model.config.vocab_size
    gpu = torch.cuda.get_device_name(0) if device == "cuda" else "none"
    peak = next((value for name, value in PEAK_FLOPS.items() if name in gpu), None)

    longest = 32 if tiny else 512
    full = rows_of(4 if tiny else 512, (longest, longest), vocabulary)
    texts = rows_of(4 if tiny else 96, (longest // 8, longest), vocabulary)
    few = rows_of(4 if tiny else 48, (longest // 32 + 2, longest), vocabulary)
    if given.differences:
        report = {
            "gpu": gpu,
            "torch": torch.__version__,
            "exactness": exactness(model, model32, model64, few),
        }
        print(json.dumps(report, indent=1))
        return
    five, one = target_of(model), target_of(model, MeanLogprobOnly)
    passes = interleaved({"five": lambda: five.trace(full), "one": lambda: one.trace(full)})
    rate = flops(model, full) / passes["five"]
    ours16, ours32, ours64 = target_of(model), target_of(model32), target_of(model64)
    against = interleaved(
        {
            "trace_bfloat16": lambda: ours16.trace(texts),
            "trace_float32": lambda: ours32.trace(texts),
            "trace_float64": lambda: ours64.trace(texts),
            "loop_float32": lambda: loop_of_one(model32, texts),
            "loop_bfloat16": lambda: loop_of_one(model, texts),
            "as_published": lambda: as_published(model32, model32, texts),
        },
        repeats=2,
    )
    report = {
        "gpu": gpu,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "parameters": sum(p.numel() for p in model.parameters()),
        "vocabulary": vocabulary,
        "fused": fused_against_plain(device, vocabulary),
        "five_over_mean_logprob": passes["five"] / passes["one"],
        "tokens_per_s_bfloat16_512": float(full.lengths.sum()) / passes["five"],
        "tflops_bfloat16_512": rate / 1e12,
        "mfu_bfloat16_512": None if peak is None else rate / peak,
        "texts": {"count": len(texts), "tokens": int(texts.lengths.sum())},
        "seconds": against,
        "equal_work_equal_dtype_float32": against["loop_float32"] / against["trace_float32"],
        "equal_work_equal_dtype_bfloat16": against["loop_bfloat16"] / against["trace_bfloat16"],
        "as_published_over_ours": against["as_published"] / against["trace_bfloat16"],
        "exactness": exactness(model, model32, model64, few),
        "wall_s": time.perf_counter() - started,
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
