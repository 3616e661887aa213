"""An image of a project and what is counted about it. The bytes lie in the media store, named by their hash, or
in a bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from labeler.models.project import Project


class Status(models.TextChoices):
    """Where an image stands, from the votes of its present round."""

    UNLABELED = "unlabeled", _("unlabeled")
    PARTLY = "partly labeled", _("partly labeled")
    DISPUTED = "disputed", _("disputed")
    SETTLED = "settled", _("settled")


class Slice(models.TextChoices):
    """Why an image is judged blind, drawn once at import by a hash. Empty: it may show pre-labels.

    TEST judges models and CALIBRATION fits their confidence: neither is ever trained on. BLIND is only
    judged without help, so that agreement and anchoring can be measured. APART is nearly the same as images of two of
    these, so it is in none: neither trained on nor judged by.
    """

    NONE = "", _("open")
    TEST = "test", _("test")
    CALIBRATION = "calibration", _("calibration")
    BLIND = "blind", _("blind")
    APART = "apart", _("left out")


class Split(models.TextChoices):
    """What an import said an image is for. Releases keep it; Slice, which is drawn here, knows nothing of it."""

    NONE = "", _("none")
    TRAIN = "train", _("train")
    VALIDATION = "validation", _("validation")
    TEST = "test", _("test")


LONGEST_DESCRIPTION = 500  # characters, read aloud with each image

HELD_OUT = (Slice.TEST, Slice.CALIBRATION)
NEVER_TRAINED = (*HELD_OUT, Slice.APART)


class ImageQuerySet(models.QuerySet["Image"]):
    """Words for sets of images."""

    def for_project(self, project: Project) -> ImageQuerySet:
        return self.filter(project=project)

    def may_train(self) -> ImageQuerySet:
        return self.exclude(slice__in=NEVER_TRAINED)

    def most_disputed_first(self) -> ImageQuerySet:
        return self.order_by("-disagreement", "id")


class Image(models.Model):
    """One image, upright, with the counters that saving a label keeps (labeler/labeling/labels.py)."""

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="images")
    name = models.CharField(max_length=500, help_text=_("as it came: a file name or a path inside the archive"))
    sha256 = models.CharField(max_length=64, help_text=_("of the original bytes: where they lie in the media store"))
    extension = models.CharField(max_length=8)
    width = models.PositiveIntegerField(help_text=_("pixels, upright"))
    height = models.PositiveIntegerField(help_text=_("pixels, upright"))
    n_bytes = models.BigIntegerField()
    metadata = models.JSONField(default=dict, blank=True)
    slice = models.CharField(max_length=16, choices=Slice.choices, blank=True, default=Slice.NONE)
    split = models.CharField(
        max_length=16, choices=Split.choices, blank=True, default="", db_default="", help_text=_("as an import said it")
    )
    external_id = models.CharField(
        max_length=500, blank=True, default="", db_default="",
        help_text=_("what the source calls it, or its address: by this an import knows it again"),
    )  # fmt: skip
    round = models.PositiveSmallIntegerField(default=1, help_text=_("raised when the image is sent back"))
    # Kept by labeler/labeling/labels.py in the transaction that writes the label. tally: {"3": 2, "3,7": 1, "": 1, "?":
    # 1} counts the current votes of this round by answer: category ids ascending, "" a verified none, "?" cannot tell.
    tally = models.JSONField(default=dict, blank=True)
    n_votes = models.PositiveSmallIntegerField(
        default=0, help_text=_("current votes of this round, cannot tell included")
    )
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.UNLABELED)
    has_decision = models.BooleanField(
        default=False, help_text=_("a reviewer settled it: kept by labeler/review/adjudication.py")
    )
    disagreement = models.FloatField(default=0.0, help_text=_("entropy of the votes, 0 to 1"))
    disputed_objects = models.PositiveIntegerField(
        null=True, help_text=_("drawn objects without a majority of the votes; null: classes, or fewer than two votes")
    )
    job = models.ForeignKey("labeler.Job", null=True, on_delete=models.SET_NULL, related_name="images", db_index=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # In the trash its project is another one, which nobody is a member of, and all rows about it go along with it: no
    # query by project finds them (docs/decisions/0017). Changed by labeler/intake/trash.py alone.
    trashed_from = models.ForeignKey(
        "labeler.Project", null=True, on_delete=models.CASCADE, related_name="trash", db_index=False
    )
    trashed_at = models.DateTimeField(null=True, help_text=_("30 days later it is deleted for good"))

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                Coalesce("trashed_from", "project"), "sha256", name="one_image_per_content_in_project_and_trash"
            ),
            models.UniqueConstraint(
                Coalesce("trashed_from", "project"),
                "external_id",
                condition=~Q(external_id=""),
                name="one_image_per_external_id_in_project_and_trash",
            ),
            # What the rows about an image refer to, so that image and project never contradict each other.
            models.UniqueConstraint(fields=["id", "project"], name="image_and_its_project"),
            models.CheckConstraint(
                condition=Q(trashed_from__isnull=True, trashed_at__isnull=True)
                | Q(trashed_from__isnull=False, trashed_at__isnull=False) & ~Q(trashed_from=F("project")),
                name="trashed_from_one_project_at_one_time",
            ),
            models.CheckConstraint(
                condition=Q(disagreement__gte=0.0, disagreement__lte=1.0), name="disagreement_in_0_1"
            ),
            models.CheckConstraint(condition=Q(width__gt=0, height__gt=0), name="image_has_pixels"),
        ]
        indexes = [
            models.Index(fields=["project", "status", "id"], name="image_by_status"),
            models.Index(
                fields=["project", "-disagreement", "id"], condition=Q(disagreement__gt=0), name="image_by_disagreement"
            ),
            models.Index(fields=["project", "slice"], condition=~Q(slice=""), name="image_by_slice"),
            models.Index(fields=["sha256"], name="image_by_content"),
            models.Index(fields=["trashed_at"], condition=Q(trashed_at__isnull=False), name="image_by_time_in_trash"),
            # For the lists that a lead filters (bench/image_list.py); the one for names is made by migration 0032,
            # where the database has pg_trgm.
            models.Index(fields=["job", "id"], condition=Q(job__isnull=False), name="images_of_an_import"),
            GinIndex(fields=["metadata"], opclasses=["jsonb_path_ops"], name="images_by_metadata"),
            models.Index("project", F("width") * F("height"), name="images_by_pixels"),
            models.Index(
                fields=["trashed_from", "-id"], condition=Q(trashed_from__isnull=False), name="images_in_the_trash"
            ),
            models.Index(fields=["project", "split", "id"], condition=~Q(split=""), name="image_by_split"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def description(self) -> str:
        """What the data set says it shows, for those who do not see it; "" where it says nothing."""
        said = self.metadata.get("description") if isinstance(self.metadata, dict) else None
        return said.strip()[:LONGEST_DESCRIPTION] if isinstance(said, str) else ""

    @property
    def is_blind(self) -> bool:
        """Judged without a pre-label, by everybody: a property of the image, so that all its labels are comparable."""
        return self.slice != Slice.NONE

    @property
    def is_held_out(self) -> bool:
        return self.slice in HELD_OUT


class Sketch(models.Model):
    """What an image looks like in a few bytes, to know it again when it was saved anew. Written by
    labeler/intake/near_duplicates.py.
    """

    image = models.OneToOneField(Image, primary_key=True, on_delete=models.CASCADE, related_name="sketch")
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    look = models.BigIntegerField(help_text="64 bits that few changes of the file turn over")
    pixels = models.BinaryField(help_text="16 x 16 pixels, RGB")
    # Images that are nearly the same share it: the lowest id among them when they were found.
    group = models.BigIntegerField()
    compared = models.BooleanField(default=False, help_text="was held against the images whose features are like its")

    class Meta:
        indexes = [
            models.Index(fields=["project", "image"], include=["look"], name="looks_of_a_project"),
            models.Index(fields=["project", "image"], condition=Q(compared=False), name="sketches_to_compare"),
            models.Index(fields=["project", "group"], name="groups_of_a_project"),
        ]

    def __str__(self) -> str:
        return f"sketch of image {self.image_id}"


class BucketObject(models.Model):
    """Where the original of an image lies that was left in its bucket. Written by labeler/intake/.

    By the hash of its bytes, as the media store has files: whichever images have this content. A file in the media
    store counts before it.
    """

    sha256 = models.CharField(max_length=64, primary_key=True)
    bucket = models.CharField(max_length=255)
    key = models.CharField(max_length=1024)
    version = models.CharField(max_length=1024, blank=True, help_text="empty: the bucket keeps no versions")
    etag = models.CharField(max_length=255, help_text="of the object when it was read, without quotes")
    n_bytes = models.BigIntegerField()
    read_at = models.DateTimeField(auto_now=True, help_text="when an import read it last")

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.key}"
