"""Judgements of people: labels (history kept), what their authors had seen, a reviewer's decisions.

And what is computed of them: the consensus, and how many labels were right.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from labeler.models.queue import ChosenBy, Purpose


class Answer(models.TextChoices):
    """What a row says. UNDONE takes the place of an answer that was taken back, so that history only grows."""

    LABELED = "labeled", _("labeled")
    CANNOT_TELL = "cannot_tell", _("cannot tell")
    SKIP = "skip", _("skipped")
    UNDONE = "undone", _("undone")


VOTES = (Answer.LABELED, Answer.CANNOT_TELL)
SOURCES = PERSON, IMPORT = ("person", "import")  # given here, or brought in with an import

# What figures about agreement count: nobody's opinion was on the author's screen before the answer. For SQL where the
# label is `l`; Label.is_blind and LabelQuerySet.blind() say the same.
BLIND_SQL = "(l.shown_prediction_id IS NULL AND NOT l.informed)"
# Where the active model may have had a say in a person's answer: no figure about the model is measured there. Labels of
# an import were given elsewhere, so this project's model was not on the screen, whatever else was.
TOUCHED_BY_MODEL = Q(shown_prediction__isnull=False) | Q(informed=True, source_import__isnull=True)
TOUCHED_BY_MODEL_SQL = "(l.shown_prediction_id IS NOT NULL OR (l.informed AND l.source_import_id IS NULL))"


class LabelQuerySet(models.QuerySet["Label"]):
    """Words for sets of labels."""

    def current(self) -> LabelQuerySet:
        """The last word of each person on each image, answers taken back excluded."""
        return self.filter(superseded_at__isnull=True).exclude(answer=Answer.UNDONE)

    def votes(self) -> LabelQuerySet:
        """Current labels and cannot-tells that count for the image's present round."""
        return self.filter(
            superseded_at__isnull=True, answer__in=VOTES, purpose=Purpose.VOTE, round=models.F("image__round")
        )

    def blind(self) -> LabelQuerySet:
        """Given before anything of others or of a model was shown."""
        return self.filter(shown_prediction__isnull=True, informed=False)


class Label(models.Model):
    """One judgement of one person on one image. Rows are never changed but for `superseded_at`, and never deleted."""

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="labels", db_index=False)
    # The pair with the project refers to the image (migration 0032): one check for each row that is saved, not two.
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="labels", db_constraint=False)
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="labels", db_index=False
    )
    round = models.PositiveSmallIntegerField()
    purpose = models.CharField(max_length=16, choices=Purpose.choices, default=Purpose.VOTE)
    answer = models.CharField(max_length=16, choices=Answer.choices, default=Answer.LABELED)
    # "classification", or "objects": then the rows are drawn.LabelObject, and categories are those of the objects.
    kind = models.CharField(max_length=20, default="classification")
    categories = ArrayField(models.BigIntegerField(), default=list, help_text=_("category ids, ascending"))
    value = models.JSONField(
        null=True, blank=True, help_text=_("objects: {deleted: numbers of the pre-label's objects that were deleted}")
    )
    reason = models.CharField(max_length=1000, blank=True)
    # What the author was shown, copied from the claim. Null: no pre-label.
    shown_prediction = models.ForeignKey("labeler.Prediction", null=True, on_delete=models.PROTECT, related_name="+")
    informed = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("others' answers or the model's were shown before; of an import: it does not say that none were"),
    )
    # Null: given here. RESTRICT: an import is forgotten with its labels only, which is when a project is purged.
    source_import = models.ForeignKey("labeler.Job", null=True, on_delete=models.RESTRICT, related_name="+")
    chosen_by = models.CharField(max_length=16, choices=ChosenBy.choices, default=ChosenBy.RANDOM)
    seconds = models.FloatField(null=True, help_text=_("from the image painted to the answer"))
    guideline_version = models.PositiveIntegerField()
    label_set_version = models.PositiveIntegerField()
    extra = models.BooleanField(default=False, help_text=_("came late, when the image's quota was full"))
    idempotency_key = models.UUIDField(null=True)
    body_hash = models.CharField(max_length=64, blank=True, help_text=_("of the request that the key belongs to"))
    supersedes = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="superseded_by")
    created_at = models.DateTimeField()
    superseded_at = models.DateTimeField(null=True)

    objects = LabelQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image", "annotator", "round", "purpose"],
                condition=Q(superseded_at__isnull=True),
                name="one_current_label_per_annotator_image_and_round",
            ),
            models.UniqueConstraint(
                fields=["annotator", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="one_label_per_idempotency_key",
            ),
            models.CheckConstraint(condition=Q(answer__in=Answer.values), name="answer_is_known"),
            models.CheckConstraint(
                condition=Q(answer=Answer.LABELED) | Q(categories__len=0), name="only_a_label_names_categories"
            ),
            models.CheckConstraint(condition=Q(seconds__isnull=True) | Q(seconds__gte=0), name="seconds_not_negative"),
        ]
        indexes = [
            # The arrays of the agreement report are read from this index alone, in the order counting wants.
            models.Index(
                fields=["project", "image", "annotator"],
                include=["categories", "answer", "round", "shown_prediction", "informed", "chosen_by"],
                condition=Q(superseded_at__isnull=True),
                name="current_labels_by_image",
            ),
            models.Index(fields=["project", "-id"], name="labels_newest_first"),
            GinIndex(fields=["categories"], condition=Q(superseded_at__isnull=True), name="current_labels_by_class"),
            models.Index(fields=["annotator", "project", "-id"], name="labels_of_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.answer} {self.categories} by {self.annotator_id} on image {self.image_id}"

    @property
    def source(self) -> str:
        """Where it was given: SOURCES."""
        return SOURCES[self.source_import_id is not None]

    @property
    def is_blind(self) -> bool:
        """Given before anything of others or of a model was shown."""
        return self.shown_prediction_id is None and not self.informed


class Exposure(models.Model):
    """A person has seen what others, or the model, say of an image. Written by labeler/labeling/blindness.py.

    One row for each person, image and round, however often. A label that is saved after it is informed, never blind.
    """

    # No index of their own: the unique one below is asked whenever a label is saved, and begins with the image.
    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    round = models.PositiveSmallIntegerField(help_text="of the image, when it was shown")
    shown_at = models.DateTimeField(db_default=Now(), help_text="for the first time")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["image", "user", "round"], name="one_exposure_per_person_image_and_round"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} has seen what is said of image {self.image_id}"


class Decision(models.Model):
    """A reviewer's answer, above every vote. Withdrawn, not deleted. Written by labeler/review/adjudication.py
    alone."""

    image = models.ForeignKey("labeler.Image", on_delete=models.CASCADE, related_name="decisions")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    categories = ArrayField(models.BigIntegerField(), default=list)
    undecidable = models.BooleanField(
        default=False, help_text=_("the image does not say: settled without an answer, and left out of data sets")
    )
    drawn = models.JSONField(null=True, help_text=_("[{category, box | polygon | mask}]; null: not drawn"))
    reason = models.TextField(blank=True)
    round = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["image"], condition=Q(withdrawn_at__isnull=True), name="one_standing_decision_per_image"
            ),
            models.CheckConstraint(
                condition=Q(undecidable=False) | Q(categories__len=0), name="what_is_undecidable_names_no_category"
            ),
        ]

    def __str__(self) -> str:
        return f"decision {self.categories} on image {self.image_id}"


class Consensus(models.Model):
    """A computed snapshot of the vote: what the image is taken to be. Written by labeler/consensus/snapshots.py."""

    image = models.OneToOneField("labeler.Image", primary_key=True, on_delete=models.CASCADE, related_name="consensus")
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="+")
    # Null: no answer can be named (no votes, a tie, or nobody could tell).
    categories = ArrayField(models.BigIntegerField(), null=True)
    confidence = models.FloatField(null=True, help_text=_("share of the votes, or probability; null for a decision"))
    is_tie = models.BooleanField(default=False)
    method = models.CharField(max_length=32, help_text=_("majority, decision, one_coin, …"))
    n_votes = models.PositiveSmallIntegerField()
    # Digest of the votes it was inferred from: with others it no longer holds, and majority rules until the next run.
    votes = models.CharField(max_length=16, blank=True)
    version = models.PositiveIntegerField(default=1)
    computed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "consensus"
        constraints = [
            models.CheckConstraint(
                condition=Q(confidence__isnull=True) | Q(confidence__gte=0.0, confidence__lte=1.0),
                name="confidence_in_0_1",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "image"], name="consensus_by_project"),
            GinIndex(fields=["categories"], name="consensus_by_class"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.categories} for image {self.image_id}"


class EconomyPoint(models.Model):
    """How many of a project's labels were right when so many judgements were in: one reading of a project that asks by
    gain, or lets the model vote. Written by labeler/consensus/label_economy.py.

    Kept, because it cannot be counted again: a model of then is gone by now, and with it what the labels were believed
    to be.
    """

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="economy_points")
    judgements = models.PositiveIntegerField(help_text="votes so far, of all images")
    images = models.PositiveIntegerField(help_text="that shall have a label")
    judged = models.PositiveIntegerField(help_text="images with a vote")
    checks = models.PositiveIntegerField(help_text="blind images it was compared with")
    right = models.FloatField(help_text="share of the labels estimated right")
    low = models.FloatField()
    high = models.FloatField()
    claimed = models.FloatField(help_text="by the posterior alone")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(low__gte=0.0, low__lte=models.F("right"), right__lte=models.F("high"), high__lte=1.0),
                name="the_share_right_lies_in_its_interval",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.right:.3f} after {self.judgements} judgements in project {self.project_id}"
