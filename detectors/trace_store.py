"""Traces on disk: made once, chunk by chunk, resumed after a stop, and read without the model.

    STORE/traces/ORIGIN/CHUNK.parquet      the traces of some consecutive texts
    STORE/receipts/ORIGIN/CHUNK.json       proof that the file beside it is whole
    STORE/sets/TEXTS-ORIGIN.json           which chunks are the traces of a collection, and which target made them
    STORE/pieces/ORIGIN/CHUNK/             what an endpoint answered of a chunk that is not whole yet

ORIGIN names target, tokenizer, engine, number format and window policy; CHUNK the token ids; TEXTS the texts. A chunk
depends on its own texts alone, so a stopped run leaves whole chunks, and pieces of one, and the next one makes the rest. A damaged
file is made again by whoever has the target, and refused by whoever has not.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from datagov.errors import LedgerError
from datagov.ids import digest
from datagov.storage import Output, Receipt, commit, read_receipt
from detectors.ragged import TokenBatch
from detectors.targets.target import Target
from detectors.targets.windows import WindowPlan, trace_texts
from detectors.trace import TraceBatch
from detectors.trace_files import read_trace, trace_table
from detectors.trace_pieces import AskedByRequest, traced_by_pieces
from detectors.trace_sets import TraceSet, origin_key, write_set

__all__ = ["CHUNK_TOKENS", "load_traces", "stored_traces"]

CHUNK_TOKENS = 65_536
"""Most tokens of a chunk of several texts; of a checkpoint, what is lost when a run is stopped."""


def stored_traces(
    root: Path | None,
    target: Target,
    texts: Sequence[str],
    plan: WindowPlan,
    *,
    advance: Callable[[int], object] = lambda _tokens: None,
) -> TraceBatch:
    """Return the traces of texts; those that `root` has are read, the others are made and committed there.

    Parameters
    ----------
    root : Path or None
        The store; None to keep nothing.
    target : Target
    texts : sequence of str
    plan : WindowPlan
    advance : callable
        Told the text tokens of each finished chunk.

    Raises
    ------
    TargetError
        The target stopped answering; finished chunks are kept.
    PartialRun
        The disk refused.
    """
    encoded = target.encode(texts)
    origin = origin_key(target.facts, plan)
    parts, names = [], []
    for chunk in _chunks(encoded):
        name = digest(chunk.offsets.tobytes(), chunk.token_ids.tobytes())
        parts.append(_chunk(root, origin, name, target, chunk, plan))
        names.append(name)
        advance(len(chunk.token_ids))
    target.confirm()
    if root is not None:
        write_set(root, texts, TraceSet(target.facts, plan, origin, tuple(names)))
    return TraceBatch.joined(parts)


def load_traces(root: Path, found: TraceSet) -> TraceBatch:
    """Return stored traces, without the target that made them.

    Parameters
    ----------
    root : Path
        The store.
    found : TraceSet
        `trace_sets.find_set` or `same_set`.

    Raises
    ------
    LedgerError
        A chunk is missing or damaged.
    """
    parts = []
    for name in found.chunks:
        place = _file(found.origin, name)
        receipt = read_receipt(root, _receipt(found.origin, name))
        if receipt is None:
            raise LedgerError(
                f"traces {root / place}: missing, cut off or without its receipt; trace again, `datagov detect score --target ... "
                f"--traces {root}`"
            )
        parts.append(read_trace(root / place, receipt.files[0].digest))
    return TraceBatch.joined(parts)


def _chunk(
    root: Path | None, origin: str, name: str, target: Target, chunk: TokenBatch, plan: WindowPlan
) -> TraceBatch:
    if root is None:
        return trace_texts(target, chunk, plan)
    known = _known(root, origin, name)
    if known is not None:
        return known
    pieces = root / "pieces" / origin / name

    def ask(windows: TokenBatch) -> TraceBatch:
        if isinstance(target, AskedByRequest) and len(windows):
            return traced_by_pieces(pieces, target, windows)
        return target.trace(windows)

    trace = trace_texts(target, chunk, plan, ask=ask)
    receipt = Receipt("trace", name, (), {"texts": trace.texts, "tokens": len(trace.token_ids_T)})
    commit(root, _receipt(origin, name), receipt, [Output(_file(origin, name), trace_table(trace))])
    _clear(pieces, root)
    return trace


def _known(root: Path, origin: str, name: str) -> TraceBatch | None:
    """Return a finished chunk; None if it is not finished, or damaged, and then nothing says that it was."""
    place = root / _receipt(origin, name)
    try:
        receipt = read_receipt(root, _receipt(origin, name))
        return None if receipt is None else read_trace(root / _file(origin, name), receipt.files[0].digest)
    except LedgerError:
        place.unlink()
        return None


def _clear(pieces: Path, root: Path) -> None:
    """Remove the pieces of a chunk that is whole, and the folders that held nothing else."""
    shutil.rmtree(pieces, ignore_errors=True)
    for folder in (pieces.parent, root / "pieces"):
        with suppress(OSError):
            folder.rmdir()


def _chunks(encoded: TokenBatch) -> Iterator[TokenBatch]:
    """Yield runs of texts with at most `CHUNK_TOKENS` tokens; a longer text is a run of its own."""
    start, count = 0, len(encoded)
    while start < count or count == 0:
        stop = int(np.searchsorted(encoded.offsets, encoded.offsets[start] + CHUNK_TOKENS, side="right")) - 1
        stop = min(max(stop, start + 1), count)
        yield encoded.part(start, stop)
        if stop == count:
            return
        start = stop


def _file(origin: str, name: str) -> str:
    return f"traces/{origin}/{name}.parquet"


def _receipt(origin: str, name: str) -> str:
    return f"receipts/{origin}/{name}.json"
