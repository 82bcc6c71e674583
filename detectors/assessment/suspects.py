"""Suspects against known non-members, from files to verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from datagov.errors import InputError
from datagov.ids import value_ids
from datagov.text.normal import normal_bytes
from detectors.assessment.blinded import look_alike
from detectors.statistics.blind import BlindCheck
from detectors.statistics.documents import Documents, documents_of, read_scores
from detectors.statistics.overlap import near_duplicates, overlap, refuse_overlap
from detectors.statistics.stratified import Residual, residual_auroc
from detectors.statistics.verdict import VERDICTS as WORDS
from detectors.statistics.verdict import Verdicts, judge, require_comparable
from detectors.tables import ORIGIN, VERDICTS
from detectors.text_dates import dates_of
from detectors.texts import read_texts

__all__ = ["Assessment", "Pair", "assess", "open_pair", "verdict_table"]

SHOWN = 10
"""Most rows of a document that a message names."""


@dataclass(frozen=True)
class Pair:
    """Suspects and known non-members of one method, comparable and without common documents."""

    suspects: Documents
    calibration: Documents
    blind: BlindCheck | None
    """None where texts were not given, or are too few."""
    remarks: tuple[str, ...]
    compared: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]] | None = None
    """Documents of either side that the blind check compared; None without one."""

    @property
    def residual(self) -> Residual | None:
        """How well the score parts the sets among documents of like blind score; None without a blind check or such documents."""
        if self.blind is None or self.compared is None:
            return None
        mine, theirs = self.suspects.scores[self.compared[0]], self.calibration.scores[self.compared[1]]
        scored = ~np.isnan(mine), ~np.isnan(theirs)
        blind = np.split(self.blind.predictions, [len(mine)])
        return residual_auroc(
            (mine[scored[0]], theirs[scored[1]]), (blind[0][scored[0]], blind[1][scored[1]])
        )


@dataclass(frozen=True)
class Assessment:
    """What `verdict` says."""

    pair: Pair
    verdicts: Verdicts

    def summary(self) -> dict[str, Any]:
        """Return everything but the documents, as JSON knows it."""
        found, blind = self.verdicts, self.pair.blind
        return {
            "method": self.pair.suspects.method,
            "params": self.pair.suspects.params,
            "suspects": len(found.words),
            "counts": {word: found.words.count(word) for word in WORDS},
            "alpha": found.alpha,
            "correction": found.correction,
            "known_non_members": found.non_members,
            "calibration": None if found.calibration is None else asdict(found.calibration),
            "blind": None
            if blind is None
            else {k: v for k, v in asdict(blind).items() if k != "predictions"},
            "residual": None if (residual := self.pair.residual) is None else asdict(residual),
            "origin": dict(self.pair.suspects.origin),
            "remarks": [*self.pair.remarks, *([found.remark] if found.remark else [])],
        }


def open_pair(
    suspects: Path,
    calibration: Path,
    method: str,
    params: Mapping[str, Any],
    *,
    texts: str | None = None,
    calibration_texts: str | None = None,
    reduce: str = "mean",
    blind: bool = True,
    text_column: str | None = None,
    form: str | None = None,
    date_column: str | None = None,
    seed: int = 0,
) -> Pair:
    """Read both sides, make documents of texts, refuse what is not comparable or overlaps, and run the blind check.

    Parameters
    ----------
    suspects, calibration : Path
        Scores tables.
    method, params
        The method that is declared for the verdict.
    texts, calibration_texts : str or None
        The texts that were scored. Without them near-duplicates are not found and there is no blind check.
    reduce : str
        See `documents_of`.
    blind : bool
        Whether to run the blind check, which rests on the texts alone, where they are given.
    text_column, form : str or None
        Of both files of texts, as for `read_texts`.
    date_column : str or None
        Column of the texts' files that says when each is from, for the blind check.
    seed : int
        Of the blind check.

    Raises
    ------
    ConfigError, InputError
        What cannot be compared, or overlaps, or does not fit together.
    """
    if (texts is None) != (calibration_texts is None):
        raise InputError("give the texts of both sides, suspects and known non-members, or of neither")
    if date_column is not None and texts is None:
        raise InputError(
            f"dates {date_column!r} are read from the texts' files; give the texts of both sides"
        )
    read = [
        None if place is None else read_texts(place, text_column=text_column, form=form)
        for place in (texts, calibration_texts)
    ]
    words = [None if given is None else given.text.fill_null("") for given in read]
    sides = [
        documents_of(
            read_scores(path),
            method,
            params,
            reduce=reduce,
            near=None if text is None else near_duplicates(text),
            where=str(path),
        )
        for path, text in zip((suspects, calibration), words, strict=True)
    ]
    require_comparable(*sides)
    own = [text if text is None else _own_texts(text, side) for text, side in zip(words, sides, strict=True)]
    if own[0] is None or own[1] is None:
        _refuse_equal(*sides)
        remark = "no texts were given: near-duplicates were not looked for and there is no blind check"
        return Pair(sides[0], sides[1], None, (remark,))
    found = overlap(own[0], own[1], sides[0].content_ids, sides[1].content_ids)
    refuse_overlap(found, _placed(sides[0]), str(suspects))
    if not blind:
        return Pair(sides[0], sides[1], None, ())
    dates = None
    if date_column is not None:
        when = [
            dates_of(given, date_column, str(place))[side.first]
            for given, place, side in zip(read, (texts, calibration_texts), sides, strict=True)
            if given is not None
        ]
        dates = when[0], when[1]
    seen = look_alike((own[0], own[1]), dates, seed=seed)
    return Pair(sides[0], sides[1], seen.check, seen.remarks, seen.rows)


def assess(pair: Pair, *, alpha: float, correction: str) -> Assessment:
    """Give each suspect its verdict."""
    return Assessment(
        pair, judge(pair.suspects, pair.calibration, alpha=alpha, correction=correction, blind=pair.blind)
    )


def verdict_table(found: Assessment) -> pa.Table:
    """Return the verdicts as a ledger table (`tables.VERDICTS`)."""
    documents, verdicts, blind = found.pair.suspects, found.verdicts, found.pair.blind
    count, band = len(documents), verdicts.calibration

    def same(value: Any) -> list[Any]:
        return [value] * count

    columns: dict[str, Any] = {
        "document": documents.first,
        "texts": documents.texts,
        "doc_id": documents.table.column("doc_id"),
        "content_id": documents.table.column("content_id"),
        "id": documents.table.column("id"),
        "source": documents.table.column("source"),
        "method": same(documents.method),
        "params": same(documents.params),
        "verdict": verdicts.words,
        "reason": verdicts.reasons,
        "score": _null(documents.scores),
        "p_value": _null(verdicts.p),
        "adjusted_p": _null(verdicts.adjusted),
        "alpha": same(verdicts.alpha),
        "correction": same(verdicts.correction),
        "calibration_documents": same(verdicts.non_members),
        "fpr_low": same(band.fpr_low if band else None),
        "fpr_high": same(band.fpr_high if band else None),
        "blind_outcome": same(blind.outcome if blind else "not run"),
        "blind_auroc": same(blind.auroc if blind else None),
        "blind_low": same(blind.low if blind else None),
        "blind_high": same(blind.high if blind else None),
        **{field.name: documents.table.column(field.name) for field in ORIGIN},
    }
    arrays = [
        columns[field.name].combine_chunks()
        if isinstance(columns[field.name], pa.ChunkedArray)
        else pa.array(columns[field.name], field.type)
        for field in VERDICTS
    ]
    return pa.Table.from_arrays(arrays, schema=VERDICTS)


def _null(values: npt.NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=np.isnan(values))


def _own_texts(texts: pa.LargeStringArray, side: Documents) -> pa.LargeStringArray:
    """Return the first text of each document, made sure to be what was scored."""
    own = texts.take(pa.array(side.first))
    ids = [None if value is None else value.bytes for value in value_ids(normal_bytes(own)).to_pylist()]
    for row, (now, then) in enumerate(zip(ids, side.content_ids, strict=True)):
        if now != then:
            raise InputError(
                f"text {side.first[row]} is not the one that was scored as {side.names[row]}; give the file that `score` was given"
            )
    return own


def _placed(side: Documents) -> list[str]:
    """Return each document's name and the rows of its texts, by which one without an id is found."""
    order = np.argsort(side.unit, kind="stable")
    rows = np.split(side.rows[order], np.cumsum(side.texts)[:-1])
    return [
        f"{name} (row {', '.join(map(str, own[:SHOWN]))}{', ...' if len(own) > SHOWN else ''})"
        for name, own in zip(side.names, rows, strict=True)
    ]


def _refuse_equal(suspects: Documents, calibration: Documents) -> None:
    there = set(calibration.content_ids) - {None}
    shared = [
        name
        for name, content in zip(_placed(suspects), suspects.content_ids, strict=True)
        if content in there
    ]
    if shared:
        raise InputError(
            f"{len(shared)} suspects stand among the known non-members: {', '.join(shared[:10])}. A text cannot be both; take "
            "them out of one of the two sets"
        )
