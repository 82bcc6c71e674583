"""xllamacpp, llama.cpp's own server in a wheel, on a lab's GGUF file: it scores no prompts; what it generates is right."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import numpy as np
import pytest
from tokenizing import SENTENCES

from datagov.errors import TargetRefused
from detectors.lab.train import Lab
from detectors.ragged import TokenBatch
from detectors.targets.http.opening import open_target as open_endpoint
from detectors.targets.opening import OpenOptions, open_target

NATS = 0.02
"""The library's key-value cache is half precision."""
SERVE = """
import signal, sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path, params.port, params.n_parallel = sys.argv[1], int(sys.argv[2]), 1
server = xllamacpp.Server(params)
signal.pause()
"""


def test_the_server_scores_no_prompts_and_generates_rightly(
    xllamacpp_python: Path, lab: Lab, start_engine: Callable[..., AbstractContextManager[str]]
) -> None:
    local = open_target(str(lab.model), OpenOptions(device="cpu"))
    with start_engine(xllamacpp_python, "-c", SERVE, lab.gguf, "PORT", ready="/health") as url:
        asked = {"prompt": SENTENCES[0], "max_tokens": 1, "temperature": 0, "logprobs": 1, "echo": True}
        answer = httpx2.post(f"{url}/v1/completions", json=asked, timeout=120, trust_env=False)
        (choice,) = answer.json()["choices"]
        assert [entry.keys() >= {"id", "logprob"} for entry in choice["logprobs"]["content"]] == [True]
        for api in ("vllm", "openai"):
            target = open_endpoint(url, OpenOptions(tokenizer=lab.model, api=api))
            checks = {check.name: (check.outcome, check.detail) for check in target.conformance.checks}
            assert target.capabilities.prompt_logprobs == "absent", checks
            assert target.capabilities.generated_logprobs == "exact", checks
            with pytest.raises(TargetRefused, match="cannot be scored"):
                target.trace(target.encode(["some text"]))
            start = target.facts.start_token_id
            prefixes = TokenBatch.of(
                [[start, *row[:4]] for row in map(local.encode(SENTENCES).row, range(3))]
            )
            here, there = target.force(prefixes, 6), local.force(prefixes, 6)
            assert here.token_ids_NS.tolist() == there.token_ids_NS.tolist()
            assert np.nanmax(np.abs(here.logprob_NS - there.logprob_NS)) < NATS
            target.close()
