"""Krippendorff's worked example."""

# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, example C: 4 observers, 12 units, gaps.
KRIPPENDORFF_C = """
1 2 3 3 2 1 4 1 2 . . .
1 2 3 3 2 2 4 1 2 5 . 3
. 3 3 3 2 3 4 2 2 5 1 .
1 2 3 3 2 4 4 1 2 5 1 .
"""


def krippendorff_c():
    lines = KRIPPENDORFF_C.split("\n")[1:-1]
    return [[None if x == "." else int(x) - 1 for x in line.split()] for line in lines]
