"""Scores tables and texts put together: what `evaluate`, `verdict`, `set-test`, `sweep` and `report` say."""
