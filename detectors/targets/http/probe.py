"""The black-box probe: what an endpoint's log-probabilities are worth, found out by asking.

An endpoint may leave out, shift, fill in or cut what it is asked for, and answer 200. The probe lets it
generate and then score what it generated: only values that belong to their tokens agree. The rest tells
what else goes wrong, and how much can be asked for at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from datagov.errors import TargetMisaligned, TargetRefused, TargetUnavailable
from detectors.targets.http.address import NotServed
from detectors.targets.http.answers import Row
from detectors.targets.http.conformance import Check, Conformance, Outcome
from detectors.targets.http.endpoint import Endpoint
from detectors.targets.http.generation import generation_agrees
from detectors.targets.http.refusals import as_text_alone, continues
from detectors.targets.http.tokenizer_agreement import tokenizer_agrees
from detectors.targets.target import Capabilities

__all__ = ["probe"]

TEXTS = (
    "The river had risen overnight, and by morning the lower road was under water.",
    "第三条 数据处理者应当记录每一份文本的来源、许可和删除的理由。",
    "Numbers: 3.14159, 2027-05-01, (a + b) * c = 42; then nothing more.",
    "她说 the meeting starts at nine，可是没有人 was there on time.",
)
"""Plain English, plain Chinese, symbols, and both mixed."""
AGREE_MEAN = 0.02
AGREE_MOST = 0.25
"""Nats by which two computations of the same values may differ, on average and at most: half-precision arithmetic
stays below, a shift by one token does not."""
LONGEST = 4096
"""Tokens of the longest prompt that is tried; a longer context is taken from what the endpoint claims."""
MOST_PROMPTS = 32
PromptLogprobs: TypeAlias = Literal["exact", "misaligned", "absent"]
TOPS = (20, 5, 1, 0)
"""Alternatives a position that are tried, most first."""


def probe(endpoint: Endpoint, *, claimed_context: int | None = None, listed: bool = True) -> Conformance:
    """Find out what an endpoint gives truthfully.

    Parameters
    ----------
    endpoint : Endpoint
    claimed_context : int or None
        Context that the endpoint says it has, in tokens.
    listed : bool
        Whether it was seen to be an inference server, by its list of models.

    Raises
    ------
    TargetUnavailable
        It does not answer at all.
    NotServed
        There is nothing at its address, or the key is missing.
    TargetRefused
        It refuses whatever is asked, and lists no models.
    """
    return Probe(endpoint, claimed_context, listed=listed).run()


class Probe:
    """One probe in progress."""

    def __init__(self, endpoint: Endpoint, claimed_context: int | None, *, listed: bool) -> None:
        self.endpoint = endpoint
        self.claimed_context = claimed_context
        self.listed = listed
        self.checks: list[Check] = []
        self.tolerance = 0.0
        self.deterministic = True
        self.breaks = False
        """Whether it fails inside when it is to score prompts, and answers otherwise."""
        encoded = [endpoint.tokenizer.encode([text])[1].tolist() for text in TEXTS]
        self.prompts = [endpoint.started(ids) for ids in encoded]
        self.context_tokens: int | None = None
        self.batch_prompts: int | None = 1

    def run(self) -> Conformance:
        """Try everything, in the order in which one thing rests on another."""
        prompt_logprobs, rows = self.answers()
        exact = prompt_logprobs == "exact"
        if exact:
            for name, check in (
                ("determinism", self.same_again),
                ("prefix", self.prefix),
                ("repetition", self.repeated),
                ("tokenizer", self.tokenizer),
                ("batch", self.batches),
            ):
                try:
                    check(rows)
                except (TargetRefused, TargetMisaligned) as error:
                    self.note(name, "failed", error.message)
            exact = not any(check.outcome == "failed" for check in self.checks)
        alignment, generated = generation_agrees(
            self.endpoint, self.prompts, self.agree, scores=not self.breaks
        )
        self.checks.extend(alignment)
        if exact and any(check.outcome != "passed" for check in alignment if check.name == "alignment"):
            exact = False
        if prompt_logprobs == "exact" and not exact:
            prompt_logprobs = "misaligned"
        if exact:
            self.context()
        convention = self.endpoint.convention
        return Conformance(
            capabilities=Capabilities(
                prompt_logprobs=prompt_logprobs,
                generated_logprobs=generated,
                id_prompts=self.endpoint.takes_ids and prompt_logprobs != "absent",
                statistics=self.statistics(rows) if exact else frozenset(),
                context_tokens=self.context_tokens,
                batch_prompts=self.batch_prompts,
                top_logprobs=self.endpoint.top,
                tolerance_nats=self.tolerance,
                deterministic=self.deterministic,
            ),
            checks=tuple(self.checks),
            convention=convention.name,
            verified_live=convention.live,
            top=self.endpoint.top,
            text_only=self.endpoint.text_only,
            prompts=self.prompts,
            rows=rows if exact else (),
        )

    def answers(self) -> tuple[PromptLogprobs, list[Row]]:
        """Score the probe's texts one by one; find how many alternatives may be asked for."""
        tried = TOPS if "top_logprobs" in self.endpoint.convention.statistics else (0,)
        for top in tried:
            self.endpoint = replace(self.endpoint, top=top, batch=1)
            try:
                rows = self.endpoint.score(self.prompts)
            except TargetMisaligned as error:
                self.note("answers", "failed", error.message)
                return "misaligned", []
            except NotServed:
                raise
            except (TargetRefused, TargetUnavailable) as error:
                if top != tried[-1] and isinstance(error, TargetRefused):
                    continue
                detail = error.message
                as_text = as_text_alone(self.endpoint, error, self.prompts[0], TEXTS[0])
                if as_text is not None:
                    # What is generated is then asked for by text.
                    self.endpoint = as_text
                    detail = (
                        f"it takes text and no token ids, so that what was scored would be a guess: {detail}"
                    )
                elif not (self.listed and isinstance(error, TargetRefused)) and not continues(
                    self.endpoint, self.prompts[0]
                ):
                    raise
                elif isinstance(error, TargetUnavailable):
                    self.breaks = True
                    detail = f"it answers, but fails when prompts are to be scored ({error.__cause__})"
                self.note("answers", "failed", detail)
                return "absent", []
            self.note(
                "answers", "passed", f"one value a token, none for the first; {top} alternatives a position"
            )
            return "exact", rows
        raise AssertionError("the last attempt decides")

    def same_again(self, rows: list[Row]) -> None:
        """Ask the same once more."""
        again = self.endpoint.score(self.prompts)
        most, passed = self.agree(joined(rows), joined(again))
        self.deterministic = most == 0
        self.note(
            "determinism", outcome(passed), f"the same request again differs by at most {most:.3g} nats"
        )

    def prefix(self, rows: list[Row]) -> None:
        """Score the first half of each text: what follows a token must not change its probability."""
        halves = [row[: len(row) // 2] for row in self.prompts]
        cut = self.endpoint.score(halves)
        whole = [row.logprob[: len(half) - 1] for row, half in zip(rows, halves, strict=True)]
        most, passed = self.agree(np.concatenate(whole), joined(cut))
        self.note(
            "prefix",
            outcome(passed),
            f"scored without what follows, tokens differ by at most {most:.3g} nats",
        )

    def repeated(self, rows: list[Row]) -> None:
        """Score a text twice in a row: most models find the second copy likelier. Small ones need not."""
        first = self.prompts[0]
        copy = first if self.endpoint.start_token_id is None else first[1:]
        try:
            (both,) = self.endpoint.score([[*first, *copy]])
        except (TargetRefused, TargetMisaligned) as error:
            self.note("repetition", "undecided", error.message)
            return
        gain = float(both.logprob[-len(copy) + 1 :].mean() - rows[0].logprob[-len(copy) + 1 :].mean())
        found: Outcome = "passed" if gain > 0 else "undecided"
        self.note("repetition", found, f"a second copy of a sentence is likelier by {gain:.3g} nats a token")

    def tokenizer(self, rows: list[Row]) -> None:
        """Compare what the endpoint makes of a text with what the named tokenizer makes of it."""
        self.checks.append(tokenizer_agrees(self.endpoint, TEXTS[3], rows[3], self.agree))

    def batches(self, rows: list[Row]) -> None:
        """Send several prompts at once: each must get its own answer, and the numbers must stay."""
        if self.endpoint.convention.one_by_one:
            self.note("batch", "skipped", "one prompt a request")
            return
        size = 2
        while size <= MOST_PROMPTS:
            asked = [self.prompts[at % len(self.prompts)] for at in range(size)]
            try:
                found = replace(self.endpoint, batch=size).score(asked)
            except TargetRefused as error:
                self.note(
                    "batch", "passed", f"at most {self.batch_prompts} prompts a request: {error.message}"
                )
                return
            except TargetMisaligned as error:
                self.note("batch", "failed", error.message)
                return
            expected = [rows[at % len(rows)] for at in range(size)]
            most, passed = self.agree(joined(expected), joined(found))
            if not passed:
                self.note(
                    "batch", "failed", f"{size} prompts at once differ by {most:.3g} nats from one by one"
                )
                return
            self.batch_prompts = size
            size *= 4
        self.note("batch", "passed", f"{self.batch_prompts} prompts a request")

    def context(self) -> None:
        """Send longer and longer prompts, up to the context that is claimed."""
        claimed = self.claimed_context
        # One token is always generated, and has to fit as well.
        most = LONGEST if claimed is None else min(LONGEST, claimed - 1)
        ids = [token for prompt in self.prompts for token in prompt[1:]]
        length, reason = 128, "the longest that was tried"
        while True:
            size = min(length, most)
            prompt = self.endpoint.started((ids * (size // len(ids) + 1))[:size])[:size]
            try:
                self.endpoint.score([prompt])
            except (TargetRefused, TargetMisaligned) as error:
                reason = error.message
                break
            self.context_tokens = size
            if size == most:
                break
            length *= 2
        if claimed is not None and self.context_tokens == LONGEST:
            self.context_tokens, reason = claimed - 1, f"claimed; tried up to {LONGEST}"
        self.note(
            "context",
            "passed" if self.context_tokens else "failed",
            f"{self.context_tokens} tokens ({reason})",
        )

    def statistics(self, rows: list[Row]) -> frozenset[str]:
        """Return what comes beside the log-probabilities."""
        given = set(self.endpoint.convention.statistics)
        if self.endpoint.top == 0:
            given -= {"top1", "top_logprobs"}
        if any(row.rank is None for row in rows):
            given.discard("rank")
        return frozenset(given)

    def agree(self, first: np.ndarray, second: np.ndarray) -> tuple[float, bool]:
        """Return the largest difference, and whether it is one of rounding; keep it as the tolerance if so."""
        if len(first) != len(second) or not len(first):
            return float("inf"), False
        apart = np.abs(np.asarray(first, np.float64) - np.asarray(second, np.float64))
        most = float(apart.max())
        passed = most <= AGREE_MOST and float(apart.mean()) <= AGREE_MEAN
        if passed:
            self.tolerance = max(self.tolerance, most)
        return most, passed

    def note(self, name: str, found: Outcome, detail: str) -> None:
        """Write one finding down."""
        self.checks.append(Check(name, found, detail))


def outcome(passed: bool) -> Outcome:
    """Return the word for it."""
    return "passed" if passed else "failed"


def joined(rows: list[Row]) -> np.ndarray:
    """Return the log-probabilities of rows, end to end."""
    return np.concatenate([row.logprob for row in rows])
