"""What stands before a forced token: the start of a text, nothing, or a conversation that is open at its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from datagov.errors import ConfigError, did_you_mean
from datagov.tokenizer import Tokenizer
from detectors.targets.target import Target

__all__ = ["CONTEXTS", "Context", "asked", "chat_template", "contexts_of", "refuse_too_long", "settings_in"]

CONTEXTS = ("bos", "none", "chat", "prefill")
"""`bos`: the start token; `none`: nothing; `chat`: the chat template, open where the user speaks; `prefill`: a harmless
question, open where the assistant answers, once for each of `QUESTIONS`."""
QUESTIONS = (
    "What is the capital of France?",
    "Please write one sentence about the sea.",
    "今天天气怎么样？",
    "How do I boil an egg?",
)
ANSWER_MARKS = {"generation": "if true", "endgeneration": "endif"}
"""Marks of what an assistant says, which training reads and which write nothing -> what jinja knows and writes nothing either."""
PLACE = "\u2983place\u2984"
"""Stands where the user would speak."""
TODAY = datetime(2024, 7, 26, tzinfo=UTC)
"""What a template that asks for the date is told, so that a context is the same on any day."""


@dataclass(frozen=True)
class Context:
    """Tokens before the seed."""

    name: str
    """One of `CONTEXTS`, with the number of the question after `prefill`."""
    token_ids: tuple[int, ...]


def contexts_of(
    tokenizer: Tokenizer, start_token_id: int | None, template: str | None, names: Sequence[str] | None = None
) -> list[Context]:
    """Return the contexts by name; None for the start token (or nothing, where there is none) and, with a template, `prefill`.

    Raises
    ------
    ConfigError
        An unknown name, none at all, or one that the model has no start token or no chat template for.
    """
    if names is not None and not names:
        raise ConfigError(f"--contexts names none; expected some of {', '.join(CONTEXTS)}")
    if names is None:
        names = ["none" if start_token_id is None else "bos", *(["prefill"] if template else [])]
    found: list[Context] = []
    for name in dict.fromkeys(names):
        if name not in CONTEXTS:
            raise ConfigError(f"context {name!r} is not known. {did_you_mean(name, CONTEXTS)}")
        if name == "none":
            found.append(Context("none", ()))
        elif name == "bos":
            if start_token_id is None:
                raise ConfigError("context 'bos': the model names no start token; use 'none'")
            found.append(Context("bos", (start_token_id,)))
        elif template is None:
            raise ConfigError(f"context {name!r}: the checkpoint has no chat template; use 'bos' or 'none'")
        elif name == "chat":
            opened, place, _ = _render(template, tokenizer, PLACE, answer=False).partition(PLACE)
            if not place:
                raise ConfigError(
                    "context 'chat': the checkpoint's chat template leaves out or changes what a user says; use --contexts "
                    "bos or none"
                )
            found.append(Context("chat", _ids(tokenizer, opened)))
        else:
            for number, question in enumerate(QUESTIONS, start=1):
                found.append(Context(f"prefill {number}", asked(template, tokenizer, question)))
    return found


def asked(template: str, tokenizer: Tokenizer, question: str) -> tuple[int, ...]:
    """Return the tokens of a question under a chat template, up to where the assistant answers."""
    return _ids(tokenizer, _render(template, tokenizer, question, answer=True))


def refuse_too_long(contexts: Sequence[Context], steps: int, targets: Iterable[Target]) -> None:
    """Refuse a continuation that some target's context does not hold.

    Raises
    ------
    ConfigError
        With the length that there is room for.
    """
    before = max(len(context.token_ids) for context in contexts) + 1
    for target in targets:
        room = target.capabilities.context_tokens
        if room is not None and before + steps > room:
            raise ConfigError(
                f"{target.facts.name}: its context holds {room} tokens, and {before} before the continuation and --tokens "
                f"{steps} are more; ask for fewer tokens or a shorter context"
            )


def chat_template(folder: Path) -> str | None:
    """Return the chat template of a checkpoint's folder; None where it has none."""
    own = folder / "chat_template.jinja"
    if own.is_file():
        return own.read_text(encoding="utf-8")
    settings = settings_in(folder / "tokenizer_config.json").get("chat_template")
    if isinstance(settings, list):
        settings = next((one.get("template") for one in settings if one.get("name") == "default"), None)
    return settings if isinstance(settings, str) else None


def settings_in(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file; nothing where there is no such file.

    Raises
    ------
    ConfigError
        It is not JSON.
    """
    if not file.is_file():
        return {}
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{file}: not JSON ({error})") from error
    return found if isinstance(found, dict) else {}


def _ids(tokenizer: Tokenizer, text: str) -> tuple[int, ...]:
    return tuple(int(token) for token in tokenizer.encode([text])[1])


def _render(template: str, tokenizer: Tokenizer, said: str, *, answer: bool) -> str:
    """Render a conversation of one turn."""
    from jinja2 import TemplateError  # noqa: PLC0415 - only for models with a template

    start = tokenizer.start_token_id
    try:
        return _compiled(template).render(
            messages=[{"role": "user", "content": said}],
            add_generation_prompt=answer,
            bos_token="" if start is None else tokenizer.decode([start]),
            eos_token="",
        )
    except (TemplateError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the checkpoint's chat template cannot be rendered ({error}); use --contexts bos or none"
        ) from error


@lru_cache(maxsize=4)
def _compiled(template: str) -> Any:
    """Return a template; it is a stranger's, so it runs in a sandbox."""
    from jinja2 import TemplateError  # noqa: PLC0415 - the same
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415 - the same

    def refuse(reason: str) -> None:
        raise TemplateError(reason)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals |= {"raise_exception": refuse, "strftime_now": TODAY.strftime}
    for mark, same in ANSWER_MARKS.items():
        template = re.sub(rf"(\{{%[-+]?)\s*{mark}\s*([-+]?%\}})", rf"\1 {same} \2", template)
    return environment.from_string(template)
