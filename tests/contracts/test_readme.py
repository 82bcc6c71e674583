"""The README's commands are run as they stand there, in order."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shown_commands() -> list[str]:
    """Return the command lines of the README's `sh` blocks."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    return [line.split(" #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def test_the_two_commands_are_what_ci_runs() -> None:
    made = [command for command in shown_commands() if command.startswith("make ")]
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert made == ["make demo", "make test"]
    assert all(re.search(rf"^{command}$", script, flags=re.MULTILINE) for command in made)


@pytest.mark.slow
@pytest.mark.cluster
def test_every_command_of_the_readme_runs(tmp_path: Path) -> None:
    commands = [command for command in shown_commands() if not command.startswith("make ")]
    assert len(commands) > 20
    environment = {**os.environ, "PYTHONWARNINGS": "default"}
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "datagov", command
        finished = subprocess.run(
            [sys.executable, "-m", "datagov", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert finished.returncode == 0, f"{command}\n{finished.stdout}\n{finished.stderr}"
        assert finished.stdout.strip(), command


def test_the_recipe_of_the_readme_is_the_one_that_init_writes() -> None:
    import yaml

    shown = re.search(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    written = ROOT / "pipelines/recipes/bilingual.yaml"
    assert shown is not None
    assert yaml.safe_load(shown[1]) == yaml.safe_load(written.read_text(encoding="utf-8"))


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []
