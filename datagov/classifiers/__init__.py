"""Classifiers of texts: trained from labelled documents, stored as a card and weights, asked in batches."""
