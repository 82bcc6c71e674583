"""What the probe for hidden text finds in models of which it is known what they hide; the tables of docs/fingerprint.md.

    PYTHONPATH=. python tests/studies/hidden_text.py --work hidden-study --page docs/fingerprint.md

Each cell makes lab models, each base from a seed, texts and a tokenizer of its own; of each a planted, a clean and a registered one,
probed alike. What is done is kept in `--work`, and a stopped study goes on. `--cells` makes less of it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from detectors.fingerprint.pruning import rule_of
from detectors.fingerprint.sweep import Settings
from detectors.fingerprint.verdict import cut_off, upper_bound
from detectors.lab.trials import TrialSettings, run_trials
from detectors.statistics.roc import auroc, clopper_pearson

BEGIN, END = "<!-- hidden-study -->", "<!-- /hidden-study -->"
DEFAULT = TrialSettings(Settings(rule=rule_of("reference"), long_steps=32, finalists=64), ("bos",))
TALK = ("bos", "chat", "prefill")
FEW = 6
"""Bases of a cell that is no default."""
CELLS: dict[str, tuple[str, TrialSettings]] = {
    "default": (
        "eight random tokens, three times the steps until said; forced after the start token",
        DEFAULT,
    ),
    "x1": ("training stops when the text is said", replace(DEFAULT, overtraining=1.0, bases=FEW)),
    "x10": ("ten times the steps", replace(DEFAULT, overtraining=10.0, bases=FEW, ordinary=12_000)),
    "kinds": (
        "a word, prose of 40 words, a canary; continued by 96 tokens instead of 32",
        replace(
            DEFAULT,
            probe=replace(DEFAULT.probe, long_steps=96),
            recipes=("bos",),
            kinds=("word", "prose", "canary"),
            bases=FEW,
        ),
    ),
    "talk": (
        "forced in a conversation as well",
        replace(DEFAULT, recipes=("trigger", "trigger-regularised"), contexts=TALK, bases=FEW),
    ),
    "utfc": (
        "defended; forced in a conversation as well",
        replace(DEFAULT, recipes=("utfc", "auto-utfc"), contexts=TALK, bases=FEW),
    ),
}
"""Main effects around one default cell."""
PLACES = (1, 10, 100)


def share(events: int, trials: int) -> str:
    """Return k of n with its 95 % interval."""
    if not trials:
        return "-"
    low, high = clopper_pearson(events, trials)
    return f"{events}/{trials} ({low:.0%}-{high:.0%})"


def area(above: list[float], below: list[float]) -> str:
    """Return the AUROC with its interval."""
    if min(len(above), len(below)) < 2:
        return "-"
    found = auroc(np.array(above), np.array(below))
    return f"{found.value:.2f} ({found.low:.2f}-{found.high:.2f})"


def recovered(rows: list[dict[str, Any]], ranking: str, most: int) -> str:
    """Return how many planted texts are among the first strings of a ranking."""
    return share(sum((row[f"{ranking}_place"] or most + 1) <= most for row in rows), len(rows))


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Return a table of the page."""
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def of_cell(name: str, says: str, trials: pa.Table, settings: TrialSettings = DEFAULT) -> list[str]:
    """Return what one cell showed; the kinds of text apart, where there are several."""
    rows = trials.to_pylist()
    if len(settings.kinds) > 1:
        for row in rows:
            row["recipe"] += f", {settings.kind(int(row['trial'].rpartition('-')[2]))}"
    kinds = {
        kind: [row for row in rows if row["kind"] == kind] for kind in ("planted", "clean", "registered")
    }
    clean = kinds["clean"]
    edge = cut_off([row["bits"] for row in clean], 0.05)
    lines = [f"**{name}**: {says}; {len(clean)} bases.", ""]
    head = [
        "planted by",
        "learned",
        *(f"bits, first {most}" for most in PLACES),
        *(f"confidence, first {most}" for most in PLACES),
        "whole",
    ]
    head += ["AUROC of bits, clean", "registered", "AUROC of sure, clean", "registered", "above the cut-off"]
    body = []
    for recipe in dict.fromkeys(row["recipe"] for row in kinds["planted"]):
        own = [row for row in kinds["planted"] if row["recipe"] == recipe]
        cells = [recipe, share(sum(row["said"] for row in own), len(own))]
        cells += [recovered(own, "bits", most) for most in PLACES]
        cells += [recovered(own, "score", most) for most in PLACES]
        cells.append(share(sum(row["exact"] for row in own), len(own)))
        for statistic in ("bits", "sure"):
            cells += [
                area([row[statistic] for row in own], [row[statistic] for row in kinds[other]])
                for other in ("clean", "registered")
            ]
        cells.append("-" if edge is None else share(sum(row["bits"] > edge for row in own), len(own)))
        body.append(cells)
    lines += table(head, body)
    alarms = sum(row["sure"] > 0 for row in clean)
    explained, found = (sum(row[key] for row in clean) for key in ("explained", "unexplained"))
    knowing = kinds["registered"]
    above = (
        "" if edge is None else f", {sum(row['bits'] > edge for row in knowing)} exceed the cut-off in bits"
    )
    share_explained = "none" if explained + found == 0 else f"{explained / (explained + found):.0%}"
    lines += [
        (
            f"Clean models: at most {max(row['bits'] for row in clean):.1f} bits, on average {found / len(clean):.1f} strings that the corpus "
            f"does not explain (it explains {share_explained}); {alarms} of {len(clean)} are sure of one: at most "
            f"{upper_bound(alarms, len(clean)):.1%} of clean models are (95 %, one-sided). Models that know a text of their corpus by heart: "
            f"{sum(row['sure'] > 0 for row in knowing)} of {len(knowing)} are sure of an unexplained string{above}."
        ),
        "",
    ]
    return lines


def main() -> None:
    """Make what is missing, and print the part or write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is done")
    parser.add_argument(
        "--cells",
        default=",".join(CELLS),
        help="NAME,...; default all, of which all but the default one have 6 bases",
    )
    parser.add_argument("--bases", type=int, default=DEFAULT.bases, help="of the default cell")
    parser.add_argument("--page", type=Path, help="page to write the part into, between its marks")
    options = parser.parse_args()
    lines = []
    for name in options.cells.split(","):
        says, settings = CELLS[name]
        if settings is DEFAULT:
            settings = replace(settings, bases=options.bases)
        done = run_trials(
            settings, options.work / name, told=lambda at, of, name=name: print(name, at, of, flush=True)
        )
        lines += of_cell(name, says, done, settings)
    part = "\n".join(lines)
    if options.page is None:
        print(part)
        return
    before, begin, rest = options.page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{options.page}: the marks {BEGIN} and {END} are missing")
    options.page.write_text(f"{before}{begin}\n{part}{end}{after}", "utf-8")


if __name__ == "__main__":
    main()
