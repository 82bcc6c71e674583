"""URLs against lists: hosts on label boundaries, paths on path boundaries, words."""
