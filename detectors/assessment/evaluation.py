"""How well each method parts known members from known non-members."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from datagov.errors import ConfigError, InputError, did_you_mean
from detectors.statistics.documents import Documents, documents_of, methods_of, require_control
from detectors.statistics.pairing import paired_auroc
from detectors.statistics.roc import auroc, operating_point, predictive_value

__all__ = ["FPRS", "PRIORS", "evaluate", "labelled_documents"]

FPRS: Final = (0.001, 0.01, 0.05)
PRIORS: Final = (0.01, 0.1, 0.5)


def labelled_documents(
    scores: pa.Table, labels: npt.NDArray[np.float64], method: str, params: dict[str, Any], *, reduce: str
) -> tuple[Documents, npt.NDArray[np.float64]]:
    """Return a method's documents and the label of each: that of its texts that have one, NaN where none has.

    Raises
    ------
    InputError
        A document has texts of both labels.
    """
    found = documents_of(scores, method, params, reduce=reduce)
    own = pc.and_(pc.equal(scores.column("method"), method), pc.equal(scores.column("params"), found.params))
    label = labels[own.to_numpy()]
    member, other = (np.bincount(found.unit[label == kind], minlength=len(found)) > 0 for kind in (1.0, 0.0))
    both = np.flatnonzero(member & other)
    if len(both):
        listed = ", ".join(found.names[row] for row in both[:10])
        raise InputError(
            f"{len(both)} documents have texts that are members and texts that are not (texts with the same doc_id, or that say the "
            f"same, are one document): {listed}; take them out of one of the two"
        )
    return found, np.where(member, 1.0, np.where(other, 0.0, np.nan))


def evaluate(
    scores: pa.Table,
    labels: npt.NDArray[np.float64],
    *,
    methods: Sequence[str] = (),
    reduce: str = "mean",
    priors: Sequence[float] = PRIORS,
    control: pa.Table | None = None,
    cluster: str | None = None,
) -> list[dict[str, Any]]:
    """Return one record a method and set of parameters, in the order of the table.

    Parameters
    ----------
    scores : pyarrow Table
        `documents.read_scores`.
    labels : float64[rows]
        `labels.read_labels`.
    methods : sequence of str
        Only these; all where none is named.
    reduce : str
        See `documents_of`.
    priors : sequence of float
        Shares of members that the predictive value is stated for.
    control : pyarrow Table, optional
        Scores of the same texts under a target that cannot have seen them.
    cluster : str, optional
        Column of the scores whose values say what documents belong together, e.g. `source`.

    Raises
    ------
    ConfigError, InputError
        See `documents_of`; a method that is not in the table; no method scores two documents of either kind. One that does not
        while others do has an `auroc` of None and the `reason`.
    """
    if cluster is not None:
        if cluster not in scores.column_names:
            raise ConfigError(
                f"the scores have no column {cluster!r} to cluster by. {did_you_mean(cluster, scores.column_names)}"
            )
        if scores.column(cluster).null_count == len(scores):
            raise ConfigError(f"the scores' column {cluster!r} is empty; there is nothing to cluster by")
    records = []
    pairs = methods_of(scores)
    for name in methods:
        if name not in {method for method, _ in pairs}:
            documents_of(scores, name)
    for method, params in pairs:
        if methods and method not in methods:
            continue
        found, label = labelled_documents(scores, labels, method, json.loads(params), reduce=reduce)
        usable = found.scored & ~np.isnan(label)
        member, other = usable & (label == 1), usable & (label == 0)
        clusters = None
        if cluster is not None:
            clusters = _clusters(found.table.column(cluster).to_pylist(), member, other)
        few = min(member.sum(), other.sum()) < 2
        area = None if few else auroc(found.scores[member], found.scores[other], clusters=clusters)
        record: dict[str, Any] = {
            "method": method,
            "params": json.loads(params),
            "members": int(member.sum()),
            "non_members": int(other.sum()),
            "without_score": int((~found.scored & ~np.isnan(label)).sum()),
            "unlabelled": int(np.isnan(label).sum()),
            "auroc": None if area is None else asdict(area),
            "operating_points": [
                _point(found.scores[member], found.scores[other], fpr, priors)
                for fpr in FPRS
                if area is not None
            ],
        }
        if area is None:
            record["reason"] = (
                f"an AUROC needs two members and two non-members with scores; there are {member.sum()} and {other.sum()}"
            )
        elif control is not None:
            record["control"] = _against(control, found, label, json.loads(params), reduce)
        records.append(record)
    if all(record["auroc"] is None for record in records):
        raise InputError(
            "no method can be evaluated: "
            + "; ".join(f"{record['method']}: {record['reason']}" for record in records)
        )
    return records


def _clusters(
    values: list[Any], member: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the clusters of members and of non-members; a document without a value is one of its own."""
    names = np.array([f"row {row}" if value is None else f"= {value}" for row, value in enumerate(values)])
    return names[member], names[other]


def _point(
    members: npt.NDArray[np.float64], others: npt.NDArray[np.float64], fpr: float, priors: Sequence[float]
) -> dict[str, Any]:
    point = operating_point(members, others, fpr)
    if point is None:
        return {"asked_fpr": fpr, "reason": f"fewer than {round(1 / fpr)} non-members cannot show this rate"}
    return {
        **asdict(point),
        "predictive_values": [
            {
                "prior": prior,
                "value": predictive_value(point.tpr, point.fpr, prior),
                "low": predictive_value(point.tpr_low, point.fpr_high, prior),
                "high": predictive_value(point.tpr_high, point.fpr_low, prior),
            }
            for prior in priors
        ],
    }


def _against(
    control: pa.Table,
    found: Documents,
    label: npt.NDArray[np.float64],
    params: dict[str, Any],
    reduce: str,
) -> dict[str, Any]:
    """Compare with the control, over documents that have both scores."""
    other = documents_of(control, found.method, params, reduce=reduce, where="control")
    require_control(found, other)
    usable = found.scored & other.scored & ~np.isnan(label)
    sides = [
        (found.scores[usable & (label == value)], other.scores[usable & (label == value)])
        for value in (1.0, 0.0)
    ]
    return asdict(paired_auroc(sides[0], sides[1])) | {"target_digest": other.origin["target"]}
