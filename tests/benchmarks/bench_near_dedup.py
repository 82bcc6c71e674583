"""The near-duplicate step alone as a whole process, Parquet shards in, kept Parquet shards out.

Run once for each system, in that system's environment, by `run.py`, which times the whole process; prints
one JSON object. Both sides use 14 bands x 8 rows over 5-grams and the same number of workers. datatrove:
its four documented stages with LocalPipelineExecutor. datagov: `datagov run` with a recipe of one step,
which also verifies every removal on the text and writes the ledger.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq

BANDS = 14
ROWS = 8
SHINGLE = 5

RECIPE = """\
dataset: benchmark
input: {{path: {input}, text: text, id: id, source: source, url: url}}
output: {output}
steps:
  - near_dedup: {{preset: fineweb, verify: {{jaccard: 0.7}}, keep: longest}}
"""


def rows(folder: Path) -> int:
    """Count the rows of all Parquet files under a folder."""
    return sum(pq.read_metadata(path).num_rows for path in folder.rglob("*.parquet"))


def datagov(source: Path, work: Path, language: str, workers: int) -> int:
    recipe = work / "recipe.yaml"
    recipe.write_text(RECIPE.format(input=json.dumps(str(source)), output=json.dumps(str(work / "out"))))
    command = [str(Path(sys.executable).with_name("datagov")), "run", str(recipe)]
    answer = subprocess.run(
        [*command, "--workers", str(workers), "--json"], check=True, stdout=subprocess.PIPE, text=True
    )
    return int(json.loads(answer.stdout)["kept"])


def datatrove(source: Path, work: Path, language: str, workers: int) -> int:
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import ParquetReader
    from datatrove.pipeline.writers import ParquetWriter
    from datatrove.utils.typeshelper import Languages

    config = MinhashConfig(n_grams=SHINGLE, num_buckets=BANDS, hashes_per_bucket=ROWS)
    code = Languages.mandarin_chinese if language == "zh" else Languages.english
    folders = {name: str(work / name) for name in ("signatures", "buckets", "removed", "kept", "logs")}

    def stage(number: int, tasks: int, steps: list[object]) -> None:
        logs = f"{folders['logs']}/{number}"
        LocalPipelineExecutor(
            pipeline=steps, tasks=tasks, workers=min(workers, tasks), logging_dir=logs
        ).run()

    signature = MinhashDedupSignature(output_folder=folders["signatures"], config=config, language=code)
    stage(1, workers, [ParquetReader(str(source)), signature])
    buckets = MinhashDedupBuckets(folders["signatures"], folders["buckets"], config=config)
    stage(2, BANDS, [buckets])
    stage(3, 1, [MinhashDedupCluster(folders["buckets"], folders["removed"], config=config)])
    writer = ParquetWriter(folders["kept"])
    stage(4, workers, [ParquetReader(str(source)), MinhashDedupFilter(folders["removed"]), writer])
    return rows(work / "kept")


SIDES = {"datagov": datagov, "datatrove": datatrove}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES, required=True)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--language", choices=["zh", "en"], required=True)
    parser.add_argument("--work", type=Path, required=True, help="an empty folder; what is written stays")
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    source = arguments.input.resolve()
    kept = SIDES[arguments.side](source, arguments.work.resolve(), arguments.language, arguments.workers)
    print(json.dumps({"documents": rows(source), "kept": kept}))


if __name__ == "__main__":
    main()
