"""From which number on something is a finding, and why there.

Knows measures and sizes, not images or rows. The thresholds were chosen on 120 photographs each of five data sets:
clothing, chess boards, house fronts, blood cells under a microscope, and nuclei by fluorescence.
"""

from __future__ import annotations

from labeler.data_checks.measures import Measures
from labeler.models import Finding

# Networks read 224 pixels; of a shorter side they see what was made up between the pixels, three of four.
TINY_SIDE = 64
# Cut to a square, a quarter of the picture is left; squeezed into one, nothing keeps its shape.
EXTREME_ASPECT = 4.0
# 600 sharp pictures have .10 to .63; blurred by a Gaussian of 4 pixels (at 256), nineteen in twenty have .64 and more,
# every photograph .70.
BLURRED = 0.65
# Even what is light in it is in the darkest quarter. The darkest house front at night has 48, photographs 120 and more;
# pictures by fluorescence are dark by nature, and then most of a data set is found.
DARK_LIGHTEST = 64.0
# The mirror of that: even what is dark in it is light. A white ground is none: the thing on it is dark. Blood cells,
# the palest of the five sets, have 165.
OVEREXPOSED_DARKEST = 200.0
# Grey levels: what a JPEG makes of a plain area is below one; faint nuclei on black have 1.4 to 5.
ONE_COLOUR = 2.0

# Of measures that have no right or wrong, what lies far from the others: by the median and the median distance from it,
# which half of the images may spoil. For a normal distribution 6 is one image in five hundred million, so even of a
# million images and four measures none is found by chance; real ones have longer tails.
ODD_FROM = 6.0
LEAST_SPREAD = 3.0  # grey levels that count as the usual distance at least, or one odd pixel of a plain set would do
FEWEST_FOR_ODD = 50  # images: of fewer nobody knows what is usual
ODD_MEASURES = ("brightness", "red_green", "yellow_blue", "saturation")
USUAL = 1.4826  # times the median distance is the standard deviation, where the distribution is normal

# Codes that follow from one image alone, found when it is measured.
MEASURED = (
    Finding.DAMAGED, Finding.TINY, Finding.EXTREME_ASPECT, Finding.BLURRED, Finding.DARK, Finding.OVEREXPOSED,
    Finding.ONE_COLOUR,
)  # fmt: skip
# More than this share of a project: perhaps that is how its images are.
COMMON = 0.25


def of_image(width: int, height: int, measures: Measures | None) -> list[Finding]:
    """What is wrong with one picture by itself; measures None: its thumbnail cannot be read.

    width, height: pixels, upright.
    """
    found = []
    if min(width, height) < TINY_SIDE:
        found.append(Finding.TINY)
    if max(width, height) > EXTREME_ASPECT * min(width, height):
        found.append(Finding.EXTREME_ASPECT)
    if measures is None:
        return [*found, Finding.DAMAGED]
    if measures.contrast < ONE_COLOUR:
        found.append(Finding.ONE_COLOUR)
    elif measures.blur is not None and measures.blur > BLURRED:
        found.append(Finding.BLURRED)
    if measures.lightest < DARK_LIGHTEST:
        found.append(Finding.DARK)
    if measures.darkest > OVEREXPOSED_DARKEST:
        found.append(Finding.OVEREXPOSED)
    return found
