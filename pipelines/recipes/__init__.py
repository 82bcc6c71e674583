"""Ready recipes."""
