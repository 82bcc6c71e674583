"""DC-PDD against the variants that circulate under its name: ours is none of them."""

from __future__ import annotations

import numpy as np
import pytest
from traces import UNSTARTED, table_of, trace_of

from datagov.errors import ConfigError
from detectors.membership.dc_pdd import DC_PDD
from detectors.membership.method import Inputs

A = 0.01
DOCUMENTS = [[1, 1, 1, 2], [1, 3], [4, 2]]
"""The reference corpus: token 1 occurs four times, in two documents."""
TERM_COUNTS = [0, 4, 2, 1, 1, 0]
DOCUMENT_COUNTS = [0, 2, 2, 1, 1, 0]
LOGPROBS = [-6.5, -7.25, -6.0, -8.0]
TEXT = [5, 1, 2, 3]
TRACE = trace_of([LOGPROBS], token_ids=[TEXT])


def paper(counts: list[int], start: int = 0) -> float:
    """The paper's formula, written out; `start` leaves out first tokens."""
    total, size = sum(counts), len(counts)
    alphas = [
        min(-np.exp(ln_p) * np.log((counts[token] + 1) / (total + size)), A)
        for ln_p, token in list(zip(LOGPROBS, TEXT, strict=True))[start:]
    ]
    return float(np.mean(alphas))


def ours(**given: object) -> float:
    found = DC_PDD.score(
        Inputs(TRACE, frequency=table_of(TERM_COUNTS), vocabulary_size=6), {**DC_PDD.defaults, **given}
    )
    assert found.reasons == [None]
    return float(found.values[0])


def test_ours_is_the_papers() -> None:
    assert [sum(d.count(t) for d in DOCUMENTS) for t in range(6)] == TERM_COUNTS
    assert ours() == pytest.approx(paper(TERM_COUNTS), abs=1e-9)


def test_ours_is_not_the_one_with_raw_counts() -> None:
    # the released scoring file, and MINT: min(-p ln count, a), count 0 -> a
    raw = float(
        np.mean(
            [
                A if TERM_COUNTS[t] == 0 else min(-np.exp(ln_p) * np.log(TERM_COUNTS[t]), A)
                for ln_p, t in zip(LOGPROBS, TEXT, strict=True)
            ]
        )
    )
    assert abs(ours() - raw) > 1e-4
    assert ours(mode="official-score", drop_first=False) == pytest.approx(raw, abs=1e-9)


def test_ours_is_not_the_one_with_document_frequency() -> None:
    # MIMIR: adding at repeated indices counts each document once
    assert [sum(t in d for d in DOCUMENTS) for t in range(6)] == DOCUMENT_COUNTS
    assert abs(ours() - paper(DOCUMENT_COUNTS)) > 1e-5


def test_ours_is_not_the_one_without_a_start_token() -> None:
    # every release but MIMIR's: the first token has no probability and is not scored
    assert abs(ours() - paper(TERM_COUNTS, start=1)) > 1e-5


def test_without_a_start_token_the_papers_score_is_undefined() -> None:
    trace = trace_of([LOGPROBS], token_ids=[TEXT], origin=UNSTARTED)
    inputs = Inputs(trace, frequency=table_of(TERM_COUNTS), vocabulary_size=6)
    assert DC_PDD.score(inputs, DC_PDD.defaults).reasons == ["no_start_token"]
    official = DC_PDD.score(inputs, {**DC_PDD.defaults, "mode": "official-score"})
    assert official.details["first_occurrences"][0] == 4  # the first token is unscored in the trace itself


def test_ours_is_not_the_one_without_normalisation() -> None:
    # Fast-MIA: p ln(1 / (count + 1e-10)) against the cap
    bare = float(
        np.mean(
            [
                min(np.exp(ln_p) * np.log(1 / (TERM_COUNTS[t] + 1e-10)), A)
                for ln_p, t in zip(LOGPROBS, TEXT, strict=True)
            ]
        )
    )
    assert abs(ours() - bare) > 1e-4


def test_a_table_of_another_tokenizer_is_refused() -> None:
    inputs = Inputs(TRACE, frequency=table_of(TERM_COUNTS, tokenizer="t2"), vocabulary_size=6)
    with pytest.raises(ConfigError, match="counted with tokenizer t2"):
        DC_PDD.score(inputs, DC_PDD.defaults)


def test_the_explanation_adds_up_to_the_score() -> None:
    inputs = Inputs(TRACE, frequency=table_of(TERM_COUNTS), vocabulary_size=6)
    assert DC_PDD.explain is not None
    told = DC_PDD.explain(inputs, DC_PDD.defaults)
    assert (told.values_T <= 0).all()
    assert np.nanmean(told.values_T) + A == pytest.approx(ours(), abs=1e-12)
