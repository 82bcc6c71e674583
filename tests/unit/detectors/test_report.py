"""The report is one page that loads nothing, escapes what strangers wrote, and says what the JSON says."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from scored import passage, text_path, write_scores
from typer.testing import CliRunner

from datagov.cli import build_app
from datagov.errors import ConfigError
from detectors.assessment.drawing import bars_of, heat_of, roc_of
from detectors.assessment.report import caveats, page
from detectors.assessment.suspects import assess, open_pair


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


@pytest.fixture
def sides(tmp_path: Path) -> tuple[Path, Path]:
    generator = np.random.default_rng(1)
    suspects = write_scores(
        tmp_path / "s.parquet",
        [passage(n) for n in range(40)],
        generator.normal(size=40),
        source=["<script>alert(1)</script>"] * 40,
    )
    known = write_scores(
        tmp_path / "k.parquet", [passage(n) for n in range(40, 100)], generator.normal(size=60)
    )
    return suspects, known


def test_the_page_and_its_json(sides: tuple[Path, Path], tmp_path: Path) -> None:
    suspects, known = sides
    out = tmp_path / "report.html"
    arguments = ["detect", "report", suspects, "--calibration", known, "--method", "loss", "--output", out]
    arguments += ["--texts", text_path(suspects), "--calibration-texts", text_path(known)]
    finished = CliRunner().invoke(build_app(), [str(argument) for argument in arguments])
    assert finished.exit_code == 0
    html, told = out.read_text(), json.loads(out.with_suffix(".json").read_text())
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    tags = Tags()
    tags.feed(html)
    assert {"svg", "polyline", "polygon", "rect", "table"} <= {tag for tag, _ in tags.seen}
    assert not any(name in attributes for _, attributes in tags.seen for name in ("src", "href", "onload"))
    assert "url(" not in html
    assert told["caveats"]
    assert all(re.search(re.escape(caveat), html.replace("&#39;", "'")) for caveat in told["caveats"])
    assert len(told["documents"]) == 40
    assert sum(told["counts"].values()) == 40


def test_tokens_are_shown_with_their_shade_and_escaped(sides: tuple[Path, Path]) -> None:
    suspects, known = sides
    pair = open_pair(suspects, known, "loss", {})
    heat = [("a text", heat_of(["<b>", "plain", "x"], np.array([-4.0, np.nan, 0.0])))]
    html = page(assess(pair, alpha=0.05, correction="bh"), heat=heat, heat_meaning="log-probability")
    assert '<span style="background: rgba(204, 102, 119, 0.0)" title="-4">&lt;b&gt;</span>plain' in html
    assert "rgba(204, 102, 119, 1.0)" in html
    assert "No blind check was made" in html


@pytest.mark.parametrize(("alpha", "told"), [(0.004, "0.4%"), (0.05, "5%"), (0.125, "12.5%")])
@pytest.mark.parametrize("correction", ["bh", "holm", "none"])
def test_a_level_is_told_as_it_was_given(
    sides: tuple[Path, Path], alpha: float, told: str, correction: str
) -> None:
    found = assess(open_pair(*sides, "loss", {}), alpha=alpha, correction=correction)
    assert sum(f" {told} " in f"{caveat[:-1]} " for caveat in caveats(found)) == 1


def test_another_suffix_is_refused(sides: tuple[Path, Path], tmp_path: Path) -> None:
    suspects, known = sides
    arguments = [
        "detect",
        "report",
        suspects,
        "--calibration",
        known,
        "--method",
        "loss",
        "--output",
        tmp_path / "r.pdf",
    ]
    finished = CliRunner().invoke(build_app(), [str(argument) for argument in arguments])
    assert isinstance(finished.exception, ConfigError)


def test_drawings_stay_in_their_frames() -> None:
    generator = np.random.default_rng(2)
    members, others = generator.normal(1, 1, 500), generator.normal(size=700)
    roc = roc_of(members, others)
    points = [tuple(map(float, point.split(","))) for point in (roc.line + " " + roc.band).split()]
    assert all(0 <= x <= roc.side and 0 <= y <= roc.side for x, y in points)
    assert roc.line.startswith("0.0,300.0")
    assert roc.line.endswith("300.0,0.0")
    bars = bars_of(members, others, 1.0)
    for side in (bars.suspects, bars.non_members):
        assert all(y >= 0 and y + high <= bars.height + 0.02 for _, y, _, high in side)
    assert bars.mark is not None
    assert bars_of(np.zeros(3), np.zeros(3), None).mark is None
    assert [token.shade for token in heat_of(["a"], np.array([np.nan]))] == [None]
