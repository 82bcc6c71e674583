"""`datagov doctor`: is this machine ready, and what may be missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from datagov import __version__, terminal

__all__ = ["examine", "register"]

DISTRIBUTION = "datagov"
LEAST_MEMORY = 2 * 2**30
LEAST_FREE = 2**30
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;(?P<marker>.*))?$")
EXTRA = re.compile(r"extra\s*==\s*['\"](?P<extra>[^'\"]+)['\"]")
NOT_SHOWN = {"all", "dev", "test"}


def register(app: typer.Typer) -> None:
    """Add `doctor` to the root command."""
    app.command("doctor")(doctor_command)


def doctor_command(
    output: Annotated[
        Path | None, typer.Option("--output", metavar="DIR", help="Look at a run's output folder too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check this machine: versions, CPUs, memory, extras, a writable kernel cache. Exit code 1 on findings."""
    report = examine(output)
    if as_json:
        terminal.print_json(report)
    else:
        terminal.print_table(("what", "value"), list(report["machine"].items()))
        terminal.line()
        packages = [(p["name"], p["version"] or "missing", p["extra"] or "core") for p in report["packages"]]
        terminal.print_table(("package", "version", "needed by"), packages)
        for finding in report["findings"]:
            terminal.line(f"finding: {finding}")
        count = len(report["findings"])
        terminal.line(f"{count} finding{'' if count == 1 else 's'}" if count else "ready")
    if report["findings"]:
        raise typer.Exit(1)


def examine(output: Path | None = None) -> dict[str, Any]:
    """Return what was found.

    Parameters
    ----------
    output : Path or None
        A folder that a run would write to; it need not exist.

    Returns
    -------
    dict
        `machine`: facts by name (memory and room in bytes; None: unknown). `packages`: name, installed version
        (None: not installed) and extra (None: core). `findings`: sentences, each with its remedy.
    """
    findings = []
    memory = memory_bytes()
    cache, cache_problem = kernel_cache()
    packages, missing = installed_packages()
    findings.extend(missing)
    if cache_problem:
        findings.append(cache_problem)
    if memory is not None and memory < LEAST_MEMORY:
        findings.append(
            f"Only {memory / 2**30:.1f} GiB of memory: a part takes up to 2 GiB; use --workers 1."
        )
    if sys.maxsize < 2**32:
        findings.append("This Python is 32-bit: datagov needs a 64-bit one.")
    machine = {
        "datagov": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": usable_cpus(),
        "memory_bytes": memory,
        "kernel_cache": cache,
    }
    if output is not None:
        machine["output_free_bytes"], problems = output_folder(output)
        findings.extend(problems)
    return {"machine": machine, "packages": packages, "findings": findings}


def usable_cpus() -> int:
    """Return how many CPUs this process may use: affinity, and the container's quota rounded up."""
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = read_control("cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit() and int(period):
        cpus = min(cpus, max(1, -(-int(quota) // int(period))))
    return cpus


def memory_bytes() -> int | None:
    """Return the memory this process may use: the machine's, or the container's limit if lower."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return None
    limit = read_control("memory.max")
    return min(total, int(limit)) if limit.isdigit() else total


def read_control(name: str) -> str:
    """Return a value of this container's control group, or an empty string."""
    try:
        return (Path("/sys/fs/cgroup") / name).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def kernel_cache() -> tuple[str | None, str | None]:
    """Return the folder compiled kernels are cached in, and what is wrong with it if anything.

    numba caches in NUMBA_CACHE_DIR, else beside the source, else in the user's cache folder.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(named)] if named else [Path(__file__).parent / "text", user_cache()]
    for place in places:
        if writable(place):
            return str(place), None
    listed = " nor ".join(map(str, places))
    return None, (
        f"Compiled kernels cannot be cached in {listed}: every process would compile them again. "
        "Set NUMBA_CACHE_DIR to a writable folder."
    )


def output_folder(folder: Path) -> tuple[int | None, list[str]]:
    """Return the free bytes where `folder` is or would be, and what is wrong with it as a run's output."""
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(place).free
    try:
        with tempfile.TemporaryDirectory(dir=place) as name:
            first = Path(name, "first")
            first.touch()
            Path(name, "second").hardlink_to(first)
    except OSError as error:
        # How much room there is says nothing more of a folder that is no good: /proc has none.
        what = (
            "knows no hard links, by which a run publishes its files"
            if writable(place)
            else "cannot be written"
        )
        return free, [
            f"The output folder {folder} {what} ({error.strerror}): choose another (--output of run)."
        ]
    if free < LEAST_FREE:
        return free, [f"Only {free / 2**30:.1f} GiB are free for the output folder {folder}: make room."]
    return free, []


def user_cache() -> Path:
    """Return the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


def writable(folder: Path) -> bool:
    """Say whether a file can be made in `folder`, or in the nearest folder above that exists."""
    place = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False


def installed_packages() -> tuple[list[dict[str, str | None]], list[str]]:
    """Return the packages datagov names as requirements, and a finding for each core one that is missing."""
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return [], ["datagov is not installed as a package: commands of its wings are missing. pip install ."]
    packages: list[dict[str, str | None]] = []
    findings = []
    for requirement in requirements:
        match = REQUIREMENT.match(requirement)
        if match is None or match["name"] == DISTRIBUTION:
            continue
        name = match["name"]
        extra_match = EXTRA.search(match["marker"] or "")
        extra = extra_match["extra"] if extra_match else None
        if extra in NOT_SHOWN:
            continue
        version = installed_version(name)
        packages.append({"name": name, "version": version, "extra": extra})
        if extra is None and version is None:
            findings.append(f"The package {name} is missing: pip install {name!r}.")
    return packages, findings


def installed_version(distribution: str) -> str | None:
    """Return a distribution's version if it is installed and its modules can be found, else None."""
    try:
        found = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return None
    tops = {str(path).split("/")[0].split(".")[0] for path in found.files or () if str(path).endswith(".py")}
    modules = [top for top in tops if top.isidentifier()]
    return found.version if not modules or any(find_spec(top) is not None for top in modules) else None
