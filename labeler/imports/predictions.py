"""The one place where predictions of a file would be handed on to labeler.training, which stores them.

Until that takes predictions of other models, this refuses with a sentence: nothing pretends to be stored.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext_lazy

from labeler.errors import NotPossibleNow
from labeler.intake.formats.item import Predicted
from labeler.models import Job

NOT_YET = gettext_lazy("Predictions of other models cannot be taken in yet: they are left out.")


def check_possible() -> None:
    """Raises NotPossibleNow where predictions cannot be stored at all."""
    raise NotPossibleNow(str(NOT_YET))


def store(*, job: Job, predicted: Sequence[tuple[int, Predicted]]) -> int:
    """Store what models said of images, (image id, prediction) each; how many are new. Raises NotPossibleNow."""
    check_possible()
    return 0
