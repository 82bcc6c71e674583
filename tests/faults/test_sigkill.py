"""SIGKILL of all processes of a run at once; the same command then ends where an undisturbed run ends."""

from __future__ import annotations

import signal
from pathlib import Path

import fault_program as program
import pytest

pytestmark = pytest.mark.slow

# Struck by the program's own file operation: just before this file would have appeared.
OPERATIONS = {
    "before-the-folder-is-marked": ("os.rename", r"/datagov\.json$", 0),
    "inside-screen": ("os.rename", r"/receipts/screen-", 1),
    "near-dedup-between-match-and-link": ("os.link", r"/work/link/", 0),
    "near-dedup-inside-elect": ("os.link", r"/work/elect/.*removals", 0),
    "inside-decide": ("os.link", r"/ledger/decisions/", 0),
}
# Struck from outside, as soon as so many receipts of a stage are seen: wherever the run then is.
RECEIPTS = {
    "while-measuring": ("documents-*", 1),
    "after-measuring": ("identify-*", 1),
}


@pytest.mark.parametrize("moment", [*OPERATIONS, *RECEIPTS])
def test_a_killed_run_is_continued_to_the_same_bytes(moment: str, recipe: Path, undisturbed: Path) -> None:
    out = recipe.parent / "out"
    if moment in OPERATIONS:
        event, path, skip = OPERATIONS[moment]
        fault = {"event": event, "path": path, "skip": skip, "action": "kill-group"}
        process = program.start("run", recipe, "--workers", "2", fault=fault)
    else:
        stage, count = RECEIPTS[moment]
        process = program.start("run", recipe, "--workers", "2")
        program.wait_for(lambda: len(program.receipts(out, stage)) >= count, process)
        program.kill_session(process)
    ended = program.end(process)
    assert ended.code == -signal.SIGKILL, ended.err
    program.wait_for(lambda: not program.session_of(process))
    if (out / "runs/r1.json").exists():
        assert not program.manifest(out)["complete"]
    done = program.finished_work(out)

    if moment == "while-measuring":
        again = program.run("run", recipe, "--workers", "2")
        assert again.code == 0, again.err
    else:
        program.run_again(recipe)
    program.assert_same_output(out, undisturbed)
    after = program.finished_work(out)
    assert {path: after[path] for path in done} == done  # what was finished is not done again


def test_a_run_killed_again_and_again_ends_at_the_same_bytes(recipe: Path, undisturbed: Path) -> None:
    out = recipe.parent / "out"
    for stage in ("edits-*", "collect-*", "gather-*"):
        process = program.start("run", recipe, "--workers", "2")
        program.wait_for(lambda stage=stage: program.receipts(out, stage), process)
        program.kill_session(process)
        assert program.end(process).code == -signal.SIGKILL
    program.run_again(recipe)
    program.assert_same_output(out, undisturbed)


def test_a_finished_run_stays_readable_while_it_is_run_again(recipe: Path, undisturbed: Path) -> None:
    """A kill while nothing is left to do must not take the finished run away."""
    out = recipe.parent / "out"
    program.run_again(recipe)
    before = program.finished_work(out)
    fault = {"event": "open", "path": r"/receipts/identify-", "action": "kill-group"}
    assert program.run("run", recipe, "--workers", "2", fault=fault).code == -signal.SIGKILL
    program.assert_same_output(out, undisturbed)
    assert program.finished_work(out) == before


def test_leftovers_of_a_killed_run_are_hidden_from_readers_and_swept_by_the_next(
    recipe: Path, undisturbed: Path
) -> None:
    out = recipe.parent / "out"
    fault = {"event": "os.link", "path": r"/data/r1/part-1\.parquet$", "action": "kill-group"}
    assert program.run("run", recipe, "--workers", "1", fault=fault).code == -signal.SIGKILL
    left = [path for path in out.rglob("*") if program.is_temporary(path)]
    assert left
    assert not [path for path in left if path.suffix == ".parquet"]
    program.run_again(recipe)
    program.assert_same_output(out, undisturbed)
    assert not [path for path in out.rglob("*") if program.is_temporary(path)]
