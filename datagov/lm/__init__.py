"""Language models of n-grams: how a text is read for one, how surprising one finds it, and their cards."""
