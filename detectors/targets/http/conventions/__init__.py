"""How engines are asked for prompt log-probabilities: a module an engine, `CONVENTIONS` their registry.

A convention makes a request's JSON from prompts and reads the answer into what `answers` checks. Alignment
is by token ids or by count, never by token strings: tokens that hold a part of a character decode to nothing.
"""

from __future__ import annotations

from detectors.targets.http.conventions.lmdeploy import LMDEPLOY
from detectors.targets.http.conventions.openai import OPENAI
from detectors.targets.http.conventions.sglang import SGLANG
from detectors.targets.http.conventions.tgi import TGI
from detectors.targets.http.conventions.vllm import VLLM
from detectors.targets.http.wire import Convention

__all__ = ["CONVENTIONS"]

CONVENTIONS: dict[str, Convention] = {
    convention.name: convention for convention in (VLLM, OPENAI, SGLANG, TGI, LMDEPLOY)
}
"""By the name that `--api` takes."""
