"""The command line answers at once, `--help` loading nothing that is heavy, and leaves at once, losing nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from project import ROOT

from datagov.cli import build_app, narrowed

HEAVY = {
    "datasketch",
    "duckdb",
    "fasttext",
    "kenlm",
    "numba",
    "numpy",
    "pyarrow",
    "pydantic",
    "ray",
    "torch",
    "transformers",
}
PROBE = """
import json, sys
from datagov.cli import main
code = main(["--help"])
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]), file=sys.stderr)
"""


def test_help_loads_nothing_heavy() -> None:
    ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr
    code, loaded = json.loads(ended.stderr.splitlines()[-1])
    assert code == 0
    assert "datagov" in loaded
    assert "pipelines" in loaded
    assert not HEAVY & set(loaded)


def datagov(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "datagov", *arguments], capture_output=True, text=True, cwd=ROOT
    )


def test_leaving_at_once_loses_no_output() -> None:
    ended = datagov("rules", "gopher-en", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)


@pytest.mark.parametrize(
    ("arguments", "code"), [(["plan", "no-such-recipe.yaml"], 2), (["no-such-command"], 2)]
)
def test_the_exit_code_is_that_of_the_command(arguments: list[str], code: int) -> None:
    ended = datagov(*arguments)
    assert ended.returncode == code
    assert ended.stderr.endswith("\n")


FAILING = """
import sys
import datagov.cli
from datagov.__main__ import program
del datagov.cli.answer
sys.argv = ["datagov", "--help"]
program()
"""


def test_a_crash_is_no_success() -> None:
    ended = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 1
    assert "Traceback" in ended.stderr


HANDLER = """
import atexit, sys
from datagov import __main__ as entry
sys.argv = ["datagov", "rules", "--json"]
try:
    entry.program()
except SystemExit as asked:
    atexit.register(print, "last words")
    raise
"""


def test_what_waits_for_the_end_is_called() -> None:
    ended = subprocess.run([sys.executable, "-c", HANDLER], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0
    assert ended.stdout.endswith("last words\n")


def test_the_command_that_is_asked_for_is_examined_alone() -> None:
    plan = narrowed(build_app(), ["plan", "recipe.yaml"])
    assert [command.name for command in plan.registered_commands] == ["plan"]
    assert not plan.registered_groups
    detect = narrowed(build_app(), ["detect", "score", "--help"])
    assert not detect.registered_commands
    assert [group.name for group in detect.registered_groups] == ["detect"]


@pytest.mark.parametrize("given", [[], ["--help"], ["no-such-command"]])
def test_all_commands_are_there_where_none_is_asked_for(given: list[str]) -> None:
    every = build_app()
    app = narrowed(build_app(), given)
    assert len(app.registered_commands) == len(every.registered_commands)
    assert len(app.registered_groups) == len(every.registered_groups)


def test_closed_streams_are_no_fault() -> None:
    command = [sys.executable, "-m", "datagov", "rules"]
    ended = subprocess.run(
        ["sh", "-c", '"$@" >&- 2>&-', "sh", *command], capture_output=True, text=True, cwd=ROOT
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
