"""An assessment as one self-contained page, and as JSON: verdicts, what they rest on, pictures, caveats in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from detectors.assessment.drawing import HeatToken, bars_of, roc_of
from detectors.assessment.suspects import Assessment, verdict_table
from detectors.statistics.roc import auroc
from detectors.token_texts import PART

__all__ = ["caveats", "page", "record"]

MOST_ROWS: Final = 200
MEANINGS: Final = (
    (
        "evidence",
        "Known non-members seldom score so high, and the two sets look alike to a classifier without the model.",
    ),
    (
        "no evidence",
        (
            "The score is within what non-members reach. It does not say that the text was not trained on: most trained texts "
            "leave no mark that can be seen this way."
        ),
    ),
    (
        "confounded",
        (
            "Suspects can be told from known non-members by words, years or length alone. A high score may mean no more than "
            "that."
        ),
    ),
    (
        "not calibratable",
        "There are too few known non-members, they are not alike, or it could not be decided whether they are.",
    ),
)


def record(found: Assessment) -> dict[str, Any]:
    """Return everything the page says, as JSON knows it."""
    scored = _scores(found)
    area = asdict(auroc(*scored)) if min(map(len, scored)) >= 2 else None
    rows = verdict_table(found).select(
        ["document", "texts", "id", "source", "verdict", "reason", "score", "p_value", "adjusted_p"]
    )
    return {
        **found.summary(),
        "auroc": area,
        "caveats": caveats(found),
        "documents": [
            {"name": name, **row}
            for name, row in zip(found.pair.suspects.names, rows.to_pylist(), strict=True)
        ],
    }


def page(
    found: Assessment, *, heat: Sequence[tuple[str, list[HeatToken]]] = (), heat_meaning: str = ""
) -> str:
    """Return the report as HTML that loads nothing.

    Parameters
    ----------
    found : Assessment
    heat : sequence of (name, tokens)
        Texts to be shown token by token (`drawing.heat_of`).
    heat_meaning : str
        `Explanation.meaning` of the method.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - loaded where a page is written

    told = record(found)
    scored = _scores(found)
    band = found.verdicts.calibration
    drawable = min(map(len, scored)) >= 2
    documents = sorted(told["documents"], key=lambda row: (row["p_value"] is None, row["p_value"]))
    environment = Environment(
        loader=PackageLoader("detectors.assessment"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters["number"] = lambda value: "" if value is None else f"{value:.4g}"
    return environment.get_template("report.html.j2").render(
        summary=told,
        meanings=MEANINGS,
        caveats=told["caveats"],
        auroc=told["auroc"],
        roc=roc_of(*scored) if drawable else None,
        bars=bars_of(*scored, None if band is None else band.value) if drawable else None,
        heat=heat,
        heat_meaning=heat_meaning,
        part=PART,
        documents=documents[:MOST_ROWS],
        more=max(len(documents) - MOST_ROWS, 0),
    )


def caveats(found: Assessment) -> list[str]:
    """Return what a reader has to know, in plain words."""
    verdicts, band, blind = found.verdicts, found.verdicts.calibration, found.verdicts.blind
    level = f"{100 * verdicts.alpha:.4g}%"
    told = []
    if band is None:
        told.append(
            f"{verdicts.non_members} known non-members are too few for the rate {verdicts.alpha:g}: no score could be evidence."
        )
    else:
        told.append(
            f"Of documents that are no members, {band.mean_fpr:.2%} score so high over all calibration sets that might have "
            f"been drawn; for this one the true rate lies between {band.fpr_low:.2%} and {band.fpr_high:.2%} (95 %)."
        )
    if blind is None:
        told.append("No blind check was made, so that nothing is said of any document.")
    else:
        told.append(
            f"A classifier that sees no model tells suspects from known non-members with an AUROC of {blind.auroc:.3f} "
            f"[{blind.low:.3f}, {blind.high:.3f}], p = {blind.p_value:.3g}: {blind.outcome}."
        )
    residual = found.pair.residual
    if residual is not None:
        told.append(
            f"Among documents that look alike to that classifier the score itself parts them with an AUROC of {residual.auroc:.3f} "
            f"[{residual.low:.3f}, {residual.high:.3f}] ({residual.suspects} suspects, {residual.non_members} non-members)."
        )
    told.append(
        {
            "bh": f"Of the documents called evidence a share of at most {level} is expected to be false.",
            "holm": f"The chance that any document is falsely called evidence is at most {level}.",
            "none": f"Of documents that are no members about {level} will be called evidence; with many suspects some will.",
        }[verdicts.correction]
    )
    told.append(
        "All this holds if a suspect that is no member is like the known non-members: same source, same time, same length. "
        "Evidence is statistical and of a document, or a near-copy of it; it proves no intent and no single act."
    )
    return told


def _scores(found: Assessment) -> tuple[Any, Any]:
    suspects, calibration = found.pair.suspects, found.pair.calibration
    return suspects.scores[suspects.scored], calibration.scores[calibration.scored]
