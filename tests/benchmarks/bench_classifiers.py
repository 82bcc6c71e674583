"""Classifiers asked over texts in memory, one core: a linear one, and fastText beside its library called directly.

The classifiers are trained on documents of the corpus whose labels say nothing: what is measured does not depend on what
they learn. Both sides of fastText get the same lines of tokens, in the same process, by turns; `linear` is from text
to score. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from bench_signatures import sample

from datagov.classifiers.card import NGrams, Tokens
from datagov.classifiers.fasttext_model import train_fasttext
from datagov.classifiers.linear_training import LinearSettings, LinearTrainer
from datagov.classifiers.tokens import token_lines
from datagov.text.batch import TextBatch

LEARNED = 4000
OUTPUTS = ["__label__0", "__label__1"]
REPEATS = 5


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def linear(learned: pa.LargeStringArray, texts: pa.LargeStringArray) -> dict[str, float]:
    reading = NGrams(chars=(1, 4), words=2)
    label = np.arange(len(learned)) % 2
    model = LinearTrainer(TextBatch(learned), reading, LinearSettings(), 2).fit(
        np.arange(len(learned)), label
    )
    model.margins(TextBatch(texts.slice(0, 10)), reading)
    best = min(seconds(lambda: model.margins(TextBatch(texts), reading)) for _ in range(REPEATS))
    return {"cpu_seconds": best, "features": len(model.keys)}


def fasttext(learned: pa.LargeStringArray, texts: pa.LargeStringArray) -> dict[str, float]:
    reading = Tokens(cut="words", lower=True, outputs=OUTPUTS)
    label = np.arange(len(learned)) % 2
    settings = {"dim": 100, "epoch": 1, "wordNgrams": 2, "bucket": 200_000}
    model = train_fasttext(token_lines(TextBatch(learned), reading), label, settings)
    lines = token_lines(TextBatch(texts), reading)
    ended = [line + "\n" for line in lines]
    direct = model._model.f.multilinePredict
    ours, theirs = [], []
    for _ in range(REPEATS):
        ours.append(seconds(lambda: model.probabilities(lines, OUTPUTS)))
        theirs.append(seconds(lambda: direct(ended, 2, 0.0, "strict")))
    return {"cpu_seconds": min(ours), "direct_seconds": min(theirs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=["linear", "fasttext"], required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--limit-mb", type=float, required=True)
    arguments = parser.parse_args()
    found = sample(arguments.input, int(arguments.limit_mb * 1e6))
    # Comments and posts are short, documents of other sources are cut to be so.
    found = pc.utf8_slice_codeunits(found, 0, 300)
    learned, texts = found.slice(0, LEARNED), found
    side = {"linear": linear, "fasttext": fasttext}[arguments.side]
    size = int(pc.sum(pc.binary_length(texts)).as_py())
    print(json.dumps({"bytes": size, "documents": len(texts), **side(learned, texts)}))


if __name__ == "__main__":
    main()
