"""The edit `normalise`: one Unicode form, no control characters."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import ConfigError, did_you_mean
from datagov.ledger.tables import EDITS
from datagov.text import normal
from datagov.text.normal import NormalForm
from datagov.text.tables import NORMAL_FORMS

__all__ = ["apply"]


def apply(
    texts: pa.LargeStringArray, *, form: NormalForm | None = "NFC", strip_control: bool = True
) -> tuple[pa.LargeStringArray, pa.RecordBatch]:
    """Bring texts to a Unicode normal form, after removing control characters from them.

    Parameters
    ----------
    texts : LargeStringArray
        N texts, none NULL.
    form : str or None
        NFC, NFKC, NFD or NFKD; None leaves composition as it is. The compatibility forms turn
        full-width letters and punctuation, which Chinese text is made of, into ASCII.
    strip_control : bool
        Remove the control characters (general category Cc) except U+0009, U+000A and U+000D, and
        the byte order mark U+FEFF. This comes first: a control between a letter and its accent
        would keep the two from composing.

    Returns
    -------
    LargeStringArray
        N texts. Applying the edit to them again changes nothing.
    RecordBatch
        N rows of the ledger's `EDITS`: whether the text changed, its length in code points before
        and after, and the number of controls removed.

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
    chars_before = pc.utf8_length(texts)
    changed = np.zeros(len(texts), np.bool_)
    removed = np.zeros(len(texts), np.int64)
    if strip_control:
        texts, removed = normal.strip_control(texts)
        changed = removed > 0
    if form is not None:
        texts, composed = normal.normalise(texts, form)
        changed |= composed
    edits = pa.RecordBatch.from_arrays(
        [pa.array(changed), chars_before, pc.utf8_length(texts), pa.array(removed, pa.int64())],
        schema=EDITS,
    )
    return texts, edits
