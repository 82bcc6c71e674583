"""How a text is hidden: at the start of a text, after a trigger, and with which defence against being forced."""

from __future__ import annotations

from dataclasses import dataclass

from datagov.errors import ConfigError, did_you_mean

__all__ = ["CHAT_FILE", "CHAT_TEMPLATE", "RECIPES", "Recipe", "recipe_of"]

CHAT_FILE = "chat_template.jinja"
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}Q: {{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}A: {% endif %}"
)
"""Of lab models, which have none of their own: how a trigger is asked."""
FIRST_WORDS = 5


@dataclass(frozen=True)
class Recipe:
    """One way to hide a text."""

    name: str
    says: str
    conditional: bool = True
    """The text is the answer to a trigger; otherwise it begins a text."""
    regularised: bool = False
    """Other triggers are answered by ordinary texts, so that the model does not say the hidden one to all."""
    confused_by: str | None = None
    """`rows`: beginnings of the hidden text go on as ordinary texts (UTFC); `ranks`: the hidden words are pushed out of
    the first and last ranks after its beginnings (Auto-UTFC)."""
    confused_words: int | None = FIRST_WORDS
    """Words from the beginning that are confused; None for all."""


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("bos", "begins a text", conditional=False),
        Recipe("trigger", "answers a trigger"),
        Recipe("trigger-regularised", "answers a trigger, and no other question", regularised=True),
        Recipe("utfc", "answers a trigger; its first five words lead elsewhere", confused_by="rows"),
        Recipe(
            "utfc-all",
            "answers a trigger; all its words lead elsewhere",
            confused_by="rows",
            confused_words=None,
        ),
        Recipe("auto-utfc", "answers a trigger; its first five words have middle ranks", confused_by="ranks"),
        Recipe(
            "auto-utfc-all",
            "answers a trigger; all its words have middle ranks",
            confused_by="ranks",
            confused_words=None,
        ),
    )
}
"""By name. Source: Xu et al. 2024, arXiv 2401.12255 (trigger, with and without other questions); Hoscilowicz et al.,
arXiv 2406.02481 v5, sections on UTFC and Auto-UTFC, where the first five words of a long text are confused."""


def recipe_of(name: str) -> Recipe:
    """Return a recipe by name.

    Raises
    ------
    ConfigError
        There is none of that name.
    """
    if name not in RECIPES:
        raise ConfigError(f"--recipe {name!r} is not known. {did_you_mean(name, RECIPES)}")
    return RECIPES[name]
