"""An Arrow text column seen as code points, lines, segments, words and tokens."""
