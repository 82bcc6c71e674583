"""`datagov detect target check`: the record for people and programs, and an exit code that scripts can trust."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pyarrow.parquet as pq
import pytest

from datagov.cli import main
from detectors.tables import TARGETS
from detectors.targets.ngram import save_ngram

Open = Callable[..., Any]


def test_an_honest_endpoint_is_recorded(
    open_faulty: Open, tokenizer_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    row = tmp_path / "targets.parquet"
    with open_faulty() as (target, _):
        url = target._endpoint.client.base
        code = main(
            [
                "detect",
                "target",
                "check",
                url,
                "--tokenizer",
                str(tokenizer_file),
                "--output",
                str(row),
                "--json",
            ]
        )
    record = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (record["prompt_logprobs"], record["convention"]) == ("exact", "vllm")
    table = pq.read_table(row)
    assert table.schema.equals(TARGETS)
    assert table.to_pylist()[0]["target"] == record["digest"]
    assert table.to_pylist()[0]["statistics"] == ["rank", "top1", "top_logprobs"]


def test_a_lying_endpoint_ends_with_4_and_the_finding(
    open_faulty: Open, tokenizer_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_faulty("off_by_one") as (target, _):
        url = target._endpoint.client.base
        code = main(["detect", "target", "check", url, "--tokenizer", str(tokenizer_file)])
    out = capsys.readouterr().out
    assert code == 4
    assert "misaligned" in out
    assert "each stands one token too early" in out


def test_without_a_tokenizer_the_command_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["detect", "target", "check", "http://127.0.0.1:9"]) == 2
    assert "--tokenizer" in capsys.readouterr().err


def test_an_endpoint_for_others_needs_a_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATAGOV_SERVE_KEY", raising=False)
    assert main(["detect", "serve", "--target", "anything", "--host", "0.0.0.0"]) == 2  # noqa: S104 - refused
    assert "DATAGOV_SERVE_KEY" in capsys.readouterr().err


def test_an_endpoint_of_ours_says_where_it_listens(tokenizer_file: Path, tmp_path: Path) -> None:
    save_ngram(tmp_path / "model.json", "Plain words.", tokenizer_file)
    command = [sys.executable, "-m", "datagov", "detect", "serve", "--json", "--port", "0"]
    command += ["--target", f"ngram:{tmp_path / 'model.json'}", "--name", "plain"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            said = []
            for line in server.stdout:
                said.append(line)
                if line == "}\n":
                    break
            place = json.loads("".join(said))
            assert place["model"] == "plain"
            listed = httpx2.get(f"{place['url']}/models", timeout=30, trust_env=False).json()
            assert [model["id"] for model in listed["data"]] == ["plain"]
        finally:
            server.terminate()
