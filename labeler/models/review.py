"""What people check again and ask: gold images, planted answers, verdicts on predicted objects, questions on images.

Written by labeler/review/. Decisions, which are judgements, are label.py's. What is said of a planted image or of a
predicted object is about a person or a model: it must never become a label, a vote or agreement.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Gold(models.Model):
    """One image whose answer is known, to learn how often people are right, and what it is.

    Given to everybody, whatever its quota; answers to it are no votes.
    """

    image = models.OneToOneField("labeler.Image", primary_key=True, on_delete=models.CASCADE, related_name="gold")
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="gold")
    categories = ArrayField(models.BigIntegerField(), default=list)
    drawn = models.JSONField(null=True, help_text="[{category, box | polygon | mask}]; null: not drawn")
    explanation = models.CharField(max_length=500, blank=True, help_text="shown with the feedback, when it is on")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True, help_text="no longer handed out; answers to it keep their score")

    class Meta:
        ordering = ["-created_at"]
        verbose_name_plural = "gold"
        indexes = [models.Index(fields=["project", "image"], condition=Q(retired_at__isnull=True), name="gold_in_use")]

    def __str__(self) -> str:
        return f"gold {self.categories} on image {self.image_id}"


class Plant(models.Model):
    """One image with a known answer on one reviewer's page, as if the model had put it in another class."""

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="plants")
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="plants")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="plants")
    client = models.UUIDField(null=True, help_text="the page it is on; null: that was left, and it may come again")
    suggested = models.BigIntegerField(help_text="the wrong category that was shown")
    known = ArrayField(models.BigIntegerField(), default=list, help_text="what the image is")
    probability = models.FloatField(help_text="that was shown with it, 0 to 1")
    answered = ArrayField(models.BigIntegerField(), null=True, help_text="null: not yet; empty: sent back")
    caught = models.BooleanField(null=True, help_text="true: the suggestion was not confirmed")
    shown_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    idempotency_keys = ArrayField(
        models.UUIDField(), default=list, help_text="of the requests about it: sent again, they do nothing"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["image", "reviewer"], name="one_plant_per_image_and_reviewer"),
        ]
        indexes = [models.Index(fields=["project", "reviewer"], name="plants_of_a_reviewer")]

    def __str__(self) -> str:
        return f"plant {self.image_id} for {self.reviewer_id}"


class VerdictQuerySet(models.QuerySet["ObjectVerdict"]):
    """Words for sets of verdicts."""

    def found_wrong(self) -> set[tuple[int, int]]:
        """(image, number) of the objects of which more people say that they are wrong than that they are right."""
        told = self.values("image_id", "number").annotate(
            n_wrong=models.Count("pk", filter=Q(verdict=ObjectVerdict.Verdict.WRONG)),
            n_kept=models.Count("pk", filter=Q(verdict=ObjectVerdict.Verdict.KEEP)),
        )
        rows = told.filter(n_wrong__gt=models.F("n_kept")).order_by()
        return set(rows.values_list("image_id", "number"))


class ObjectVerdict(models.Model):
    """One person's present answer about one predicted object; answering again replaces it (docs/decisions/0023).

    Predictions of older models are deleted in time, so the place, the class and the probability are copied here, and no
    row hangs on a prediction.
    """

    class Verdict(models.TextChoices):
        KEEP = "keep", "it is one"
        WRONG = "wrong", "it is none"

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="object_verdicts")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    run = models.ForeignKey(
        "labeler.TrainingRun", null=True, on_delete=models.SET_NULL, related_name="object_verdicts", db_index=False
    )
    model = models.PositiveIntegerField(help_text="the run's number: it is known when the run is gone")
    number = models.PositiveIntegerField(help_text="of the object in that model's prediction for the image")
    category = models.BigIntegerField(help_text="the class that the model gave it")
    box = ArrayField(models.FloatField(), size=4, help_text="x, y, width, height in px, also of polygons and masks")
    probability = models.FloatField(null=True, help_text="as it was shown; null: an outside model gave none")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    created_at = models.DateTimeField(db_default=Now(), help_text="of the present answer")

    objects = VerdictQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "model", "image", "number", "person"], name="one_verdict_per_person_and_object"
            ),
            models.CheckConstraint(condition=Q(verdict__in=["keep", "wrong"]), name="a_verdict_is_keep_or_wrong"),
        ]
        indexes = [models.Index(fields=["run", "image", "number"], name="verdicts_of_a_run")]

    def __str__(self) -> str:
        return f"{self.verdict}: object {self.number} of image {self.image_id}"


class Thread(models.Model):
    """A flag on an image: raised by one person, closed when it is settled; another comment opens it again.

    Its owner and the reviewers read it; other annotators do not, because what somebody wrote about an image would be a
    hint to whoever judges it next.
    """

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="threads")
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="threads")
    raised_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="threads")
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(help_text="of the newest comment")
    x = models.FloatField(null=True, help_text="pixels of the upright image: the place it is about; null: all of it")
    y = models.FloatField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    # Whose turn it is: an answer of the team is unread until its owner has opened the thread.
    read_at = models.DateTimeField(null=True, help_text="when the person who raised it last looked")

    class Meta:
        ordering = ["-changed_at"]
        constraints = [
            models.UniqueConstraint(fields=["image", "raised_by"], name="one_thread_per_image_and_person"),
        ]
        indexes = [
            models.Index(fields=["project", "-changed_at"], condition=Q(closed_at__isnull=True), name="open_threads"),
        ]

    def __str__(self) -> str:
        return f"thread of {self.raised_by_id} on image {self.image_id}"

    @property
    def place(self) -> dict[str, float] | None:
        """{x, y} in pixels of the upright image; None: it is about all of it."""
        return None if self.x is None or self.y is None else {"x": self.x, "y": self.y}


class Comment(models.Model):
    """One contribution to a thread. Never changed, never deleted."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="comments")
    text = models.CharField(max_length=2000)
    idempotency_key = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(condition=~Q(text=""), name="a_comment_says_something"),
            models.UniqueConstraint(
                fields=["author", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="one_comment_per_idempotency_key",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.author_id}: {self.text[:40]}"
