"""`transformers serve` ignores `echo` and `logprobs`, answers 200, and refuses ids: the probe says `absent`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import httpx2
import pytest

from datagov.errors import TargetRefused
from detectors.lab.train import Lab
from detectors.targets.http.opening import open_target
from detectors.targets.opening import OpenOptions


def test_log_probabilities_of_prompts_are_absent(
    vllm_python: Path, lab: Lab, start_engine: Callable[..., AbstractContextManager[str]]
) -> None:
    command = [vllm_python.with_name("transformers"), "serve", "--host", "127.0.0.1", "--port", "PORT"]
    asked = {"model": str(lab.model), "max_tokens": 4, "temperature": 0, "logprobs": 1, "echo": True}
    with start_engine(*command, ready="/health") as url:
        answer = httpx2.post(
            f"{url}/v1/completions", json={**asked, "prompt": "Bala kodi."}, timeout=120, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        (choice,) = answer.json()["choices"]
        assert not choice["text"].startswith("Bala kodi.")
        assert choice.get("logprobs") is None
        for api in ("openai", "vllm"):
            target = open_target(url, OpenOptions(tokenizer=lab.model, model=str(lab.model), api=api))
            assert target.capabilities.prompt_logprobs == "absent", target.conformance.checks
            with pytest.raises(TargetRefused, match="cannot be scored"):
                target.trace(target.encode(["some text"]))
            target.close()
