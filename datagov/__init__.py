"""datagov: measure, decide and record what goes into a pretraining corpus."""

__version__ = "0.1.0"
