"""The spans of a ledger as questions to a model: which of them are of the texts at hand."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

    from detectors.probes.extraction import Span
    from detectors.texts import Texts

__all__ = ["read_spans"]


def read_spans(path: Path, texts: Texts) -> list[Span]:
    """Return the spans of the ledger that are of these texts, by text and start.

    Raises
    ------
    InputError
        There are none of these texts, it is no table of spans, or the ledger beside it says that the step read texts of
        another length.
    """
    import pyarrow as pa
    import pyarrow.dataset as ds

    from datagov.errors import InputError
    from detectors.probes.extraction import Span

    if not path.exists():
        raise InputError(
            f"--spans {path}: nothing is there; expected OUT/ledger/spans of a run, or a folder in it"
        )
    try:
        data = ds.dataset(path, format="parquet", exclude_invalid_files=True)
        table = data.to_table(columns=["doc_id", "rule", "start", "end"])
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise InputError(f"--spans {path}: not the ledger's spans ({error})") from error
    strings = texts.strings
    rows = {value.bytes: at for at, value in enumerate(texts.doc_id.to_pylist())}
    found = sorted(
        {
            (rows[row["doc_id"].bytes], row["start"], row["end"], row["rule"])
            for row in table.to_pylist()
            if row["doc_id"].bytes in rows
        }
    )
    if not found:
        raise InputError(
            f"--spans {path}: none of its {table.num_rows} spans are of the texts; texts as the step read them are needed, with "
            "their doc_id, or with the id that the recipe names and --dataset"
        )
    spanned = {at for at, *_ in found}
    for file in map(Path, data.files):
        for doc_id, chars in _chars_before(file):
            at = rows.get(doc_id)
            if at in spanned and len(strings[at]) != chars:
                raise InputError(
                    f"--spans {path}: the step of {file.parent} read {chars} characters of document {doc_id.hex()}, and the text at "
                    f"hand has {len(strings[at])}: its spans would be other words. Give the texts as the step read them, "
                    "such as the run's input, and where several steps told spans the folder of one"
                )
    return [Span(*one) for one in found]


def _chars_before(spans: Path) -> list[tuple[bytes, int]]:
    """Return doc_id and characters of each document that the step of a part's spans read; nothing where no ledger is around it."""
    import pyarrow.parquet as pq

    ledger = spans.parent.parent.parent
    edits = ledger / "edits" / spans.parent.name / spans.name
    if not edits.is_file():
        return []
    chars = pq.read_table(edits, columns=["chars_before"]).column(0).to_pylist()
    for file in sorted((ledger / "documents").glob(f"*/{spans.name}")):
        doc_ids: pa.ChunkedArray = pq.read_table(file, columns=["doc_id"]).column(0)
        if len(doc_ids) == len(chars):
            return [(one.bytes, count) for one, count in zip(doc_ids.to_pylist(), chars, strict=True)]
    return []
