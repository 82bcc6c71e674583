"""Probes beside token forcing: the tokenizer itself, glitch tokens, canaries, and text a model repeats."""
