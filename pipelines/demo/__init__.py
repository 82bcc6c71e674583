"""The demo: make a corpus with known duplicates and junk, govern it, hold the verdicts against the plan."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pyarrow.parquet as pq

from datagov import terminal
from datagov.errors import ConfigError
from datagov.ledger.explain import explain
from datagov.ledger.explain_text import print_explanation
from datagov.ledger.reader import Ledger
from pipelines.demo.check import check, read_verdicts
from pipelines.demo.corpus import make_corpus
from pipelines.demo.summary import summary
from pipelines.executors import make_executor
from pipelines.lock import output_lock
from pipelines.plan import make_plan
from pipelines.progress import Reporter
from pipelines.recipe import load_recipe
from pipelines.report import print_summary
from pipelines.run import run
from pipelines.step_specs import NearDedup

__all__ = ["demo"]

MARK = ".datagov-demo"
"""Empty file that says that a folder is the demo's to empty."""


def demo(folder: Path, *, documents: int, workers: int | None = None, as_json: bool = False) -> bool:
    """Make the corpus, run the demo recipe, explain one document, check; return whether the check passed.

    Parameters
    ----------
    folder : Path
        Gets `corpus/`, `planted.parquet` (what was planted) and `out/` (what was made of it). A folder
        of an earlier demo is emptied first.
    documents : int
        About how many documents to make.
    workers : int or None
        Processes; None for one a CPU.
    as_json : bool
        Print the check as JSON and nothing else on stdout.

    Raises
    ------
    ConfigError
        The folder holds something that is not an earlier demo.
    """
    _clear(folder)
    terminal.note(f"making a corpus in {folder} ...")
    made = make_corpus(folder, documents=documents)
    with as_file(files("pipelines.recipes").joinpath("demo.yaml")) as path:
        recipe = load_recipe(path, input_path=str(folder / "corpus"), output=str(folder / "out"))
    plan = make_plan(recipe)
    with output_lock(plan.out, shared=False):
        executor = make_executor("local", workers=workers, address=None, shared_filesystem=False)
        try:
            with Reporter() as reporter:
                manifest = run(plan, executor, reporter)
        finally:
            executor.close()
    near = next(step for step in recipe.steps if isinstance(step.spec, NearDedup)).resolved
    report = check(
        pq.read_table(made.planted),
        read_verdicts(folder / "out"),
        threshold=near["verify"]["jaccard"],
        bands=near["bands"],
        rows=near["rows"],
    )
    if as_json:
        terminal.print_json(report.to_dict())
        return report.passed
    print_summary(plan, manifest)
    terminal.line()
    terminal.heading("one removed document, explained")
    _explain_one(folder / "out")
    terminal.line()
    terminal.heading("what was found against what was planted")
    terminal.line(summary(report), lines=True)
    return report.passed


def _explain_one(out: Path) -> None:
    """Explain the near-duplicate with the smallest id."""
    ledger = Ledger.open(str(out))
    with ledger.connect() as connection:
        row = connection.execute(
            "SELECT doc_id FROM decisions WHERE keeper IS NOT NULL AND step = 'near_dedup' ORDER BY doc_id LIMIT 1"
        ).fetchone()
    if row is not None:
        print_explanation(explain(ledger, row[0]))


def _clear(folder: Path) -> None:
    """Empty the folder of an earlier demo, which its mark tells, and mark it."""
    mark = folder / MARK
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise ConfigError(f"{folder}: holds files that are not an earlier demo; choose an empty folder")
    for name in ("corpus", "out"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "planted.parquet").unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    mark.touch()
