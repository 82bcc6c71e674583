"""What can be said of many documents: shingles, signatures, buckets, Jaccard, the election of keepers.

Numpy arrays in, numpy arrays out. Nothing here reads a file or starts a process. The modules, in the
order of the data: shingle, minhash, buckets, components, jaccard, keeper, elect; beside them curve
(which bands and rows to choose), percolation (when not to trust buckets) and interop (datasketch).
"""
