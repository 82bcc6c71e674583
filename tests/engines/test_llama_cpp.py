"""llama-cpp-python on a lab's GGUF file: right in process; its server's values of prompts belong to other tokens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import numpy as np
import pytest
from lab_models import SMALL
from tokenizing import SENTENCES, make_tokenizer

from datagov.errors import TargetError, TargetRefused
from detectors.lab.train import Lab
from detectors.ragged import TokenBatch
from detectors.targets.http.opening import open_target as open_endpoint
from detectors.targets.opening import OpenOptions, open_target
from detectors.targets.target import Target

NATS = 0.02
"""The library's key-value cache is half precision; 0.003 was seen."""


@pytest.fixture(scope="module")
def local(lab: Lab) -> Target:
    return open_target(str(lab.model), OpenOptions(device="cpu"))


@pytest.fixture(scope="module")
def in_process(llama_python: Path, lab: Lab) -> Iterator[Target]:
    (packages,) = (llama_python.parents[1] / "lib").glob("python3.*/site-packages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [*sys.path, str(packages)])
        yield open_target(f"gguf:{lab.gguf}", OpenOptions())


def test_a_gguf_file_in_process_says_what_the_checkpoint_says(in_process: Target, local: Target) -> None:
    ids = in_process.encode(SENTENCES)
    assert [ids.row(row).tolist() for row in range(len(ids))] == [
        local.encode(SENTENCES).row(row).tolist() for row in range(len(ids))
    ]
    here, there = in_process.trace(ids), local.trace(ids)
    assert here.token_ids_T.tolist() == there.token_ids_T.tolist()
    for name in ("logprob_T", "entropy_T", "variance_T", "top1_T"):
        assert np.abs(getattr(here, name) - getattr(there, name)).max() < NATS, name
    surer = np.flatnonzero(np.exp(there.top1_T) > 0.5)
    assert here.top1_id_T[surer].tolist() == there.top1_id_T[surer].tolist()
    assert in_process.capabilities.tolerance_nats < NATS
    assert in_process.capabilities.context_tokens == SMALL.model.context


def test_a_gguf_file_takes_the_tokenizer_it_was_converted_with(
    in_process: Target, local: Target, lab: Lab, tmp_path: Path
) -> None:
    named = open_target(f"gguf:{lab.gguf}", OpenOptions(tokenizer=lab.model))
    assert named.facts.tokenizer_digest == local.facts.tokenizer_digest != in_process.facts.tokenizer_digest
    assert named.encode(SENTENCES).token_ids.tolist() == in_process.encode(SENTENCES).token_ids.tolist()
    other = make_tokenizer(tmp_path, vocabulary=SMALL.model.vocabulary, seed=1)
    with pytest.raises(TargetError, match="makes other tokens than the one named by --tokenizer of text 0"):
        open_target(f"gguf:{lab.gguf}", OpenOptions(tokenizer=other)).encode(SENTENCES)


def test_a_gguf_file_in_process_goes_on_as_the_checkpoint_does(in_process: Target, local: Target) -> None:
    prefixes = TokenBatch.of([row[:4] for row in map(local.encode(SENTENCES).row, range(3))])
    here, there = in_process.force(prefixes, 6), local.force(prefixes, 6)
    assert here.token_ids_NS.tolist() == there.token_ids_NS.tolist()
    assert np.nanmax(np.abs(here.logprob_NS - there.logprob_NS)) < NATS


def test_the_server_is_not_believed_on_prompts(
    llama_python: Path, lab: Lab, local: Target, start_engine: Callable[..., AbstractContextManager[str]]
) -> None:
    command = [llama_python, "-m", "llama_cpp.server", "--model", lab.gguf, "--logits_all", "true"]
    text = SENTENCES[0]
    asked = {"prompt": text, "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": True}
    with start_engine(*command, "--host", "127.0.0.1", "--port", "PORT", ready="/v1/models") as url:
        answer = httpx2.post(f"{url}/v1/completions", json=asked, timeout=120, trust_env=False)
        values = answer.json()["choices"][0]["logprobs"]["token_logprobs"]
        own = local.trace(local.encode([text])).logprob_T
        assert values[0] is None
        assert np.abs(np.array(values[1 : len(own) + 1]) - own).max() > 1
        target = open_endpoint(url, OpenOptions(tokenizer=lab.model, model=str(lab.gguf), api="openai"))
        checks = {check.name: (check.outcome, check.detail) for check in target.conformance.checks}
        assert target.capabilities.prompt_logprobs == "absent", checks
        assert not target.capabilities.id_prompts
        assert checks["answers"][0] == "failed"
        assert "takes text and no token ids" in checks["answers"][1]
        assert target.capabilities.generated_logprobs == "exact", checks
        with pytest.raises(TargetRefused, match="cannot be scored"):
            target.trace(target.encode(["some text"]))
        target.close()
