"""Lexicons: terms with a category and a weight, made from lists, read and written as files, and found in texts."""
