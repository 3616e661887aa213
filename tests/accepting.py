"""What a model said and people judged, the short way, for tests of what is accepted unseen."""

from __future__ import annotations

from labeler import prelabels
from labeler.models import Acceptance, Image, QueueEntry
from labeler.models.image import Slice, Status
from labeler.prelabels import Opinion
from tests.factories import add_images, category


def opinions(run, images, name="cat", sure=0.99):
    """The model says the same of all of these images."""
    place = run.category_names.index(name)
    rest = (1 - sure) / (len(run.category_ids) - 1)
    row = [sure if k == place else rest for k in range(len(run.category_ids))]
    prelabels.store(run, [Opinion(i.pk, row, [run.category_ids[place]], sure, sure - rest) for i in images])


def settle(project, images, name="cat"):
    """Two people say the same of these images, blind: counters and all, without a claim each."""
    answer = str(category(project, name))
    Image.objects.filter(pk__in=[i.pk for i in images]).update(
        tally={answer: 2}, n_votes=2, status=Status.SETTLED, disagreement=0.0
    )
    QueueEntry.objects.filter(pk__in=[i.pk for i in images]).update(seats_left=0)


def calibrate(project, run, n=100, wrong=0, sure=0.99, unsure=20):
    """Judged calibration images: the model says cat of all of them, and of `wrong` ones people say dog.

    Of `unsure` more it says fox without being sure, and is wrong.
    """
    images = add_images(project, n, slice=Slice.CALIBRATION)
    others = add_images(project, unsure, slice=Slice.CALIBRATION)
    opinions(run, others, "fox", 0.6)
    settle(project, others)
    opinions(run, images, sure=sure)
    settle(project, images[wrong:])
    settle(project, images[:wrong], "dog")
    return images


def accepted(project):
    return set(Acceptance.objects.standing().filter(project=project).values_list("image", flat=True))


def audited(project):
    return list(Acceptance.objects.in_force().audited().filter(project=project).values_list("image", flat=True))


def ids(images):
    return {image.pk for image in images}
