"""From scores to verdicts: calibration, intervals, tests of sets, overlap, the blind check. numpy in, numbers out.

The unit of inference is the document everywhere: `documents` makes it of texts and near-duplicates, and nothing
after it sees a row that is not one document.
"""
