"""Tokens of REST clients, and the audit table that only grows."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from labeler.models.project import Role


class Scope(models.TextChoices):
    """What a token may do; a person's session may do all that the person may."""

    READ = "read"
    LABEL = "label"
    EXPORT = "export"
    MANAGE = "manage"


class Token(models.Model):
    """A REST client's credential: stored as a hash, shown once. Written by labeler/accounts/tokens.py."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, help_text="first characters, to recognise it in a list")
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the whole token")
    scopes = ArrayField(models.CharField(max_length=16, choices=Scope.choices), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class LoginFailures(models.Model):
    """Failed log-ins of a name from an address, of an address, or of a name. Written by
    labeler/accounts/guessing.py."""

    key = models.CharField(max_length=64, primary_key=True, help_text="HMAC-SHA-256 of what is counted")
    forgotten_at = models.DateTimeField(help_text="when the last try is forgotten: the more there are, the later")
    turn_at = models.DateTimeField(null=True, help_text="from then on the next try is judged, whatever the counts say")
    known_until = models.DateTimeField(null=True, help_text="the name has logged in from this address")
    kept_until = models.DateTimeField(db_index=True, help_text="then the row says nothing any more, and is deleted")

    class Meta:
        verbose_name_plural = "login failures"

    def __str__(self) -> str:
        return f"{self.key[:8]}… until {self.forgotten_at:%Y-%m-%d %H:%M:%S}"


class Theme(models.TextChoices):
    """Light or dark, or as the person's system says."""

    AUTO = "auto", _("as my system")
    LIGHT = "light", _("light")
    DARK = "dark", _("dark")


class Preference(models.Model):
    """How a person wants the screens. Written by labeler/accounts/preferences.py; without a row everything is the
    default."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="preference"
    )
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.AUTO)
    single_keys = models.BooleanField(default=True, help_text=_("off: no action by one key alone (WCAG 2.1.4)"))
    keys = models.JSONField(default=dict, blank=True, help_text=_("{action: key}, where they differ from the default"))

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(theme__in=Theme.values), name="theme_is_known")]

    def __str__(self) -> str:
        return f"preferences of {self.user_id}"


class Invitation(models.Model):
    """A link that makes one person a member. Stored as a hash, shown once. Written by
    labeler/projects/invitations.py."""

    project = models.ForeignKey("labeler.Project", on_delete=models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.ANNOTATOR)
    note = models.CharField(max_length=100, blank=True, help_text=_("for whom, to recognise it in a list"))
    digest = models.CharField(max_length=64, unique=True, help_text="SHA-256 of the secret in the link")
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(role__in=Role.values), name="invited_role_is_known")]

    def __str__(self) -> str:
        return f"invitation {self.pk} to project {self.project_id} as {self.role}"


class AuditEvent(models.Model):
    """Who did what that matters: accounts, roles, tokens, exports, settings, decisions. A trigger refuses changes."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    actor_name = models.CharField(max_length=150, blank=True)
    project = models.ForeignKey(
        "labeler.Project", null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    action = models.CharField(max_length=100)
    subject = models.CharField(max_length=200, blank=True)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["project", "-id"], name="audit_of_a_project")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.actor_name} {self.action}"
