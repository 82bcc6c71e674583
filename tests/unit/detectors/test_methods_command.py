"""`datagov detect methods` tells every method and what is left out."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from datagov.cli import build_app
from datagov.errors import ConfigError
from detectors.membership import METHODS
from detectors.membership.left_out import LEFT_OUT


def run(*arguments: str) -> str:
    finished = CliRunner().invoke(build_app(), ["detect", "methods", *arguments])
    if finished.exception is not None:
        raise finished.exception
    return finished.stdout


def test_all_methods_and_all_left_out_are_listed() -> None:
    listed = run()
    assert all(f"\n{method.name}\t" in listed or listed.startswith(method.name) for method in METHODS)
    assert all(f"{left.name}\t{left.reason}" in listed for left in LEFT_OUT)
    told = json.loads(run("--json"))
    assert [each["name"] for each in told["methods"]] == [method.name for method in METHODS]
    assert len(told["left_out"]) == len(LEFT_OUT)


def test_one_method_is_told_in_full() -> None:
    told = run("dc_pdd")
    assert "config.vocab_size" in told
    assert "mode=paper, a=0.01" in told
    assert json.loads(run("dc_pdd", "--json"))["parameters"]["mode"] == "paper"


def test_an_unknown_method_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'dc_pdd'"):
        run("dcpdd")
