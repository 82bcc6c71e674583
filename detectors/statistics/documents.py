"""From rows of a scores table to documents: the units that everything after this counts.

Texts of one document (the same doc_id, or the same text up to normal form), and documents whose texts are
near-duplicates, are one unit; a declared rule reduces their scores to one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datagov.dedup.components import components
from datagov.errors import ConfigError, InputError, did_you_mean
from detectors.tables import ORIGIN, SCORES

__all__ = ["REDUCTIONS", "Documents", "documents_of", "methods_of", "read_scores", "require_control"]

REDUCTIONS: Final = ("mean", "median", "max", "min")
NEEDED: Final = tuple(field.name for field in SCORES if field.name != "details")
FIRST = 0


@dataclass(frozen=True)
class Documents:
    """D documents scored by one method, in order of their first text."""

    method: str
    params: str
    origin: Mapping[str, Any]
    """The columns of `tables.ORIGIN`, the same for every row."""
    scores: npt.NDArray[np.float64]
    """Shape (D,); NaN where no text of the document has a score."""
    reasons: list[str | None]
    """Why a document has no score: that of its first text."""
    tokens: npt.NDArray[np.float64]
    """Scored tokens a text, mean over the document's texts."""
    first: npt.NDArray[np.int64]
    """Row of each document's first text in the texts that were scored."""
    texts: npt.NDArray[np.int64]
    """How many texts each document has."""
    unit: npt.NDArray[np.int64]
    """Document of each scores row of the method, shape (R,), in the order of the table."""
    rows: npt.NDArray[np.int64]
    """Row, in the texts that were scored, of each scores row of the method, shape (R,)."""
    table: pa.Table
    """The scores rows of the first texts."""

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def scored(self) -> npt.NDArray[np.bool_]:
        """Which documents have a score."""
        return ~np.isnan(self.scores)

    @property
    def sources(self) -> npt.NDArray[np.object_]:
        """Source of each document; None where it has none."""
        return np.array(self.table.column("source").to_pylist(), dtype=object)

    @property
    def content_ids(self) -> list[bytes | None]:
        """content_id of each first text."""
        return [
            None if value is None else value.bytes for value in self.table.column("content_id").to_pylist()
        ]

    @property
    def names(self) -> list[str]:
        """What a person calls each document: its id, else its doc_id, else the row of its text."""
        columns = (self.table.column(name).to_pylist() for name in ("id", "doc_id", "text"))
        return [
            str(given) if given is not None else doc.hex if doc is not None else f"row {row}"
            for given, doc, row in zip(*columns, strict=True)
        ]


def require_control(target: Documents, control: Documents) -> None:
    """Raise InputError unless the control is another target that scored the same texts in the same order."""
    if control.content_ids != target.content_ids:
        raise InputError(
            "the control's scores are not of the same texts in the same order; score the same file with both"
        )
    if control.origin["target"] == target.origin["target"]:
        raise InputError(
            "the control is the target itself; name an earlier checkpoint or a sibling that cannot have seen the texts"
        )


def read_scores(path: Path) -> pa.Table:
    """Read what `datagov detect score` wrote.

    Raises
    ------
    InputError
        There is nothing at `path`, or it lacks columns of a scores table.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError(f"scores {path}: no such file; `datagov detect score` makes one") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"scores {path}: not a Parquet file ({error})") from error
    missing = [name for name in NEEDED if name not in table.column_names]
    if missing:
        raise InputError(
            f"scores {path}: not a scores table, for it lacks {', '.join(missing)}; `datagov detect score` makes one"
        )
    if table.num_rows == 0:
        raise InputError(f"scores {path}: there are no rows in it")
    return table


def methods_of(table: pa.Table) -> list[tuple[str, str]]:
    """Return the (method, params) pairs of a scores table, in order of appearance."""
    pairs = zip(table.column("method").to_pylist(), table.column("params").to_pylist(), strict=True)
    return list(dict.fromkeys(pairs))


def documents_of(
    table: pa.Table,
    method: str,
    params: Mapping[str, Any] | None = None,
    *,
    reduce: str = "mean",
    near: npt.NDArray[np.int64] | None = None,
    where: str = "scores",
) -> Documents:
    """Return the documents of one method's rows.

    Parameters
    ----------
    table : pyarrow Table
        `read_scores`.
    method : str
    params : mapping, optional
        Those of the method's parameters that must have a given value, where the table has the method more than once.
    reduce : str
        How scores of one document's texts become one: mean, median, max or min.
    near : int64[texts], optional
        Cluster of near-duplicates of each text (`overlap.near_duplicates`), by its row in the texts.
    where : str
        The table's name, for messages.

    Raises
    ------
    ConfigError
        The table does not have this method, or more than one set of its parameters; an unknown reduction.
    InputError
        Its rows were made under different conditions.
    """
    if reduce not in REDUCTIONS:
        raise ConfigError(
            f"a rule {reduce!r} for a document's texts is not known. {did_you_mean(reduce, REDUCTIONS)}"
        )
    chosen = _choose(table, method, params or {}, where)
    rows = table.filter(
        pc.and_(pc.equal(table.column("method"), method), pc.equal(table.column("params"), chosen))
    )
    origins = (
        rows.select([field.name for field in ORIGIN]).group_by([field.name for field in ORIGIN]).aggregate([])
    )
    if origins.num_rows > 1:
        raise InputError(
            f"{where}: scores of {method} were made under {origins.num_rows} different conditions (target, tokenizer, engine, "
            "dtype, start token, windows, or what the score rests on), and are not comparable; score all texts alike"
        )
    text = rows.column("text").to_numpy()
    unit = _units(rows, text, near)
    names, first, unit = np.unique(unit, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(len(names), dtype=np.int64)
    place[order] = np.arange(len(names))
    unit, first = place[unit], first[order]
    scores = rows.column("score").to_numpy(zero_copy_only=False).astype(np.float64)
    reasons = rows.column("reason").to_pylist()
    counts = np.bincount(unit, minlength=len(names))
    reduced = _reduce(scores, unit, len(names), reduce)
    tokens = np.bincount(unit, weights=rows.column("tokens").to_numpy(), minlength=len(names)) / counts
    return Documents(
        method=method,
        params=chosen,
        origin=origins.to_pylist()[FIRST],
        scores=reduced,
        reasons=[
            reasons[row] if np.isnan(value) else None for row, value in zip(first, reduced, strict=True)
        ],
        tokens=tokens,
        first=text[first],
        texts=counts,
        unit=unit,
        rows=text,
        table=rows.take(pa.array(first)),
    )


def _choose(table: pa.Table, method: str, params: Mapping[str, Any], where: str) -> str:
    """Return the parameters, as they are written in the table, of the one set that fits."""
    pairs = methods_of(table)
    there = [given for name, given in pairs if name == method]
    if not there:
        raise ConfigError(
            f"{where}: has no scores of method {method!r}. {did_you_mean(method, {n for n, _ in pairs})}"
        )
    fitting = [given for given in there if params.items() <= json.loads(given).items()]
    if len(fitting) != 1:
        raise ConfigError(
            f"{where}: {len(fitting)} sets of parameters of {method} fit {dict(params)}, and one has to be declared before "
            f"a verdict; there are {'; '.join(there)}"
        )
    return fitting[FIRST]


def _units(
    rows: pa.Table, text: npt.NDArray[np.int64], near: npt.NDArray[np.int64] | None
) -> npt.NDArray[np.int64]:
    """Return a label for each row; rows of the same document, content or cluster have the same."""
    count = len(text)
    edges_a, edges_b = [], []
    named: list[list[Any]] = [rows.column("doc_id").to_pylist(), rows.column("content_id").to_pylist()]
    if near is not None:
        if len(near) <= int(text.max(initial=-1)):
            raise InputError(
                "the texts are fewer than those that were scored; give the file that `score` was given"
            )
        named.append(near[text].tolist())
    for labels in named:
        seen: dict[Any, int] = {}
        for row, label in enumerate(labels):
            if label is not None:
                edges_a.append(seen.setdefault(label, row))
                edges_b.append(row)
    linked: npt.NDArray[np.int64] = components(
        count, np.array(edges_a, np.int64), np.array(edges_b, np.int64)
    )
    return linked


def _reduce(
    scores: npt.NDArray[np.float64], unit: npt.NDArray[np.int64], count: int, reduce: str
) -> npt.NDArray[np.float64]:
    """Return one score a document, over those of its texts that have one; NaN where none has."""
    out = np.full(count, np.nan)
    present = ~np.isnan(scores)
    order = np.argsort(unit[present], kind="stable")
    values, units = scores[present][order], unit[present][order]
    if len(values) == 0:
        return out
    starts = np.flatnonzero(np.concatenate(([True], units[1:] != units[:-1])))
    if reduce == "median":
        medians = [np.median(part) for part in np.split(values, starts[1:])]
        out[units[starts]] = medians
    elif reduce == "mean":
        out[units[starts]] = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
    else:
        out[units[starts]] = (np.maximum if reduce == "max" else np.minimum).reduceat(values, starts)
    return out
