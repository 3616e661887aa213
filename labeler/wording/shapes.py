"""What is wrong with a drawn shape, in a sentence for its author. The codes are labeler.geometry.checks'."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

SENTENCES = {
    "not_a_shape": gettext_lazy("A shape is a box, a polygon or a mask."),
    "unknown_member": gettext_lazy("The shape has a member that nobody knows."),
    "not_a_number": gettext_lazy("A coordinate is not a number."),
    "not_finite": gettext_lazy("A coordinate is not a finite number."),
    "out_of_range": gettext_lazy("A coordinate is too large."),
    "wrong_length": gettext_lazy("A list of coordinates has the wrong length."),
    "bad_size": gettext_lazy("The size of a mask is its height and width; without an offset, those of the image."),
    "bad_offset": gettext_lazy("The offset of a mask is x and y of its top left, within the image."),
    "bad_counts": gettext_lazy("The run-length code of the mask cannot be read, or is not of its size."),
    "mask_too_large": gettext_lazy("The mask is larger than the image."),
    "zero_area": gettext_lazy("It has no area."),
    "outside": gettext_lazy("It lies outside the image."),
    "too_few_points": gettext_lazy("A ring of a polygon has at least three different points."),
    "self_crossing": gettext_lazy("The outline crosses itself. Send mend: true to have it mended."),
    "hole_outside": gettext_lazy("A hole does not lie within its outline."),
    "wrong_geometry": gettext_lazy("This project wants another kind of shape."),
    "too_small": gettext_lazy("It is smaller than an object of this class may be."),
}


def sentence(code: str) -> str:
    """The sentence of a code; of one that has none yet, a general one with the code in it."""
    if code in SENTENCES:
        return str(SENTENCES[code])
    return _("The shape cannot be used (%(code)s).") % {"code": code}
