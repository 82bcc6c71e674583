"""What lexicons say of texts that people labelled, and of texts in which there is nothing to find: the lexicon part of docs/safety.md.

    python tests/studies/lexicons.py --labelled ../shared/labelled --lexicons ../shared/lexicons --corpus ../shared/corpus

prints the part, or with `--page docs/safety.md` writes it between its marks. A text is flagged when it has a term;
no threshold is chosen.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from safety_texts import ANTI_BIAS, GENDER_TERMS, PLAIN_SENTENCES

from datagov.lexicons.file import starter
from datagov.lexicons.lexicon import Lexicon
from datagov.lexicons.lists import joined, read_list
from datagov.lexicons.matcher import Matcher, matcher_of
from datagov.text.batch import TextBatch
from datagov.text.folding import FOLDINGS

BEGIN, END = "<!-- begin: lexicons -->", "<!-- end: lexicons -->"
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Set:
    """Texts that people labelled."""

    title: str
    texts: pa.Array
    positive: Flags
    table: pa.Table


def labelled(folder: Path, name: str, title: str) -> Set:
    """Return a labelled set; its label is 1 where a text is what the set is about."""
    table = pq.read_table(folder / f"{name}.parquet")
    texts = table.column("text").combine_chunks().cast(pa.large_string())
    return Set(title, texts, table.column("label").to_numpy() == 1, table)


def flagged(matcher: Matcher, texts: pa.Array) -> Flags:
    """Return bool[N]: the texts that have a term."""
    return np.diff(matcher.find(TextBatch(texts)).offsets) > 0


def scores(flags: Flags, positive: Flags) -> tuple[float, float, float, float, float]:
    """Return precision and recall of the flagged, F1, F1 averaged over both classes, and the share flagged."""

    def f1(flag: Flags, truth: Flags) -> tuple[float, float, float]:
        both = int((flag & truth).sum())
        precision = both / max(1, int(flag.sum()))
        recall = both / max(1, int(truth.sum()))
        return precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0

    precision, recall, of_flagged = f1(flags, positive)
    return precision, recall, of_flagged, (of_flagged + f1(~flags, ~positive)[2]) / 2, float(flags.mean())


def from_list(path: Path, kind: str, *, fewest: int = 1) -> Lexicon:
    """Return a lexicon of a published list."""
    read = read_list(path, kind=kind, fewest_chars=fewest)
    made, _ = joined(None, kind, read.terms, [read.source], today="", counterparts=lambda _: "")
    return made


def matchers(lexicons: Path) -> dict[str, Matcher]:
    """Return what is compared, by the name of its row; with all foldings unless it says otherwise."""
    shl = "SexHateLex.txt"
    chosen: dict[str, Callable[[], tuple[Lexicon, tuple[str, ...]]]] = {
        "SexHateLex": lambda: (from_list(lexicons / shl, "sexhatelex"), tuple(FOLDINGS)),
        "SexHateLex, 2 characters or more": lambda: (
            from_list(lexicons / shl, "sexhatelex", fewest=2),
            tuple(FOLDINGS),
        ),
        "SexHateLex, 2 or more, case alone folded": lambda: (
            from_list(lexicons / shl, "sexhatelex", fewest=2),
            ("case",),
        ),
        "SexHateLex, 3 characters or more": lambda: (
            from_list(lexicons / shl, "sexhatelex", fewest=3),
            tuple(FOLDINGS),
        ),
        "LDNOOBW Chinese": lambda: (from_list(lexicons / "ldnoobw_zh.txt", "ldnoobw"), tuple(FOLDINGS)),
        "LDNOOBW English": lambda: (from_list(lexicons / "ldnoobw_en.txt", "ldnoobw"), tuple(FOLDINGS)),
        "starter": lambda: (starter(), tuple(FOLDINGS)),
    }
    return {name: matcher_of(*make()) for name, make in chosen.items()}


def rates(rows: Mapping[str, Matcher], sets: list[Set]) -> Iterator[str]:
    """Yield the table of labelled sets."""
    yield "| set | lexicon | flagged | precision | recall | F1 | macro-F1 |"
    yield "|---|---|---|---|---|---|---|"
    for each in sets:
        share = float(each.positive.mean())
        yield f"| {each.title} ({len(each.texts)} texts, {share:.1%} positive) | *nothing flagged* | 0.0 % | | 0.000 | 0.000 | {scores(np.zeros(len(each.texts), bool), each.positive)[3]:.3f} |"
        for name, matcher in rows.items():
            precision, recall, f1, macro, flags = scores(flagged(matcher, each.texts), each.positive)
            yield f"| | {name} | {flags * 100:.1f} % | {precision:.3f} | {recall:.3f} | {f1:.3f} | {macro:.3f} |"


def by_length(matcher: Matcher, each: Set) -> Iterator[str]:
    """Yield the table of one set by the length of its texts."""
    chars = pc.utf8_length(each.texts).to_numpy()
    edges = [0, 20, 40, 80, 10**9]
    yield "| characters | texts | positive | flagged | precision | recall |"
    yield "|---|---|---|---|---|---|"
    flags = flagged(matcher, each.texts)
    for low, high in pairwise(edges):
        chosen = (chars >= low) & (chars < high)
        if not chosen.any():
            continue
        precision, recall, *_, share = scores(flags[chosen], each.positive[chosen])
        name = f"{low} to {high - 1}" if high < 10**9 else f"{low} and more"
        positive = each.positive[chosen].mean()
        yield f"| {name} | {chosen.sum()} | {positive:.1%} | {share:.1%} | {precision:.3f} | {recall:.3f} |"


def slices(sets: Mapping[str, Set]) -> dict[str, pa.Array]:
    """Return texts that should not be flagged, by what they are."""
    cold, swsr = sets["cold"], sets["swsr"]
    topic = cold.table.column("topic").to_numpy(zero_copy_only=False)
    found = {
        "gender terms, each alone": pa.array(GENDER_TERMS, pa.large_string()),
        "plain sentences with a gender term": pa.array(PLAIN_SENTENCES, pa.large_string()),
        "sentences against bias": pa.array(ANTI_BIAS, pa.large_string()),
        "COLD dev, gender, labelled not offensive": cold.texts.filter(
            pa.array(~cold.positive & (topic == "gender"))
        ),
        "SWSR, labelled not sexist": swsr.texts.filter(pa.array(~swsr.positive)),
    }
    fine = cold.table.column("fine")
    for value in sorted(set(fine.drop_null().to_pylist())):
        found[f"COLD, fine label {value}"] = cold.texts.filter(
            pc.equal(fine, value).combine_chunks().fill_null(False)
        )
    return found


def fairness(rows: Mapping[str, Matcher], sets: Mapping[str, Set]) -> Iterator[str]:
    """Yield the table of flags where there is nothing to find."""
    found = slices(sets)
    yield f"| texts | {' | '.join(rows)} |"
    yield f"|---|{'---|' * len(rows)}"
    for title, texts in found.items():
        shares = [f"{flagged(matcher, texts).mean() * 100:.1f} %" for matcher in rows.values()]
        yield f"| {title} ({len(texts)}) | {' | '.join(shares)} |"


def corpora(rows: Mapping[str, Matcher], corpus: Path) -> Iterator[str]:
    """Yield the table of flags in unlabelled text by source: documents flagged."""
    yield f"| source | {' | '.join(rows)} |"
    yield f"|---|{'---|' * len(rows)}"
    for folder in sorted(path for path in corpus.iterdir() if path.is_dir()):
        texts = pq.read_table(min(folder.glob("*.parquet"))).column("text").combine_chunks()
        texts = texts.slice(0, 2000).cast(pa.large_string())
        shares = [f"{flagged(matcher, texts).mean() * 100:.1f} %" for matcher in rows.values()]
        yield f"| {folder.name} ({len(texts)}) | {' | '.join(shares)} |"


def part(labelled_folder: Path, lexicons: Path, corpus: Path | None) -> str:
    """Return the part of the page."""
    rows = matchers(lexicons)
    sets = {
        "swsr": labelled(labelled_folder, "swsr_train", "SWSR train: sexist comments"),
        "cold": labelled(labelled_folder, "cold_dev", "COLD dev: offensive comments"),
        "edos": labelled(labelled_folder, "edos_dev", "EDOS dev: sexist English comments"),
    }
    no_fine = sets["cold"].table.column("fine").null_count == len(sets["cold"].texts)
    lines = [
        "A text is flagged when it has a term. Foldings are all on but where a row says otherwise; traditional characters apart,",
        "as the sets are simplified.",
        "",
        *rates(rows, list(sets.values())),
        "",
        "SexHateLex alone (2 characters or more) on SWSR, by length of the text:",
        "",
        *by_length(rows["SexHateLex, 2 characters or more"], sets["swsr"]),
        "",
        "### Where there is nothing to find",
        "",
        "Share of texts flagged. Gender terms, plain sentences and sentences against bias were written for this project",
        "(`tests/studies/safety_texts.py`).",
        *(
            [
                "COLD's fine label, which marks comments against bias, is not given for its dev part: its comments on gender that",
                "are labelled not offensive stand in, and the study reports the fine label where a file has it.",
            ]
            if no_fine
            else []
        ),
        "",
        *fairness(rows, sets),
    ]
    if corpus is not None:
        lines += [
            "",
            "### In text of the web, of laws, of code",
            "",
            "Share of the first documents of each source that are flagged; nobody labelled them.",
            "",
            *corpora(rows, corpus),
        ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the part, or write it into a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--labelled", type=Path, required=True, help="folder with swsr_train, cold_dev, edos_dev"
    )
    parser.add_argument("--lexicons", type=Path, required=True, help="folder with SexHateLex and LDNOOBW")
    parser.add_argument("--corpus", type=Path, help="folder with a folder of Parquet shards for each source")
    parser.add_argument("--page", type=Path, help="page to write the part into, between its marks")
    arguments = parser.parse_args()
    text = part(arguments.labelled, arguments.lexicons, arguments.corpus)
    if arguments.page is None:
        sys.stdout.write(text)
        return
    before, begin, rest = arguments.page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{arguments.page}: the marks {BEGIN} and {END} are missing")
    arguments.page.write_text(f"{before}{begin}\n{text}{end}{after}", "utf-8")


if __name__ == "__main__":
    main()
