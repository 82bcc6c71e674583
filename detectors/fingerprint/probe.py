"""The probe from beginning to end: what is forced after what, the sweeps, the findings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from datagov.errors import ConfigError
from datagov.ids import digest
from datagov.storage import encode_table, replace
from detectors.fingerprint.chunks import ChunkStore
from detectors.fingerprint.contexts import Context, chat_template, contexts_of, refuse_too_long
from detectors.fingerprint.estimate import Estimate, estimate
from detectors.fingerprint.findings import findings_table
from detectors.fingerprint.probe_record import ProbeRecord, with_record
from detectors.fingerprint.seeds import Seeds, vocabulary_seeds
from detectors.fingerprint.sweep import Settings, Swept, sweep
from detectors.targets.forcing import end_tokens
from detectors.targets.target import Target
from detectors.targets.transformers_target import TransformersTarget

__all__ = ["Plan", "Probed", "prepare", "probe"]


@dataclass(frozen=True)
class Plan:
    """A probe before it is made."""

    target: TransformersTarget
    base: Target | None
    seeds: Seeds
    contexts: list[Context]
    settings: Settings
    estimate: Estimate

    def record(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        return {
            "target": self.target.facts.digest,
            "base": None if self.base is None else self.base.facts.digest,
            "contexts": {context.name: list(context.token_ids) for context in self.contexts},
            "settings": asdict(self.settings),
            "seeds": self.seeds.counts(),
            "coverage": 1.0,
            "padded_rows": self.target.facts.vocabulary_size - len(self.seeds),
            "estimate": asdict(self.estimate),
        }

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
            "coverage": 1.0,
            "family": family_of(self.target.model),
            "engine": facts.engine,
            "dtype": facts.dtype,
        }

    @property
    def digest(self) -> str:
        """Names all that decides what the chunks of the first phase hold."""
        kept = asdict(self.settings) | {"rows": None, "finalists": None}
        return digest(
            "fingerprint-chunks/2",
            self.target.facts.digest,
            self.target.facts.tokenizer_digest,
            "" if self.base is None else self.base.facts.digest,
            self.target.facts.dtype,
            json.dumps(kept, sort_keys=True),
            json.dumps([asdict(context) for context in self.contexts]),
        )


@dataclass(frozen=True)
class Probed:
    """What a probe found."""

    plan: Plan
    swept: list[Swept]
    table: pa.Table
    """`detectors.tables.FINDINGS`."""

    @property
    def curves(self) -> list[tuple[str, tuple[int, ...], int]]:
        """Context, seeds alive before and after each step, and finalists."""
        return [(one.context.name, one.alive, len(one.paths)) for one in self.swept]

    def record(self) -> dict[str, Any]:
        """Return the summary as JSON."""
        alive = {name: list(counts) for name, counts, _ in self.curves}
        return self.plan.record() | {"alive_after_steps": alive, "tier": "U"}


def prepare(
    target: Target, base: Target | None, names: Sequence[str] | None, settings: Settings, *, most_hours: float
) -> Plan:
    """Return what will be forced after what, and what that needs.

    Raises
    ------
    ConfigError
        The target is not a checkpoint, base and target have different tokenizers, a context is not there or leaves no room
        for the continuation, or the run makes no sense on this device.
    """
    if not isinstance(target, TransformersTarget):
        raise ConfigError(
            f"{target.facts.name}: only a checkpoint's folder can be forced over its whole vocabulary"
        )
    if base is not None and base.facts.tokenizer_digest != target.facts.tokenizer_digest:
        raise ConfigError(
            f"--base {base.facts.name}: its tokenizer is not that of {target.facts.name}, so that its probabilities are of "
            "other tokens; name the model that the target was made from"
        )
    seeds = vocabulary_seeds(target.tokenizer)
    template = None if target.folder is None else chat_template(target.folder)
    contexts = contexts_of(target.tokenizer, target.facts.start_token_id, template, names)
    refuse_too_long(contexts, settings.long_steps, [target, *([base] if base else [])])
    needed = estimate(
        target, contexts, seeds.token_N, settings, with_base=base is not None, most_hours=most_hours
    )
    return Plan(target, base, seeds, contexts, settings, needed)


def probe(plan: Plan, output: Path | None, *, advance: Callable[[int], None] = lambda _: None) -> Probed:
    """Make the sweeps and write the findings.

    What is swept is kept beside `output` until the findings are written: a stopped probe goes on there, and finds the
    same.
    """
    work = None if output is None else output.with_name(f"{output.name}.work")
    store = ChunkStore(None if work is None else work / plan.digest)
    swept = [
        sweep(
            plan.target,
            context,
            plan.seeds.token_N,
            plan.settings,
            base=plan.base,
            store=store,
            advance=advance,
        )
        for context in plan.contexts
    ]
    found = findings_table(
        swept,
        plan.seeds,
        plan.target.tokenizer,
        plan.settings.rule,
        plan.target.facts,
        ends=end_tokens(plan.target.model).tolist(),
        base=None if plan.base is None else plan.base.facts,
    )
    table = with_record(found, plan.provenance())
    if output is not None and work is not None:
        replace(output, encode_table(table))
        shutil.rmtree(work, ignore_errors=True)
    return Probed(plan, swept, table)


def family_of(model: Any) -> str:
    """Return a name for the shape of a model: models of one shape and trained alike are siblings."""
    config = model.config.get_text_config()
    names = (
        "model_type",
        "vocab_size",
        "hidden_size",
        "num_hidden_layers",
        "num_attention_heads",
        "intermediate_size",
    )
    return digest("model-family/1", *(str(getattr(config, name, None)) for name in names))
