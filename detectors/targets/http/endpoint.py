"""An endpoint as something that scores rows of token ids: batches, several requests at once, order kept."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from datagov.errors import ConfigError, TargetRefused
from datagov.tokenizer import Tokenizer
from detectors.targets.http.answers import Row, checked
from detectors.targets.http.budget import Budget
from detectors.targets.http.client import Client
from detectors.targets.http.wire import Asked, Convention, Draw, Drawing, Generated, Prompt, Scored

__all__ = ["Endpoint"]

AHEAD = 2
"""Requests that wait for their turn or for an earlier answer, for each one at once: what an endpoint that stops costs at most."""


@dataclass(frozen=True)
class Endpoint:
    """One model behind one URL, asked in one convention."""

    client: Client
    convention: Convention
    model: str
    tokenizer: Tokenizer
    start_token_id: int | None
    top: int
    """Alternatives asked for at each position."""
    batch: int
    """Prompts of one request."""
    text_only: bool = False
    """Whether it was found to take no ids although its convention has them."""
    budget: Budget | None = None
    """What scoring and drawing may cost."""

    @property
    def where(self) -> str:
        """Names the endpoint in messages."""
        return f"{self.client.base}{self.convention.path} ({self.convention.name}, model {self.model})"

    @property
    def takes_ids(self) -> bool:
        """Whether prompts are sent as token ids; else as the text that they are."""
        return self.convention.takes_ids and not self.text_only

    def ask(self, prompts: Sequence[Prompt]) -> list[Scored]:
        """Return what the endpoint says of the prompts of one request, unchecked.

        Raises
        ------
        TargetError
        """
        asked = Asked(self.model, self.top)
        payload = self.convention.scoring([self._sent(prompt) for prompt in prompts], asked)
        return self.convention.scored(self.client.post(self.convention.path, payload), prompts)

    def score(self, rows: Sequence[Sequence[int]]) -> list[Row]:
        """Return the statistics of rows of at least one id each, in their order; raises as `answers` does."""
        return [row for answer in self.answers(rows) for row in answer]

    def answers(self, rows: Sequence[Sequence[int]]) -> Iterator[list[Row]]:
        """Yield the statistics of the rows of each request, in their order.

        Raises
        ------
        TargetError
            The first that any request met; the others are given up.
        PartialRun
            The budget is spent.
        """
        size = 1 if self.convention.one_by_one else self.batch
        requests = groups([list(row) for row in rows], size)
        self._spend(len(requests), sum(map(len, rows)))
        pool = ThreadPoolExecutor(self.client.limits.concurrency)
        under_way: deque[Future[list[Row]]] = deque()
        try:
            for request in requests:
                if len(under_way) == AHEAD * self.client.limits.concurrency:
                    yield under_way.popleft().result()
                under_way.append(pool.submit(self._request, request))
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def generate(self, prompts: Sequence[Sequence[int]], steps: int) -> list[Generated]:
        """Return greedy continuations, in the order of the prompts.

        Raises
        ------
        TargetError
            The first that any request met; the others are given up.
        """
        asked = Asked(self.model, self.top)
        size = 1 if self.convention.one_by_one else self.batch

        def request(group: list[list[int]]) -> list[Generated]:
            sent = [self._sent(prompt) for prompt in group]
            answer = self.client.post(self.convention.path, self.convention.generating(sent, steps, asked))
            return self.convention.generated(answer, sent)

        pool = ThreadPoolExecutor(self.client.limits.concurrency)
        try:
            answers = list(pool.map(request, groups([list(prompt) for prompt in prompts], size)))
        finally:
            pool.shutdown(cancel_futures=True)
        return [one for answer in answers for one in answer]

    def draw(self, prompt: Sequence[int], draws: Sequence[Draw]) -> list[Generated]:
        """Return one continuation a draw, a request each: engines differ in what one seed means for several texts.

        Raises
        ------
        ConfigError
            Nothing can be drawn in this convention.
        TargetError
            The first that any request met; the others are given up.
        PartialRun
            The budget is spent.
        """
        convention = self.convention
        if not isinstance(convention, Drawing):
            raise ConfigError(
                f"{self.where}: texts are drawn over completions alone; where the engine serves them, --api vllm or openai"
            )
        sent = self._sent(list(prompt))
        self._spend(len(draws), sum(len(prompt) + draw.steps for draw in draws))

        def request(draw: Draw) -> Generated:
            payload = convention.drawing(sent, draw, Asked(self.model, self.top))
            return convention.generated(self.client.post(convention.path, payload), [sent])[0]

        pool = ThreadPoolExecutor(self.client.limits.concurrency)
        try:
            return list(pool.map(request, draws))
        finally:
            pool.shutdown(cancel_futures=True)

    def free(self) -> Endpoint:
        """Return the same without a budget."""
        return replace(self, budget=None)

    def started(self, ids: Sequence[int]) -> list[int]:
        """Return ids with the start token before them, if there is one."""
        return [*([] if self.start_token_id is None else [self.start_token_id]), *map(int, ids)]

    def _spend(self, requests: int, tokens: int) -> None:
        if self.budget is not None:
            self.budget.spend(requests, tokens)

    def _request(self, rows: Sequence[list[int]]) -> list[Row]:
        answers = self.ask(rows)
        return [
            checked(answer, row, top=self.top, where=self.where)
            for answer, row in zip(answers, rows, strict=True)
        ]

    def _sent(self, prompt: Prompt) -> Prompt:
        """Return a prompt as the engine takes it: where it takes no ids, the text that they are."""
        if self.takes_ids or isinstance(prompt, str):
            return prompt
        ids = prompt[1:] if prompt[:1] == [self.start_token_id] else prompt
        text = self.tokenizer.decode(ids)
        if self.tokenizer.encode([text])[1].tolist() != ids:
            raise TargetRefused(
                f"{self.where}: takes text alone, and these {len(ids)} ids are not what the tokenizer makes of their "
                "own text (a window that ends within a character?); use longer windows, or an engine that takes ids"
            )
        return text


def groups(prompts: list[list[int]], size: int) -> list[list[list[int]]]:
    """Return the prompts of each request."""
    return [prompts[at : at + size] for at in range(0, len(prompts), size)]
