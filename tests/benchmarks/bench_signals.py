"""All signals of published rule sets over texts in memory, one core.

Run once for each system, in that system's environment, by `run.py`; prints one JSON object. English:
gopher-en, c4-en and fineweb-en; Chinese: fineweb2-zh and mapcc-zh.

datagov starts from an Arrow column, measures every signal of the profiles and finds every crossed bound.
datatrove starts from Python strings; each of its filters is called on every document. Its filters keep no
values and stop at the first failure: `all` gives them limits that nothing crosses, so that they compute what
datagov computes; `first` has the published limits, and a document that fails one filter meets no other. `cut`
is the time of the words of rjieba alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from bench_signatures import BATCH_BYTES, sample

PROFILES = {"en": ("gopher-en", "c4-en", "fineweb-en"), "zh": ("fineweb2-zh", "mapcc-zh")}
WARM_UP = "A warm up of nine words, and of two sentences. 预热一下，以免计时。" * 8

Measured = Callable[[], object]


def batches(texts: pa.LargeStringArray) -> list[pa.LargeStringArray]:
    """Split a column into slices of about BATCH_BYTES."""
    cuts, filled = [0], 0
    for i, size in enumerate(pc.binary_length(texts).to_numpy()):
        if filled + size > BATCH_BYTES and i > cuts[-1]:
            cuts.append(i)
            filled = 0
        filled += int(size)
    return [texts.slice(start, stop - start) for start, stop in itertools.pairwise([*cuts, len(texts)])]


def datagov(texts: pa.LargeStringArray, language: str) -> Measured:
    from datagov.policy import crossings, values
    from datagov.profiles import load_profile
    from datagov.signals import family
    from datagov.text.batch import TextBatch

    profiles = [load_profile(name) for name in PROFILES[language]]
    asked = {}
    for profile in profiles:
        asked |= {
            (name, json.dumps(dict(params), sort_keys=True)): params
            for name, params in profile.families.items()
        }

    def decide(slice_: pa.LargeStringArray) -> int:
        batch = TextBatch(slice_)
        counts = {key: family(key[0]).measure(batch, params) for key, params in asked.items()}
        crossed = 0
        for profile in profiles:
            measured = {}
            for name, params in profile.families.items():
                measured |= values(counts[name, json.dumps(dict(params), sort_keys=True)], family(name).rules)
            crossed += len(crossings(measured, profile.bounds).flatten())
        return crossed

    decide(pa.array([WARM_UP], pa.large_string()))
    slices = batches(texts)
    return lambda: sum(map(decide, slices))


def datatrove(texts: pa.LargeStringArray, language: str, *, fires: bool) -> Measured:
    from datatrove.data import Document
    from datatrove.utils.text import split_into_parts
    from peer_filters import filters

    chosen = filters(language, fires=fires)
    strings = texts.to_pylist()
    for each in chosen:
        each.filter(Document(text=WARM_UP, id="warm up"))

    def measured() -> int:
        split_into_parts.cache_clear()
        kept = 0
        for text in strings:
            if not text.strip():
                continue  # datatrove's filters divide by the number of lines or words
            document = Document(text=text, id="")
            for each in chosen:
                answer = each.filter(document)
                if answer is not True and fires:
                    break
                document.text = text  # C4's filter changes it; every filter is to measure the same text
            else:
                kept += 1
        return kept

    return measured


def cut(texts: pa.LargeStringArray) -> Measured:
    import rjieba

    strings = texts.to_pylist()
    rjieba.cut(WARM_UP)
    return lambda: sum(len(rjieba.cut(text)) for text in strings)


SIDES: dict[str, Callable[[pa.LargeStringArray, str], Measured]] = {
    "datagov": datagov,
    "all": lambda texts, language: datatrove(texts, language, fires=False),
    "first": lambda texts, language: datatrove(texts, language, fires=True),
    "cut": lambda texts, _: cut(texts),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES, required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--language", choices=PROFILES, required=True)
    parser.add_argument("--limit-mb", type=float, default=64)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    texts = sample(arguments.input, int(arguments.limit_mb * 1e6))
    measured = SIDES[arguments.side](texts, arguments.language)
    seconds = []
    for _ in range(arguments.repeats):
        began = time.process_time()
        measured()
        seconds.append(time.process_time() - began)
    text_bytes = pc.sum(pc.binary_length(texts)).as_py()
    print(json.dumps({"documents": len(texts), "bytes": text_bytes, "cpu_seconds": min(seconds)}))


if __name__ == "__main__":
    main()
