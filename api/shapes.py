"""The JSON of an image, with what the caller may see of it; labeler/labeling/blindness.py decides that.

If it shows answers of others or of the model, blindness.py records that this person has seen them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from rest_framework import serializers

from api.access import shown_name
from api.claims import WithImageUrls, image_urls
from api.fields import DrawnShape, IntegersField, JudgementShape, ObjectField, TextsField
from labeler.acceptance import summary
from labeler.access import may_review
from labeler.consensus import snapshots
from labeler.intake import private_fields
from labeler.label_set import categories as label_set
from labeler.labeling import blindness
from labeler.models import Consensus, Image, Label, Project
from labeler.models.image import Split, Status
from labeler.models.statements import fetch


class VoteShape(JudgementShape):
    category_ids = IntegersField()
    prelabel_shown = serializers.BooleanField()


class OpinionShape(serializers.Serializer):
    """A model's word on an image."""

    model = serializers.IntegerField(help_text="number of the model in the project")
    categories = TextsField(help_text="of several labels it may be empty")
    probability = serializers.FloatField(
        allow_null=True, help_text="of the whole answer; null: a model of another program that gave none"
    )


class PredictionShape(OpinionShape):
    id = serializers.IntegerField()
    category_ids = IntegersField()
    probabilities = serializers.DictField(child=serializers.FloatField(), help_text="empty where none were given")
    calibrated = serializers.BooleanField()


METHODS = [snapshots.MAJORITY, snapshots.DECISION, snapshots.UNDECIDABLE, *snapshots.INFERRED]


class OutcomeShape(serializers.Serializer):
    categories = TextsField(allow_null=True, help_text="null: no votes, a tie, nobody could tell, or undecidable")
    method = serializers.ChoiceField(METHODS, help_text="undecidable: a reviewer decided that the image does not say")
    confidence = serializers.FloatField(
        allow_null=True, help_text="majority: share of the votes; other methods: probability; null for a decision"
    )
    is_tie = serializers.BooleanField()
    n_votes = serializers.IntegerField()


class AgreedObjectShape(DrawnShape):
    """An object of a consensus."""

    number = serializers.IntegerField()
    category = serializers.CharField()
    category_id = serializers.IntegerField()
    n = serializers.IntegerField(help_text="people who drew it; 0: a reviewer decided")
    asked = serializers.IntegerField(help_text="people who answered the image")
    settled = serializers.BooleanField(help_text="false: without a majority, for a reviewer, and in no data set")
    attributes = ObjectField(
        required=False, help_text="where questions are asked: what most who drew it answered, as the reviewer decided"
    )


class ConsensusShape(OutcomeShape):
    category_ids = IntegersField(allow_null=True)
    objects = AgreedObjectShape(many=True, required=False, help_text="where people draw")


class PromisedShape(serializers.Serializer):
    precision = serializers.FloatField(help_text="promised: at least this share of the accepted is right")
    confidence = serializers.FloatField(help_text="with this confidence")


class AcceptedShape(PromisedShape, OpinionShape):
    """What stands for an image by a model's word alone. Never a label, never part of a consensus."""

    category_ids = IntegersField()
    threshold = serializers.FloatField(help_text="accepted from here on")


class ImageShape(WithImageUrls):
    """An image as far as the caller may see."""

    id = serializers.IntegerField()
    name = serializers.CharField(help_text="opaque to annotators, unless the project shows file names")
    width = serializers.IntegerField(help_text="pixels, upright")
    height = serializers.IntegerField(help_text="pixels, upright")
    sha256 = serializers.CharField(help_text="of the original bytes")
    metadata = ObjectField(
        help_text="`exif.…` and `file.…` are read from the file; annotators see none where file names are hidden, and "
        "never its EXIF; the place (`exif.gps_…`) is for leads"
    )
    split = serializers.ChoiceField(
        Split.choices, allow_blank=True, help_text="what an import said it is for; empty: nothing was said"
    )
    external_id = serializers.CharField(
        allow_blank=True,
        help_text="what its source calls it; empty for annotators, unless the project shows file names",
    )
    status = serializers.ChoiceField(
        Status.choices, allow_null=True,
        help_text="annotators: null before their own answer, and before the image has all its answers",
    )  # fmt: skip
    disagreement = serializers.FloatField(allow_null=True)
    labels = VoteShape(many=True, required=False, help_text="annotators: only their own")
    prediction = PredictionShape(
        allow_null=True,
        help_text="null for everybody on held-out images, and on others that are judged blind until they are settled",
    )
    consensus = ConsensusShape(allow_null=True)
    accepted = AcceptedShape(
        allow_null=True, help_text="the model's answer stands, and nobody has judged the image; null for annotators"
    )


def image_shapes(
    user: User, project: Project, images: Sequence[Image], *, with_labels: bool = False
) -> list[dict[str, Any]]:
    """JSON values of some images of one project; `project.role` is the caller's.

    Five queries, however many images; one more where the model accepts by itself.
    """
    reviewing = may_review(project)
    seen = blindness.sight(user, images, may_review=reviewing)
    outcomes = snapshots.shown_consensus(images)
    accepts = reviewing and project.auto_accept
    opinions = _opinions(project, [image for image in images if image.pk in seen.model])
    unseen = summary.of_images(project, [image.pk for image in images]) if accepts else {}
    votes = _votes(user, project, images, reviewing) if with_labels else {}
    blindness.remember(user, others=seen.others, told=[*opinions, *unseen])
    shapes = []
    for image in images:
        told = image.pk in seen.others
        shape: dict[str, Any] = {
            "id": image.pk,
            "name": shown_name(image, project, opaque=not reviewing),
            "width": image.width,
            "height": image.height,
            "sha256": image.sha256,
            "metadata": private_fields.shown(project, image.metadata),
            "split": image.split,
            "external_id": image.external_id if reviewing or project.show_file_names else "",
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


def objects_shape(project: Project, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The objects of consensus.objects.current(), with names."""
    names = label_set.index(project).names
    return [
        {**row, "number": number, "category": names.get(row["category"], ""), "category_id": row["category"]}
        for number, row in enumerate(rows, 1)
    ]


def accepted_shape(found: summary.Accepted) -> dict[str, Any]:
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
        "source": label.source,
        "import": label.source_import_id,
    }


def _votes(user: User, project: Project, images: Sequence[Image], reviewing: bool) -> dict[int, list[dict[str, Any]]]:
    rows = Label.objects.current().filter(image__in=images).select_related("annotator").order_by("id")
    found: dict[int, list[dict[str, Any]]] = {}
    for label in rows if reviewing else rows.filter(annotator=user):
        found.setdefault(label.image_id, []).append(vote_shape(project, label))
    return found


# By hand, as consensus.py does: for a list of 30 images the ORM took 5 ms to build these and the rows' instances.
_OPINIONS = """
    SELECT p.image_id, p.id, p.categories, CASE WHEN p.margin IS NULL THEN NULL ELSE p.probability END,
           p.probabilities, r.number, r.category_ids, r.is_calibrated
    FROM labeler_trainingrun r JOIN labeler_prediction p ON p.run_id = r.id
    WHERE r.project_id = %s AND r.is_active AND p.image_id = ANY (%s)
"""


def _opinions(project: Project, images: Sequence[Image]) -> dict[int, dict[str, Any]]:
    if not images:
        return {}
    index = label_set.index(project)
    rows = fetch(_OPINIONS, [project.pk, [image.pk for image in images]])
    return {
        image_id: {
            "id": pk,
            "model": number,
            "categories": index.label(categories),
            "category_ids": categories,
            "probability": probability,
            "probabilities": dict(zip(index.label(category_ids), probabilities, strict=True)) if probabilities else {},
            "calibrated": is_calibrated,
        }
        for image_id, pk, categories, probability, probabilities, number, category_ids, is_calibrated in rows
    }
