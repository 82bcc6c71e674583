"""Lines of the table on membership: token statistics, traces, scores and token counts, each on one core."""

from __future__ import annotations

from pathlib import Path

from measuring import OURS, Row, attempt, measure

PROGRAM = "bench_membership.py"
MOST_TIMES = {"5M": 1.5, "19M": 1.25}
"""Model -> how many times as long five statistics may take as the log-probability alone."""
LEAST_AGAINST_LOOP = {"256 tokens": 1.1, "32 to 64 tokens": None, "128 tokens behind 512 of shots": None}
LEAST_SCORED = 5.0
"""Millions of the texts' tokens a second."""


def token_statistics(_inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """Five statistics of each token against its log-probability alone."""
    run = attempt(lambda: measure(OURS, PROGRAM, "--side", "statistics", "--scale", scale, cores={cores[-1]}))
    work = "five token statistics vs log-probability alone"
    if isinstance(run, str):
        return [Row(work, "-", None, None, "tokens/s", None, "", None, run)]
    rows = []
    for name, most in MOST_TIMES.items():
        one = run[name]
        times = one["five"] / one["one"]
        rates = one["tokens"] / one["five"], one["tokens"] / one["one"]
        note = f"{times:.2f} times as long, at most {most:g}; {one['parameters'] / 1e6:.1f}M parameters, V = 8192"
        rows.append(
            Row(work, name, *rates, "tokens/s", 1 / times, f">= {1 / most:.2g}x", times <= most, note)
        )
    return rows


def traces(_inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """Traces against a loop over single texts that computes the same."""
    run = attempt(lambda: measure(OURS, PROGRAM, "--side", "traces", "--scale", scale, cores={cores[-1]}))
    work = "traces vs a loop of single texts, equal work, fp32"
    if isinstance(run, str):
        return [Row(work, "-", None, None, "tokens/s", None, "", None, run)]
    rows = []
    for name, least in LEAST_AGAINST_LOOP.items():
        one = run[name]
        ratio = one["loop"] / one["ours"]
        rates = one["tokens"] / one["ours"], one["tokens"] / one["loop"]
        target = "" if least is None else f">= {least:g}x"
        reached = None if least is None else ratio >= least
        rows.append(Row(work, name, *rates, "tokens/s", ratio, target, reached, f"{one['texts']} texts"))
    return rows


def precision(_inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """Traces in fp64 against traces in fp32, and how far each depends on the batch."""
    run = attempt(lambda: measure(OURS, PROGRAM, "--side", "precision", "--scale", scale, cores={cores[-1]}))
    work = "traces in fp64 vs in fp32"
    if isinstance(run, str):
        return [Row(work, "-", None, None, "tokens/s", None, "", None, run)]
    rates = run["tokens"] / run["float64"], run["tokens"] / run["float32"]
    note = (
        f"by batch, layout and order fp64 differs by {run['apart']['float64']:.2g} nats, fp32 by "
        f"{run['apart']['float32']:.2g}; fp32 lies {run['between']:.2g} from fp64"
    )
    return [
        Row(work, "32 to 256 tokens", *rates, "tokens/s", run["float32"] / run["float64"], "", None, note)
    ]


def scores(inputs: dict[str, Path], scale: float, cores: list[int]) -> list[Row]:
    """Each method from traces in memory, and the compressed sizes against zlib alone."""
    arguments = ("--side", "scores", "--scale", scale, "--input", inputs["en"])
    run = attempt(lambda: measure(OURS, PROGRAM, *arguments, cores={cores[-1]}))
    if isinstance(run, str):
        return [Row("scores from traces", "-", None, None, "M tokens/s", None, "", None, run)]
    rows = []
    for name, one in run["methods"].items():
        rate = one["tokens"] / one["seconds"] / 1e6
        note = "" if one["traces"] == 1 else f"reads {one['traces']} traces a text, its own are counted"
        rows.append(
            Row(f"scores from traces: {name}", "512 tokens", rate, None, "M tokens/s", None,
                f">= {LEAST_SCORED:g} M/s", rate >= LEAST_SCORED, note)
        )  # fmt: skip
    one = run["zlib"]
    times = one["ours"] / one["zlib"]
    rates = one["bytes"] / one["ours"] / 1e6, one["bytes"] / one["zlib"] / 1e6
    note = f"{times:.2f} times as long, at most 1.2"
    rows.append(
        Row("compressed sizes vs zlib alone", inputs["en"].name, *rates, "MB/s", 1 / times, ">= 0.83x",
            times <= 1.2, note)
    )  # fmt: skip
    return rows


def token_counts(inputs: dict[str, Path], _scale: float, cores: list[int]) -> list[Row]:
    """Counting tokens against the tokenizer library's own batches."""
    texts = min(inputs["en"].rglob("*.parquet"))
    run = attempt(lambda: measure(OURS, "bench_frequency.py", texts, cores={cores[-1]}))
    work = "counting tokens vs the tokenizer library's batches"
    if isinstance(run, str):
        return [Row(work, inputs["en"].name, None, None, "MB/s", None, ">= 0.8x", None, run)]
    rates = run["bytes"] / run["ours"] / 1e6, run["bytes"] / run["library"] / 1e6
    ratio = run["ratio"]
    return [Row(work, inputs["en"].name, *rates, "MB/s", ratio, ">= 0.8x", ratio >= 0.8, "one thread each")]
