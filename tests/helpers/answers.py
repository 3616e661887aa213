"""One person answers one image."""

from __future__ import annotations

from labeler.labeling import claims
from labeler.labeling.labels import save_label


def answer(image, **said):
    """`answer(image, ann="cat", bea=None)`: these people, these classes; None: cannot tell."""
    for member in image.project.memberships.select_related("user"):
        name = member.user.get_username()
        if name in said:
            claims.claim(project=image.project, annotator=member.user, count=50)
            told = {"answer": "cannot_tell"} if said[name] is None else {"categories": [said[name]]}
            save_label(image_id=image.pk, annotator=member.user, **told)
