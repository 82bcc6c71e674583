"""Methods against the truth of lab models: members seen 1, 4 and 16 times, the trap of dates, error control."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from membership_error import ALPHA, CONTROL_HEAD, SPLITS, control_row
from membership_passes import FURTHER, SHOT_CHARS, SHOT_WINDOW, SHOTS, Scored, further_scores

from detectors.demo import DECLARED, judge_set, score_sets
from detectors.lab.lab_texts import LabSizes
from detectors.lab.train import LabSettings, train_lab
from detectors.lab.training import ModelSize
from detectors.statistics.roc import Auroc, auroc

METHODS = ("loss", "zlib_ratio", "min_k", "min_k_plus_plus", "dc_pdd", "gap_k", "rank", "lowercase")
"""Those that score every set; `FURTHER` methods score members and non-members."""
SETS = ("members", "non_members", "calibration", "shifted")
RESAMPLES = 2000
FEWEST = 10
"""Defined scores of a side from which a rate is given."""
UNDEFINED = f"fewer than {FEWEST} texts of a side have a score"
SETTINGS = LabSettings(
    sizes=LabSizes({1: 120, 4: 60, 16: 40}, non_members=150, calibration=150, background=400),
    model=ModelSize(hidden=128, layers=2, inner=384, vocabulary=2048, context=192, rate=3e-3),
)


@dataclass(frozen=True)
class LabFound:
    """What was seen of one lab."""

    aurocs: dict[tuple[str, int], Auroc]
    """(method, repetition) -> members seen so often against non-members; without methods of few defined scores."""
    gains: dict[str, tuple[float, float, float]]
    """Method -> AUROC at 16 less AUROC at 4: value, low, high."""
    trap_members: Auroc
    """Members against later non-members, by the declared method."""
    trap_unseen: Auroc
    """Non-members against later non-members: no text of either was learnt."""
    trap_verdicts: dict[str, int]
    """Verdict -> members, held against the later non-members."""
    unseen: np.ndarray
    """Scores of all non-members by the declared method."""


def study_lab(folder: Path, settings: LabSettings, corpus: Sequence[str] | None) -> LabFound:
    """Train a lab and score what it knows and what it does not."""
    lab = train_lab(folder / "lab", settings, corpus=corpus)
    files = score_sets(lab, folder / "scores", SETS, METHODS)
    scores = {name: {method: scores_of(path, method) for method in METHODS} for name, path in files.items()}
    times = pq.read_table(lab.texts("members")).column("repetition").to_numpy()
    scored = {
        method: Scored(scores["members"][method], times, scores["non_members"][method]) for method in METHODS
    } | further_scores(lab, settings, folder)
    aurocs, gains = {}, {}
    for method, one in scored.items():
        known = defined(one.non_members)
        groups = {seen: defined(one.members[one.times == seen]) for seen in settings.sizes.repeated}
        if min(map(len, (known, *groups.values()))) < FEWEST:
            continue
        for seen, values in groups.items():
            aurocs[method, seen] = auroc(values, known)
        gains[method] = gain(groups[16], groups[4], known, seed=settings.seed)
    declared = {name: of[DECLARED] for name, of in scores.items()}
    words = judge_set(lab, "members", files, "shifted")
    return LabFound(
        aurocs,
        gains,
        auroc(declared["members"], declared["shifted"]),
        auroc(declared["non_members"], declared["shifted"]),
        {str(word): int((words == word).sum()) for word in np.unique(words)},
        np.concatenate([declared["non_members"], declared["calibration"]]),
    )


def scores_of(path: Path, method: str) -> np.ndarray:
    """Return a method's scores, float64[N]; NaN where a text has none."""
    rows = pq.read_table(path, columns=["method", "score"]).to_pylist()
    return np.array([row["score"] for row in rows if row["method"] == method], dtype=np.float64)


def defined(values: np.ndarray) -> np.ndarray:
    """Return the scores that there are."""
    return values[np.isfinite(values)]


def gain(
    often: np.ndarray, seldom: np.ndarray, known: np.ndarray, *, seed: int
) -> tuple[float, float, float]:
    """Return AUROC(often) - AUROC(seldom) with its 95 % bootstrap interval; both sides share the drawn non-members."""
    generator = np.random.default_rng(seed)
    above = [
        (side[:, None] > known).astype(np.float64) + 0.5 * (side[:, None] == known)
        for side in (often, seldom)
    ]
    drawn = generator.multinomial(len(known), np.full(len(known), 1 / len(known)), RESAMPLES) / len(known)
    rates = []
    for table in above:
        weight = generator.multinomial(len(table), np.full(len(table), 1 / len(table)), RESAMPLES) / len(
            table
        )
        rates.append(((weight @ table) * drawn).sum(1))
    low, high = np.quantile(rates[0] - rates[1], (0.025, 0.975))
    return float(above[0].mean() - above[1].mean()), float(low), float(high)


def lab_sections(
    texts: Mapping[str, Sequence[str]], settings: LabSettings, seeds: Sequence[int]
) -> list[str]:
    """Train a lab for each source and seed, and return the sections of the page."""
    found = {}
    for name, corpus in texts.items():
        for seed in seeds:
            print(f"lab of {name}, seed {seed} ...", file=sys.stderr)
            with tempfile.TemporaryDirectory() as folder:
                found[name, seed] = study_lab(Path(folder), replace(settings, seed=seed), corpus)
    return [repetition_section(found, settings), trap_section(found), control_section(found)]


def section(title: str, text: str, head: Sequence[str], rows: Sequence[str]) -> str:
    """Return a heading, what the table shows, and the table."""
    return "\n".join([f"## {title}", "", text, "", *head, *rows])


def cell(found: Auroc) -> str:
    """Return an AUROC with its interval."""
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"


def by_lab(found: Mapping[tuple[str, int], LabFound], line: Callable[[LabFound], Sequence[str]]) -> list[str]:
    """Return a row a lab."""
    return [f"| {name} | {seed} | " + " | ".join(line(one)) + " |" for (name, seed), one in found.items()]


def repetition_section(found: Mapping[tuple[str, int], LabFound], settings: LabSettings) -> str:
    """Each method at each repetition."""
    sizes, model = settings.sizes, settings.model
    counts = ", ".join(f"{count} seen {times}x" for times, count in sizes.repeated.items())
    rows = []
    for method in (*METHODS, *FURTHER):
        for (name, seed), one in found.items():
            if method not in one.gains:
                rows.append(f"| {method} | {name} | {seed} | {UNDEFINED}" + " |" * (len(sizes.repeated) + 2))
                continue
            value, low, high = one.gains[method]
            rows.append(
                f"| {method} | {name} | {seed} | "
                + " | ".join(cell(one.aurocs[method, times]) for times in sizes.repeated)
                + f" | {value:+.2f} [{low:+.2f}, {high:+.2f}] | {'yes' if low > 0 else 'no'} |"
            )
    return section(
        "Lab models: members seen once, four and sixteen times",
        (
            f"A Llama of {model.layers} layers, width {model.hidden} and {model.vocabulary} tokens, trained in one pass over "
            f"excerpts of 400 characters ({counts}), against {sizes.non_members} non-members drawn from the same texts. AUROC "
            "with 95 % intervals; the last columns are the gain from 4 to 16 times, by a bootstrap in which both share the "
            "drawn non-members, and whether its interval lies above 0. An interval around 0.5 at 1x says that nothing was shown. "
            "The reference has the same size and training, on other texts. `recall` and `con_recall` score the first "
            f"{SHOT_WINDOW} tokens, after {SHOTS} texts of {SHOT_CHARS} characters: more does not fit into this context, and no "
            "lab model ever saw two texts in a row. `min_k_plus_plus_top` is for endpoints that give no entropy."
        ),
        (
            "| method | text | seed | 1x | 4x | 16x | 16x less 4x | above |",
            "|---|---|---|---|---|---|---|---|",
        ),
        rows,
    )


def trap_section(found: Mapping[tuple[str, int], LabFound]) -> str:
    """The same members against non-members of a later time."""
    return section(
        "Lab models: the trap of dates",
        (
            f"Non-members moved to a later time, with new words and years, by `{DECLARED}`: the AUROC of members against them, of "
            "texts that nobody learnt against them, and the verdicts of the members with them as calibration."
        ),
        (
            "| text | seed | members | unseen texts | verdicts |",
            "|---|---|---|---|---|",
        ),
        by_lab(
            found,
            lambda one: (
                cell(one.trap_members),
                cell(one.trap_unseen),
                ", ".join(f"{count} {word}" for word, count in one.trap_verdicts.items()),
            ),
        ),
    )


def control_section(found: Mapping[tuple[str, int], LabFound]) -> str:
    """Error control on scores of a model."""
    return section(
        "Lab models: error control",
        (
            f"As the first table: {SPLITS} splits at {ALPHA:.0%}, of the non-members' scores by `{DECLARED}` under each lab's model."
        ),
        CONTROL_HEAD,
        [control_row(name, seed, one.unseen) for (name, seed), one in found.items()],
    )
