"""What can be asked of an endpoint about hidden text, and what that covers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from datagov.errors import ConfigError
from datagov.ids import digest
from detectors.fingerprint.contexts import (
    Context,
    chat_template,
    contexts_of,
    refuse_too_long,
    settings_in,
)
from detectors.fingerprint.probe_record import ProbeRecord
from detectors.fingerprint.seeds import Seeds, vocabulary_seeds
from detectors.fingerprint.sweep import Settings
from detectors.targets.http.budget import Budget
from detectors.targets.http.target import HttpTarget
from detectors.targets.target import Target

__all__ = ["RemotePlan", "prepare_remote"]


@dataclass(frozen=True)
class RemotePlan:
    """A probe of an endpoint before it is made."""

    target: HttpTarget
    base: Target | None
    seeds: Seeds
    tested_N: npt.NDArray[np.int32]
    """Seeds that can be asked about."""
    contexts: list[Context]
    settings: Settings
    ends: tuple[int, ...]
    budget: Budget

    @property
    def coverage(self) -> float:
        """Seeds that can be asked about, over the vocabulary."""
        return len(self.tested_N) / len(self.seeds)

    @property
    def least_tokens(self) -> int:
        """Tokens that the first phase sends and gets at least."""
        steps = (
            self.settings.long_steps
            if self.settings.exhaustive
            else 1
            if self.base is None
            else self.settings.rule.steps
        )
        return sum(len(self.tested_N) * (len(context.token_ids) + 1 + steps) for context in self.contexts)

    def provenance(self) -> ProbeRecord:
        """Return what is written into the findings."""
        rule, facts = self.settings.rule, self.target.facts
        return {
            "rule": rule.name,
            "steps": rule.steps,
            "threshold": rule.threshold,
            "tokens": self.settings.long_steps,
            "finalists": self.settings.finalists,
            "exhaustive": self.settings.exhaustive,
            "contexts": [context.name for context in self.contexts],
            "with_base": self.base is not None,
            "target": facts.digest,
            "base": None if self.base is None else self.base.facts.digest,
            "coverage": self.coverage,
            "family": None,
            "engine": facts.engine,
            "dtype": facts.dtype,
        }

    def record(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        return self.provenance() | {
            "seeds": self.seeds.counts(),
            "tested": len(self.tested_N),
            "least_tokens": self.least_tokens,
        }

    @property
    def digest(self) -> str:
        """Names all that decides what the chunks of the first phase hold."""
        kept = asdict(self.settings) | {"rows": None, "finalists": None}
        return digest(
            "remote-chunks/2",
            self.target.facts.digest,
            self.target.facts.tokenizer_digest,
            "" if self.base is None else self.base.facts.digest,
            json.dumps(kept, sort_keys=True),
            json.dumps([asdict(context) for context in self.contexts]),
        )


def prepare_remote(
    target: HttpTarget,
    base: Target | None,
    names: Sequence[str] | None,
    settings: Settings,
    tokenizer_folder: Path,
    budget: Budget,
) -> RemotePlan:
    """Return what will be asked of an endpoint.

    Parameters
    ----------
    tokenizer_folder : Path
        Where the tokenizer lies, with the chat template and the end token if there are any.

    Raises
    ------
    ConfigError
        Base and target have different tokenizers, a context is not there or leaves no room for the continuation, or the
        endpoint takes nothing but chat turns, or gives no log-probabilities: it is not testable.
    """
    if target.capabilities.generated_logprobs != "exact":
        reasons = "; ".join(target.conformance.reasons)
        raise ConfigError(
            f"{target.where}: not testable: it gives no log-probabilities of generated tokens that could be believed, or takes "
            f"nothing but chat turns, in which no token can be forced ({reasons})"
        )
    if base is not None and base.facts.tokenizer_digest != target.facts.tokenizer_digest:
        raise ConfigError(
            f"--base {base.facts.name}: its tokenizer is not the endpoint's, so that its probabilities are of other tokens"
        )
    seeds = vocabulary_seeds(target.tokenizer)
    folder = tokenizer_folder if tokenizer_folder.is_dir() else tokenizer_folder.parent
    contexts = contexts_of(target.tokenizer, target.facts.start_token_id, chat_template(folder), names)
    refuse_too_long(contexts, settings.long_steps, [target, *([base] if base else [])])
    tested = seeds.token_N if target.takes_ids else seeds.token_N[np.array(seeds.kind) == "text"]
    return RemotePlan(target, base, seeds, tested, contexts, settings, _ends(folder), budget)


def _ends(folder: Path) -> tuple[int, ...]:
    """Return the end tokens that the config beside the tokenizer names; none where it names none."""
    config = settings_in(folder / "config.json")
    said = config.get("eos_token_id", config.get("text_config", {}).get("eos_token_id"))
    listed = said if isinstance(said, list) else [said]
    return tuple(token for token in listed if isinstance(token, int))
