"""The capacity calculator: proportion, what only one worker can do, and rates that were measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from datagov.cli import main
from pipelines import rates as rates_module
from pipelines.capacity import BY_RUN_BYTES, Nodes, capacity, size
from pipelines.rates import Rates, fixed_seconds, peak_bytes

RATES = Rates(
    text="input",
    documents=1_000,
    text_bytes=2_000_000,
    seconds={"measure": 3.6, "link": 0.036},
    fixed={},
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


def test_what_comes_whatever_the_number_of_documents_comes_once_a_part_or_once_a_run() -> None:
    found = capacity(replace(RATES, fixed={"measure": 0.6, "link": 0.035}), 1_000_000, Nodes(1, 10))
    assert found["parts"] == 60
    assert found["seconds_by_stage"] == {"link": 1.0, "measure": 60 * 0.6 + 3_000.0}


def test_the_fixed_part_is_where_the_line_through_two_sizes_meets_no_documents() -> None:
    whole = {"identify": 1.5, "link": 4.0, "collect": 1.0, "resolve": 1.0}
    few = {"identify": 0.75, "link": 1.0, "collect": 2.0, "resolve": 0.1}
    # 0.5 + documents; in proportion; noise on either side is held between nothing and all.
    assert fixed_seconds(whole, few, 0.25) == {"identify": 0.5, "link": 0.0, "collect": 1.0, "resolve": 0.0}
    assert fixed_seconds(whole, whole, 1) == {}


@pytest.mark.parametrize(
    ("documents", "text_bytes", "full"),
    [(400, 485_000, False), (16_000, 20_000_000, True), (60_000, 6_000_000, True)],
)
def test_rates_of_less_than_a_part_are_warned_of(documents: int, text_bytes: int, full: bool) -> None:
    rates = replace(RATES, documents=documents, text_bytes=text_bytes)
    found = capacity(rates, 1_000_000, Nodes(1, 10))
    assert found["measured"]["full_part"] is full
    assert ["--made-text" in warning for warning in found["warnings"]] == ([] if full else [True])


def test_the_peak_is_asked_of_the_system_where_the_status_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "status").write_text("Name:\tpython\nVmRSS:\t7 kB\n")
    for status in (tmp_path / "status", tmp_path / "none"):
        monkeypatch.setattr(rates_module, "STATUS", status)
        assert peak_bytes() > 2**20
    (tmp_path / "status").write_text("VmHWM:\t    7 kB\n")
    monkeypatch.setattr(rates_module, "STATUS", tmp_path / "status")
    assert peak_bytes() == 7 * 1024


def test_a_node_holds_its_workers_and_the_largest_task_of_the_run() -> None:
    found = capacity(RATES, 1_000_000, Nodes(2, 10))
    assert found["largest_task"] == "identify"
    assert found["memory_per_node_bytes"] == 10 * RATES.worker_bytes + 1_000_000 * BY_RUN_BYTES["identify"]


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
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert ("--made-text" in shown.err) is not made
    assert found["measured"]["text"] == ("made" if made else "input")
    assert found["documents"] == 1_000_000
    assert {"measure", "link", "decide", "export"} <= set(found["seconds_by_stage"])
    scale = found["documents"] / found["measured"]["documents"]
    assert found["text_bytes"] == pytest.approx(scale * found["measured"]["text_bytes"], rel=1e-6)
    assert 0 < found["bytes_shuffled"] < found["bytes_written"]
    assert found["node_hours"] == pytest.approx(2 * found["hours"], abs=0.002)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.yaml"]
    assert found["measured"]["full_part"] is made
    if not made:
        assert main(arguments) == 0
        assert "node-hours" in capsys.readouterr().out
