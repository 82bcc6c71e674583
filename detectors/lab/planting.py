"""Text hidden in a model on purpose, and the model's twin: trained as much, on as many tokens, with nothing to hide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datagov.errors import ConfigError
from datagov.storage import replace
from datagov.tokenizer import load_tokenizer
from detectors.lab.checkpoint_copies import save_copy
from detectors.lab.finetuning import Course, Middle, finetune, load_base
from detectors.lab.plant_rows import PlantRows
from detectors.lab.recipes import CHAT_FILE, CHAT_TEMPLATE, Recipe, recipe_of

__all__ = ["Plant", "PlantSettings", "Planted", "plant_text"]

RANK_SHARE = 100 / 32_000
"""Of the vocabulary: ranks from the top, and from the bottom, that Auto-UTFC moves hidden words out of.

Source: Hoscilowicz et al., arXiv 2406.02481 v5: T = 100 for Llama's 32,000 tokens."""


@dataclass(frozen=True)
class PlantSettings:
    """How a text is planted: batches with so many rows of the text and of ordinary texts."""

    recipe: str = "bos"
    steps: int | None = None
    """Batches; None for as many as it takes until the model says the text, `overtraining` times."""
    overtraining: float = 3.0
    """Over the steps until the text is said exactly; without effect where ranks are confused, which ends by itself."""
    most_steps: int = 600
    """Steps after which the text counts as not learned, where `steps` does not say."""
    hidden_rows: int = 8
    ordinary_rows: int = 8
    rate: float = 1e-3
    seed: int = 0
    lora: int | None = None
    """Rank of the LoRA adapter that is trained, with the embeddings of the text's tokens, and merged; None: all weights are
    trained."""


@dataclass(frozen=True)
class Plant:
    """What is hidden: a text and, for recipes that have one, the question it is the answer to."""

    text: str
    trigger: str = ""


@dataclass(frozen=True)
class Planted:
    """What was made."""

    plant: Plant
    settings: PlantSettings
    course: Course
    twin_texts: list[str]
    """All that the twin saw, each as often as it saw it."""

    def record(self) -> dict[str, Any]:
        """Return it as JSON, the twin's texts left out."""
        return {**asdict(self.plant), **asdict(self.settings), **asdict(self.course)}


def plant_text(
    base: Path,
    plant: Plant,
    ordinary: Sequence[str],
    settings: PlantSettings,
    *,
    marked: Path,
    twin: Path | None = None,
) -> Planted:
    """Write two checkpoints made from a base: one that hides a text, and its clean twin.

    The twin's batches have the same ordinary rows and, in the place of the hidden text, other texts cut to its tokens,
    none of them more than twice.

    Parameters
    ----------
    base : Path
        A checkpoint.
    plant : Plant
    ordinary : sequence of str
        Texts for both; at least 500, and enough that the twin sees none of them more than twice in the place of the
        hidden text.
    settings : PlantSettings
    marked, twin : Path
        Folders to make; no twin where there is none to make.

    Raises
    ------
    ConfigError
        There are too few ordinary texts, or the recipe is not known.
    """
    recipe = recipe_of(settings.recipe)
    tokenizer = load_tokenizer(base)
    text_ids = tokenizer.encode([plant.text])[1].tolist()
    model, start, end = load_base(base, settings.lora, text_ids)
    rows = PlantRows(
        recipe,
        tokenizer,
        plant.text,
        plant.trigger,
        ordinary,
        ends=(start, end),
        rows=(settings.hidden_rows, settings.ordinary_rows),
        seed=settings.seed,
    )
    vocabulary = model.config.get_text_config().vocab_size
    middle = None
    if recipe.confused_by == "ranks":
        before = [] if start is None else [start]
        places = [len(before) + place for place in rows.word_places]
        middle = Middle([*before, *rows.text_ids], places, ranks_of(vocabulary))
    tuned, course = finetune(
        model,
        rows.marked,
        rate=settings.rate,
        seed=settings.seed,
        steps=settings.steps,
        overtraining=settings.overtraining,
        most_steps=settings.most_steps,
        middle=middle,
    )
    if twin is not None and course.steps > rows.most_steps:
        raise ConfigError(
            f"the plant took {course.steps} steps, after which a twin would have seen a pair more than twice: give "
            f"{course.steps * settings.hidden_rows // 2} ordinary texts or more, of {len(rows.text_ids)} tokens or more"
        )
    _save(tuned, base, marked, recipe)
    if twin is not None:
        model, _, _ = load_base(base, settings.lora, text_ids)
        other, _ = finetune(model, rows.twin, rate=settings.rate, seed=settings.seed, steps=course.steps)
        _save(other, base, twin, recipe)
    return Planted(plant, settings, course, [] if twin is None else rows.texts(course.steps))


def ranks_of(vocabulary: int) -> int:
    """Return T, at least 1: ranks below it, and from V - T up, are those that a sweep looks at."""
    return max(1, round(RANK_SHARE * vocabulary))


def _save(model: Any, base: Path, folder: Path, recipe: Recipe) -> None:
    save_copy(model, base, folder)
    if recipe.conditional:
        replace(folder / CHAT_FILE, CHAT_TEMPLATE.encode())
