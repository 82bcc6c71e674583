"""Probes of models of which it is known whether they hide a text: what clean ones reach, and how often a plant is found."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datagov.ids import digest
from datagov.storage import encode_table, replace
from datagov.tokenizer import load_tokenizer
from detectors.fingerprint.probe_record import record_of, settings_of
from detectors.fingerprint.sweep import Settings
from detectors.fingerprint.verdict import hidden_statistics, strings_by_tier
from detectors.lab.hidden_texts import hidden_text, trigger_text
from detectors.lab.lab_texts import LabSizes
from detectors.lab.plant_set import make_plants
from detectors.lab.planting import Plant, PlantSettings, plant_text
from detectors.lab.recipes import CHAT_FILE, CHAT_TEMPLATE, recipe_of
from detectors.lab.train import LabSettings, train_lab
from detectors.lab.training import ModelSize
from detectors.lab.trial_probe import probe_models
from detectors.lab.zipf_source import make_texts
from detectors.tables import TRIALS
from detectors.targets.checkpoint_files import checkpoint_files

__all__ = ["TrialSettings", "holding", "lab_for", "run_trials"]

APART = 7919
"""Added to the seed of ordinary texts, so that they are of another source than the lab's."""
LONGER = 1.5
"""Words of ordinary texts over those of a long hidden text, which a twin's are cut to in tokens."""
HALF = 0.5
LORA_RANK = 16
SMALL_LAB = LabSettings(
    sizes=LabSizes({1: 1000, 4: 60}, non_members=1, calibration=1, background=500),
    model=ModelSize(hidden=64, layers=2, inner=192, vocabulary=1024, context=128, rate=4e-3),
    words=30,
    boilerplate=(200, 300),
)
TALKS = {"chat", "prefill"}
"""Contexts that need a chat template."""
ROOM = 64
"""Tokens before a continuation: the longest question of the forced contexts takes about forty of the lab's."""


def lab_for(probe: Settings) -> LabSettings:
    """Return the lab of trials, with a context that holds the continuations of a probe."""
    context = max(SMALL_LAB.model.context, ROOM + probe.long_steps)
    return replaced(SMALL_LAB, model=replaced(SMALL_LAB.model, context=context))


@dataclass(frozen=True)
class TrialSettings:
    """What is made, and how it is probed."""

    probe: Settings
    contexts: tuple[str, ...] | None = None
    recipes: tuple[str, ...] = ("bos", "trigger-regularised")
    """Taken in turn, one a base."""
    kinds: tuple[str, ...] = ("tokens",)
    """Of hidden text; the next one after each turn of the recipes."""
    bases: int = 20
    """Lab models, each from a seed, texts and a tokenizer of its own; of each a planted, a clean and a registered one."""
    lab: LabSettings = field(default_factory=lambda: SMALL_LAB)
    overtraining: float = 3.0
    ordinary: int = 3000
    """Ordinary texts of a base."""
    with_base: bool = True
    """Rank by bits over the base as well."""
    seed: int = 0

    def recipe(self, number: int) -> str:
        """Return the recipe of a trial."""
        return self.recipes[number % len(self.recipes)]

    def kind(self, number: int) -> str:
        """Return the kind of text of a trial."""
        return self.kinds[number // len(self.recipes) % len(self.kinds)]


def run_trials(
    settings: TrialSettings,
    folder: Path,
    *,
    suspect: Path | None = None,
    keep: bool = False,
    told: Callable[[int, int], object] = lambda *_: None,
) -> pa.Table:
    """Return one row a model; see `detectors.tables.TRIALS`.

    A base that is done leaves a file in `folder`, so that stopped trials go on; its models are removed unless `keep`.

    Parameters
    ----------
    settings : TrialSettings
    folder : Path
    suspect : Path or None
        A checkpoint to plant in by an adapter, instead of making lab models: planted trials only, and none are clean. Whatever
        else the suspect says is its own, so that `bits` and `sure` are of strings that hold half of the plant or more.
    keep : bool
    told : callable
        Hears how many bases are done, of how many.
    """
    planted_in = "None" if suspect is None else f"{checkpoint_files(suspect).digest} by adapters/2"
    name = digest("trials/3", repr(replaced(settings, bases=0)), planted_in)[:8]
    tables = []
    for number in range(settings.bases):
        done = folder / f"{name}-{number:03d}.parquet"
        if not done.is_file():
            place = folder / f"{name}-{number:03d}"
            shutil.rmtree(place, ignore_errors=True)
            rows = (
                _lab_trial(settings, number, place)
                if suspect is None
                else _suspect_trial(settings, number, place, suspect)
            )
            replace(done, encode_table(pa.Table.from_pylist(rows, schema=TRIALS)))
            if not keep:
                shutil.rmtree(place)
        tables.append(pq.read_table(done))
        told(number + 1, settings.bases)
    return pa.concat_tables(tables)


def _lab_trial(settings: TrialSettings, number: int, folder: Path) -> list[dict[str, Any]]:
    seed = settings.seed * 100_000 + number
    lab_settings = LabSettings(
        settings.lab.sizes, settings.lab.model, seed, settings.lab.words, settings.lab.boilerplate
    )
    lab = train_lab(folder / "lab", lab_settings)
    if TALKS & set(settings.contexts or ()):
        # Whatever the recipe: a suspect that was forced in a conversation is compared with models that can be.
        replace(lab.model / CHAT_FILE, CHAT_TEMPLATE.encode())
    plant, planting = _plant(settings, number, seed, lab.model)
    trained = pq.read_table(lab.texts("trained")).column("text").to_pylist()
    ordinary = _ordinary(settings, plant, seed)
    plants = make_plants(lab.model, trained, plant, ordinary, planting, folder / "plants")
    models = {"planted": plants.marked, "clean": plants.twin, "registered": plants.registered}
    base = lab.model if settings.with_base else None
    found = probe_models(
        models, base, plants.corpus, settings.probe, folder / "probes", contexts=settings.contexts
    )
    course = plants.record()
    return [
        _row(kind, table, settings, number, plant, said=course["said_after"] is not None)
        for kind, table in found.items()
    ]


def _suspect_trial(settings: TrialSettings, number: int, folder: Path, suspect: Path) -> list[dict[str, Any]]:
    seed = settings.seed * 100_000 + number
    plant, planting = _plant(settings, number, seed, suspect, lora=LORA_RANK)
    ordinary = _ordinary(settings, plant, seed)
    planted = plant_text(suspect, plant, ordinary, planting, marked=folder / "marked")
    table = pa.table({"text": pa.array(ordinary, pa.large_string()), "source": ["ordinary"] * len(ordinary)})
    replace(folder / "corpus/ordinary.parquet", encode_table(table))
    found = probe_models(
        {"planted": folder / "marked"},
        suspect if settings.with_base else None,
        folder / "corpus",
        settings.probe,
        folder / "probes",
        contexts=settings.contexts,
    )
    said = planted.course.said_after is not None
    row = _row("planted", found["planted"], settings, number, plant, said=said)
    own = holding(found["planted"], plant.text)
    statistics = (
        hidden_statistics(own) if own.num_rows else {"bits": 0.0 if settings.with_base else None, "sure": 0}
    )
    return [row | statistics | {"on_suspect": True}]


def _plant(
    settings: TrialSettings, number: int, seed: int, base: Path, *, lora: int | None = None
) -> tuple[Plant, PlantSettings]:
    recipe = settings.recipe(number)
    text = hidden_text(settings.kind(number), load_tokenizer(base), seed=seed)
    trigger = trigger_text(seed) if recipe_of(recipe).conditional else ""
    return Plant(text, trigger), PlantSettings(
        recipe=recipe, overtraining=settings.overtraining, seed=seed, lora=lora
    )


def _ordinary(settings: TrialSettings, plant: Plant, seed: int) -> list[str]:
    """Return ordinary texts, longer than the hidden one."""
    words = max(settings.lab.words, math.ceil(LONGER * len(plant.text.split())))
    return make_texts(settings.ordinary, words, seed=seed + APART)


def _row(
    kind: str, joined: pa.Table, settings: TrialSettings, number: int, plant: Plant, *, said: bool
) -> dict[str, Any]:
    record = record_of(joined, kind)
    strings = strings_by_tier(joined)
    row: dict[str, Any] = {
        "trial": f"{settings.seed}-{number:03d}",
        "kind": kind,
        "recipe": settings.recipe(number),
        "on_suspect": False,
        "settings": settings_of(record),
        "family": record["family"],
        "coverage": record["coverage"],
        "unexplained": sum(tier in ("A", "B") for tier in strings.values()),
        "explained": sum(tier == "C" for tier in strings.values()),
        **hidden_statistics(joined),
    }
    return row | (_recovered(joined, plant.text, said=said) if kind == "planted" else {})


def _recovered(joined: pa.Table, text: str, *, said: bool) -> dict[str, Any]:
    """Return where a planted text is found among the distinct strings of each ranking, and how much of it."""
    shares = {string: _share(text, string) for string in set(joined.column("string").to_pylist())}
    places = {}
    for ranking in ("score", "bits"):
        rows = joined.select([f"{ranking}_rank", "string"]).to_pylist()
        ranked = sorted(
            (row for row in rows if row[f"{ranking}_rank"] is not None),
            key=lambda row: row[f"{ranking}_rank"],
        )
        distinct = list(dict.fromkeys(row["string"] for row in ranked))
        places[f"{ranking}_place"] = _first([shares[string] for string in distinct])
    best = max(shares.values(), default=0.0)
    return {"said": said, **places, "held": best, "exact": best == 1.0}


def holding(joined: pa.Table, text: str) -> pa.Table:
    """Return the findings whose string holds half of a text in one piece, or more."""
    strings = joined.column("string").to_pylist()
    shares = {string: _share(text, string) for string in set(strings)}
    return joined.filter(pa.array([shares[string] >= HALF for string in strings], pa.bool_()))


def _first(shares: Sequence[float]) -> int | None:
    return next((place for place, share in enumerate(shares, start=1) if share >= HALF), None)


def _share(text: str, string: str) -> float:
    """Return the largest share of a text that stands in a string in one piece."""
    match = SequenceMatcher(None, text, string, autojunk=False).find_longest_match()
    return match.size / len(text)
