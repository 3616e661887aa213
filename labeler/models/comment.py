"""Questions about images, and what the team answers. Written by labeler/review/comments.py.

A thread belongs to one person and one image. Its owner and the reviewers read it; other annotators do not, because
what somebody wrote about an image would be a hint to whoever judges it next.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class Thread(models.Model):
    """A flag on an image: raised by one person, closed when it is settled; another comment opens it again."""

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
