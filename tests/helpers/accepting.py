"""What a model said and people judged, the short way, for tests of what is accepted unseen."""

from __future__ import annotations

from labeler.models import Acceptance, Image, QueueEntry
from labeler.models.image import Slice, Status
from labeler.stats import tally
from labeler.training import prelabels
from labeler.training.prelabels import Opinion
from tests.helpers.factories import add_images, category


def opinions(run, images, name="cat", sure=0.99):
    """The model says the same of all of these images; of several labels: name is a tuple, and sure is of the set."""
    if run.project.is_multi:
        named = [name] if isinstance(name, str) else name
        each = sure ** (1 / len(run.category_ids))  # of every class, in or out
        row = [each if known in named else 1 - each for known in run.category_names]
        answer = sorted(pk for pk, known in zip(run.category_ids, run.category_names, strict=True) if known in named)
        prelabels.store(run, [Opinion(i.pk, row, answer, sure, 2 * each - 1) for i in images])
        return
    place = run.category_names.index(name)
    rest = (1 - sure) / (len(run.category_ids) - 1)
    row = [sure if k == place else rest for k in range(len(run.category_ids))]
    prelabels.store(run, [Opinion(i.pk, row, [run.category_ids[place]], sure, sure - rest) for i in images])


def settle(project, images, name="cat"):
    """Two people say the same of these images, blind: counters and all, without a claim each. name may be a set."""
    named = [name] if isinstance(name, str) else name
    answer = tally.key(sorted(category(project, one) for one in named))
    Image.objects.filter(pk__in=[i.pk for i in images]).update(
        tally={answer: 2}, n_votes=2, status=Status.SETTLED, disagreement=0.0
    )
    QueueEntry.objects.filter(pk__in=[i.pk for i in images]).update(seats_left=0)


def calibrate(project, run, n=100, wrong=0, sure=0.99, unsure=20, says="cat", truth="dog", doubts="fox"):
    """Judged calibration images: the model says `says` of all of them, and of `wrong` ones people say `truth`.

    Of `unsure` more it says `doubts` without being sure, and is wrong.
    """
    images = add_images(project, n, slice=Slice.CALIBRATION)
    others = add_images(project, unsure, slice=Slice.CALIBRATION)
    opinions(run, others, doubts, 0.6)
    settle(project, others, says)
    opinions(run, images, says, sure)
    settle(project, images[wrong:], says)
    if wrong:
        settle(project, images[:wrong], truth)
    return images


def accepted(project):
    return set(Acceptance.objects.standing().filter(project=project).values_list("image", flat=True))


def audited(project):
    return list(Acceptance.objects.in_force().audited().filter(project=project).values_list("image", flat=True))


def ids(images):
    return {image.pk for image in images}
