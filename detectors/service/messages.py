"""What the endpoint is asked: the completions request, as far as a target can answer it."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["CompletionRequest", "TokenizeRequest"]

Ids: TypeAlias = list[Annotated[int, Field(strict=True, ge=0)]]


class CompletionRequest(BaseModel):
    """POST /v1/completions, greedy or drawn from the model's own probabilities; what is not listed here is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")

    model: str
    prompt: str | list[str] | Ids | list[Ids]
    """One text, several, or the same as token ids, to which nothing is added."""
    max_tokens: int = Field(16, ge=0)
    """Tokens to generate."""
    temperature: float = Field(0.0, ge=0, le=1)
    """0: the most probable token; 1: drawn by the probabilities."""
    top_k: int = Field(-1, ge=-1)
    """Of how many most probable tokens is drawn; -1 or 0 for all."""
    top_p: float = Field(1.0, ge=1, le=1)
    min_p: float = Field(0.0, ge=0, le=0)
    repetition_penalty: float = Field(1.0, ge=1, le=1)
    logprobs: int | None = Field(None, ge=0)
    """Alternatives a token beside its log-probability; None for no log-probabilities."""
    echo: bool = False
    """Repeat the prompt, with its log-probabilities where they are asked for."""
    prompt_logprobs: int | None = Field(None, ge=0)
    """Alternatives a prompt token, keyed by id, as vLLM gives them."""
    add_special_tokens: bool = True
    """Put the start token before a prompt that is text."""
    return_token_ids: bool = False
    return_tokens_as_token_ids: bool = False
    """Name tokens `token_id:N` instead of by their text."""
    n: int = Field(1, ge=1, le=1)
    seed: int | None = Field(None, ge=0)
    """Of what is drawn; without one, every answer is another."""
    stream: bool = Field(False)
    user: str | None = None


class TokenizeRequest(BaseModel):
    """POST /tokenize."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = None
    prompt: str
    add_special_tokens: bool = True
