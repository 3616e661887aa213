"""How an image is shown, as far as the caller may see: the one place that decides it.

Annotators see the outcome of an image, and what the model says of it, only after their own answer, and never
anybody else's label. Held-out images keep the model's opinion from everybody who could still judge them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.utils.translation import gettext as _
from rest_framework import serializers

from api.access import may_review, shown_name
from api.claims import image_urls
from api.fields import ObjectField
from labeler import accepted, consensus
from labeler import categories as label_set
from labeler.errors import NotAllowed
from labeler.models import Consensus, Image, Label, Project
from labeler.models.image import Status
from labeler.models.label import VOTES

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class VoteShape(serializers.Serializer):
    id = serializers.IntegerField()
    annotator = serializers.CharField()
    answer = serializers.CharField()
    categories = serializers.ListField(child=serializers.CharField())
    category_ids = serializers.ListField(child=serializers.IntegerField())
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    seconds = serializers.FloatField(allow_null=True)
    prelabel_shown = serializers.BooleanField()
    informed = serializers.BooleanField(help_text="not given blind: others' answers or the model's may have been known")
    vars()["source"] = serializers.ChoiceField(["person", "import"], help_text="import: given elsewhere and brought in")
    vars()["import"] = serializers.IntegerField(allow_null=True, help_text="id of the import it came with")


class PredictionShape(serializers.Serializer):
    id = serializers.IntegerField()
    model = serializers.IntegerField(help_text="number of the model in the project")
    categories = serializers.ListField(child=serializers.CharField())
    category_ids = serializers.ListField(child=serializers.IntegerField())
    probability = serializers.FloatField()
    probabilities = serializers.DictField(child=serializers.FloatField())
    calibrated = serializers.BooleanField()


class ConsensusShape(serializers.Serializer):
    categories = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="null: no votes, a tie, nobody could tell, or undecidable",
    )
    category_ids = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    method = serializers.ChoiceField(
        [consensus.MAJORITY, consensus.DECISION, consensus.UNDECIDABLE, *consensus.INFERRED],
        help_text="undecidable: a reviewer decided that the image does not say",
    )
    confidence = serializers.FloatField(
        allow_null=True, help_text="majority: share of the votes; other methods: probability; null for a decision"
    )
    is_tie = serializers.BooleanField()
    n_votes = serializers.IntegerField()


class AcceptedShape(serializers.Serializer):
    """What stands for an image by a model's word alone. Never a label, never part of a consensus."""

    categories = serializers.ListField(child=serializers.CharField(), help_text="of several labels it may be empty")
    category_ids = serializers.ListField(child=serializers.IntegerField())
    model = serializers.IntegerField(help_text="number of the model in the project")
    probability = serializers.FloatField(help_text="of the whole answer")
    threshold = serializers.FloatField(help_text="accepted from here on")
    precision = serializers.FloatField(help_text="promised: at least this share of the accepted is right")
    confidence = serializers.FloatField(help_text="with this confidence")


class ImageShape(serializers.Serializer):
    """An image as far as the caller may see."""

    id = serializers.IntegerField()
    name = serializers.CharField(help_text="opaque to annotators, unless the project shows file names")
    width = serializers.IntegerField(help_text="pixels, upright")
    height = serializers.IntegerField(help_text="pixels, upright")
    sha256 = serializers.CharField(help_text="of the original bytes")
    metadata = ObjectField()
    status = serializers.ChoiceField(Status.choices, allow_null=True, help_text="null: not for you before your answer")
    disagreement = serializers.FloatField(allow_null=True)
    preview_url = serializers.CharField()
    thumbnail_url = serializers.CharField()
    file_url = serializers.CharField()
    labels = VoteShape(many=True, required=False, help_text="annotators: only their own")
    prediction = PredictionShape(allow_null=True)
    consensus = ConsensusShape(allow_null=True)
    accepted = AcceptedShape(
        allow_null=True, help_text="the model's answer stands, and nobody has judged the image; null for annotators"
    )


def image_shapes(
    user: User, project: Project, images: Sequence[Image], *, with_labels: bool = False
) -> list[dict[str, Any]]:
    """JSON values of some images of one project; `project.role` is the caller's.

    Four queries, however many images; two more where the model accepts by itself.
    """
    reviewing = may_review(project)
    own = _answered(user, images)
    outcomes = consensus.as_shown(images)
    accepts = reviewing and project.auto_accept
    audited = accepted.hidden(image.pk for image in images) if accepts else set()
    opinions = _opinions(
        project,
        [i for i in images if i.pk in own or (reviewing and _may_be_told(i) and i.pk not in audited)],
    )
    unseen = accepted.of_images(project, [image.pk for image in images]) if accepts else {}
    votes = _votes(user, project, images, reviewing) if with_labels else {}
    shapes = []
    for image in images:
        told = reviewing or image.pk in own
        shape = {
            "id": image.pk,
            "name": shown_name(image, project, opaque=not reviewing),
            "width": image.width,
            "height": image.height,
            "sha256": image.sha256,
            # A folder's name or a source's column can give the class away, like the file's name.
            "metadata": image.metadata if reviewing or project.show_file_names else {},
            "status": image.status if told else None,
            "disagreement": image.disagreement if told else None,
            **image_urls(image.pk),
            "prediction": opinions.get(image.pk),
            "consensus": consensus_shape(project, outcomes[image.pk]) if told else None,
            "accepted": accepted_shape(unseen[image.pk]) if image.pk in unseen else None,
        }
        if with_labels:
            shape["labels"] = votes.get(image.pk, [])
        shapes.append(shape)
    return shapes


def check_told(user: User, image: Image) -> None:
    """Raises NotAllowed where image_shapes would keep the model's opinion from this person; `image.role` is theirs."""
    if Label.objects.current().filter(annotator=user, image=image, answer__in=VOTES).exists():
        return
    if not may_review(image):
        raise NotAllowed(_("What the model says of an image is shown after you have answered it."))
    if not _may_be_told(image) or accepted.hidden([image.pk]):
        raise NotAllowed(_("This image is judged blind: what the model says of it is shown when it is settled."))


def _may_be_told(image: Image) -> bool:
    return not image.is_held_out or image.status == Status.SETTLED


def consensus_shape(project: Project, outcome: Consensus) -> dict[str, Any]:
    """A consensus with names; merged classes as what they were merged into."""
    index = label_set.index(project)
    ids = None if outcome.categories is None else index.resolve(outcome.categories)
    return {
        "categories": None if ids is None else index.label(ids),
        "category_ids": ids,
        "method": outcome.method,
        "confidence": outcome.confidence,
        "is_tie": outcome.is_tie,
        "n_votes": outcome.n_votes,
    }


def accepted_shape(found: accepted.Accepted) -> dict[str, Any]:
    return {
        "categories": found.names,
        "category_ids": found.categories,
        "model": found.model,
        "probability": found.probability,
        "threshold": found.threshold,
        "precision": found.precision,
        "confidence": found.confidence,
    }


def vote_shape(project: Project, label: Label) -> dict[str, Any]:
    """One label with its author, which should be loaded."""
    return {
        "id": label.pk,
        "annotator": label.annotator.get_username(),
        "answer": label.answer,
        "categories": label_set.index(project).label(label.categories),
        "category_ids": label.categories,
        "reason": label.reason,
        "created_at": label.created_at,
        "seconds": label.seconds,
        "prelabel_shown": label.shown_prediction_id is not None,
        "informed": label.informed,
        "source": "person" if label.source_import_id is None else "import",
        "import": label.source_import_id,
    }


def _votes(user: User, project: Project, images: Sequence[Image], reviewing: bool) -> dict[int, list[dict[str, Any]]]:
    rows = Label.objects.current().filter(image__in=images).select_related("annotator").order_by("id")
    found: dict[int, list[dict[str, Any]]] = {}
    for label in rows if reviewing else rows.filter(annotator=user):
        found.setdefault(label.image_id, []).append(vote_shape(project, label))
    return found


# By hand, as consensus.py does: for a list of 30 images the ORM took 5 ms to build these and the rows' instances.
_ANSWERED = """
    SELECT DISTINCT image_id FROM labeler_label
    WHERE image_id = ANY (%s) AND annotator_id = %s AND superseded_at IS NULL AND answer = ANY (%s)
"""
_OPINIONS = """
    SELECT p.image_id, p.id, p.categories, p.probability, p.probabilities, r.number, r.category_ids, r.is_calibrated
    FROM labeler_trainingrun r JOIN labeler_prediction p ON p.run_id = r.id
    WHERE r.project_id = %s AND r.is_active AND p.image_id = ANY (%s)
"""


def _answered(user: User, images: Sequence[Image]) -> set[int]:
    """Those of the images that this person has answered."""
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERED, [[image.pk for image in images], user.pk, list(VOTES)])
        return {row[0] for row in cursor.fetchall()}


def _opinions(project: Project, images: Sequence[Image]) -> dict[int, dict[str, Any]]:
    if not images:
        return {}
    index = label_set.index(project)
    with connection.cursor() as cursor:
        cursor.execute(_OPINIONS, [project.pk, [image.pk for image in images]])
        rows = cursor.fetchall()
    return {
        image_id: {
            "id": pk,
            "model": number,
            "categories": index.label(categories),
            "category_ids": categories,
            "probability": probability,
            "probabilities": dict(zip(index.label(category_ids), probabilities, strict=True)),
            "calibrated": is_calibrated,
        }
        for image_id, pk, categories, probability, probabilities, number, category_ids, is_calibrated in rows
    }
