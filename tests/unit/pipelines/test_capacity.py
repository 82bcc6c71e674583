"""The capacity calculator: proportion, what only one worker can do, and rates that were measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datagov.cli import main
from pipelines.capacity import Nodes, Rates, capacity, size

RATES = Rates(
    text="input",
    documents=1_000,
    text_bytes=2_000_000,
    seconds={"measure": 3.6, "link": 0.036},
    shuffled_bytes=200_000,
    written_bytes=900_000,
    removed=100,
    memberships=500,
    worker_bytes=400_000_000,
)


def test_everything_grows_with_the_documents_and_shared_work_shrinks_with_the_cpus() -> None:
    one = capacity(RATES, 1_000_000, Nodes(1, 10))
    assert (one["text_bytes"], one["bytes_shuffled"], one["bytes_written"]) == (
        2 * 10**9,
        2 * 10**8,
        9 * 10**8,
    )
    assert (one["worker_hours"], one["serial_hours"]) == (1.0, 0.01)
    assert one["hours"] == pytest.approx(0.11)
    four = capacity(RATES, 1_000_000, Nodes(4, 10))
    assert four["hours"] == pytest.approx(0.035)
    assert four["node_hours"] == pytest.approx(0.14)
    ten_times = capacity(RATES, 10_000_000, Nodes(1, 10))
    assert ten_times["node_hours"] == pytest.approx(10 * one["node_hours"])


def test_a_node_holds_its_workers_and_the_largest_task_of_the_run() -> None:
    found = capacity(RATES, 1_000_000, Nodes(2, 10))
    assert found["largest_task"] == "identify"
    assert found["memory_per_node_bytes"] == 10 * RATES.worker_bytes + 80_000_000


@pytest.mark.parametrize(
    ("count", "shown"), [(0, "0 B"), (999, "999 B"), (1_500, "1.5 kB"), (2e12, "2 TB"), (3e18, "3e+03 PB")]
)
def test_bytes_are_shown_in_their_unit(count: float, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize("documents", ["many", "0", "1.5", "1e400", "nan"])
def test_a_number_of_documents_is_wanted(
    documents: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", str(tmp_path)]) == 0
    assert main(["plan", str(tmp_path / "recipe.yaml"), "--documents", documents, "--made-text"]) == 2
    assert f"--documents {documents}: expected a number of documents" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("made", [True, False])
def test_rates_are_measured_on_text_and_the_output_is_left_alone(
    made: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str], demo_corpus: object
) -> None:
    main(["init", str(tmp_path)])
    capsys.readouterr()
    text = ["--made-text"] if made else ["--input", str(demo_corpus.corpus)]  # type: ignore[attr-defined]
    arguments = ["plan", str(tmp_path / "recipe.yaml"), "--documents", "1e6", *text]
    assert main([*arguments, "--nodes", "2", "--cpus", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["measured"]["text"] == ("made" if made else "input")
    assert found["documents"] == 1_000_000
    assert {"measure", "link", "decide", "export"} <= set(found["seconds_by_stage"])
    scale = found["documents"] / found["measured"]["documents"]
    assert found["text_bytes"] == pytest.approx(scale * found["measured"]["text_bytes"], rel=1e-6)
    assert 0 < found["bytes_shuffled"] < found["bytes_written"]
    assert found["node_hours"] == pytest.approx(2 * found["hours"], abs=0.002)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml"]
    assert main(arguments) == 0
    assert "node-hours" in capsys.readouterr().out
