"""Models of the lab, probed and held against their corpus together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from datagov.errors import LedgerError
from datagov.storage import encode_table, replace
from datagov.string_hits import read_hits
from detectors.fingerprint.corpus_join import join, probe_strings
from detectors.fingerprint.probe import prepare, probe
from detectors.fingerprint.sweep import Settings
from detectors.targets.opening import OpenOptions, open_target

__all__ = ["probe_models"]

CPU = OpenOptions(device="cpu")


def probe_models(
    models: Mapping[str, Path],
    base: Path | None,
    corpus: Path,
    settings: Settings,
    folder: Path,
    *,
    contexts: Sequence[str] | None = None,
) -> dict[str, pa.Table]:
    """Probe some models of one base; return their findings with tiers, by name, and leave them in `folder`.

    Parameters
    ----------
    models : mapping of str to Path
        Checkpoints by name.
    base : Path or None
        The checkpoint they were made from, to rank by bits over it.
    corpus : Path
        Shards with the columns `text` and `source`.
    settings : Settings
    folder : Path
    contexts : sequence of str or None
        See `prepare`.

    Raises
    ------
    LedgerError
        The corpus could not be searched.
    """
    found = {}
    for name, model in models.items():
        suspect = open_target(str(model), CPU)
        other = None if base is None else open_target(str(base), CPU)
        plan = prepare(suspect, other, contexts, settings, most_hours=1.0)
        found[name] = probe(plan, folder / f"{name}.parquet").table
    strings, hits = folder / "strings.parquet", folder / "hits.parquet"
    searched = pa.concat_tables([probe_strings(table) for table in found.values()])
    distinct = sorted(set(searched.column("string").to_pylist()))
    replace(strings, encode_table(pa.table({"string": pa.array(distinct, pa.large_string())})))
    # The search belongs to the other wing, which this one knows by its command alone.
    command = (sys.executable, "-m", "datagov", "find-strings", str(strings), str(corpus))
    options = ("--source", "source", "--output", str(hits), "--workers", "1", "--quiet")
    ended = subprocess.run(  # noqa: S603 - our own command, with paths of the lab
        [*command, *options], check=False, capture_output=True, text=True
    )
    if ended.returncode != 0:
        raise LedgerError(f"{corpus}: could not be searched for {strings}: {ended.stderr.strip()[-500:]}")
    joined = {name: join(table, read_hits(hits)) for name, table in found.items()}
    for name, table in joined.items():
        replace(folder / f"{name}.joined.parquet", encode_table(table))
    return joined
