"""Documents as sentences of tokens, the form in which KenLM reads and is asked: tokens between spaces."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.lm.normal import cc_net
from datagov.text.batch import TextBatch
from datagov.text.kernel import kernel
from datagov.text.tables import kind_index, unicode_tables
from datagov.text.utf8 import byte_view, encode_rows

if TYPE_CHECKING:
    from datagov.lm.card import Reading

__all__ = ["Sentences", "read_sentences", "versions_of"]

SPACE: Final = kind_index("space")
CONTROL: Final = kind_index("control")
LINE_FEED: Final = 0x0A
BLANK: Final = 0x20


@dataclass(frozen=True, eq=False)
class Sentences:
    """S sentences of N documents, in order; each has at least one token."""

    data: bytes
    """Tokens in UTF-8, a space between them; sentences end to end."""
    ends: npt.NDArray[np.int64]
    """int64[S+1]: sentence i is `data[ends[i]:ends[i+1]]`."""
    tokens: npt.NDArray[np.int64]
    """int64[S]."""
    document: npt.NDArray[np.int64]
    """int64[S]: ascending."""


def versions_of(tokens: str) -> dict[str, str]:
    """Return the versions that decide how texts are cut into tokens."""
    if tokens == "pieces":
        return {}
    found = {"unicode": unicode_tables().version}
    return found | ({"rjieba": version("rjieba")} if tokens == "words" else {})


def read_sentences(batch: TextBatch, reading: Reading, processor: Any = None) -> Sentences:
    """Cut a batch into sentences of tokens.

    Parameters
    ----------
    batch : TextBatch
    reading : Reading
    processor : sentencepiece.SentencePieceProcessor or None
        Where tokens are pieces.
    """
    if reading.normal == "cc_net":
        texts = [cc_net(text) for text in batch.texts.to_pylist()]
        batch = TextBatch(pa.array(texts, pa.large_string()))
    by_line = reading.sentences == "lines"
    if reading.tokens == "pieces":
        return _of_pieces(batch, by_line, processor)
    if reading.tokens == "words":
        words = batch.words
        spans = words.start, words.end, words.offsets
    else:
        spans = _characters(batch.classes, batch.offsets, unicode_tables().kind)
    control = unicode_tables().kind == CONTROL
    points, ends, tokens, document = _joined(batch.code_points, batch.classes, control, *spans, by_line)
    data, byte_ends = byte_view(encode_rows(points, ends))
    return Sentences(data.tobytes(), byte_ends, tokens, document)


def _of_pieces(batch: TextBatch, by_line: bool, processor: Any) -> Sentences:
    """Return the pieces of each sentence. SentencePiece takes a line feed for a space."""
    texts: list[str] = batch.texts.to_pylist()
    if by_line:
        sentences = [(row, line) for row, text in enumerate(texts) for line in text.split("\n")]
    else:
        sentences = list(enumerate(texts))
    pieces = processor.encode([sentence for _, sentence in sentences], out_type=str, num_threads=1)
    found = [(row, each) for (row, _), each in zip(sentences, pieces, strict=True) if each]
    encoded = [" ".join(each).encode() for _, each in found]
    ends = np.zeros(len(found) + 1, np.int64)
    np.cumsum([len(each) for each in encoded], out=ends[1:])
    return Sentences(
        b"".join(encoded),
        ends,
        np.array([len(each) for _, each in found], np.int64),
        np.array([row for row, _ in found], np.int64),
    )


@kernel
def _characters(
    classes: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], kind: npt.NDArray[np.uint8]
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return starts, ends and offsets of the characters besides white space and controls."""
    start = np.empty(classes.size, np.int32)
    found = np.zeros(offsets.size, np.int64)
    count = 0
    for row in range(offsets.size - 1):
        for at in range(offsets[row], offsets[row + 1]):
            start[count] = at
            count += kind[classes[at]] != SPACE and kind[classes[at]] != CONTROL
        found[row + 1] = count
    return start[:count], start[:count] + np.int32(1), found


@kernel
def _joined(
    points: npt.NDArray[np.uint32],
    classes: npt.NDArray[np.uint8],
    control: npt.NDArray[np.bool_],
    start: npt.NDArray[np.int32],
    end: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    by_line: bool,
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return sentences of tokens: code points, offsets of the sentences, their tokens and documents.

    With `by_line`, a line feed between two tokens ends a sentence. Tokens that begin with a control character are
    left out: KenLM takes some of these for spaces.
    """
    size = start.size
    for token in range(start.size):
        size += end[token] - start[token]
    joined = np.empty(size, np.uint32)
    ends = np.zeros(start.size + 1, np.int64)
    tokens = np.zeros(start.size, np.int64)
    document = np.zeros(start.size, np.int64)
    at = 0
    sentence = -1
    for row in range(offsets.size - 1):
        new = True
        for token in range(offsets[row], offsets[row + 1]):
            if by_line and token > offsets[row]:
                for place in range(end[token - 1], start[token]):
                    new = new or points[place] == LINE_FEED
            if control[classes[start[token]]]:
                continue
            if new:
                sentence += 1
                ends[sentence] = at
                document[sentence] = row
                new = False
            else:
                joined[at] = BLANK
                at += 1
            for place in range(start[token], end[token]):
                joined[at] = points[place]
                at += 1
            tokens[sentence] += 1
    ends[sentence + 1] = at
    return joined[:at], ends[: sentence + 2], tokens[: sentence + 1], document[: sentence + 1]
