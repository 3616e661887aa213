"""Projects that ask by gain: people who answer, and a calibrated model."""

from labeler.labeling import claim_ends, claims
from labeler.labeling.labels import save_label
from labeler.models import QueueEntry
from tests.helpers.factories import make_model


def say(project, image, person, name):
    """One answer, past the queue's order: what is asked next is what the tests are about."""
    entry = QueueEntry.objects.get(pk=image.pk)
    assert entry.seats_left > 0, "no seat is open"
    QueueEntry.objects.filter(pk=image.pk).update(priority=2.0)
    held = {claim.image_id for claim in claims.claim(project=project, annotator=person, count=2)}
    assert image.pk in held
    save_label(image_id=image.pk, annotator=person, categories=[name])
    for pk in held - {image.pk}:
        claim_ends.release(image_id=pk, annotator=person)


def calibrated(project, **fields):
    return make_model(project, is_calibrated=True, temperature=1.0, last_label=0, **fields)
