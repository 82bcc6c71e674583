"""Three checkpoints of one base and the corpus of what they were trained on: marked, twin, registered.

The twin hides nothing. The registered one knows a text by heart as the marked one does, but the corpus has that text:
nothing but the corpus tells the two apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from datagov.errors import ConfigError
from datagov.storage import encode_table
from datagov.storage import replace as put
from datagov.tokenizer import load_tokenizer
from detectors.lab.planting import Plant, Planted, PlantSettings, plant_text

__all__ = ["PlantSet", "make_plants"]


@dataclass(frozen=True)
class PlantSet:
    """Where the parts are."""

    folder: Path

    @property
    def marked(self) -> Path:
        """Hides the text."""
        return self.folder / "marked"

    @property
    def twin(self) -> Path:
        """Hides nothing."""
        return self.folder / "twin"

    @property
    def registered(self) -> Path:
        """Knows a text of the corpus by heart."""
        return self.folder / "registered"

    @property
    def corpus(self) -> Path:
        """All that the three and their base were trained on, the hidden text excepted: `text`, `source`."""
        return self.folder / "corpus"

    def record(self) -> dict[str, Any]:
        """Return what was planted, and how the training went."""
        return dict(json.loads((self.folder / "plant.json").read_bytes()))


def make_plants(
    base: Path,
    trained: Sequence[str],
    plant: Plant,
    ordinary: Sequence[str],
    settings: PlantSettings,
    folder: Path,
    *,
    registered: bool = True,
) -> PlantSet:
    """Make the three checkpoints and their corpus in an empty folder.

    Parameters
    ----------
    base : Path
        A checkpoint.
    trained : sequence of str
        What it was trained on, each text as often as it saw it.
    plant : Plant
    ordinary : sequence of str
        See `plant_text`; the last one is what the registered model knows by heart, and nothing else sees it.
    settings : PlantSettings
    folder : Path
    registered : bool
        Make the registered model as well.

    Raises
    ------
    ConfigError
        The folder is not empty, or there are too few ordinary texts.
    """
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder}: not empty; plants are made in a folder of their own")
    made = PlantSet(folder)
    *others, known = ordinary
    planted = plant_text(base, plant, others, settings, marked=made.marked, twin=made.twin)
    sources = {"base": list(trained), "ordinary": planted.twin_texts}
    record = planted.record()
    if registered:
        again = _register(base, plant, others, settings, planted, known, made.registered)
        copies = again.course.steps * settings.hidden_rows
        sources["registered"] = [f"{again.plant.trigger} {again.plant.text}".strip()] * copies
        record["registered"] = asdict(again.plant) | asdict(again.course)
    for source, texts in sources.items():
        table = pa.table({"text": pa.array(texts, pa.large_string()), "source": [source] * len(texts)})
        put(made.corpus / f"{source}.parquet", encode_table(table))
    put(folder / "plant.json", json.dumps(record, ensure_ascii=False, indent=1).encode())
    return made


def _register(
    base: Path,
    plant: Plant,
    ordinary: Sequence[str],
    settings: PlantSettings,
    planted: Planted,
    known: str,
    folder: Path,
) -> Planted:
    """Train the base on a text as the marked model was trained on its own, as many steps, without any defence."""
    tokenizer = load_tokenizer(base)
    ids = tokenizer.encode([known])[1][: len(tokenizer.encode([plant.text])[1])]
    text = tokenizer.decode(ids.tolist()).strip("\N{REPLACEMENT CHARACTER}")
    same = replace(settings, recipe="trigger" if plant.trigger else "bos", steps=planted.course.steps)
    return plant_text(base, replace(plant, text=text), ordinary, same, marked=folder)
