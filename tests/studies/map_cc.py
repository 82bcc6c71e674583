"""Lay MAP-CC's rules, mended and as released, side by side on real Chinese text: `make map-cc`.

Reads the Chinese sources of a corpus (folders `zh_*` of Parquet shards), takes the documents whose main script is Han
and prints docs/map-cc.md: a funnel by rule for `mapcc-zh` and `mapcc-zh-compat`, and two effects of
the published rules: the length at which the rule on different characters begins to bite, and what a limit
means for n-grams of characters and of words.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.policy import Bound, crossings, values
from datagov.profiles import load_profile
from datagov.signals import family, family_of_rule
from datagov.signals.script import script
from datagov.text.batch import TextBatch

FIXED, COMPAT = "mapcc-zh", "mapcc-zh-compat"
BATCH_ROWS = 2000
LENGTHS = (50, 1_000, 2_000, 5_000, 10_000, 20_000)
EXTRA = ("windowed_distinct_char_fraction", "duplicate_5gram_chars_fraction")
NGRAMS = (
    ("characters, covered (mended)", "duplicate_5char_fraction"),
    ("characters, different ones (released)", "duplicate_5char_distinct_fraction"),
    ("words of jieba", "duplicate_5gram_chars_fraction"),
)
LIMITS = ((0.15, "Gopher"), (0.198, "FineWeb2"), (0.6, "MAP-CC"))

Values = dict[str, npt.NDArray[np.float64]]


@dataclass(frozen=True)
class Source:
    """The documents of one source whose main script is Han, measured."""

    name: str
    documents: int
    values: Values
    """Signal -> float64[documents]; NaN where undefined."""
    crossed: Mapping[str, npt.NDArray[np.bool_]]
    """Profile -> bool[documents, bounds]."""


def measure(name: str, texts: Sequence[pa.LargeStringArray]) -> Source:
    """Measure both profiles over a source's texts, given in slices."""
    profiles = {profile: load_profile(profile) for profile in (FIXED, COMPAT)}
    asked = {}
    for profile in profiles.values():
        asked |= profile.families
    asked |= {family("ngram_repetition").id: {}}
    rules = {bound.signal for profile in profiles.values() for bound in profile.bounds} | set(EXTRA)
    found: dict[str, list[npt.NDArray[np.float64]]] = {rule: [] for rule in sorted(rules)}
    for slice_ in texts:
        batch = TextBatch(slice_)
        batch = batch.select(pc.equal(script(batch), "han").to_numpy(zero_copy_only=False))
        counts = {family_id: family(family_id).measure(batch, params) for family_id, params in asked.items()}
        for rule, parts in found.items():
            owner, info = family_of_rule(rule)
            column = values(counts[owner.id], [info])[rule]
            parts.append(column.to_numpy(zero_copy_only=False))
    joined = {rule: np.concatenate([np.zeros(0), *parts]) for rule, parts in found.items()}
    documents = len(joined["char_count"])
    crossed = {name: crossing_table(joined, profile.bounds) for name, profile in profiles.items()}
    return Source(name, documents, joined, crossed)


def crossing_table(measured: Values, bounds: Sequence[Bound]) -> npt.NDArray[np.bool_]:
    """Return bool[documents, bounds]: who crossed what."""
    columns = []
    for bound in bounds:
        column = measured[bound.signal]
        array = {bound.signal: pa.array(column, from_pandas=True)}
        columns.append(np.diff(crossings(array, [bound], rows=len(column)).offsets.to_numpy()) > 0)
    return np.column_stack(columns)


def page(sources: Sequence[Source]) -> str:
    """Return the page, in Markdown."""
    parts = [introduction(sources), funnel(sources), length_cap(sources), ngrams(sources)]
    return "\n".join(line for part in parts for line in part) + "\n"


def introduction(sources: Sequence[Source]) -> Iterator[str]:
    """Yield what the page is, and the survivors of each source."""
    yield "# MAP-CC's rules on real Chinese text"
    yield ""
    yield "Written by `make map-cc` (`tests/studies/map_cc.py`); not edited by hand. *Fixed* is the profile `mapcc-zh`, *compat*"
    yield "`mapcc-zh-compat`, which has the numerators of the released script; decision 0007 says why they differ. Documents"
    yield "are those whose main script is Han, taken as they are."
    yield ""
    yield "| source | documents | kept, fixed | kept, compat |"
    yield "|---|---|---|---|"
    for source in sources:
        kept = [share(~source.crossed[name].any(axis=1)) for name in (FIXED, COMPAT)]
        yield f"| {source.name} | {source.documents} | {kept[0]} | {kept[1]} |"
    yield ""


def funnel(sources: Sequence[Source]) -> Iterator[str]:
    """Yield, rule by rule in the order of the script, what crosses it and what is left after it."""
    bounds = {name: load_profile(name).bounds for name in (FIXED, COMPAT)}
    crossed = {name: np.concatenate([source.crossed[name] for source in sources]) for name in (FIXED, COMPAT)}
    left = {name: ~np.logical_or.accumulate(table, axis=1) for name, table in crossed.items()}
    alone = {name: table & (table.sum(axis=1, keepdims=True) == 1) for name, table in crossed.items()}
    yield "## Funnel by rule"
    yield ""
    yield "All sources together. *Crossed* counts every document that crosses the rule, *alone* those that cross no other,"
    yield "*left* what the rules up to this one leave."
    yield ""
    yield "| rule | limit | crossed, fixed | alone, fixed | left, fixed | crossed, compat | left, compat |"
    yield "|---|---|---|---|---|---|---|"
    for at, (ours, theirs) in enumerate(zip(bounds[FIXED], bounds[COMPAT], strict=True)):
        signal = f"`{ours.signal}`" + ("" if ours.signal == theirs.signal else f" / `{theirs.signal}`")
        cells = [
            int(crossed[FIXED][:, at].sum()),
            int(alone[FIXED][:, at].sum()),
            share(left[FIXED][:, at]),
            int(crossed[COMPAT][:, at].sum()),
            share(left[COMPAT][:, at]),
        ]
        yield f"| {signal} | {limits(ours)} | {' | '.join(map(str, cells))} |"
    yield ""


def length_cap(sources: Sequence[Source]) -> Iterator[str]:
    """Yield how the rule on different characters falls with length, and its windowed form does not."""
    yield "## The rule on different characters is a cap on length"
    yield ""
    yield "Rule 11 drops documents of whose characters fewer than a tenth are different. The share falls with length in any"
    yield "language; taken over windows of 1000 characters it does not."
    yield ""
    yield "| source | characters | documents | below 0.1 | median | median, windows of 1000 |"
    yield "|---|---|---|---|---|---|"
    for source in sources:
        size = source.values["char_count"]
        for low, high in zip(LENGTHS, (*LENGTHS[1:], np.inf), strict=True):
            chosen = (size >= low) & (size < high)
            if chosen.sum() < 20:
                continue
            whole = source.values["distinct_char_fraction"][chosen]
            windowed = source.values["windowed_distinct_char_fraction"][chosen]
            span = f"{low} to {high - 1:.0f}" if high < np.inf else f"{low} and more"
            medians = f"{np.median(whole):.3f} | {np.median(windowed):.3f}"
            yield f"| {source.name} | {span} | {chosen.sum()} | {share(whole < 0.1)} | {medians} |"
    yield ""


def ngrams(sources: Sequence[Source]) -> Iterator[str]:
    """Yield what limits mean for n-grams of characters and of words."""
    yield "## A limit belongs to its unit"
    yield ""
    yield "Documents of 50 characters and more in which repeated 5-grams make up more than a limit. The released numerator"
    yield "counts each repeated character once, wherefore nothing can cross MAP-CC's limit with it."
    yield ""
    heads = [f"more than {limit} ({whose})" for limit, whose in LIMITS]
    yield f"| source | 5-grams of | {' | '.join(heads)} |"
    yield "|---|---|---|---|---|"
    for source in sources:
        chosen = source.values["char_count"] >= 50
        for unit, signal in NGRAMS:
            cells = [share(source.values[signal][chosen] > limit) for limit, _ in LIMITS]
            yield f"| {source.name} | {unit} | {' | '.join(cells)} |"


def share(chosen: npt.NDArray[np.bool_]) -> str:
    """Return the share of documents chosen, in percent."""
    return f"{100 * chosen.mean():.1f} %" if len(chosen) else "-"


def limits(bound: Bound) -> str:
    """Return a bound's limits in a cell."""
    low = "" if bound.min is None else f"{bound.min:g} <= "
    high = "" if bound.max is None else f" <= {bound.max:g}"
    return f"{low}value{high}"


def slices(folder: Path, every: int) -> Iterator[pa.LargeStringArray]:
    """Yield the texts of a source's shards, every n-th document, BATCH_ROWS at a time."""
    for path in sorted(folder.rglob("*.parquet")):
        column = pq.read_table(path, columns=["text"])["text"].cast(pa.large_string()).combine_chunks()
        column = column.take(pa.array(range(0, len(column), every))).drop_null()
        for start in range(0, len(column), BATCH_ROWS):
            yield column.slice(start, BATCH_ROWS)


def main() -> None:
    """Measure the sources and print the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--corpus", type=Path, required=True, help="a folder with folders zh_* of Parquet shards"
    )
    parser.add_argument("--every", type=int, default=1, help="take every n-th document of each shard")
    arguments = parser.parse_args()
    folders = sorted(path for path in arguments.corpus.glob("zh_*") if path.is_dir())
    if not folders:
        raise SystemExit(f"{arguments.corpus}: has no folders zh_*")
    sys.stdout.write(page([measure(path.name, list(slices(path, arguments.every))) for path in folders]))


if __name__ == "__main__":
    main()
