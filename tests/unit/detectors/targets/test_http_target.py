"""An endpoint as a target: the model's own numbers, retries with an end, limits that hold, and no silent change of model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizing import SENTENCES
from trigram import TrigramTarget

from datagov.errors import ConfigError, TargetMisaligned, TargetRefused, TargetUnavailable
from detectors.ragged import TokenBatch
from detectors.targets.http.answers import checked
from detectors.targets.http.wire import Scored
from detectors.targets.opening import OpenOptions, open_target

Open = Callable[..., Any]


def windows_of(target: Any) -> TokenBatch:
    """The sentences with their start token, an empty row, and one with nothing to score."""
    encoded = target.encode(SENTENCES)
    return TokenBatch.of([[0, *encoded.row(row)] for row in range(len(encoded))] + [[], [7]])


@pytest.mark.parametrize("api", ["openai", "vllm"])
def test_traces_are_the_models_own(open_faulty: Open, trigram: TrigramTarget, api: str) -> None:
    with open_faulty("unordered", api=api) as (target, _):
        windows = windows_of(target)
        found, expected = target.trace(windows), trigram.trace(windows)
        np.testing.assert_allclose(found.logprob_T, expected.logprob_T, atol=1e-6)
        assert found.token_ids_T.tolist() == expected.token_ids_T.tolist()
        assert found.offsets.tolist() == expected.offsets.tolist()
        assert (found.texts, found.text_W.tolist()) == (8, [0, 1, 2, 3, 4, 5])
        if api == "vllm":
            assert found.rank_T is not None
            assert found.rank_T.tolist() == expected.rank_T.tolist()
            np.testing.assert_allclose(found.top1_T, expected.top1_T, atol=1e-6)


def test_continuations_are_the_models_own(open_faulty: Open, trigram: TrigramTarget) -> None:
    with open_faulty(api="vllm") as (target, _):
        windows = TokenBatch.of([[0, 5, 9], [0, 77]])
        found, expected = target.force(windows, 5), trigram.force(windows, 5)
        assert found.token_ids_NS.tolist() == expected.token_ids_NS.tolist()
        np.testing.assert_allclose(found.logprob_NS, expected.logprob_NS, atol=1e-6)
    with open_faulty(api="openai") as (target, _), pytest.raises(TargetRefused, match="strings only"):
        target.force(windows, 5)


def test_ids_are_sent_and_nothing_else(open_faulty: Open) -> None:
    with open_faulty(api="openai") as (target, endpoint):
        endpoint.seen.clear()
        target.trace(windows_of(target))
        prompts = [prompt for request in endpoint.seen for prompt in request["prompt"]]
        assert len(prompts) == len(SENTENCES)
        assert all(prompt[0] == 0 and all(isinstance(token, int) for token in prompt) for prompt in prompts)
        assert {request["temperature"] for request in endpoint.seen} == {0}


def test_a_digest_names_the_model_behind_the_url(open_faulty: Open, tokenizer_file: Path) -> None:
    with open_faulty() as (target, endpoint):
        url = target._endpoint.client.base
        again = open_target(url, OpenOptions(tokenizer=tokenizer_file, api="openai"))
        assert again.facts.digest == target.facts.digest
        endpoint.target = TrigramTarget(tokenizer_file, seed=1)
        other = open_target(url, OpenOptions(tokenizer=tokenizer_file, api="openai"))
        assert other.facts.digest != target.facts.digest
        again.close()
        other.close()


def test_a_model_that_is_exchanged_during_a_run_is_noticed(open_faulty: Open, tokenizer_file: Path) -> None:
    with open_faulty() as (target, endpoint):
        target.confirm()
        endpoint.target = TrigramTarget(tokenizer_file, seed=1)
        with pytest.raises(TargetMisaligned, match="another model"):
            target.confirm()


LATE = 10_000


@pytest.mark.parametrize("fault", ["busy", "broken", "slow"])
def test_a_request_that_fails_once_is_repeated(
    open_faulty: Open, trigram: TrigramTarget, quick_limits: Any, fault: str
) -> None:
    with open_faulty() as (target, endpoint):
        target._endpoint.client.limits = replace(quick_limits, request_s=1.5)
        endpoint.fault, endpoint.heals = fault, True
        windows = windows_of(target)
        np.testing.assert_allclose(
            target.trace(windows).logprob_T, trigram.trace(windows).logprob_T, atol=1e-6
        )


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("busy", "HTTP 429: later"),
        ("broken", "HTTP 500"),
        ("slow", "timed out"),
        ("dripping", "not complete after 0.3 s"),
    ],
)
def test_repeating_has_an_end(open_faulty: Open, quick_limits: Any, fault: str, said: str) -> None:
    with open_faulty() as (target, endpoint):
        target._endpoint.client.limits = replace(quick_limits, request_s=0.3)
        endpoint.fault, before = fault, endpoint.requests
        with pytest.raises(TargetUnavailable, match=f"no answer after 3 tries.*{said}"):
            target.trace(TokenBatch.of([[0, 1, 2]]))
        assert endpoint.requests == before + 3


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ("huge", TargetRefused, "larger than 1000000 bytes"),
        ("nan", TargetMisaligned, "position 41 is NaN"),
        ("zeros", TargetMisaligned, "are 0"),
        ("doubled_bos", TargetMisaligned, "adds or cuts"),
        ("truncated", TargetMisaligned, "adds or cuts"),
        ("no_choices", TargetRefused, "has 0 choices"),
    ],
)
def test_a_lie_told_after_the_probe_is_refused(
    open_faulty: Open, quick_limits: Any, fault: str, error: type[Exception], said: str
) -> None:
    with open_faulty(limits=replace(quick_limits, response_bytes=1_000_000)) as (target, endpoint):
        endpoint.fault = fault
        windows = TokenBatch.of([[0, *range(100, 141)] * (6 if fault == "truncated" else 1)])
        with pytest.raises(error, match=said):
            target.trace(windows)


def test_an_endpoint_that_stops_half_way_loses_nothing_that_was_traced(
    open_faulty: Open, trigram: TrigramTarget
) -> None:
    """Batches that were answered stay answered; asked again they give the same, and the rest follows."""
    with open_faulty() as (target, endpoint):
        batches = [TokenBatch.of([[0, *range(at, at + 9)]]) for at in range(1, 7)]
        endpoint.after = endpoint.requests + 3
        endpoint.fault = "broken"
        done = [target.trace(batch) for batch in batches[:3]]
        with pytest.raises(TargetUnavailable, match="the same command resumes"):
            target.trace(batches[3])
        endpoint.fault = ""
        done += [target.trace(batch) for batch in batches[3:]]
        target.confirm()
        for batch, trace in zip(batches, done, strict=True):
            np.testing.assert_allclose(trace.logprob_T, trigram.trace(batch).logprob_T, atol=1e-6)


def test_a_window_past_the_context_is_refused_before_it_is_sent(open_faulty: Open) -> None:
    with open_faulty() as (target, endpoint):
        before = endpoint.requests
        with pytest.raises(TargetRefused, match="a window of 2000 tokens, the endpoint takes 299"):
            target.trace(TokenBatch.of([[0] * 2000]))
        assert endpoint.requests == before


def test_a_key_comes_from_the_environment_and_is_never_shown(
    open_faulty: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAGOV_TARGET_KEY", "s3cret")
    with open_faulty() as (target, endpoint):
        endpoint.fault = "no_key"
        with pytest.raises(TargetRefused, match="HTTP 401: invalid key") as caught:
            target.trace(TokenBatch.of([[0, 1]]))
        assert "s3cret" not in caught.value.message
        assert "s3cret" not in repr(target.facts) + json.dumps(target.conformance.record())


def test_options_that_do_not_fit_are_refused(tokenizer_file: Path) -> None:
    url = "http://127.0.0.1:9"
    for options, said in (
        (OpenOptions(), "name the model's tokenizer"),
        (OpenOptions(tokenizer=tokenizer_file, dtype="float32"), "--dtype is for checkpoints"),
        (OpenOptions(tokenizer=tokenizer_file, api="vlm"), "Did you mean 'vllm'"),
        (OpenOptions(tokenizer=tokenizer_file, start_token="<nothing>"), "no token"),  # noqa: S106 - a token of a vocabulary
    ):
        with pytest.raises(ConfigError, match=said):
            open_target(url, options)


def test_several_models_have_to_be_told_apart(open_faulty: Open, tokenizer_file: Path) -> None:
    options = OpenOptions(tokenizer=tokenizer_file, model="trigam", api="openai")
    said = r"does not serve 'trigam'\. Did you mean 'trigram'"
    with open_faulty() as (target, _), pytest.raises(ConfigError, match=said):
        open_target(target._endpoint.client.base, options)


@settings(max_examples=examples(200))
@given(
    values=st.lists(
        st.one_of(st.none(), st.floats(-50, 0.5), st.just(float("nan")), st.just(-9999.0)), max_size=8
    ),
    extra=st.integers(-1, 1),
)
def test_what_passes_the_check_is_what_a_model_can_say(values: list[float | None], extra: int) -> None:
    ids = list(range(max(len(values) + 1 + extra, 1)))
    try:
        row = checked(Scored([None, *values]), ids, top=0, where="here")
    except (TargetMisaligned, TargetRefused):
        return
    assert len(row.logprob) == len(values) == len(ids) - 1
    assert all(value is not None for value in values)
    assert np.all((row.logprob <= 0) & (row.logprob > -9999))
    assert len(values) < 4 or row.logprob.any()
