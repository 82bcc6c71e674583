"""Who holds an output folder alone clears away what killed processes left there, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from datagov.errors import ConfigError
from pipelines.lock import LOCK, SCRATCH, output_lock

DEAD = ".p-1.parquet.0123456789ab.tmp"


def leave(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"PAR1")


def test_only_files_written_halfway_are_removed(tmp_path: Path) -> None:
    stays = [tmp_path / name for name in ("data/r1/a.tmp", "data/r1/.a.tmp", "ledger/x/p-1.parquet")]
    leave(*stays, tmp_path / "ledger/x" / DEAD, tmp_path / DEAD)
    with output_lock(tmp_path, shared=False):
        assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(
            [*stays, tmp_path / LOCK]
        )


def test_a_share_leaves_alone_what_other_shares_may_be_writing(tmp_path: Path) -> None:
    leave(tmp_path / "ledger/x" / DEAD)
    with output_lock(tmp_path, shared=True), output_lock(tmp_path, shared=True):
        assert (tmp_path / "ledger/x" / DEAD).exists()
        with pytest.raises(ConfigError, match="another run is at work"), output_lock(tmp_path, shared=False):
            pass
    assert (tmp_path / "ledger/x" / DEAD).exists()


def test_scratch_folders_go_when_nobody_holds_them(tmp_path: Path) -> None:
    alive, dead, new = (tmp_path / f"{SCRATCH}{name}" for name in ("alive", "dead", "new"))
    product = tmp_path / "ledger/x/p-1.parquet"
    leave(product, alive / "receipts" / DEAD, dead / LOCK, new / DEAD)
    (dead / "ledger").symlink_to(tmp_path / "ledger")
    with output_lock(alive, shared=False):
        leave(alive / "receipts" / DEAD)
        with output_lock(tmp_path, shared=False):
            assert (alive / "receipts" / DEAD).exists()
            assert (new / DEAD).exists()  # made a moment ago, and not locked yet
            assert not dead.exists()
    assert product.exists()
