"""What is left to do, and who is doing it.

QueueEntry is narrow and apart from Image, so that re-ordering thousands of images never meets a save: a save changes
the image's counters and the claim, a new order changes only queue entries. Written by labeler/labeling/: claims.py and
claim_ends.py (claims), seats.py (seats), priorities.py (places).
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ChosenBy(models.TextChoices):
    """Why an image was handed out. Figures that speak for the whole project use RANDOM ones."""

    RANDOM = "random", _("random")
    UNCERTAINTY = "uncertainty", _("uncertainty")
    COVER = "cover", _("covers the data")  # before any model: typical of many others
    AUDIT = "audit", _("audit")  # the model's answer was accepted, and people check it without seeing it
    DOUBT = "doubt", _("doubt")  # the answers so far differ: adaptive overlap asks one more person
    GAIN = "gain", _("gain")  # one more judgement turns most labels right here (labeler/consensus/label_economy.py)
    GOLD = "gold", _("gold")
    REPEAT = "repeat", _("repeat")
    REVIEW = "review", _("review")
    LEAD = "lead", _("put first by a lead")
    ELSEWHERE = "elsewhere", _("judged elsewhere")  # brought in, and nobody says that it was judged blind


class Purpose(models.TextChoices):
    """VOTE counts towards quota, consensus and agreement; the others are asked to learn about the person."""

    VOTE = "vote", _("vote")
    GOLD = "gold", _("gold")
    REPEAT = "repeat", _("repeat")


class QueueEntry(models.Model):
    """The seats of one image, and its place in the order."""

    image = models.OneToOneField("labeler.Image", primary_key=True, on_delete=models.CASCADE, related_name="entry")
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    # Seats = quota of the image; left = those neither claimed nor answered. Invariant, checked by tests and by
    # `manage.py doctor`: seats_left + claims of this round that hold a seat = seats.
    round = models.PositiveSmallIntegerField(
        default=1, help_text=_("as the image's: here too, so that a claim reads one table")
    )
    seats = models.PositiveSmallIntegerField()
    seats_left = models.PositiveSmallIntegerField()
    priority = models.FloatField(default=0.0, help_text=_("0 to 1, highest first"))
    chosen_by = models.CharField(max_length=16, choices=ChosenBy.choices, default=ChosenBy.RANDOM)
    # Beside the seats, which go on counting who sits there: whoever answers late still finds one.
    accepted = models.BooleanField(
        default=False, db_default=False, help_text=_("a model's answer stands for it: nobody is asked")
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(seats_left__lte=models.F("seats")), name="no_more_seats_left_than_seats"
            ),
        ]
        indexes = [
            models.Index(
                fields=["project", "-priority", "-image"],
                condition=Q(seats_left__gt=0, accepted=False),
                name="queue_order_of_open_seats",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.seats_left} of {self.seats} seats of image {self.image_id}"


class ClaimState(models.TextChoices):
    """OPEN and ANSWERED hold a seat (unless the answer came late to a full image); the others gave it back.

    EXPIRED, RELEASED and SENT_BACK images may come to the person again; SENT_BACK ones only for labeling, because on
    the review grid they were found to need a closer look.
    """

    OPEN = "open", _("open")
    ANSWERED = "answered", _("answered")
    SKIPPED = "skipped", _("skipped")
    EXPIRED = "expired", _("expired")
    RELEASED = "released", _("released")
    SENT_BACK = "sent_back", _("sent back to labeling")


GIVEN_BACK = (ClaimState.SKIPPED, ClaimState.EXPIRED, ClaimState.RELEASED, ClaimState.SENT_BACK)


class Claim(models.Model):
    """A lease on an image for one person, and what that person was shown with it."""

    # No index of their own for the three: the unique one below begins with the image, and a planner without
    # statistics would rather read all claims of a person (383 ms instead of 1 in a test) than ask that one.
    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="+", db_index=False)
    # As of labels: the pair with the project refers to the image.
    image = models.ForeignKey(
        "labeler.Image", on_delete=models.CASCADE, related_name="claims", db_index=False, db_constraint=False
    )
    annotator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="claims", db_index=False
    )
    round = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=ClaimState.choices, default=ClaimState.OPEN)
    holds_seat = models.BooleanField(default=True)
    client = models.UUIDField(null=True, help_text=_("the tab that asked"))
    chosen_by = models.CharField(max_length=16, choices=ChosenBy.choices, default=ChosenBy.RANDOM)
    # Gold and repeated images hold no seat. The label copies it from here; the person is not told.
    purpose = models.CharField(max_length=16, choices=Purpose.choices, default=Purpose.VOTE)
    # Null: the person saw no pre-label. The label copies it from here, never from the client.
    shown_prediction = models.ForeignKey("labeler.Prediction", null=True, on_delete=models.PROTECT, related_name="+")
    claimed_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["image", "annotator", "round", "purpose"],
                name="one_claim_per_annotator_image_round_and_purpose",
            ),
            models.CheckConstraint(condition=Q(state__in=ClaimState.values), name="claim_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state__in=GIVEN_BACK) | Q(holds_seat=False),
                name="a_claim_given_back_holds_no_seat",
            ),
            models.CheckConstraint(
                condition=Q(purpose=Purpose.VOTE) | Q(holds_seat=False), name="only_a_vote_holds_a_seat"
            ),
        ]
        indexes = [
            models.Index(fields=["annotator", "project"], condition=Q(state="open"), name="open_claims_of_a_person"),
            models.Index(fields=["project", "expires_at"], condition=Q(state="open"), name="claims_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.state} claim of {self.annotator_id} on image {self.image_id}"
