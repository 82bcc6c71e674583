"""Terms of a lexicon of 10,000 in texts in memory, one core.

Run once for each system, in that system's environment, by `run.py`; prints one JSON object. The terms are two to five
characters each, drawn as often as the texts have them, so that nearly every character begins some term: a hard
case for a filter, and more hits than real lexicons have. datagov starts from an Arrow column and folds case, width,
zero-width characters, repetitions and stand-ins, with boundaries; the others start from Python strings and find the
terms as they are written (pyahocorasick: `iter_long`). All find leftmost-longest terms that do not overlap.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from bench_signals import batches
from bench_signatures import sample

TERMS = 10_000
DRAWN_FROM = 2_000_000

Measured = Callable[[], int]


def drawn_terms(texts: pa.LargeStringArray) -> list[str]:
    """Return the terms, the same in every process."""
    drawing = random.Random(0)
    joined = "".join(texts.to_pylist())[:DRAWN_FROM]
    characters = [character for character in joined if "\u4e00" <= character <= "\u9fff"]
    terms: dict[str, None] = {}
    while len(terms) < TERMS:
        terms["".join(drawing.choices(characters, k=drawing.randint(2, 5)))] = None
    return list(terms)


def datagov(texts: pa.LargeStringArray, terms: list[str]) -> Measured:
    from datagov.lexicons.lexicon import Lexicon, Term, term_id
    from datagov.lexicons.matcher import matcher_of
    from datagov.text.batch import TextBatch

    entries = tuple(Term(term_id(text), text, "unsorted", 1000) for text in terms)
    matcher = matcher_of(Lexicon("drawn", 1, "", entries))
    matcher.find(TextBatch(texts.slice(0, 1)))
    slices = batches(texts)
    return lambda: sum(len(matcher.find(TextBatch(each)).start) for each in slices)


def rust(texts: pa.LargeStringArray, terms: list[str]) -> Measured:
    from ahocorasick_rs import AhoCorasick, MatchKind

    automaton = AhoCorasick(terms, matchkind=MatchKind.LeftmostLongest)
    strings = texts.to_pylist()
    return lambda: sum(len(automaton.find_matches_as_indexes(text)) for text in strings)


def c(texts: pa.LargeStringArray, terms: list[str]) -> Measured:
    from ahocorasick import Automaton

    automaton = Automaton()
    for at, term in enumerate(terms):
        automaton.add_word(term, at)
    automaton.make_automaton()
    strings = texts.to_pylist()
    return lambda: sum(1 for text in strings for _ in automaton.iter_long(text))


SIDES: dict[str, Callable[[pa.LargeStringArray, list[str]], Measured]] = {
    "datagov": datagov,
    "ahocorasick_rs": rust,
    "pyahocorasick": c,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES, required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--limit-mb", type=float, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    texts = sample(arguments.input, int(arguments.limit_mb * 1e6))
    measured = SIDES[arguments.side](texts, drawn_terms(texts))
    seconds = []
    for _ in range(arguments.repeats):
        began = time.process_time()
        found = measured()
        seconds.append(time.process_time() - began)
    text_bytes = pc.sum(pc.binary_length(texts)).as_py()
    print(
        json.dumps(
            {"documents": len(texts), "bytes": text_bytes, "found": found, "cpu_seconds": min(seconds)}
        )
    )


if __name__ == "__main__":
    main()
