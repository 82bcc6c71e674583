"""Captures of the web: what a server answered, the text on a page, and what its owner reserved."""
