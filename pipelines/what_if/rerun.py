"""A changed recipe's cascade, run through the stages of any run, in a scratch folder that is thrown away.

The scratch folder lies under `OUT/work/` and looks like an output folder: it links to the products of OUT
and to whatever OUT's stages have done, so that stages find what they would find there. What they write
replaces a link or is a new file; no file outside the scratch folder is written, and no run is recorded.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import reduce
from pathlib import Path

import numpy as np

from datagov.errors import InputError, LedgerError, PartialRun
from datagov.ledger.reader import Ledger
from datagov.storage import Receipt, read_receipt
from pipelines.cascade import Cascade
from pipelines.executors import Executor
from pipelines.fates import load_fates
from pipelines.lock import SCRATCH, output_lock
from pipelines.plan import Plan
from pipelines.progress import Reporter
from pipelines.recipe import Recipe
from pipelines.run import warm
from pipelines.session import Session
from pipelines.what_if.recorded import recorded_recipe, settled_of
from pipelines.what_if.unchanged_input import plan_again

__all__ = ["rerun"]

REUSED = (
    "screen",
    "collect",
    "tally",
    "settle",
    "count",
    "sift",
    "excerpt",
    "compare",
    "mark",
    "exact",
    "match",
    "link",
    "gather",
    "elect",
)
"""Stages whose finished work may serve: their keys name all that it depends on."""


def rerun(ledger: Ledger, recipe: Recipe, executor: Executor, reporter: Reporter) -> np.ndarray:
    """Return the fates, int16[N], that a full run of a changed recipe would decide.

    Parameters
    ----------
    ledger : Ledger
        A run over the same input that measured all the recipe needs.
    recipe : Recipe
    executor, reporter
        As for a run.

    Raises
    ------
    InputError
        The input has changed since the run.
    LedgerError
        Something that the run measured is no longer there.
    PartialRun
        The scratch folder cannot be written.
    """
    plan = plan_again(ledger, recipe)
    place = ledger.root / SCRATCH
    try:
        place.parent.mkdir(exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=place.parent, prefix=place.name)
    except OSError as error:
        raise PartialRun(f"cannot write below {place.parent}: {error.strerror}") from error
    with scratch as folder, output_lock(Path(folder), shared=False):
        same = settled_of(ledger, recorded_recipe(ledger), recipe)
        known = reduce(lambda plan, found: plan.settle(*found), same.items(), plan)
        measured = link_products(known, ledger.root, Path(folder))
        link_stages(ledger.root, Path(folder))
        session = Session(replace(plan, out=Path(folder)), executor, reporter)
        warm(session, needed=True)
        cascade = Cascade(session, measured)
        for position in range(len(recipe.steps)):
            cascade.step(position)
        if session.damaged:
            raise InputError(f"{', '.join(session.damaged)}: can no longer be read; run the recipe again")
        return np.array(load_fates(Path(folder) / cascade.screen().files[0].path))


def link_products(plan: Plan, out: Path, scratch: Path) -> list[dict[str, Receipt]]:
    """Link the folders of all products and of their receipts; return product key -> receipt, by part."""
    measured = []
    folders = dict.fromkeys(Path(product.receipt("*")).parent for product in plan.products)
    for part in plan.parts:
        missing = plan.missing(part)
        if missing:
            kinds = ", ".join(product.kind for product in missing)
            raise LedgerError(f"{plan.out}: {kinds} of part {part.name} are missing; run the recipe again")
        receipts = {product.key: receipt_of(plan, product.receipt(part.name)) for product in plan.products}
        measured.append(receipts)
        folders |= dict.fromkeys(
            Path(file.path).parent for receipt in receipts.values() for file in receipt.files
        )
    for folder in folders:
        link(out, scratch, folder)
    return measured


def link_stages(out: Path, scratch: Path) -> None:
    """Link, file by file, the receipts and files of finished stages."""
    for folder in sorted((out / "receipts").iterdir()):
        if folder.name.rpartition("-")[0] not in REUSED:
            continue
        for path in sorted(folder.glob("*.json")):
            relative = path.relative_to(out)
            receipt = read_receipt(out, str(relative))
            if receipt is not None:
                link_files(out, scratch, [relative, *(Path(file.path) for file in receipt.files)])


def link_files(out: Path, scratch: Path, files: Iterable[Path]) -> None:
    """Link some files that are not linked yet."""
    for file in files:
        if not (scratch / file).is_symlink():
            link(out, scratch, file)


def link(out: Path, scratch: Path, path: Path) -> None:
    """Make `scratch/path` lead to `out/path`."""
    (scratch / path).parent.mkdir(parents=True, exist_ok=True)
    (scratch / path).symlink_to((out / path).resolve())


def receipt_of(plan: Plan, path: str) -> Receipt:
    """Return a receipt that is there."""
    receipt = read_receipt(plan.out, path)
    if receipt is None:
        raise LedgerError(f"{plan.out}: {path} is missing; run the recipe again")
    return receipt
