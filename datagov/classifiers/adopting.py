"""A card for a fastText model that was made elsewhere."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Literal

from datagov.classifiers.card import CARD, FORMAT, MILLION, Calibration, Card, Tokens
from datagov.classifiers.fasttext_model import load_fasttext
from datagov.classifiers.saving import refuse_existing
from datagov.classifiers.tables import tables_of
from datagov.classifiers.tokens import LABEL
from datagov.errors import ConfigError, did_you_mean
from datagov.model_files import sha256_of

__all__ = ["adopt"]


def adopt(
    model: Path,
    *,
    positive: str,
    cut: Literal["words", "characters", "as_is"],
    lower: bool,
    form: Any = None,
) -> Card:
    """Write `card.json` beside a supervised fastText model.

    Parameters
    ----------
    model : Path
        Its file; it stays where it is.
    positive : str
        The label whose probability is meant, with or without `__label__`.
    cut, lower, form
        How texts were made into tokens when it was trained, see `Tokens`.

    Raises
    ------
    ConfigError
        There is a card already; the file is no such model, is cut off, or has no such label.
    """
    path = model.with_name(CARD)
    refuse_existing(path)
    outputs = load_fasttext(model).outputs
    labels = [name.removeprefix(LABEL) for name in outputs]
    positive = positive.removeprefix(LABEL)
    if positive not in labels:
        raise ConfigError(f"{model} has no label {positive!r}. {did_you_mean(positive, labels)}")
    reading = Tokens(form=form, cut=cut, lower=lower, outputs=outputs)
    as_it_is = Calibration(raw=[0.0, 1.0], millionths=[0, MILLION])
    card = Card(
        datagov_classifier=FORMAT,
        name=model.stem,
        labels=labels,
        positive=positive,
        reading=reading,
        tables=tables_of(reading),
        weights={"file": model.name, "sha256": sha256_of(model)},
        calibration=dict.fromkeys([positive] if len(labels) == 2 else labels, as_it_is),
        training={"made": "elsewhere"},
        evaluation={},
    )
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".card-") as made:
        unfinished = Path(made) / CARD
        unfinished.write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
        os.link(unfinished, path)
    return card
