"""Votes of people on images, in short."""

from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Claim


def say(project, image, **answers):
    """`say(project, image, ann="cat")`: labels of people by name."""
    members = {m.user.username: m.user for m in project.memberships.select_related("user")}
    for name, answer in answers.items():
        person = members[name]
        if not Claim.objects.filter(image=image, annotator=person, state="open").exists():
            claims.claim(project=project, annotator=person, count=50)
        save_label(image_id=image.pk, annotator=person, categories=[answer] if isinstance(answer, str) else answer)
