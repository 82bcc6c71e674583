"""Our own endpoint: a target served as OpenAI-style completions, with values that belong to their tokens.

`messages` are what is asked, `completions` answers from a target, `app` is the HTTP around it.
"""
