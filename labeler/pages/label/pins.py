"""Where questions point on a picture (templates/parts/pins.html), and the questions about one image.

Who may see which questions is labeler/review/comments.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from labeler.models import Image, Thread
from labeler.review import comments


def pins(rows: Sequence[Thread]) -> list[dict[str, Any]]:
    """What templates/parts/pins.html draws of those threads that point at a place."""
    return [
        {**row.place, "text": _("%(name)s asks about this place") % {"name": row.raised_by.get_username()}}
        for row in rows
        if row.place is not None
    ]


def of_image(image: Image) -> dict[str, Any]:
    """The questions about an image for its own page: {threads, pins}."""
    rows = comments.on_image(image)
    return {"threads": rows, "pins": pins(rows)}
