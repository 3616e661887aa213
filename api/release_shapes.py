"""Releases and their files as REST takes and tells them: what is asked, and rows as JSON. Decides nothing."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse

from api.fields import FailureShape, ObjectField, ObjectListField, StatShape, TextsField
from labeler.models import Release, ReleaseFile
from labeler.models.job import State
from labeler.models.release import ReleaseLabels
from labeler.releases import files, releases
from labeler.releases.data_set import ALL, CONSENSUS, SOFT
from labeler.wording.sentences import in_words

READINGS = (CONSENSUS, ALL, SOFT)


class ReleaseInput(serializers.Serializer):
    name = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")
    labels = serializers.ChoiceField(ReleaseLabels.choices, required=False, default=ReleaseLabels.CONSENSUS)
    splits = serializers.DictField(
        child=serializers.FloatField(), required=False, allow_null=True, default=None,
        help_text="shares of train, validation and test, together 1; without it there is no split",
    )  # fmt: skip
    group_by = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=200, default="",
        help_text="a key of the metadata (patient, say): images with one value stay in one split",
    )  # fmt: skip
    seed = serializers.IntegerField(required=False, min_value=0, max_value=2**53, default=0)
    location = serializers.BooleanField(
        required=False, default=False, help_text="places and personal fields of EXIF stay in its files"
    )
    filter = serializers.DictField(
        required=False, allow_null=True, default=None,
        help_text="only the images that fit, as the parameters of the list: {status: […], search: …}",
    )  # fmt: skip


class ReleaseChange(serializers.Serializer):
    name = serializers.CharField(required=False, allow_blank=True, max_length=200)
    card = serializers.DictField(
        child=serializers.CharField(allow_blank=True, max_length=releases.LONGEST_ANSWER), required=False,
        help_text="answers of the data card by question, added to those that are there; an empty one is taken out",
    )  # fmt: skip


class HowFarShape(serializers.Serializer):
    done = serializers.IntegerField(help_text="of a file: kB")
    total = serializers.IntegerField(help_text="0: not known")


class WorkShape(serializers.Serializer):
    """How far a worker is."""

    state = serializers.ChoiceField(State.choices)
    stage = serializers.CharField()
    progress = HowFarShape()
    error = FailureShape(allow_null=True)


class ReleaseShape(serializers.Serializer):
    """A release as lists have it. All that is counted is null until it is frozen."""

    id = serializers.IntegerField()
    project = serializers.IntegerField()
    number = serializers.IntegerField(help_text="counted per project, never given twice")
    name = serializers.CharField()
    state = serializers.ChoiceField(State.choices)
    stage = serializers.CharField(help_text="what the worker is doing, in words")
    progress = HowFarShape()
    error = FailureShape(allow_null=True)
    labels = serializers.ChoiceField(ReleaseLabels.choices)
    splits = serializers.DictField(child=serializers.FloatField(), allow_null=True)
    group_by = serializers.CharField()
    seed = serializers.IntegerField()
    location = serializers.BooleanField()
    filter = serializers.DictField(child=TextsField(), help_text="which images; empty: all")
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    frozen_at = serializers.DateTimeField(allow_null=True)
    checksum = serializers.CharField(allow_null=True, help_text="SHA-256 of the frozen file")
    images = serializers.IntegerField(allow_null=True)
    judgements = serializers.IntegerField(allow_null=True)
    outcomes = serializers.IntegerField(allow_null=True, help_text="images that people gave a class, or verified none")


class SplitCountsShape(serializers.Serializer):
    split = serializers.CharField(help_text="empty where the release is not split")
    images = serializers.IntegerField(help_text="of which somebody, or a model alone, has said something")
    outcomes = serializers.IntegerField(help_text="with an outcome by people")
    none = serializers.IntegerField(help_text="verified to be of no class")
    unnamed = serializers.IntegerField(help_text="answered, but nothing can be named: tied, or cannot tell")
    classes = serializers.DictField(child=serializers.IntegerField(), help_text="images of each class, by people")
    by_model = serializers.DictField(child=serializers.IntegerField(), help_text="images by a model's word alone")


class ReleaseAgreementShape(serializers.Serializer):
    labels = serializers.CharField()
    sample = serializers.CharField()
    n_images = serializers.IntegerField()
    n_shared_images = serializers.IntegerField()
    n_labels = serializers.IntegerField()
    alpha = StatShape()
    fleiss = StatShape()
    observed = StatShape()
    categories = ObjectListField(help_text="each {name, kappa, n}")


class ReleaseModelShape(serializers.Serializer):
    number = serializers.IntegerField()
    sha256 = serializers.CharField(allow_blank=True, help_text="of its weights")
    backbone = serializers.CharField(allow_blank=True)
    trained_at = serializers.DateTimeField(allow_null=True)
    shown = serializers.IntegerField(help_text="judgements whose author saw its pre-label")
    predicted = serializers.IntegerField(help_text="images with its prediction beside them")
    alone = serializers.IntegerField(help_text="images that stand by its word alone")


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "array", "items": {}}]})
class ChangesField(serializers.Field):
    """How many, or which."""

    def to_representation(self, value: Any) -> Any:
        return value


class ReleaseDiffShape(serializers.Serializer):
    before = serializers.IntegerField(allow_null=True, help_text="id of the older release; null: everything is new")
    images_added = ChangesField(help_text="how many; with `diff=full` their ids")
    images_removed = ChangesField(help_text="how many; with `diff=full` their ids")
    labels_changed = ChangesField(help_text="images whose outcome (of `all`: any judgement) is another; or their ids")
    categories_changed = ChangesField(help_text="classes; with `diff=full` each `{id, before, after}`")


class ReleaseFileShape(WorkShape):
    """A file of a release; while it is built, this is the row to poll: ask for the file again."""

    id = serializers.IntegerField()
    release = serializers.IntegerField()
    format = serializers.CharField()
    labels = serializers.ChoiceField(READINGS)
    accepted = serializers.BooleanField()
    images = serializers.BooleanField(allow_null=True)
    file_name = serializers.CharField(allow_blank=True)
    checksum = serializers.CharField(allow_null=True, help_text="SHA-256 of its bytes, also its ETag")
    bytes = serializers.IntegerField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True, help_text="then deleted; asked for again, built again")
    url = serializers.URLField()


class FrozenShape(ReleaseShape):
    """All that a release says of itself. What is counted is null until it is frozen."""

    counts = SplitCountsShape(many=True, allow_null=True)
    images_sha256 = serializers.CharField(allow_null=True, help_text="over the hashes of all images, in order of id")
    by_model = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    left_out = serializers.DictField(child=serializers.IntegerField(), allow_null=True, help_text="images by reason")
    categories = ObjectListField(allow_null=True, help_text="the classes")
    label_set_version = serializers.IntegerField(allow_null=True)
    guideline = ObjectField(allow_null=True, help_text="{version, text}")
    consensus = ObjectField(allow_null=True, help_text="{method, parameters}")
    agreement = ReleaseAgreementShape(allow_null=True, help_text="at the moment of freezing")
    models = ReleaseModelShape(many=True, allow_null=True)
    decided_by = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True,
        help_text="images by the rule that chose their split: imported, earlier, held_out, group, seed",
    )  # fmt: skip
    groups_divided = serializers.IntegerField(
        allow_null=True, help_text="groups of near-duplicates or of `group_by` that lie in several splits all the same"
    )
    kept_from = serializers.IntegerField(allow_null=True, help_text="number of the release whose splits were kept")
    diff = ReleaseDiffShape(allow_null=True)
    card = serializers.DictField(child=serializers.CharField())
    files = ReleaseFileShape(many=True)


EXAMPLE = {
    "id": 4, "project": 1, "number": 2, "name": "v2", "state": "queued", "stage": "",
    "progress": {"done": 0, "total": 0}, "error": None, "labels": "consensus",
    "splits": {"train": 0.8, "validation": 0.1, "test": 0.1}, "group_by": "patient", "seed": 0, "location": False,
    "filter": {}, "created_by": "rev", "created_at": "2026-11-22T10:00:00Z", "frozen_at": None, "checksum": None,
    "images": None, "judgements": None, "outcomes": None,
}  # fmt: skip


def _work(job: Any, *, is_there: bool) -> dict[str, Any]:
    if is_there or job is None:
        state = State.DONE if is_there else State.FAILED
        return {"state": state, "stage": "", "progress": {"done": 0, "total": 0}, "error": None}
    progress = {"done": job.progress_done, "total": job.progress_total}
    return {"state": job.state, "stage": job.stage, "progress": progress, "error": job.error}


def brief(release: Release) -> dict[str, Any]:
    is_frozen = release.frozen_at is not None
    counted = {name: release.manifest.get(name) for name in ("images", "judgements", "outcomes")}
    return {
        "id": release.pk, "project": release.project_id, "number": release.number, "name": release.name,
        **_work(release.job, is_there=is_frozen), "labels": release.labels, "splits": release.splits,
        "group_by": release.group_by, "seed": release.seed, "location": release.location, "filter": release.filter,
        "created_by": release.created_by.get_username() if release.created_by else None,
        "created_at": release.created_at, "frozen_at": release.frozen_at, "checksum": release.checksum or None,
        **counted,
    }  # fmt: skip


OF_MANIFEST = (
    "counts", "images_sha256", "by_model", "left_out", "label_set_version", "guideline", "consensus", "models",
    "decided_by", "groups_divided", "kept_from",
)  # fmt: skip


def whole(release: Release, request: Request, diff: dict[str, Any] | None) -> dict[str, Any]:
    manifest = release.manifest
    rows = release.files.select_related("job").order_by("format", "options")
    return {
        **brief(release), **{name: manifest.get(name) for name in OF_MANIFEST},
        "categories": manifest.get("classes"),
        "agreement": in_words(manifest["agreement"]) if manifest else None, "diff": diff, "card": release.card,
        "files": [file_row(row, release, request) for row in rows],
    }  # fmt: skip


def file_row(row: ReleaseFile, release: Release, request: Request) -> dict[str, Any]:
    is_there = files.is_there(row)
    wanted = files.wanted_of(release, row.options)
    address = reverse("api:release-file", [release.pk, row.format], request=request)
    return {
        "id": row.pk, "release": release.pk, "format": row.format, **_work(row.job, is_there=is_there),
        "labels": wanted.labels, "accepted": wanted.accepted, "images": wanted.images, "file_name": row.file_name,
        "checksum": row.checksum if is_there else None, "bytes": row.n_bytes if is_there else None,
        "expires_at": row.expires_at if is_there else None, "url": f"{address}?{row.options}".rstrip("?"),
    }  # fmt: skip
