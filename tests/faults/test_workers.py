"""Workers that die: the work of the others is kept, and what was in flight is done again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import fault_program as program
import psutil
import pytest

from pipelines.plan import make_plan
from pipelines.recipe import load_recipe

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _interrupts_are_heard() -> Iterator[None]:
    """Let processes hear Ctrl-C, which those that a shell started in the background do not."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_worker_killed_once_costs_nothing_but_time(recipe: Path, undisturbed: Path, tmp_path: Path) -> None:
    struck = tmp_path / "struck"
    fault = {"event": "os.link", "path": r"/ledger/keys/", "action": "kill", "once": str(struck)}
    ended = program.run("run", recipe, "--workers", "2", fault=fault)
    assert struck.exists()
    assert ended.code == 0, ended.err
    program.assert_same_output(recipe.parent / "out", undisturbed)


def test_a_worker_killed_from_outside_costs_nothing_but_time(recipe: Path, undisturbed: Path) -> None:
    out = recipe.parent / "out"
    process = program.start("run", recipe, "--workers", "2")
    program.wait_for(lambda: program.receipts(out, "documents-*"), process)
    os.kill(workers(process)[0].pid, signal.SIGKILL)
    ended = program.end(process)
    assert ended.code == 0, ended.err
    program.assert_same_output(out, undisturbed)


def test_a_task_that_kills_every_worker_is_given_up_and_the_others_are_kept(
    recipe: Path, undisturbed: Path
) -> None:
    out = recipe.parent / "out"
    names = [part["name"] for part in program.manifest(undisturbed)["parts"]]
    poisoned = names[0]
    fault = {"event": "os.link", "path": rf"/ledger/keys/.*{poisoned}", "action": "kill"}
    ended = program.run("run", recipe, "--workers", "2", fault=fault)
    assert ended.code == 5, ended.err
    assert f"measure {poisoned}: the worker died 3 times" in ended.err
    assert "Traceback" not in ended.err
    # A part is measured when all its products are there. They are committed side by side: of the poisoned part any may be
    # there, according to which was quicker than the death of the worker, but never the keys.
    lacking = {
        (product.kind, name)
        for product in make_plan(load_recipe(recipe)).products
        for name in names
        if not (out / product.receipt(name)).exists()
    }
    assert {name for _, name in lacking} == {poisoned}
    assert ("keys", poisoned) in lacking
    assert not list(out.glob(f"ledger/keys/*/{poisoned}.parquet"))
    # No later stage was begun.
    assert {json.loads(path.read_bytes())["stage"] for path in program.receipts(out)} == {"measure"}
    assert not program.manifest(out)["complete"]
    done = program.finished_work(out)

    program.run_again(recipe)
    program.assert_same_output(out, undisturbed)
    after = program.finished_work(out)
    assert {path: after[path] for path in done} == done


def test_no_worker_outlives_a_parent_that_was_killed(recipe: Path, undisturbed: Path) -> None:
    out = recipe.parent / "out"
    process = program.start("run", recipe, "--workers", "2")
    program.wait_for(lambda: program.receipts(out, "documents-*"), process)
    assert workers(process)
    os.kill(process.pid, signal.SIGKILL)
    assert program.end(process).code == -signal.SIGKILL
    try:
        program.wait_for(lambda: not program.session_of(process))
    finally:
        for left in program.session_of(process):
            left.kill()
    program.run_again(recipe)
    program.assert_same_output(out, undisturbed)


@pytest.mark.parametrize("who", ["the-whole-group", "the-parent"])
def test_ctrl_c_ends_with_130_and_can_be_continued(who: str, recipe: Path, undisturbed: Path) -> None:
    out = recipe.parent / "out"
    process = program.start("run", recipe, "--workers", "2")
    program.wait_for(lambda: program.receipts(out, "documents-*"), process)
    if who == "the-parent":
        os.kill(process.pid, signal.SIGINT)
    else:
        os.killpg(process.pid, signal.SIGINT)
    ended = program.end(process)
    assert ended.code == 130, ended.err
    assert "the same command continues" in ended.err
    assert "Traceback" not in ended.err
    program.wait_for(lambda: not program.session_of(process))
    done = program.finished_work(out)

    program.run_again(recipe)
    program.assert_same_output(out, undisturbed)
    after = program.finished_work(out)
    assert {path: after[path] for path in done} == done


@pytest.mark.parametrize("after_s", [0.0, 0.25, 0.5])
def test_ctrl_c_while_workers_start_leaves_none_behind(after_s: float, recipe: Path) -> None:
    process = program.start("run", recipe, "--workers", "2")
    program.wait_for(lambda: workers(process), process)
    time.sleep(after_s)
    os.killpg(process.pid, signal.SIGINT)
    ended = program.end(process)
    assert ended.code == 130, ended.err
    assert "Traceback" not in ended.err
    program.wait_for(lambda: not program.session_of(process))


def workers(process: object) -> list[psutil.Process]:
    """Return the pool workers of a run, which were spawned."""
    found = []
    for other in program.session_of(process):  # type: ignore[arg-type]
        try:
            if any("spawn_main" in word for word in other.cmdline()):
                found.append(other)
        except psutil.NoSuchProcess:
            continue
    return found
