"""The one Django app of the project: the domain."""

from django.apps import AppConfig


class LabelerConfig(AppConfig):
    name = "labeler"
    label = "labeler"
    verbose_name = "Labeler"
    default_auto_field = "django.db.models.BigAutoField"
