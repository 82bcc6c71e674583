"""Languages and perplexity against the libraries asked directly, one core: `bench_language.py --side language|perplexity --input FOLDER`.

Both sides take turns over the same texts; prints the round of the median ratio of CPU seconds as JSON. `language`: ours is the
signal from an Arrow column, theirs py3langid's `classify` of each text's first 2,000 characters. `perplexity`: a model of
characters is trained on the texts first; both sides then score the same tokens, and `whole` is ours with the cutting into tokens.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from bench_signals import batches
from bench_signatures import sample

ROUNDS = 3
MOST_CHARS = 2000


def language(texts: pa.LargeStringArray) -> dict[str, Callable[[], object]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    from datagov import signals
    from datagov.text.batch import TextBatch

    family = signals.family("language")
    params = signals.resolve_params(family, {"max_chars": MOST_CHARS})
    family.measure(TextBatch(texts.slice(0, 2)), params)
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    strings = texts.to_pylist()
    slices = batches(texts)
    return {
        "ours": lambda: [family.measure(TextBatch(each), params) for each in slices],
        "theirs": lambda: [identifier.classify(text[:MOST_CHARS]) for text in strings],
    }


def perplexity(texts: pa.LargeStringArray, folder: Path) -> dict[str, Callable[[], object]]:
    import kenlm

    from datagov.lm.model import load_lm
    from datagov.lm.sentences import read_sentences
    from datagov.model_files import model_file
    from datagov.text.batch import TextBatch
    from pipelines.corpus_scan import open_corpus
    from pipelines.lm_training import LmSettings, reading_of, train_lm

    (folder / "in").mkdir()
    pq.write_table(pa.table({"text": texts}), folder / "in/a.parquet")
    reading = reading_of("characters", normal="as_is", sentences="lines", pieces=None)
    train_lm(open_corpus(str(folder / "in")), folder / "lm", reading, LmSettings(order=5))
    model = load_lm(model_file(folder / "lm/card.json"))
    directly = kenlm.Model(str(folder / "lm/model.bin"))
    slices = [TextBatch(each) for each in batches(texts)]
    read = [read_sentences(each, reading) for each in slices]
    lines = [found.data[a:b].decode() for found in read for a, b in itertools.pairwise(found.ends.tolist())]
    return {
        "ours": lambda: [model.score(found, batch.n) for found, batch in zip(read, slices, strict=True)],
        "theirs": lambda: [directly.score(line) for line in lines],
        "whole": lambda: [model.scores(TextBatch(batch.texts)) for batch in slices],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=["language", "perplexity"], required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--limit-mb", type=float, default=8)
    arguments = parser.parse_args()
    texts = sample(arguments.input, int(arguments.limit_mb * 1e6))
    with tempfile.TemporaryDirectory() as name:
        sides = language(texts) if arguments.side == "language" else perplexity(texts, Path(name))
        rounds = []
        for _ in range(ROUNDS):
            spent = {}
            for side, work in sides.items():
                began = time.process_time()
                work()
                spent[side] = time.process_time() - began
            rounds.append(spent)
    median = sorted(rounds, key=lambda spent: spent["ours"] / spent["theirs"])[ROUNDS // 2]
    text_bytes = pc.sum(pc.binary_length(texts)).as_py()
    print(json.dumps({"documents": len(texts), "bytes": text_bytes, **median}))


if __name__ == "__main__":
    main()
