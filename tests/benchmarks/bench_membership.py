"""Speed of traces and scores on one core, both sides of every ratio in turns; prints one JSON object.

    python tests/benchmarks/bench_membership.py --side statistics | traces | precision | scores [--input FOLDER] [--scale 1]

Models have random weights, tokens are random: nothing is loaded or fetched. CPU seconds are compared, the least of the
rounds; the loop and the pass with the log-probability alone are those of `tests/gpu/bench_gpu.py`.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from detectors.membership import METHODS
from detectors.membership.method import Inputs
from detectors.membership.sizes import zlib_bytes
from detectors.membership.token_frequency import FrequencyTable
from detectors.ragged import TokenBatch, offsets_of
from detectors.targets.precision import compute_in_fp64
from detectors.trace import TraceBatch, TraceOrigin

sys.path.insert(0, str(Path(__file__).parents[1] / "gpu"))
from bench_gpu import MeanLogprobOnly, largest_difference, loop_of_one, rows_of, target_of

VOCABULARY = 8192
MODELS = {"5M": (192, 768, 5), "19M": (384, 1280, 7)}
"""Name -> hidden size, inner size, layers; input and output embeddings are two matrices of 8192 rows."""
LENGTHS = {"256 tokens": (256, 256), "32 to 64 tokens": (32, 64)}
SHOTS, BEHIND_SHOTS = 512, (128, 128)
"""Tokens of shots that all texts stand behind, and of the texts: ReCaLL with five shots or so."""
TEXT_TOKENS = 512
TRACE_ROUNDS = 7
"""What others do in the cache of the machine moves single rounds by a tenth."""
ALTERNATIVES = 5
CHARS = 2000


def turns(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the least CPU seconds of each, measured in turns after one call to warm up."""
    for work in works.values():
        work()
    best = dict.fromkeys(works, float("inf"))
    for _ in range(rounds):
        for name, work in works.items():
            started = time.process_time()
            work()
            best[name] = min(best[name], time.process_time() - started)
    return best


def model_of(name: str) -> Any:
    """Return a Llama of random weights in fp32."""
    hidden, inner, layers = MODELS[name]
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=hidden,
            intermediate_size=inner,
            num_hidden_layers=layers,
            num_attention_heads=hidden // 64,
            num_key_value_heads=hidden // 64,
            max_position_embeddings=1024,
            tie_word_embeddings=False,
        )
    ).eval()


def statistics(scale: float) -> dict[str, Any]:
    """Five statistics of each token against its log-probability alone, over the same batches."""
    found = {}
    for name in MODELS:
        model = model_of(name)
        rows = rows_of(max(round(24 * scale), 8), (256, 256), VOCABULARY)
        kinds = {"five": target_of(model), "one": target_of(model, MeanLogprobOnly)}
        spent = turns({kind: partial(target.trace, rows) for kind, target in kinds.items()}, 3)
        found[name] = {
            **spent,
            "tokens": int(rows.lengths.sum()),
            "parameters": sum(each.numel() for each in model.parameters()),
        }
    return found


def traces(scale: float) -> dict[str, Any]:
    """Traces against a loop over single texts that computes the same numbers; the last also behind shots, which the loop reads again."""
    found = {}
    model = model_of("19M")
    for name, lengths in LENGTHS.items():
        rows = rows_of(max(round(6000 * scale) // lengths[1], 8), lengths, VOCABULARY)
        works = {"ours": partial(target_of(model).trace, rows), "loop": partial(loop_of_one, model, rows)}
        spent = turns(works, TRACE_ROUNDS)
        found[name] = {**spent, "tokens": int(rows.lengths.sum()), "texts": len(rows)}
    shots = rows_of(1, (SHOTS, SHOTS), VOCABULARY).token_ids
    rows = rows_of(max(round(4000 * scale) // BEHIND_SHOTS[1], 8), BEHIND_SHOTS, VOCABULARY)
    whole = TokenBatch.of([np.concatenate([shots, rows.row(row)]) for row in range(len(rows))])
    works = {
        "ours": partial(target_of(model).trace_after, shots.tolist(), rows),
        "loop": partial(loop_of_one, model, whole),
    }
    spent = turns(works, 3)
    found["128 tokens behind 512 of shots"] = {
        **spent,
        "tokens": int(rows.lengths.sum()),
        "texts": len(rows),
    }
    return found


def precision(scale: float) -> dict[str, Any]:
    """Traces in fp64 and in fp32, and how far each lies apart from itself in other batches, layouts and orders."""
    model = model_of("19M")
    held = {"float32": model, "float64": compute_in_fp64(copy.deepcopy(model).double())}
    rows = rows_of(max(round(24 * scale), 8), (32, 256), VOCABULARY)
    backwards = TokenBatch.of([rows.row(index) for index in reversed(range(len(rows)))])
    spent = turns({name: partial(target_of(one).trace, rows) for name, one in held.items()}, 3)
    whole = {name: target_of(one).trace(rows) for name, one in held.items()}
    apart = {}
    for name, one in held.items():
        turned = target_of(one).trace(backwards)
        parts = [turned.logprob_T[turned.offsets[at] : turned.offsets[at + 1]] for at in range(len(rows))]
        others = (
            target_of(one, batch_tokens=1).trace(rows),
            target_of(one, layout="packed").trace(rows),
            replace(turned, logprob_T=np.concatenate(parts[::-1])),
        )
        apart[name] = max(largest_difference(whole[name], other)["max"] for other in others)
    return {
        **spent,
        "tokens": int(rows.lengths.sum()),
        "apart": apart,
        "between": largest_difference(whole["float32"], whole["float64"])["max"],
    }


def made_trace(texts: int, generator: np.random.Generator) -> TraceBatch:
    """Return a trace of texts of 512 tokens with every statistic, as spread as those of a real model."""
    tokens = texts * TEXT_TOKENS
    top = -np.sort(generator.exponential(2.0, (tokens, ALTERNATIVES)).astype(np.float32), axis=1) - 1.7
    return TraceBatch(
        origin=TraceOrigin("m", "t", "none", "float32", 0, TEXT_TOKENS, "first"),
        text_W=np.arange(texts),
        texts=texts,
        offsets=np.arange(0, tokens + 1, TEXT_TOKENS),
        token_ids_T=(generator.zipf(1.3, tokens) % VOCABULARY).astype(np.int32),
        logprob_T=-generator.exponential(3.0, tokens).astype(np.float32),
        entropy_T=generator.uniform(0.1, 6.0, tokens).astype(np.float32),
        variance_T=generator.uniform(0.5, 6.0, tokens).astype(np.float32),
        top1_T=top[:, 0].copy(),
        rank_T=generator.integers(0, 500, tokens).astype(np.int32),
        top_TK=top,
    )


def scores(folder: Path, scale: float) -> dict[str, Any]:
    """Every method from traces in memory, and the sizes of texts against zlib alone."""
    generator = np.random.default_rng(0)
    count = max(round(2000 * scale), 50)
    plain, *others = (made_trace(count, generator) for _ in range(6))
    rows = TokenBatch(
        offsets_of([32] * count), generator.integers(VOCABULARY, size=32 * count).astype(np.int32)
    )
    inputs = Inputs(
        plain=plain,
        lowercase=others[0],
        reference=others[1],
        prefixed={"non_member": others[2], "member": others[3]},
        perturbed=others,
        continued=rows,
        truth=rows,
        zlib_bytes=np.full(count, 700),
        unchanged=np.zeros(count, dtype=np.bool_),
        frequency=FrequencyTable(np.arange(VOCABULARY, dtype=np.int64), "t", "c", None, 1),
        vocabulary_size=VOCABULARY,
    )
    # Intervals are as wide as random alternatives make them; the width is not what is measured.
    params = {"min_k_plus_plus_top": {"max_width": 1e9}}
    works = {
        each.name: partial(each.score, inputs, {**each.defaults, **params.get(each.name, {})})
        for each in METHODS
    }
    spent = turns(works, 4)
    read = {"pac": 6, "lowercase": 2, "reference": 2, "recall": 2, "con_recall": 3}
    texts = [
        text[:CHARS]
        for path in sorted(folder.glob("*.parquet"))[:1]
        for text in pq.read_table(path, columns=["text"]).column("text").to_pylist()
        if text
    ][:count]
    zlib_spent = turns(
        {
            "ours": lambda: zlib_bytes(texts),
            "zlib": lambda: [len(zlib.compress(text.encode(), 6)) for text in texts],
        },
        5,
    )
    return {
        "methods": {
            name: {
                "seconds": seconds,
                "tokens": len(rows.token_ids) if name == "verbatim" else count * TEXT_TOKENS,
                "traces": read.get(name, 1),
            }
            for name, seconds in spent.items()
        },
        "zlib": {**zlib_spent, "bytes": sum(len(text.encode()) for text in texts)},
    }


def main() -> None:
    """Measure one side and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=("statistics", "traces", "precision", "scores"), required=True)
    parser.add_argument("--input", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.side == "scores":
        found = scores(given.input, given.scale)
    else:
        sides = {"statistics": statistics, "traces": traces, "precision": precision}
        found = sides[given.side](given.scale)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
