"""Scoring by an endpoint: a run that was stopped resumes to the same bytes, and methods it cannot serve are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from governing import contents
from tokenizing import SENTENCES

from datagov.errors import TargetRefused, TargetUnavailable
from detectors import trace_files, trace_pieces, trace_store
from detectors.membership import method
from detectors.scoring import Extras, make_inputs, tracer_of
from detectors.targets.http.opening import check_endpoint
from detectors.targets.opening import OpenOptions
from detectors.targets.windows import plan_windows
from detectors.texts import read_texts
from detectors.trace_store import stored_traces

Open = Callable[..., Any]


@pytest.mark.parametrize("api", ["openai", "vllm"])
def test_an_endpoint_that_stops_half_way_resumes_to_the_same_bytes(
    open_faulty: Open,
    tokenizer_file: Path,
    quick_limits: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    api: str,
) -> None:
    monkeypatch.setattr(trace_store, "CHUNK_TOKENS", 60)
    texts = [f"{number}. {text}" for number in range(3) for text in SENTENCES]
    with open_faulty(api=api) as (target, endpoint):
        plan = plan_windows(target)
        straight = stored_traces(tmp_path / "straight", target, texts, plan)
        chunks = contents(tmp_path / "straight", "traces")
        endpoint.after, endpoint.fault = endpoint.requests + 3, "broken"
        with pytest.raises(TargetUnavailable, match="the same command resumes"):
            stored_traces(tmp_path / "stopped", target, texts, plan)
        kept = contents(tmp_path / "stopped", "traces")
        assert 0 < len(kept) < len(chunks)
        assert kept.items() <= chunks.items()
        assert not (tmp_path / "stopped" / "sets").exists()

        endpoint.fault = ""
        again = check_endpoint(
            target._endpoint.client.base, OpenOptions(tokenizer=tokenizer_file, api=api), quick_limits
        )
        endpoint.seen.clear()
        resumed = stored_traces(tmp_path / "stopped", again, texts, plan)
        again.close()
        asked = sum(
            1 if isinstance(request["prompt"][0], int) else len(request["prompt"])
            for request in endpoint.seen
        )
        folders = ("traces", "receipts", "sets")
        assert contents(tmp_path / "stopped", *folders) == contents(tmp_path / "straight", *folders)
        assert np.array_equal(resumed.logprob_T, straight.logprob_T)
        # Only what was missing is asked for, and the probe's texts at the end.
        made = [pq.read_table(tmp_path / "stopped" / name) for name in chunks.keys() - kept]
        rows = [json.loads(table.schema.metadata[trace_files.KEY])["texts"] for table in made]
        assert asked == sum(rows) + len(again.conformance.prompts)


@pytest.mark.parametrize("seconds", [0.0, 60.0], ids=["kept at once", "kept when it stops"])
@pytest.mark.parametrize(("answered", "damaged"), [(1, False), (6, False), (6, True)])
def test_of_a_chunk_that_is_not_whole_nothing_is_asked_for_twice(
    open_faulty: Open,
    tokenizer_file: Path,
    quick_limits: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answered: int,
    damaged: bool,
    seconds: float,
) -> None:
    monkeypatch.setattr(trace_pieces, "PIECE_S", seconds)
    texts = [f"{number}. {text}" for number in range(12) for text in SENTENCES]
    limits = replace(quick_limits, concurrency=1)
    with open_faulty(api="vllm", limits=limits) as (target, endpoint):
        plan = plan_windows(target, window_tokens=40)
        endpoint.seen.clear()
        straight = stored_traces(tmp_path / "straight", target, texts, plan)
        (chunk,) = contents(tmp_path / "straight", "traces")
        whole = len(endpoint.seen)
        endpoint.after, endpoint.fault = endpoint.requests + answered, "broken"
        with pytest.raises(TargetUnavailable, match="the same command resumes"):
            stored_traces(tmp_path / "stopped", target, texts, plan)
        pieces = sorted((tmp_path / "stopped" / "pieces").rglob("*.parquet"))
        assert len(pieces) == (answered if seconds == 0 else 1)
        assert not (tmp_path / "stopped" / chunk).exists()
        lost = 0
        if damaged:
            lost = 1 if seconds == 0 else answered
            pieces[-1].write_bytes(pieces[-1].read_bytes()[:-9])

        endpoint.fault = ""
        endpoint.seen.clear()
        resumed = stored_traces(tmp_path / "stopped", target, texts, plan)
        assert len(endpoint.seen) == whole - answered + lost
    assert not (tmp_path / "stopped" / "pieces").exists()
    assert contents(tmp_path / "stopped", "traces", "sets") == contents(
        tmp_path / "straight", "traces", "sets"
    )
    assert np.array_equal(resumed.logprob_T, straight.logprob_T)


@pytest.mark.parametrize(
    ("fault", "api", "name", "said"),
    [
        ("", "openai", "loss", None),
        ("", "vllm", "rank", None),
        ("", "vllm", "verbatim", None),
        ("off_by_one", "vllm", "verbatim", None),
        ("llama_server", "openai", "verbatim", None),
        ("", "openai", "rank", "needs rank, and trigram does not give it"),
        ("", "openai", "min_k_plus_plus_top", "needs top_logprobs, and"),
        ("", "vllm", "min_k_plus_plus_top", "needs 3 alternatives a position, of which there are 1, and"),
        ("", "vllm", "min_k_plus_plus", "needs entropy, variance, and"),
        ("", "openai", "verbatim", "continuations come as strings only"),
        ("off_by_one", "openai", "loss", "log-probabilities of the prompt, which are misaligned"),
        ("no_echo", "openai", "dc_pdd", "log-probabilities of the prompt, which are absent"),
    ],
)
def test_a_method_is_taken_or_refused_by_what_the_probe_found(
    open_faulty: Open, tmp_path: Path, fault: str, api: str, name: str, said: str | None
) -> None:
    place = tmp_path / "texts.txt"
    place.write_text("\n".join(SENTENCES))
    texts = read_texts(str(place), form="lines")
    with open_faulty(fault, api=api) as (target, _):
        tracer = tracer_of(target, plan_windows(target))
        wanted = [method(name)]
        if said is None:
            inputs, _ = make_inputs(tracer, texts, wanted, Extras())
            assert np.isfinite(wanted[0].score(inputs, wanted[0].defaults).values).all()
            return
        with pytest.raises(TargetRefused, match=said):
            make_inputs(tracer, texts, wanted, Extras())
