"""Bytes written for deduplication a document: what the sketches of a finished run take on disk.

Sums the files of the folders named, wherever they lie under the output folder; prints one JSON object.
For datatrove that is `signatures` (its first stage's files, before they are read, matched and rewritten as
pairs); for datagov the sketch tables of a run.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def written(output: Path, names: set[str]) -> tuple[int, int]:
    """Return the files under folders called one of `names`, and their bytes."""
    files = [
        path
        for path in output.rglob("*")
        if path.is_file() and names.intersection(path.relative_to(output).parts[:-1])
    ]
    return len(files), sum(path.stat().st_size for path in files)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--tables", nargs="+", required=True, help="folder names to count")
    parser.add_argument("--documents", type=int, required=True)
    arguments = parser.parse_args()
    files, size = written(arguments.output, set(arguments.tables))
    if not files:
        parser.error(f"no files in folders called {arguments.tables} under {arguments.output}")
    print(json.dumps({"files": files, "bytes": size, "bytes_per_document": size / arguments.documents}))


if __name__ == "__main__":
    main()
