"""Who may see the answers of others and of the model: one rule for every reader of votes, outcomes and predictions.

Three questions. May anybody at all see the prediction for an image (hides_model, HIDES_MODEL, model_hidden_sql)? May
this person see the answers of others, or of the model (sight)? And has this person seen them, so that their label is
informed from now on (remember)? The only module that writes Exposure; labels.py reads it
when a label is saved. Does not know how anything is shown. Why it is so: docs/decisions/0013-blindness-is-one-rule.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from django.utils.translation import gettext as _

from labeler.errors import NotAllowed
from labeler.models import Image, Project
from labeler.models.image import HELD_OUT, Slice, Status
from labeler.models.queue import ChosenBy
from labeler.models.statements import execute, fetch

# ---------------------------------------------------------------- the model's word, to anybody

# Images of which the model's word is told to nobody: held-out ones never, because every later model is judged on them;
# others that are judged blind, and those that audit the model, not before they are settled. For querysets of Image;
# hides_model() and model_hidden_sql() say the same. Behind a figure of its report a settled held-out image shows what
# the model of that report said: it is the figure's evidence, and the only exception (pages/model/run.py).
HIDES_MODEL = Q(slice__in=HELD_OUT) | (
    ~Q(status=Status.SETTLED) & (~Q(slice=Slice.NONE) | Q(entry__chosen_by=ChosenBy.AUDIT))
)


def model_hidden_sql(image: str = "i") -> str:
    """HIDES_MODEL as a condition in SQL, where labeler_image has this alias. Without parameters."""
    return f"""({image}.slice IN ('test', 'calibration') OR ({image}.status <> 'settled' AND ({image}.slice <> '' OR
        EXISTS (SELECT FROM labeler_queueentry asked
                WHERE asked.image_id = {image}.id AND asked.chosen_by = 'audit'))))"""


# Lists ask these for each page, by hand: built with the ORM each costs one to three ms of processor time.
_AUDITED = "SELECT image_id FROM labeler_queueentry WHERE image_id = ANY (%s) AND chosen_by = 'audit'"
_ANSWERED = """
    SELECT l.image_id FROM labeler_label l JOIN labeler_image i ON i.id = l.image_id AND i.round = l.round
    WHERE l.image_id = ANY (%s) AND l.annotator_id = %s AND l.superseded_at IS NULL
      AND l.answer IN ('labeled', 'cannot_tell')
"""


def _ids(query: str, images: Iterable[int], *more: int) -> set[int]:
    """What a query finds of these images; nothing is asked about none."""
    asked = list(images)
    if not asked:
        return set()
    return {row[0] for row in fetch(query, [asked, *more])}


def hides_model(images: Iterable[Image]) -> set[int]:
    """Ids of those images of which the model's word is told to nobody. One query at most."""
    hidden, undecided = set(), []
    for image in images:
        if image.slice in HELD_OUT or (image.status != Status.SETTLED and image.slice != Slice.NONE):
            hidden.add(image.pk)
        elif image.status != Status.SETTLED:
            undecided.append(image.pk)
    return hidden | _ids(_AUDITED, undecided)


def evidence(image_ids: Iterable[int]) -> set[int]:
    """Those of these images that a model's own report may show behind its figures, with what that model said.

    The exception: held-out images too, once they are settled. Two queries at most.
    """
    there = Image.objects.filter(pk__in=set(image_ids), trashed_from=None)
    images = list(there.only("pk", "slice", "status"))
    settled = {image.pk for image in images if image.status == Status.SETTLED}
    return {image.pk for image in images} - (hides_model(images) - settled)


# ---------------------------------------------------------------- one person

# Enough people have answered: nobody is asked any more, unless a reviewer or a new round asks.
COMPLETE = (Status.SETTLED, Status.DISPUTED)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one person may be told of some images, by id."""

    others: set[int]  # votes, status, outcome, disagreement and decisions
    model: set[int]  # what the model says


def sight(user: User, images: Iterable[Image], *, may_review: bool) -> Sight:
    """What a member may be told of these images of one project. Two queries at most.

    Reviewers and leads see what people said: it is their work. Annotators do after their own answer in the image's
    round (a label or cannot tell), and only when its votes are complete: before, cannot tell would buy the others'
    answers. The model's word besides is under hides_model().
    """
    shown = list(images)
    others = {image.pk for image in shown}
    if not may_review:
        others = _ids(_ANSWERED, [image.pk for image in shown if image.status in COMPLETE], user.pk)
    told = [image for image in shown if image.pk in others]
    return Sight(others, others - hides_model(told))


def check_others(user: User, image: Image, *, may_review: bool) -> None:
    """Raises NotAllowed where this person may not be told what others say of the image."""
    if image.pk not in sight(user, [image], may_review=may_review).others:
        raise NotAllowed(
            _("What others say of an image is shown after your own answer, when the image has all its answers.")
        )


def check_model(user: User, image: Image, *, may_review: bool) -> None:
    """Raises NotAllowed where this person may not be told what the model says of the image."""
    if hides_model([image]):
        if image.is_held_out:
            raise NotAllowed(_("This image is held out to judge models by: what the model says of it is not shown."))
        raise NotAllowed(_("This image is judged blind: what the model says of it is shown when it is settled."))
    if image.pk not in sight(user, [image], may_review=may_review).others:
        raise NotAllowed(
            _("What the model says of an image is shown after your own answer, when the image has all its answers.")
        )


# ---------------------------------------------------------------- what was shown

# Members only: nobody else can answer. Where all the votes are the person's own, nothing of others was shown.
# By rising id: two requests of one person must not wait for each other in a circle.
_REMEMBER = """
    INSERT INTO labeler_exposure (image_id, user_id, round)
    SELECT i.id, m.user_id, i.round
    FROM labeler_image i JOIN labeler_membership m ON m.project_id = i.project_id AND m.user_id = %(user)s
    WHERE i.id = ANY (%(images)s) AND (
        i.id = ANY (%(told)s) OR i.has_decision
        OR i.n_votes > (SELECT count(*) FROM labeler_label l
                        WHERE l.image_id = i.id AND l.annotator_id = m.user_id AND l.superseded_at IS NULL
                          AND l.round = i.round AND l.purpose = 'vote' AND l.answer IN ('labeled', 'cannot_tell')))
    ORDER BY i.id
    ON CONFLICT DO NOTHING
"""


def remember(user: User | AnonymousUser, *, others: Iterable[int] = (), told: Iterable[int] = ()) -> None:
    """Note what a page or an answer shows to this person, before it is sent. One statement, or none.

    others: ids of images whose votes or outcome are shown, as far as others have said anything of them; told: ids of
    images of which something is certainly said: by the model, or as an example. From then on the person's labels of
    these images are informed.
    """
    certain = sorted(set(told))
    shown = sorted({*others, *certain})
    if shown:
        execute(_REMEMBER, {"user": user.pk, "images": shown, "told": certain})


# A download has everything in it. Noted where the person is at work: on what they have answered, and hold.
_REMEMBER_ALL = """
    INSERT INTO labeler_exposure (image_id, user_id, round)
    SELECT i.id, %(user)s, i.round
    FROM labeler_image i
    WHERE i.id IN (SELECT image_id FROM labeler_label WHERE annotator_id = %(user)s AND project_id = %(project)s
                   UNION
                   SELECT image_id FROM labeler_claim
                   WHERE annotator_id = %(user)s AND project_id = %(project)s AND state = 'open')
      AND (i.has_decision OR i.n_votes > 0)
    ORDER BY i.id
    ON CONFLICT DO NOTHING
"""


def remember_download(user: User | AnonymousUser, project: Project) -> None:
    """Note that this person took out everything that is said in a project."""
    execute(_REMEMBER_ALL, {"user": user.pk, "project": project.pk})
