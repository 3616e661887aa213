"""What was measured in each image to find those that something is wrong with, and what was found.

Written by labeler/data_checks/check.py.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _


class Finding(models.TextChoices):
    """What can be wrong with an image (labeler/data_checks/findings.py says from which number on)."""

    GONE = "gone", _("file is gone")
    DAMAGED = "damaged", _("damaged")
    NEAR_DUPLICATE = "near_duplicate", _("near-duplicate")
    TINY = "tiny", _("tiny")
    EXTREME_ASPECT = "extreme_aspect", _("very long or very high")
    BLURRED = "blurred", _("blurred")
    DARK = "dark", _("dark")
    OVEREXPOSED = "overexposed", _("over-exposed")
    ONE_COLOUR = "one_colour", _("of one colour")
    ODD_COLOURS = "odd_colours", _("colours unlike the others")


class ImageCheck(models.Model):
    """Numbers of an image's thumbnail (labeler/data_checks/measures.py); null where it could not be read."""

    image = models.OneToOneField("labeler.Image", primary_key=True, on_delete=models.CASCADE, related_name="check_row")
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    brightness = models.FloatField(null=True)
    contrast = models.FloatField(null=True)
    darkest = models.FloatField(null=True)
    lightest = models.FloatField(null=True)
    red_green = models.FloatField(null=True)
    yellow_blue = models.FloatField(null=True)
    saturation = models.FloatField(null=True)
    blur = models.FloatField(null=True, help_text="0 sharp, 1 blurred; null: nothing in it could be sharp")

    class Meta:
        indexes = [models.Index(fields=["project", "image"], name="checked_images_of_a_project")]

    def __str__(self) -> str:
        return f"check of image {self.image_id}"


class ImageFindingQuerySet(models.QuerySet["ImageFinding"]):
    """Words for sets of findings."""

    def of_image(self, code: str, image: str = "pk") -> Exists:
        """A condition for querysets of Image (or, with `image`, of what refers to one): this was found of it."""
        return Exists(self.filter(project=OuterRef("project"), code=code, image=OuterRef(image)))


class ImageFinding(models.Model):
    """Something that may be wrong with an image. Goes when it is right again."""

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    code = models.CharField(max_length=16, choices=Finding.choices)
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="findings", db_index=False)

    objects = ImageFindingQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "code"], name="one_finding_of_a_kind_per_image")]
        # Lists of a finding, newest first, and its count, are read from this index alone.
        indexes = [models.Index(fields=["project", "code", "image"], name="findings_of_a_project")]

    def __str__(self) -> str:
        return f"{self.code}: image {self.image_id}"
