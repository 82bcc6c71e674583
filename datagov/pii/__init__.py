"""Personal data in text: one scan for what has the form of it, then a check of each of the few candidates."""
