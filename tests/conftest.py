"""Fixtures for every test: a composed corpus, recipes, runs, and the real corpus where there is one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import governing
import hypothesis
import in_process
import pytest
from governing import DemoPlan, Finished, Governed
from xdist.scheduler import LoadFileScheduling

# How long an example takes is no property of the code: the machine may be busy.
hypothesis.settings.register_profile("datagov", deadline=None)
hypothesis.settings.load_profile("datagov")

WHOLE_RUNS = (
    "tests/unit/classifiers/test_fasttext.py",
    "tests/unit/detectors/checkpoints/",
    "tests/rules/test_lingua.py",
    "tests/unit/detectors/fingerprint/test_engine.py",
    "tests/unit/detectors/fingerprint/test_planting.py",
    "tests/unit/detectors/fingerprint/test_remote.py",
    "tests/unit/detectors/probes/test_remote_sampling.py",
    "tests/unit/detectors/targets/",
    "tests/unit/lm/",
    "tests/faults/",
    "tests/unit/pipelines/test_outlook.py",
    "tests/stores/",
    "tests/studies/test_membership_lab.py",
    "tests/unit/pipelines/test_ready_recipes.py",
    "tests/unit/pipelines/test_run.py",
    "tests/unit/pipelines/test_run_again.py",
    "tests/unit/pipelines/test_run_contamination.py",
    "tests/unit/pipelines/test_run_dedup.py",
    "tests/unit/pipelines/test_run_edits.py",
    "tests/unit/pipelines/test_run_edges.py",
    "tests/unit/pipelines/test_run_filters.py",
    "tests/unit/pipelines/test_run_formats.py",
    "tests/unit/pipelines/test_run_inputs.py",
    "tests/unit/pipelines/test_run_lexicon.py",
    "tests/unit/pipelines/test_run_long_documents.py",
    "tests/unit/pipelines/test_run_models.py",
    "tests/unit/pipelines/test_run_language.py",
    "tests/unit/pipelines/test_run_url_lists.py",
    "tests/unit/pipelines/test_run_tokens.py",
    "tests/unit/pipelines/test_run_user_rules.py",
    "tests/unit/pipelines/test_run_web.py",
    "tests/unit/pipelines/test_run_observers.py",
    "tests/unit/pipelines/test_run_span_dedup.py",
    "tests/unit/pipelines/test_what_if",
    "tests/unit/demo/",
    "tests/unit/edits/test_edit_repair.py",
    "tests/unit/detectors/fingerprint/test_fingerprint_command.py",
    "tests/unit/detectors/statistics/test_blind.py",
    "tests/unit/detectors/statistics/test_set_tests.py",
    "tests/unit/detectors/fingerprint/test_forcing_sweep.py",
    "tests/unit/detectors/test_sweep_command.py",
    "tests/unit/detectors/test_verdict_commands.py",
    "tests/unit/ledger/test_cli.py",
    "tests/unit/pipelines/test_capacity.py",
    "tests/unit/test_doctor.py",
    "tests/unit/classifiers/test_training.py",
    "tests/unit/edits/test_edit_simplify.py",
    "tests/unit/ledger/test_console.py",
    "tests/unit/ledger/test_sample.py",
    "tests/unit/pii/test_find.py",
    "tests/unit/text/test_terms.py",
    "tests/rules/test_every_rule.py",
    "tests/rules/test_rule_pages.py",
)
"""Tests that make run after run, call the command line many times, or measure every rule on every example: `make test` has
time for them, `make check` has two minutes."""


CLUSTERS = ("tests/cluster/", "tests/contracts/test_readme.py", "tests/faults/test_ray_")
"""Files of tests that start Ray clusters. One process runs them all: two clusters on one machine see each other."""


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave files of slow tests unread where slow tests are not wanted: some import torch."""
    unwanted = "not slow" in config.option.markexpr and any(
        place in collection_path.as_posix() for place in WHOLE_RUNS
    )
    return True if unwanted else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of whole runs as slow, and put first the files that take longest, so that processes end together."""
    slow = set()
    for item in items:
        if any(place in item.path.as_posix() for place in WHOLE_RUNS):
            item.add_marker("slow")
        if item.get_closest_marker("slow"):
            slow.add(item.path)
        if item.get_closest_marker("cluster") and not item.nodeid.startswith(CLUSTERS):
            raise pytest.UsageError(
                f"{item.nodeid} starts a cluster: its file belongs to CLUSTERS in {__file__}"
            )
    items.sort(key=lambda item: (not item.nodeid.startswith(CLUSTERS), item.path not in slow))


class Sharing(LoadFileScheduling):
    """Which tests one process of several runs: those of a file, and all that start clusters."""

    def _split_scope(self, nodeid: str) -> str:
        return "clusters" if nodeid.startswith(CLUSTERS) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing:
    """Share the tests out."""
    return Sharing(config, log)


@pytest.fixture(scope="session")
def demo_corpus(tmp_path_factory: pytest.TempPathFactory) -> DemoPlan:
    """The demo's bilingual corpus, small, with planted duplicates and junk; not to be changed."""
    return governing.make_corpus(tmp_path_factory.mktemp("demo"), documents=400)


@pytest.fixture(scope="session")
def corpus_root() -> Path:
    """The real corpus; tests that ask for it carry the marker `corpus`."""
    named = os.environ.get("DATAGOV_CORPUS")
    root = Path(named) if named else Path(__file__).parents[2] / "shared/corpus"
    if not root.is_dir():
        pytest.skip(f"no corpus at {root}; name one with DATAGOV_CORPUS")
    return root


@pytest.fixture(scope="session")
def recipe() -> Callable[..., Path]:
    """Write a recipe; see `governing.write_recipe`."""
    return governing.write_recipe


@pytest.fixture(scope="session")
def govern() -> Callable[..., Governed]:
    """Run a recipe in this process; see `governing.govern`."""
    return governing.govern


@pytest.fixture(scope="session")
def cli() -> Callable[..., Finished]:
    """Run `datagov` in this process; see `in_process.ran`."""
    return in_process.ran


@pytest.fixture(scope="session")
def program() -> Callable[..., Finished]:
    """Run `datagov` in a process of its own; see `governing.run_program`."""
    return governing.run_program
