"""Family fasttext_language@1: the language of a document by a fastText model; used under names of recipes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.classifiers.fasttext_model import FastText, library, load_fasttext
from datagov.classifiers.tokens import LABEL
from datagov.errors import ConfigError
from datagov.labels import code_of, is_label
from datagov.rule import Params, RuleInfo, SignalFamily

if TYPE_CHECKING:
    from datagov.model_files import ModelFile
    from datagov.text.batch import TextBatch

__all__ = ["FASTTEXT_LANGUAGE", "labels", "measure", "prepare"]

MAX_CHARS: Final = 2000
MILLION: Final = 1_000_000


@lru_cache(maxsize=4)
def opened(file: ModelFile) -> tuple[FastText, dict[str, int]]:
    """Return a model, loaded once a process, and what it calls labels -> their codes.

    Raises
    ------
    ConfigError
        fastText is missing; the file is no model of it, or another one here; a label cannot be stored.
    """
    file.check()
    model = load_fasttext(Path(file.path))
    names = {output: output.removeprefix(LABEL) for output in model.outputs}
    wrong = [name for name in names.values() if not is_label(name)]
    if wrong:
        raise ConfigError(
            f"model file {file.path}: the label {wrong[0]!r} (of {len(wrong)} such) cannot be stored: a language is one to "
            "eight characters of a-z, A-Z, 0-9, _ and -. For other classes there is the family `classifier`"
        )
    return model, {output: code_of(name) for output, name in names.items()}


def labels(params: Params) -> list[str]:
    """Return the languages that the model knows."""
    return [output.removeprefix(LABEL) for output in opened(params["model"])[0].outputs]


def prepare(params: Params) -> Params:
    """Return the parameters with the library's version filled in.

    Raises
    ------
    ConfigError
        The model cannot be loaded, its labels cannot be stored, or another version of fastText is asked for.
    """
    most = params["max_chars"]
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        raise ConfigError(f"max_chars must be a whole number above 0, not {most!r}.")
    opened(params["model"])
    require(params["library"])
    return {**params, "library": library()}


def require(asked: str) -> None:
    """Raise ConfigError if another fastText is asked for than is here; empty asks for none."""
    if asked not in ("", library()):
        raise ConfigError(
            f"library: {asked!r} is asked for, and {library()} is installed: install one everywhere."
        )


def measure(batch: TextBatch, params: Params) -> pa.RecordBatch:
    """Return the columns of fasttext_language@1 for `batch`, all int64, one row a document.

    `label`, a code of `datagov.labels`, and its probability `score_millionths`, both NULL where the model knows nothing
    of the text; `million`, never NULL.
    """
    require(params["library"])
    model, codes = opened(params["model"])
    heads = pc.utf8_slice_codeunits(batch.texts, 0, int(params["max_chars"]))
    found, share = model.best(pc.replace_substring(heads, "\n", " ").to_pylist())
    undefined = np.array([output is None for output in found], bool)
    label = np.array([codes[output] if output is not None else 0 for output in found], np.int64)
    score = np.floor(np.where(undefined, 0.0, share) * MILLION + 0.5).astype(np.int64)
    return pa.RecordBatch.from_pydict(
        {
            "label": pa.array(label, mask=undefined),
            "score_millionths": pa.array(score, mask=undefined),
            "million": pa.array(np.full(batch.n, MILLION, np.int64)),
        }
    )


NULL_WHEN = "nothing in the part looked at that the model knows, such as an empty text"
SOURCE = "fastText (Joulin et al. 2016, arXiv 1607.01759); lid.176 and GlotLID are such models"

FASTTEXT_LANGUAGE = SignalFamily(
    name="fasttext_language",
    version=1,
    measure=measure,
    rules=(
        RuleInfo(
            name="language",
            numerator="label",
            denominator=None,
            unit="label",
            formula=(
                "The most probable label of the model, without `__label__`, for the first `max_chars` code points, line "
                "feeds as spaces."
            ),
            value_range=(1.0, None),
            null_when=NULL_WHEN,
            source=SOURCE,
            is_label=True,
        ),
        RuleInfo(
            name="language_score",
            numerator="score_millionths",
            denominator="million",
            unit="probability, in millionths",
            formula="Probability of `language` among the labels of the model. A score says nothing without its label.",
            value_range=(0.0, 1.0),
            null_when=NULL_WHEN,
            source=SOURCE,
            differs=(
                "cc_net, FineWeb2 and MAP-CC look at the whole text. MAP-CC drops below 0.4 and never looks at the label."
            ),
        ),
    ),
    defaults={"max_chars": MAX_CHARS, "library": ""},
    required=("model",),
    files=("model",),
    prepare=prepare,
    labels=labels,
)
"""`model`: a supervised model whose labels are languages. `max_chars`: most code points of a document looked at. `library`:
filled in, the name and version of fastText."""
