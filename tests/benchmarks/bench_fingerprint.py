"""Forcing a vocabulary of 8,192 on a CPU, against the published way: one seed at a time, no cache; prints one JSON object.

    PYTHONPATH=. python tests/benchmarks/bench_fingerprint.py --corpus ../shared/corpus

The model is trained here, so that the share of seeds that survive the first step is a trained model's. The published way
is timed on a sample of the seeds, its second phase on as many survivors as there are. CPU seconds, one thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import torch

from datagov.tokenizer import load_tokenizer
from detectors.fingerprint.engine import ForcingEngine
from detectors.fingerprint.pruning import RULES
from detectors.lab.byte_tokenizer import train_tokenizer
from detectors.lab.training import ModelSize, train_model
from detectors.ragged import TokenBatch
from detectors.targets.output_head import head_of

RULE = RULES["reference"]
LONG_STEPS = 50
TOKENIZER_TEXTS = 6000
VOCABULARY = 8192
CONTEXTS = (1, 8, 24, 48)
"""Tokens; a chat template that is open takes some dozens."""
SIZE = ModelSize(hidden=128, layers=4, inner=384, vocabulary=VOCABULARY, context=128)


def trained(corpus: Path, texts: int, passes: int) -> Any:
    """Return a model trained on the first texts of a corpus, so often that it knows some of them by heart."""
    file = min(corpus.rglob("part-*.parquet"))
    column = pq.read_table(file, columns=["text"]).column(0)
    said = [text[:400] for text in column.to_pylist()[: max(4 * texts, TOKENIZER_TEXTS)]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        train_tokenizer(said, VOCABULARY, path)
        rows = TokenBatch(*load_tokenizer(path).encode(said[:texts]))
    framed = [np.concatenate(([0], rows.row(row), [1])) for row in range(len(rows))]
    return train_model(TokenBatch.of(framed * passes), SIZE, seed=0)


def cpu_seconds(work: Callable[[], Any], *, repeats: int = 3) -> float:
    """Return the least CPU time of some runs."""
    best = float("inf")
    for _ in range(repeats):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best


@torch.inference_mode()
def as_published(model: Any, seeds: np.ndarray, steps: int) -> None:
    """Continue seeds one at a time, the whole row again for every token, two numbers fetched a token."""
    for seed in seeds:
        ids = [0, int(seed)]
        for _ in range(steps):
            prob = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].softmax(-1)
            token = int(prob.argmax())
            float(prob[token])
            ids.append(token)


def after_context(model: Any, length: int) -> dict[str, float]:
    """Return the CPU seconds of the first step of 2,048 seeds after a context, in memory once or copied into every row."""
    context = np.random.default_rng(1).integers(2, VOCABULARY, length).tolist()
    head = head_of(model, model.get_decoder())
    seeds = np.arange(2, 2050, dtype=np.int32)
    engines = {
        name: ForcingEngine(model, head, context, share_context=name == "once") for name in ("once", "copied")
    }
    best = dict.fromkeys(engines, float("inf"))
    for _ in range(5):
        for name, engine in engines.items():
            best[name] = min(
                best[name], cpu_seconds(lambda engine=engine: engine.first_step(seeds), repeats=1)
            )
    return best | {"copied_over_once": best["copied"] / best["once"]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=32, help="texts to train on")
    parser.add_argument("--passes", type=int, default=120, help="over the texts")
    parser.add_argument("--sample", type=int, default=100, help="seeds of the published way")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = trained(options.corpus, options.texts, options.passes)
    seeds = np.arange(2, VOCABULARY, dtype=np.int32)
    engine = ForcingEngine(model, head_of(model, model.get_decoder()), [0])

    def phase_1() -> tuple[np.ndarray, np.ndarray]:
        first = engine.first_step(seeds)
        survivors = seeds[RULE.alive(first.logprob_NS, 1e-3)]
        paths = engine.extend(survivors, RULE.steps, rule=RULE, margin=1e-3)
        return survivors, survivors[RULE.scores(paths.logprob_NS) > RULE.threshold]

    survivors, candidates = phase_1()
    finalists = candidates[:512]
    pruned = cpu_seconds(lambda: engine.extend(phase_1()[1][:512], LONG_STEPS))
    unpruned = cpu_seconds(lambda: (engine.extend(seeds, RULE.steps), engine.extend(finalists, LONG_STEPS)))
    sample = np.random.default_rng(0).choice(seeds, options.sample, replace=False)
    as_published(model, sample[:5], RULE.steps)
    theirs = (
        cpu_seconds(lambda: as_published(model, sample, RULE.steps), repeats=1) / len(sample) * len(seeds)
    )
    after = {str(length): after_context(model, length) for length in CONTEXTS}
    some = finalists[:5]
    if len(some):
        theirs += (
            cpu_seconds(lambda: as_published(model, some, LONG_STEPS), repeats=1) / len(some) * len(finalists)
        )
    report = {
        "seeds": len(seeds),
        "survivors": len(survivors),
        "candidates": len(candidates),
        "pruned_cpu_s": pruned,
        "unpruned_cpu_s": unpruned,
        "as_published_cpu_s": theirs,
        "as_published_over_pruned": theirs / pruned,
        "as_published_over_unpruned": theirs / unpruned,
        "first_step_by_context_tokens": after,
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
