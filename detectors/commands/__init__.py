"""The commands of `datagov detect`, a module each; `MODULES` is the order of the help page.

A module has `register(app: typer.Typer) -> None` and imports what a command needs when it runs.
"""

MODULES: tuple[str, ...] = (
    "score",
    "evaluate",
    "verdict",
    "set_test",
    "sweep",
    "report",
    "methods",
    "target",
    "lab",
    "fingerprint",
    "join",
    "hidden_verdict",
    "hidden_report",
    "tokenizer",
    "glitch",
    "canary",
    "extract",
    "demo",
    "serve",
)
"""Names of modules in this package."""
