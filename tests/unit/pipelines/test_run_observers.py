"""The log and the metrics of a run: every event, no word of a document, and an honest end."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datagov.cli import main

MARKED = "xylophonic quartz"
"""Stands in every document, and must stand nowhere else."""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A recipe of every kind of step over documents with the secret; one is too long, two are copies."""
    texts = [f"{MARKED} number {number} says one more thing of its own. " * 12 for number in range(40)]
    texts += [texts[0], texts[1] + "Not quite the same.", f"{MARKED} " * 4_000, MARKED]
    (tmp_path / "in").mkdir()
    ids = [f"d{number}" for number in range(len(texts))]
    pq.write_table(pa.table({"id": ids, "text": texts}), tmp_path / "in/part-0.parquet")
    written: dict[str, Any] = {
        "dataset": "observed",
        "input": {"path": str(tmp_path / "in"), "id": "id", "max_document_chars": 20_000},
        "output": str(tmp_path / "out"),
        "steps": [
            {"normalise": {}},
            {
                "filter": {
                    "profile": "gopher-en",
                    "when": {"script": "latin"},
                    "otherwise": "keep",
                    "annotate": True,
                }
            },
            {"exact_dedup": {}},
            {"near_dedup": {"preset": "fineweb"}},
        ],
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(written))
    return path


def run(recipe: Path, *arguments: str | Path) -> int:
    return main(["run", str(recipe), "--workers", "1", *map(str, arguments)])


def events(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def samples(text: str) -> dict[str, float]:
    """Return the samples of a Prometheus exposition, by name with labels."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_a_run_tells_its_life_and_no_word_of_a_document(
    recipe: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log, metrics = tmp_path / "logs/run.jsonl", tmp_path / "run.prom"
    assert run(recipe, "--log", log, "--metrics", metrics, "--json") == 0
    answer = capfd.readouterr()
    counts = json.loads(answer.out)
    told = events(log)
    assert [told[0]["event"], told[-1]["event"]] == ["run_started", "run_finished"]
    assert told[0]["documents"] == counts["documents_in"] == 44
    assert {name: told[-1][name] for name in ("kept", "removed", "errored")} == {
        name: counts[name] for name in ("kept", "removed", "errored")
    }
    stages = [event["stage"] for event in told if event["event"] == "stage_finished"]
    assert stages[0] == "measure"
    assert stages[-1] == "export"
    for event in told:
        assert event["time"].endswith("+00:00")
        if event["event"] == "stage_finished":
            done = [one for one in told if one["event"] == "unit_done" and one["stage"] == event["stage"]]
            assert len(done) == event["units"] or event["stage"] in {"screen", "collect"}
    found = samples(metrics.read_text())
    for outcome in ("kept", "removed", "errored"):
        assert found[f'datagov_documents{{outcome="{outcome}"}}'] == counts[outcome]
    assert found['datagov_removed_documents{step="exact_dedup"}'] == 1
    assert found['datagov_run_state{state="complete"}'] == 1
    assert found['datagov_run_state{state="running"}'] == 0
    assert found["datagov_text_bytes_total"] > 0
    for place in (log.read_text(), metrics.read_text(), answer.out, answer.err):
        for word in MARKED.split():
            assert word not in place


def test_a_run_that_fails_says_so_in_both(recipe: Path, tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "a"], "text": [MARKED, MARKED]})
    pq.write_table(table, tmp_path / "in/part-1.parquet")
    log, metrics = tmp_path / "run.jsonl", tmp_path / "run.prom"
    assert run(recipe, "--log", log, "--metrics", metrics) == 3
    last = events(log)[-1]
    assert (last["event"], last["error"], last["exit_code"]) == ("run_failed", "InputError", 3)
    assert "occur more than once" in last["message"]
    assert samples(metrics.read_text())['datagov_run_state{state="failed"}'] == 1
    assert MARKED not in log.read_text()


def test_an_error_that_is_nobodys_is_named_by_its_kind_alone(tmp_path: Path) -> None:
    from pipelines.progress import Reporter
    from pipelines.run_log import RunLog

    log = tmp_path / "run.jsonl"
    with pytest.raises(ValueError, match=MARKED), Reporter(quiet=True, observers=[RunLog(str(log))]):
        raise ValueError(f"cannot parse {MARKED}")
    assert [(event["event"], event["error"]) for event in events(log)] == [("run_failed", "ValueError")]
    assert MARKED not in log.read_text()


def test_a_run_again_adds_to_the_log_and_reuses_everything(recipe: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.jsonl"
    assert run(recipe, "--log", log, "--quiet") == 0
    first = len(events(log))
    assert run(recipe, "--log", log, "--quiet") == 0
    second = events(log)[first:]
    assert all(event["units"] > 0 for event in second if event.get("stage") == "measure")
    assert [event["event"] for event in second].count("unit_done") == 0
    assert all(event["reused"] == event["units"] for event in second if event["event"] == "stage_started")


def test_a_stage_that_runs_several_times_is_summed_in_the_metrics_and_told_apart_in_the_log(
    recipe: Path, tmp_path: Path
) -> None:
    written = yaml.safe_load(recipe.read_text())
    written["steps"].insert(1, {"span_dedup": {"unit": "line"}})
    recipe.write_text(yaml.safe_dump(written))
    log, metrics = tmp_path / "run.jsonl", tmp_path / "run.prom"
    for again in (False, True):
        log.unlink(missing_ok=True)
        assert run(recipe, "--log", log, "--metrics", metrics, "--quiet") == 0
        told = events(log)
        found = samples(metrics.read_text())
        for stage, turns in {"measure": 2, "screen": 4, "collect": 4, "span_dedup: count": 1}.items():
            of_stage = [event for event in told if event.get("stage") == stage]
            started, finished = (
                [event for event in of_stage if event["event"] == name]
                for name in ("stage_started", "stage_finished")
            )
            assert [event["turn"] for event in started] == list(range(1, turns + 1))
            units = sum(event["units"] for event in started)
            assert found[f'datagov_stage_units{{stage="{stage}"}}'] == units > 0
            assert found[f'datagov_stage_units_done{{stage="{stage}"}}'] == units
            if again:
                assert found[f'datagov_stage_units_reused{{stage="{stage}"}}'] == units
            seconds = sum(event["seconds"] for event in finished)
            assert found[f'datagov_stage_seconds{{stage="{stage}"}}'] == pytest.approx(seconds)
        assert {(event["stage"], event["turn"]) for event in told if event["event"] == "unit_done"} <= {
            (event["stage"], event["turn"]) for event in told if event["event"] == "stage_started"
        }


def test_a_log_on_stderr_is_nothing_but_json(recipe: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(recipe, "--log", "-") == 0
    told = [json.loads(line)["event"] for line in capfd.readouterr().err.splitlines()]
    assert {"run_started", "warning", "run_finished"} <= set(told)


def test_a_port_answers_while_the_run_goes_on(recipe: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    seen: list[str] = []
    asking = threading.Thread(target=ask, args=(port, seen))
    asking.start()
    assert run(recipe, "--metrics-port", str(port), "--quiet") == 0
    asking.join()
    assert "datagov_run_state" in seen[0]
    with pytest.raises(OSError, match="refused"), socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def ask(port: int, seen: list[str]) -> None:
    """Keep the first answer of the port."""
    until = time.monotonic() + 60
    while not seen and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                seen.append(answer.read().decode())
        except OSError:
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--log", "{dir}"], "--log"),
        (["--metrics", "{dir}/nowhere/run.prom"], "--metrics"),
        (["--metrics-port", "many"], "expected PORT or HOST:PORT"),
        (["--metrics-port", "70000"], "expected PORT or HOST:PORT"),
    ],
)
def test_a_place_that_cannot_be_used_is_named(
    options: list[str], words: str, recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(recipe, *(option.format(dir=tmp_path) for option in options)) == 2
    assert words in " ".join(capsys.readouterr().err.split())
