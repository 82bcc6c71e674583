"""Tables that a program measures and a page of the documentation shows."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def put(page: Path, name: str, text: str) -> None:
    """Put `text` between the page's comments `<!-- begin NAME -->` and `<!-- end NAME -->`."""
    first, last = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(first)
    _, ended, after = rest.partition(last)
    if not found or not ended:
        raise SystemExit(
            f"{page}: has no place for {name!r}; expected the comments {first.strip()} and {last}"
        )
    page.write_text(f"{before}{first}\n{text.strip()}\n\n{last}{after}", encoding="utf-8")


def machine() -> str:
    """Return the machine in a line, for the note over a table."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    load = os.getloadavg()[0]
    return (
        f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, load before {load:.1f}; "
        f"Python {platform.python_version()}."
    )
