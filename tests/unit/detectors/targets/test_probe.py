"""The probe: an honest endpoint is exact in each convention, and each lie is caught by the check made for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizing
from trigram import TrigramTarget

from datagov.errors import TargetMisaligned, TargetRefused
from detectors.ragged import TokenBatch

Open = Callable[..., Any]


def failed(target: Any) -> dict[str, str]:
    return {check.name: check.detail for check in target.conformance.checks if check.outcome == "failed"}


@pytest.mark.parametrize("api", ["openai", "vllm"])
@pytest.mark.parametrize("fault", ["", "unordered"])
def test_an_honest_endpoint_is_exact(open_faulty: Open, api: str, fault: str) -> None:
    with open_faulty(fault, api=api) as (target, _):
        found = target.capabilities
        assert failed(target) == {}
        assert (found.prompt_logprobs, found.generated_logprobs) == ("exact", "exact")
        assert found.tolerance_nats < 1e-6
        assert found.batch_prompts == 32
        assert found.context_tokens == 299
        assert found.deterministic


def test_what_the_engine_gives_besides_is_found(open_faulty: Open) -> None:
    with open_faulty(api="vllm") as (target, _):
        assert target.capabilities.statistics == {"rank", "top1", "top_logprobs"}
        assert target.capabilities.top_logprobs == 1  # 20 and 5 are refused by this endpoint
    with open_faulty(api="openai") as (target, _):
        assert target.capabilities.statistics == frozenset()


LIES = [
    ("openai", "off_by_one", "misaligned", "alignment", "too early"),
    ("openai", "off_by_one_late", "misaligned", "alignment", "too late"),
    ("openai", "zeros", "misaligned", "answers", "are 0"),
    ("openai", "nan", "misaligned", "answers", "is NaN"),
    ("openai", "positive", "misaligned", "answers", "is 0.25, above 0"),
    ("openai", "floor", "misaligned", "answers", "-9999"),
    ("openai", "text_for_a_number", "misaligned", "answers", "is '-1.5'"),
    ("openai", "null_list", "absent", "answers", "are null"),
    ("openai", "no_echo", "absent", "answers", "'logprobs' is missing"),
    ("openai", "doubled_bos", "misaligned", "answers", "adds or cuts tokens"),
    ("openai", "swapped", "misaligned", "batch", "at once differ|adds or cuts"),
    ("openai", "strings_only", "absent", "answers", "prompt must be a string"),
    ("openai", "ids_break", "absent", "answers", "takes text and no token ids.*Internal Server Error"),
    ("vllm", "ids_break", "absent", "answers", "takes text and no token ids"),
    ("openai", "no_choices", "absent", "answers", "has 0 choices"),
    ("openai", "huge", "absent", "answers", "larger than 1000000 bytes"),
    ("vllm", "off_by_one", "misaligned", "alignment", "too early"),
    ("vllm", "entries_of_others", "misaligned", "answers", "no entry for the prompt's own token"),
    ("vllm", "zeros", "misaligned", "answers", "are 0|above 1"),
    ("vllm", "null_list", "absent", "answers", "are null"),
    ("vllm", "one_null", "misaligned", "answers", "has 1 entries"),
    ("vllm", "no_echo", "absent", "answers", "'prompt_logprobs' is missing"),
    ("vllm", "doubled_bos", "misaligned", "answers", "adds or cuts tokens"),
]


@pytest.mark.parametrize(
    ("api", "fault", "verdict", "check", "said"), LIES, ids=lambda value: str(value)[:20]
)
def test_a_lie_is_caught_by_the_check_made_for_it(
    open_faulty: Open, quick_limits: Any, api: str, fault: str, verdict: str, check: str, said: str
) -> None:
    limits = replace(quick_limits, response_bytes=1_000_000)
    with open_faulty(fault, api=api, limits=limits) as (target, _):
        assert target.capabilities.prompt_logprobs == verdict
        assert re.search(said, failed(target)[check]), failed(target)[check]
        # Nothing can be scored with it, and the reason is the finding.
        with pytest.raises((TargetMisaligned, TargetRefused), match="cannot be scored"):
            target.trace(target.encode(["some text"]))


def test_generated_values_that_are_wrong_are_found(open_faulty: Open) -> None:
    with open_faulty("wrong_generated") as (target, _):
        assert target.capabilities.generated_logprobs == "wrong"
        assert target.capabilities.prompt_logprobs != "exact"  # nothing is left to confirm them with


def test_generated_values_stay_exact_where_those_of_prompts_are_shifted(open_faulty: Open) -> None:
    with open_faulty("off_by_one") as (target, _):
        assert target.capabilities.generated_logprobs == "exact"


@pytest.mark.parametrize("fault", ["ids_break", "strings_only"])
def test_what_is_generated_after_text_is_believed_where_ids_are_not_taken(
    open_faulty: Open, fault: str
) -> None:
    with open_faulty(fault) as (target, _):
        assert (target.capabilities.prompt_logprobs, target.capabilities.id_prompts) == ("absent", False)
        assert target.capabilities.generated_logprobs == "exact"
        assert not target.takes_ids


@pytest.mark.parametrize(
    ("fault", "api", "said"),
    [
        ("llama_server", "openai", "'token_logprobs' is missing"),
        ("llama_server", "vllm", "'prompt_logprobs' is missing"),
        ("older_llama_server", "openai", "fails when prompts are to be scored .HTTP 500: Only no echo is"),
        ("older_llama_server", None, "fails when prompts are to be scored"),
    ],
)
def test_a_server_that_scores_no_prompts_is_still_read_for_what_it_generates(
    open_faulty: Open, trigram: TrigramTarget, fault: str, api: str | None, said: str
) -> None:
    with open_faulty(fault, api=api) as (target, _):
        assert target.capabilities.prompt_logprobs == "absent"
        assert re.search(said, failed(target)["answers"])
        assert target.capabilities.generated_logprobs == "exact"
        prefixes = TokenBatch.of(
            [[0, *target.encode([text]).token_ids[:4]] for text in tokenizing.SENTENCES[:3]]
        )
        here, there = target.force(prefixes, 5), trigram.force(prefixes, 5)
        assert here.token_ids_NS.tolist() == there.token_ids_NS.tolist()
        np.testing.assert_allclose(here.logprob_NS, there.logprob_NS, atol=1e-6)


def test_a_prompt_that_is_cut_gives_the_context_away(open_faulty: Open) -> None:
    with open_faulty("truncated") as (target, _):
        details = {check.name: check.detail for check in target.conformance.checks}
        assert "adds or cuts tokens" in details["context"]
        assert target.capabilities.context_tokens == 128


def test_an_endpoint_of_single_prompts_is_asked_one_by_one(open_faulty: Open, trigram: TrigramTarget) -> None:
    with open_faulty("single_only") as (target, endpoint):
        assert target.capabilities.batch_prompts == 1
        before = endpoint.requests
        target.trace(target.encode(["one text", "another text"]))
        assert endpoint.requests == before + 2


@pytest.mark.parametrize("api", ["openai", "vllm"])
def test_another_tokenizer_is_found(open_faulty: Open, tmp_path: Path, api: str) -> None:
    other = tokenizing.make_tokenizer(tmp_path, vocabulary=400, seed=1)
    with open_faulty(api=api, model=TrigramTarget(other)) as (target, _):
        assert "tokenizer" in failed(target)
        assert target.capabilities.prompt_logprobs == "misaligned"


def test_without_a_named_convention_the_one_that_is_exact_is_taken(open_faulty: Open) -> None:
    with open_faulty("one_null", api=None) as (target, _):
        assert target.conformance.convention == "openai"
        assert target.capabilities.prompt_logprobs == "exact"


def test_the_record_is_json(open_faulty: Open) -> None:
    import json

    with open_faulty("off_by_one", api="openai") as (target, _):
        record = json.loads(json.dumps(target.conformance.record()))
    assert record["prompt_logprobs"] == "misaligned"
    assert {check["name"] for check in record["checks"]} >= {"answers", "alignment", "tokenizer"}
    assert record["verified_live"] is True
