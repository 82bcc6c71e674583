"""Published methods that are not here, and why."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LEFT_OUT", "LeftOut"]


@dataclass(frozen=True)
class LeftOut:
    """A published method that is not implemented."""

    name: str
    reason: str


LEFT_OUT: tuple[LeftOut, ...] = (
    LeftOut(
        "neighbourhood",
        "26 to 101 passes a text, and a masked language model that has to fit the texts' language; pac asks the same "
        "question for 6 passes (Mattern et al. 2023)",
    ),
    LeftOut(
        "SaMIA",
        "five to ten sampled generations a text for less power than one pass gives (Kaneko et al. 2024)",
    ),
    LeftOut("CAMIA", "is fitted on labelled members, which an auditor does not have (Chang et al. 2024)"),
    LeftOut(
        "ACMIA",
        "needs the whole distribution at 51 temperatures; the best of them is chosen on the test set (2025)",
    ),
    LeftOut(
        "PDR", "its decay law could not be had; it reweighs other methods' token scores by position (2026)"
    ),
    LeftOut(
        "DE-COP",
        "24 questions a passage and paraphrases by another model, which leave marks of their own (2024)",
    ),
    LeftOut("GradNorm", "needs gradients of the target; nothing here reads more than its outputs"),
    LeftOut(
        "dataset inference",
        "is a test of a set of texts, not a score of one: `datagov detect set-test` (Maini et al. 2024)",
    ),
    LeftOut(
        "sharded permutation",
        "tests the order of a data set's examples; about 250 passes over the whole set (Oren et al. 2023)",
    ),
    LeftOut(
        "contamination score",
        "the fraction of reference continuations with a lower loss; its decision rule has no published reason",
    ),
)
