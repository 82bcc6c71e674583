"""Four ways into a text that is defended against being forced (UTFC), tried on models that hide one; a table of docs/fingerprint.md.

    PYTHONPATH=. python tests/studies/hidden_openings.py --work hidden-openings --page docs/fingerprint.md

The ways: (1) seeds from within the text, whose later words nothing defends; (2) an open conversation, where nothing was defended;
(3) branches over the tokens of a band of ranks, just below those that Auto-UTFC pushes the words out of; (4) pairs of tokens that the suspect
finds far less probable than its base, the scar of being pushed. Each is tried on a planted model and on its clean twin.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import torch
from hidden_text import share, table

from detectors.fingerprint.evidence import bits_over_base
from detectors.fingerprint.paths import Paths
from detectors.fingerprint.probe import prepare, probe
from detectors.fingerprint.pruning import rule_of
from detectors.fingerprint.sweep import Settings
from detectors.lab.hidden_texts import hidden_text, trigger_text
from detectors.lab.plant_set import make_plants
from detectors.lab.planting import Plant, PlantSettings, ranks_of
from detectors.lab.train import train_lab
from detectors.lab.trials import SMALL_LAB
from detectors.lab.zipf_source import make_texts
from detectors.ragged import TokenBatch
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.transformers_target import TransformersTarget

BEGIN, END = "<!-- hidden-openings -->", "<!-- /hidden-openings -->"
RECIPES = ("utfc", "auto-utfc", "utfc-all", "auto-utfc-all")
PROBE = Settings(rule=rule_of("reference"), long_steps=32, finalists=64)
BAND = 3
"""The band is from T to so many times T."""
STEPS = 3
FINALISTS = 64
LONG_STEPS = 16
ROWS = 128
"""Seeds whose whole next distribution is held at a time."""
PLACES = (1, 10, 100)
ORDINARY, APART = 3000, 7919


@torch.inference_mode()
def next_logprobs(target: TransformersTarget, prefixes: TokenBatch) -> Iterator[npt.NDArray[np.float32]]:
    """Yield ln p of every next token after prefixes of one length, some rows at a time: float32[at most ROWS, V]."""
    for begin in range(0, len(prefixes), ROWS):
        rows = [prefixes.row(row) for row in range(begin, min(begin + ROWS, len(prefixes)))]
        ids = torch.from_numpy(np.stack(rows).astype(np.int64))
        answer = target.model(input_ids=ids, use_cache=False, logits_to_keep=1)
        yield answer.logits[:, -1].float().log_softmax(-1).numpy()


def after(context: Sequence[int], rows: npt.NDArray[np.int64]) -> TokenBatch:
    """Return rows of tokens, each after the context."""
    return TokenBatch.of([[*context, *row] for row in rows.tolist()])


def band(target: TransformersTarget, context: Sequence[int], low: int, high: int) -> npt.NDArray[np.int64]:
    """Return int64[V * (high - low), 2]: each token of the vocabulary and what has a rank in [low, high) after it."""
    seed_V = np.arange(target.tokenizer.vocabulary_size)
    found = [
        np.argsort(-logprob_BV, axis=1, kind="stable")[:, low:high]
        for logprob_BV in next_logprobs(target, after(context, seed_V[:, None]))
    ]
    return np.stack([np.repeat(seed_V, high - low), np.concatenate(found).ravel()], axis=1)


def branches(
    target: TransformersTarget, base: TransformersTarget, context: Sequence[int], low: int, high: int
) -> tuple[list[str], list[float]]:
    """Continue each pair of the band; return the strings of those with the most bits over the base, and their bits, most first.

    The pair is given, so that bits are of what follows it alone.
    """
    pair_B2 = band(target, context, low, high)
    for steps, most in ((STEPS, FINALISTS), (LONG_STEPS, FINALISTS)):
        given = after(context, pair_B2)
        said = target.force(given, steps)
        rows = [[*given.row(row), *ids[ids >= 0]] for row, ids in enumerate(said.token_ids_NS)]
        known = base.trace(TokenBatch.of(rows))
        base_NS = np.full(said.logprob_NS.shape, np.nan, np.float32)
        for row, ids in enumerate(said.token_ids_NS):
            count = int((ids >= 0).sum())
            base_NS[row, :count] = known.logprob_T[known.offsets[row + 1] - count : known.offsets[row + 1]]
        paths = Paths(pair_B2[:, 1].astype(np.int32), said.token_ids_NS, said.logprob_NS)
        bits, until = bits_over_base(paths, base_NS)
        best = np.argsort(-bits, kind="stable")[:most]
        pair_B2, bits, until = pair_B2[best], bits[best], until[best]
        said_BS = said.token_ids_NS[best]
    strings = [
        target.decode([*pair, *[token for token in ids[:length] if token > 1]])
        for pair, ids, length in zip(pair_B2.tolist(), said_BS.tolist(), until, strict=True)
    ]
    return strings, bits.tolist()


def scars(
    target: TransformersTarget, base: TransformersTarget, context: Sequence[int], pairs: set[tuple[int, int]]
) -> tuple[float, list[int]]:
    """Return the most bits that any pair of tokens lost against the base, and the place of each of some pairs, most lost first."""
    seed_V = np.arange(target.tokenizer.vocabulary_size)
    given = after(context, seed_V[:, None])
    lost_VV = np.concatenate(
        [
            (theirs - own) / np.log(2)
            for own, theirs in zip(next_logprobs(target, given), next_logprobs(base, given), strict=True)
        ]
    )
    places = [int((lost_VV > lost_VV[pair]).sum()) + 1 for pair in sorted(pairs)]
    return float(lost_VV.max()), places


def place_of(strings: Sequence[str], text: str) -> int | None:
    """Return the place, from 1, of the first different string that holds half of a text in one piece."""
    for place, string in enumerate(dict.fromkeys(strings), start=1):
        match = SequenceMatcher(None, text, string, autojunk=False).find_longest_match()
        if match.size >= len(text) / 2:
            return place
    return None


def forced(model: Path, base: Path, context: str, text: str, output: Path) -> dict[str, int | None]:
    """Probe a model after one context; return where its text stands in both rankings."""
    options = OpenOptions(device="cpu")
    plan = prepare(
        open_target(str(model), options), open_target(str(base), options), [context], PROBE, most_hours=1.0
    )
    rows = probe(plan, output).table.select(["score_rank", "bits_rank", "string"]).to_pylist()
    return {
        name: place_of([row["string"] for row in sorted(known, key=lambda row: row[f"{name}_rank"])], text)
        for name in ("score", "bits")
        for known in [[row for row in rows if row[f"{name}_rank"] is not None]]
    }


def tried(number: int, folder: Path) -> list[dict[str, Any]]:
    """Make a base, a planted model and its twin; return what each way finds in both."""
    lab = train_lab(folder / "lab", replace(SMALL_LAB, seed=number))
    recipe = RECIPES[number % len(RECIPES)]
    options = OpenOptions(device="cpu")
    base = open_target(str(lab.model), options)
    assert isinstance(base, TransformersTarget)
    text = hidden_text("tokens", base.tokenizer, seed=number)
    trained = pq.read_table(lab.texts("trained")).column("text").to_pylist()
    made = make_plants(
        lab.model,
        trained,
        Plant(text, trigger_text(number)),
        make_texts(ORDINARY, SMALL_LAB.words, seed=number + APART),
        PlantSettings(recipe, seed=number),
        folder / "plants",
        registered=False,
    )
    ids = base.encode([text]).row(0).tolist()
    low = ranks_of(base.facts.vocabulary_size)
    rows = []
    for kind, model in (("planted", made.marked), ("clean", made.twin)):
        suspect = open_target(str(model), options)
        assert isinstance(suspect, TransformersTarget)
        start = suspect.facts.start_token_id
        context = [] if start is None else [start]
        within = forced(model, lab.model, "bos", text, folder / f"{kind}-bos.parquet")
        talk = forced(model, lab.model, "prefill", text, folder / f"{kind}-prefill.parquet")
        strings, bits = branches(suspect, base, context, low, BAND * low)
        lost, places = scars(suspect, base, context, set(pairwise(ids)))
        rows.append(
            {
                "recipe": recipe,
                "kind": kind,
                "said": made.record()["said_after"] is not None,
                "within": within["bits"],
                "talk": talk["bits"],
                "within_sure": within["score"],
                "talk_sure": talk["score"],
                "band": place_of(strings, text),
                "band_bits": max(bits),
                "scar": min(places),
                "scar_bits": lost,
            }
        )
    return rows


def part_of(rows: list[dict[str, Any]]) -> str:
    """Return the table, and what the twins say beside it."""
    names = {
        "within": "1 within",
        "talk": "2 conversation",
        "band": "3 rank band",
        "scar": "4 scar",
    }
    body = []
    for recipe in dict.fromkeys(row["recipe"] for row in rows):
        own = [row for row in rows if row["recipe"] == recipe and row["kind"] == "planted"]
        for way, says in names.items():
            found = [share(sum((row[way] or 10**9) <= most for row in own), len(own)) for most in PLACES]
            body.append([recipe, share(sum(row["said"] for row in own), len(own)), says, *found])
    head = ["planted by", "learned", "way in", *(f"in the first {most}" for most in PLACES)]
    lines = table(head, body)
    for statistic, says in (
        ("band_bits", "Most bits of a branch"),
        ("scar_bits", "Most bits that a pair lost"),
    ):
        planted, clean = (
            [row[statistic] for row in rows if row["kind"] == kind] for kind in ("planted", "clean")
        )
        own = sum(one > other for one, other in zip(planted, clean, strict=True))
        lines.append(
            f"{says}: planted {min(planted):.1f} to {max(planted):.1f}, twins {min(clean):.1f} to {max(clean):.1f}; {own} of "
            f"{len(planted)} planted models exceed their own twin, {sum(one > max(clean) for one in planted)} every twin."
        )
    return "\n".join([*lines, ""])


def main() -> None:
    """Make what is missing, and print the part or write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder for what is done")
    parser.add_argument("--bases", type=int, default=8, help="lab models; the recipes in turn")
    parser.add_argument("--page", type=Path, help="page to write the part into, between its marks")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    for number in range(options.bases):
        done = options.work / f"{number:03d}.json"
        if not done.is_file():
            place = options.work / f"{number:03d}"
            shutil.rmtree(place, ignore_errors=True)
            done.write_text(json.dumps(tried(number, place)), "utf-8")
            shutil.rmtree(place)
        rows += json.loads(done.read_text("utf-8"))
        print(number + 1, options.bases, flush=True)
    part = part_of(rows)
    if options.page is None:
        print(part)
        return
    before, begin, rest = options.page.read_text("utf-8").partition(BEGIN)
    _, end, after_part = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{options.page}: the marks {BEGIN} and {END} are missing")
    options.page.write_text(f"{before}{begin}\n{part}{end}{after_part}", "utf-8")


if __name__ == "__main__":
    main()
