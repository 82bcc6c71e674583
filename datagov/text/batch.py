"""One batch of texts, and everything that is derived from it once and shared."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.errors import InputError
from datagov.text.breaks import word_rules
from datagov.text.carry import carry_over
from datagov.text.kernel import kernel
from datagov.text.lines import Spans, line_spans
from datagov.text.segments import Segments, segment_all
from datagov.text.tables import SCRIPTS, kind_index, unicode_tables
from datagov.text.tokens import Tokens, token_stream
from datagov.text.utf8 import code_points
from datagov.text.words import Words, given_words, word_spans

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TextBatch"]

LETTER = kind_index("letter")


class TextBatch:
    """N texts with their code points, lines, segments, words and tokens, each made when first asked.

    Positions everywhere are positions in `code_points`, the texts end to end; arrays with an
    `offsets` of N+1 entries hold document i's rows at `offsets[i]:offsets[i+1]`.

    Parameters
    ----------
    texts : LargeStringArray of N rows
        No nulls, valid UTF-8 (`datagov.text.utf8.invalid_rows` tells; not tested here).

    Raises
    ------
    InputError
        When the texts hold nulls or are of another type; and, once characters are asked for, when
        there are more than 2**31 - 1 of them.
    """

    def __init__(self, texts: pa.LargeStringArray) -> None:
        if not pa.types.is_large_string(texts.type):
            raise InputError(f"a text batch needs a large_string column, not {texts.type}")
        if texts.null_count:
            raise InputError(f"a text batch holds no nulls; {texts.null_count} of {len(texts)} rows are null")
        self.texts = texts
        self.n = len(texts)
        """Number of documents."""

    @cached_property
    def decoded(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
        """`code_points` and `offsets`, which are made together."""
        return code_points(self.texts)

    @property
    def code_points(self) -> npt.NDArray[np.uint32]:
        """uint32[C]: the characters of all texts, end to end."""
        return self.decoded[0]

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """int64[N+1]: where each document begins in `code_points`."""
        return self.decoded[1]

    @cached_property
    def classes(self) -> npt.NDArray[np.uint8]:
        """uint8[C]: class of each character; attributes of classes are in `unicode_tables()`."""
        return _classify(self.code_points, unicode_tables().class_of)

    @cached_property
    def chars(self) -> npt.NDArray[np.int64]:
        """int64[N]: characters (code points) of each document."""
        return np.diff(self.offsets)

    @cached_property
    def lines(self) -> Spans:
        """What lies between line feeds; a document has one line more than it has line feeds."""
        return line_spans(self.code_points, self.offsets)

    @cached_property
    def segments(self) -> Segments:
        """Every document cut at the default word boundaries of UAX #29."""
        return segment_all(self.classes, self.offsets, word_rules())

    @cached_property
    def words(self) -> Words:
        """Segments that are not space; in documents with Han, the words of jieba."""
        return word_spans(self.texts, self.code_points, self.classes, self.offsets)

    @cached_property
    def tokens(self) -> Tokens:
        """The token stream of near-duplicate search, `tokens.TOKEN_SCHEME`."""
        return token_stream(self.code_points, self.classes, self.offsets)

    @cached_property
    def script_counts(self) -> npt.NDArray[np.int64]:
        """int64[N, S]: letters (general category L*) of each document by script of `SCRIPTS`."""
        tables = unicode_tables()
        column = np.where(tables.kind == LETTER, tables.script, len(SCRIPTS)).astype(np.uint8)
        return _count_scripts(self.classes, self.offsets, column, len(SCRIPTS))

    @classmethod
    def from_words(cls, texts: pa.LargeStringArray, words: Sequence[Sequence[str]]) -> TextBatch:
        """Make a batch whose `words` are another tokeniser's.

        Parameters
        ----------
        texts : LargeStringArray of N rows
        words : N lists of str
            Each word is placed at its first occurrence after the word before it.

        Raises
        ------
        InputError
            When a word is not in the text after the one before it.
        """
        batch = cls(texts)
        batch.words = given_words(texts, batch.code_points, batch.classes, batch.offsets, words)
        return batch

    def select(self, mask: npt.NDArray[np.bool_]) -> TextBatch:
        """Return the documents where `mask` (bool[N]) is True, as a batch of their own.

        What was derived already is copied over, not derived again.
        """
        if mask.shape != (self.n,) or mask.dtype != np.bool_:
            raise ValueError(f"expected a bool mask of {self.n} rows, not {mask.dtype}{list(mask.shape)}")
        chosen = TextBatch(self.texts.filter(pa.array(mask)))
        if "decoded" in self.__dict__:
            carry_over(self, chosen, np.flatnonzero(mask))
        return chosen


@kernel
def _classify(points: npt.NDArray[np.uint32], class_of: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """uint8[C]: class of each code point."""
    classes = np.empty(points.shape[0], dtype=np.uint8)
    for at in range(points.shape[0]):
        classes[at] = class_of[points[at]]
    return classes


@kernel
def _count_scripts(
    classes: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    column: npt.NDArray[np.uint8],
    scripts: int,
) -> npt.NDArray[np.int64]:
    """int64[N, S]: how many classes of each document fall in each column; column S is not kept."""
    n = offsets.shape[0] - 1
    counts = np.zeros((n, scripts), dtype=np.int64)
    held = np.empty(scripts + 1, dtype=np.int64)
    for row in range(n):
        held[:] = 0
        for cls in classes[offsets[row] : offsets[row + 1]]:
            held[column[cls]] += 1
        counts[row] = held[:scripts]
    return counts
