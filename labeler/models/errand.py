"""Short requests that somebody waits for and only a worker can answer, because it has the model. Written by
labeler/training/inference_requests.py."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.utils.translation import gettext_lazy as _

from labeler.models.job import Leased


class ErrandKind(models.TextChoices):
    """What is asked."""

    PREDICT = "predict", _("prediction")
    EXPLAIN = "explain", _("explanation")
    CONVERT = "convert", _("ONNX file")
    TRY = "try", _("prediction with reasons")
    CLICK = "click", _("pixels at a click")


class Errand(Leased):
    """One question to a model and its answer.

    predict: what is on an image that is not in the project. try: the same, with what in it speaks for the answer and
    the labeled images that look like it. explain: what in an image of the project speaks for a class. convert: the
    model as an ONNX file. click: which pixels of an image of the project belong to what was clicked on; of no run.
    """

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="errands")
    kind = models.CharField(max_length=16, choices=ErrandKind.choices)
    run = models.ForeignKey(
        "labeler.TrainingRun",
        null=True,
        on_delete=models.CASCADE,
        related_name="errands",
        help_text="the model that answers; a prediction: the one in use when a worker takes it",
    )
    image = models.ForeignKey("labeler.Image", null=True, on_delete=models.CASCADE, related_name="errands")
    # Not a foreign key: a model keeps the classes it learned, whatever becomes of them.
    category = models.BigIntegerField(default=0, help_text="explain: of this class; 0: of the model's own answer")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked = models.JSONField(
        default=dict,
        db_default=Value({}, models.JSONField()),
        blank=True,
        help_text="click: where; predict, try: the size of what was sent; px",
    )
    # Not a file: rows and files that must come and go together leave files behind when a process is killed.
    picture = models.BinaryField(
        null=True, help_text="predict, try: a thumbnail or preview of what was sent, until it is answered"
    )
    answer = models.JSONField(default=dict, blank=True)
    drawing = models.BinaryField(null=True, help_text="explain, try: a PNG to lay over the image")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "image", "category"],
                condition=Q(kind=ErrandKind.EXPLAIN),
                name="one_explanation_per_model_image_and_class",
            ),
            models.UniqueConstraint(
                fields=["run"], condition=Q(kind=ErrandKind.CONVERT), name="one_conversion_per_model"
            ),
        ]
        indexes = [models.Index(fields=["state", "created_at"], name="errands_by_state_and_age")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} ({self.state})"
