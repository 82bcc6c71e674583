from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from datagov.cli import main
from datagov.doctor import examine


def test_an_output_folder_that_is_not_there_yet_is_judged_by_where_it_would_be(tmp_path: Path) -> None:
    report = examine(tmp_path / "runs/out")
    assert report["machine"]["output_free_bytes"] > 0
    assert not (tmp_path / "runs").exists()
    assert not [finding for finding in report["findings"] if "output" in finding]
    assert "output_free_bytes" not in examine()["machine"]


@pytest.mark.parametrize("place", ["/proc", "/sys"])
def test_an_output_folder_that_cannot_be_used_is_a_finding(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if not os.path.isdir(place):  # noqa: PTH112 - not a file system of every machine
        pytest.skip(f"no {place} here")
    assert main(["doctor", "--output", place, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    findings = [finding for finding in report["findings"] if "output folder" in finding]
    assert len(findings) == 1
    assert f"{place} cannot be written" in findings[0]
