"""`transformers serve` takes `echo` and `logprobs` for unknown fields and answers 200: the probe says `absent`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from datagov.errors import TargetRefused
from detectors.targets.http.target import open_target
from detectors.targets.opening import OpenOptions


def test_log_probabilities_of_prompts_are_absent(
    vllm_python: Path, tiny_model: Path, start_engine: Callable[..., AbstractContextManager[str]]
) -> None:
    command = [vllm_python.with_name("transformers"), "serve", "--host", "127.0.0.1", "--port", "PORT"]
    with start_engine(*command, ready="/health") as url:
        for api in ("openai", "vllm"):
            options = OpenOptions(tokenizer=tiny_model, model=str(tiny_model), api=api)
            target = open_target(url, options)
            assert target.capabilities.prompt_logprobs == "absent", target.conformance.checks
            with pytest.raises(TargetRefused, match="cannot be scored"):
                target.trace(target.encode(["some text"]))
            target.close()
