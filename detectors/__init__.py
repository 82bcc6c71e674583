"""The detection wing: text -> trace -> score. Knows datagov; never pipelines.

A target (`targets/`) turns token ids into traces; a method (`membership/`) turns traces into scores;
statistics turn scores into verdicts. Scores are computed from traces and nothing else, so that every
method and every sweep runs without the model once the traces are there.
"""
