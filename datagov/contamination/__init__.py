"""Benchmark items in documents: the items as n-grams of units, and where a batch of texts holds them."""
