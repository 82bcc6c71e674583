"""How long a warm start takes: `datagov --help`, and a whole run over 100 documents.

The first call of each is not counted (it fills the file cache and the kernels' compile cache); prints one
JSON object with the median and the worst of the rest, in seconds of wall time around the whole process.
Python may keep its bytecode, as it does unless told otherwise: where it may not, no start is warm.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

DOCUMENTS = 100

ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

RECIPE = """\
dataset: warm-start
input: {{path: {input}, text: text, id: id, source: source, url: url}}
output: {output}
steps:
  - normalise: {{form: NFC, strip_control: true}}
  - filter: {{profile: fineweb2-zh, when: {{script: han}}}}
  - filter: {{profile: gopher-en, when: {{script: latin}}, otherwise: keep}}
  - exact_dedup: {{}}
  - near_dedup: {{preset: fineweb, verify: {{jaccard: 0.7}}, keep: longest}}
"""


def first_documents(folders: list[Path], count: int) -> pa.Table:
    """Return `count` documents, as many from the first shard of each folder."""
    share = -(-count // len(folders))
    columns = ["id", "text", "source", "url"]
    shards = [min(folder.rglob("*.parquet")) for folder in folders]
    return pa.concat_tables([pq.read_table(shard, columns=columns).slice(0, share) for shard in shards])


def seconds(command: list[str], repeats: int, fresh: Path | None = None) -> dict[str, float]:
    """Time a command `repeats` times after one call that is not counted; `fresh` is removed before each."""
    times = []
    for _ in range(repeats + 1):
        if fresh is not None:
            shutil.rmtree(fresh, ignore_errors=True)
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT)
        times.append(time.perf_counter() - start)
        if done.returncode:
            raise SystemExit(f"{command[1]} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return {"median": statistics.median(times[1:]), "worst": max(times[1:]), "first": times[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, nargs="+", required=True, help="folders to take documents from")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    command = str(Path(sys.executable).with_name("datagov"))
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        (work / "in").mkdir()
        pq.write_table(first_documents(arguments.input, DOCUMENTS), work / "in" / "part.parquet")
        recipe = work / "recipe.yaml"
        recipe.write_text(
            RECIPE.format(input=json.dumps(str(work / "in")), output=json.dumps(str(work / "out")))
        )
        answer = {
            "help": seconds([command, "--help"], arguments.repeats),
            "run": seconds([command, "run", str(recipe), "--json"], arguments.repeats, fresh=work / "out"),
        }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
