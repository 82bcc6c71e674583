"""`datagov detect serve`: a target behind an endpoint whose log-probabilities can be believed."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Annotated

import typer

from datagov import terminal
from datagov.errors import ConfigError
from detectors.commands.target_options import DtypeOption

__all__ = ["register"]

KEY_VARIABLE = "DATAGOV_SERVE_KEY"
HERE = {"127.0.0.1", "::1", "localhost"}


def register(app: typer.Typer) -> None:
    """Add `serve` to `detect`."""
    app.command("serve")(serve_command)


def serve_command(
    target: Annotated[
        str,
        typer.Option("--target", metavar="TARGET", help="A checkpoint's folder, ngram:FILE or gguf:FILE."),
    ],
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 for any free one.")] = 8000,
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    name: Annotated[str | None, typer.Option("--name", help="What the model is called.")] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option("--tokenizer", metavar="PATH", help="For targets without a tokenizer of their own."),
    ] = None,
    dtype: DtypeOption = None,
    device: Annotated[str | None, typer.Option("--device", help="A torch device, or auto.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print where it is served as JSON.")] = False,
) -> None:
    """Serve a target as OpenAI-style completions: echo, prompt_logprobs and token ids.

    Clients send the key of the environment variable DATAGOV_SERVE_KEY; without one, only this machine is served.
    """
    from detectors.targets.opening import OpenOptions, open_target

    key = os.environ.get(KEY_VARIABLE) or None
    if key is None and host not in HERE:
        raise ConfigError(
            f"--host {host}: an endpoint that others reach needs a key: put one into the environment variable "
            f"{KEY_VARIABLE}"
        )
    try:
        import uvicorn

        from detectors.service.app import make_app
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"serving needs {error.name}, which is not installed: pip install 'datagov[serve]'"
        ) from None
    opened = open_target(target, OpenOptions(tokenizer=tokenizer, dtype=dtype, device=device))
    app = make_app(opened, name=name, key=key)
    try:
        listening = socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET
        )
    except OSError as error:
        raise ConfigError(f"--host {host} --port {port}: cannot listen there ({error.strerror})") from None
    place = f"[{host}]" if ":" in host else host
    url = f"http://{place}:{listening.getsockname()[1]}/v1"
    if as_json:
        terminal.print_json({"url": url, "model": name or opened.facts.name})
    terminal.note(f"Serving {name or opened.facts.name} at {url} ; Ctrl-C stops")
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listening])
