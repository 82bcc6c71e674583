"""Does this model hide text? Unconditional Token Forcing: every token of the vocabulary is forced, and what follows is read."""
