"""Counting tokens against the tokenizer library alone: `python tests/benchmarks/bench_frequency.py [TEXTS.parquet]`.

Both sides encode the same batches in turn, one thread; prints the round of the median ratio of CPU seconds as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROUNDS = 3
SHARD_TEXTS = 400


def main() -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from governing import write_shard
    from tokenizers import Tokenizer
    from tokenizing import SENTENCES, make_tokenizer

    from datagov.tokenizer_file import tokenizer_digest
    from pipelines.corpus_scan import open_corpus
    from pipelines.stage import Task
    from pipelines.stages.frequency import apply

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tokenizer = make_tokenizer(folder / "tokenizer", vocabulary=400)
        if len(sys.argv) > 1:
            texts = pq.read_table(sys.argv[1], columns=["text"]).column("text").to_pylist()[:SHARD_TEXTS]
        else:
            random = np.random.default_rng(0)
            texts = [" ".join(random.choice(SENTENCES, 20)) for _ in range(SHARD_TEXTS)]
        write_shard(folder / "corpus/0.parquet", {"text": pa.array(texts, pa.large_string())})
        corpus = open_corpus(str(folder / "corpus"))
        backend = Tokenizer.from_file(str(tokenizer))
        spent = []
        for turn in range(ROUNDS):
            started = time.process_time()
            for at in range(0, len(texts), 500):
                backend.encode_batch(texts[at : at + 500], add_special_tokens=False)
            library = time.process_time() - started
            started = time.process_time()
            for part in corpus.parts:
                apply(
                    Task(
                        "frequency",
                        part.name,
                        str(folder / f"out-{turn}"),
                        (f"receipts/{part.name}.json",),
                        {
                            "source": corpus.source,
                            "slices": part.slices,
                            "tokenizer": str(tokenizer),
                            "tokenizer_digest": tokenizer_digest(tokenizer),
                            "token_cap": None,
                            "file": f"{part.name}.parquet",
                            "threads": False,
                        },
                    )
                )
            ours = time.process_time() - started
            spent.append((library / ours, ours, library))
        ratio, ours, library = sorted(spent)[len(spent) // 2]
        size = sum(len(text.encode()) for text in texts)
        print(json.dumps({"ratio": ratio, "ours": ours, "library": library, "bytes": size}))


if __name__ == "__main__":
    main()
