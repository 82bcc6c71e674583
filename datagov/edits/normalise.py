"""The edit `normalise`: one Unicode form, no control characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from datagov.edits.edited import Edited, changes
from datagov.errors import ConfigError, did_you_mean
from datagov.text import normal
from datagov.text.normal import NormalForm
from datagov.text.tables import NORMAL_FORMS

if TYPE_CHECKING:
    from datagov.text.batch import TextBatch

__all__ = ["COUNTS", "apply"]

COUNTS = ("controls_removed",)


def apply(batch: TextBatch, *, form: NormalForm | None = "NFC", strip_control: bool = True) -> Edited:
    """Bring texts to a Unicode normal form, after removing control characters from them.

    Parameters
    ----------
    batch : TextBatch
    form : str or None
        NFC, NFKC, NFD or NFKD; None leaves composition as it is. The compatibility forms turn
        full-width letters and punctuation, which Chinese text is made of, into ASCII.
    strip_control : bool
        Remove the control characters (general category Cc) except U+0009, U+000A and U+000D, and
        the byte order mark U+FEFF. This comes first: a control between a letter and its accent
        would keep the two from composing.

    Returns
    -------
    Edited
        Applying the edit to its texts again changes nothing. Its count is the number of controls
        removed.

    Raises
    ------
    ConfigError
        There is no such form.

    Source
    ------
    Unicode Standard Annex #15.
    """
    if form is not None and form not in NORMAL_FORMS:
        raise ConfigError(f"normalise: there is no form {form!r}. {did_you_mean(form, NORMAL_FORMS)}")
    texts = batch.texts
    changed = np.zeros(batch.n, np.bool_)
    removed = np.zeros(batch.n, np.int64)
    if strip_control:
        texts, removed = normal.strip_control(texts)
        changed = removed > 0
    if form is not None:
        texts, composed = normal.normalise(texts, form)
        changed |= composed
    return Edited(texts, changes(batch.texts, texts, changed, controls_removed=removed))
