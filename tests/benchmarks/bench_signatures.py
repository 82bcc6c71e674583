"""MinHash signatures with 112 permutations, from texts in memory, shingling counted.

Run once for each system, in that system's environment, by `run.py`; prints one JSON object.

Every system starts from what its users hold: datagov from an Arrow column, the others from Python strings
already decoded. Tokenising, shingling into 5-grams and the signatures are timed; reading files, loading
dictionaries and compiling kernels are not. datatrove runs the two methods its own `run` calls for each
document, with its own tokenizer and defaults and without writing its files. rensa and datasketch bring no
tokeniser, so they are measured twice: with the shingles datagov makes ("same": lower-cased words or Han
characters, no punctuation), and with the cheapest strings one can cut ("cheapest").
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

PERMUTATIONS = 112
BANDS = 14
ROWS = 8
SHINGLE = 5
BATCH_BYTES = 16 << 20

Measured = Callable[[], object]


def sample(folder: Path, limit_bytes: int) -> pa.LargeStringArray:
    """Return the texts of every n-th document of a folder, spread evenly, up to about `limit_bytes`."""
    columns = [pq.read_table(path, columns=["text"])["text"] for path in sorted(folder.rglob("*.parquet"))]
    texts = pa.chunked_array([chunk.cast(pa.large_string()) for column in columns for chunk in column.chunks])
    texts = texts.drop_null()
    total = pc.sum(pc.binary_length(texts)).as_py() or 0
    step = max(1, -(-total // limit_bytes))
    return texts.take(pa.array(range(0, len(texts), step))).combine_chunks()


WORD = re.compile(r"\w+")
WORD_OR_HAN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")


def same_shingles(text: str, language: str) -> list[str]:
    """5-grams of lower-cased words (or Han characters) without punctuation: the tokens datagov counts."""
    words = (WORD_OR_HAN if language == "zh" else WORD).findall(text.lower())
    grams = [" ".join(gram) for gram in zip(words, words[1:], words[2:], words[3:], words[4:], strict=False)]
    return grams or [" ".join(words)]


def cheapest_shingles(text: str, language: str) -> list[str]:
    """Slices of the raw characters for Chinese, words split at spaces for English: as little as one can do."""
    if language == "zh":
        return [text[i : i + SHINGLE] for i in range(max(1, len(text) - SHINGLE + 1))]
    words = text.lower().split()
    grams = [" ".join(gram) for gram in zip(words, words[1:], words[2:], words[3:], words[4:], strict=False)]
    return grams or [" ".join(words)]


SHINGLES = {"same": same_shingles, "cheapest": cheapest_shingles}


def datagov(texts: pa.LargeStringArray, language: str, shingles: str) -> Measured:
    from datagov.dedup.minhash import Scheme, signatures
    from datagov.dedup.shingle import shingle_hashes
    from datagov.text.batch import TextBatch

    scheme = Scheme(bands=BANDS, rows=ROWS, k=SHINGLE, seed=1)
    sizes = pc.binary_length(texts).to_numpy()
    cuts, filled = [0], 0
    for i, size in enumerate(sizes):
        if filled + size > BATCH_BYTES and i > cuts[-1]:
            cuts.append(i)
            filled = 0
        filled += int(size)
    cuts.append(len(texts))

    def measured() -> int:
        rows = 0
        for start, stop in itertools.pairwise(cuts):
            tokens = TextBatch(texts.slice(start, stop - start)).tokens
            hashes, offsets = shingle_hashes(tokens.hash, tokens.offsets, k=SHINGLE)
            rows += len(signatures(hashes, offsets, scheme))
        return rows

    TextBatch(texts.slice(0, 1))
    tokens = TextBatch(texts.slice(0, 1)).tokens
    signatures(*shingle_hashes(tokens.hash, tokens.offsets, k=SHINGLE), scheme)
    return measured


def datatrove(texts: pa.LargeStringArray, language: str, shingles: str) -> Measured:
    import tempfile

    from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
    from datatrove.utils.typeshelper import Languages

    # Not "zh": datatrove knows three-letter codes, and an unknown one silently gets a tokenizer that does
    # not segment Chinese at all.
    code = Languages.mandarin_chinese if language == "zh" else Languages.english
    config = MinhashConfig(n_grams=SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS)
    step = MinhashDedupSignature(output_folder=tempfile.mkdtemp(), config=config, language=code)
    strings = texts.to_pylist()
    step.get_signature(step.get_shingles("warm up 预热 " * 20))

    def measured() -> int:
        rows = 0
        for text in strings:
            shingles = step.get_shingles(text)
            if shingles.size:
                step.get_signature(shingles)
                rows += 1
        return rows

    return measured


def rensa(texts: pa.LargeStringArray, language: str, shingles: str) -> Measured:
    from rensa import RMinHash

    shingled = SHINGLES[shingles]
    strings = texts.to_pylist()

    def measured() -> int:
        # One object a document is faster here than the matrix call, which holds all shingles at once.
        for text in strings:
            RMinHash(PERMUTATIONS, 1).update(shingled(text, language))
        return len(strings)

    return measured


def datasketch(texts: pa.LargeStringArray, language: str, shingles: str) -> Measured:
    from datasketch import MinHash

    shingled = SHINGLES[shingles]
    strings = texts.to_pylist()
    first = MinHash(num_perm=PERMUTATIONS, seed=1)

    def measured() -> int:
        for text in strings:
            signature = MinHash(PERMUTATIONS, seed=1, permutations=first.permutations, scheme=first.scheme)
            signature.update_batch([shingle.encode() for shingle in shingled(text, language)])
        return len(strings)

    return measured


SIDES: dict[str, Callable[[pa.LargeStringArray, str, str], Measured]] = {
    "datagov": datagov,
    "datatrove": datatrove,
    "rensa": rensa,
    "datasketch": datasketch,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES, required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--language", choices=["zh", "en"], required=True)
    parser.add_argument("--shingles", choices=SHINGLES, default="same", help="rensa and datasketch only")
    parser.add_argument("--limit-mb", type=float, default=64)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()

    texts = sample(arguments.input, int(arguments.limit_mb * 1e6))
    text_bytes = pc.sum(pc.binary_length(texts)).as_py()
    measured = SIDES[arguments.side](texts, arguments.language, arguments.shingles)
    runs = []
    for _ in range(arguments.repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        measured()
        runs.append((time.perf_counter() - wall, time.process_time() - cpu))
    wall, cpu = min(runs)
    print(
        json.dumps(
            {
                "documents": len(texts),
                "bytes": text_bytes,
                "seconds": wall,
                "cpu_seconds": cpu,
                "mb_per_s": text_bytes / wall / 1e6,
            }
        )
    )


if __name__ == "__main__":
    main()
