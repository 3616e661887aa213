"""The one Django app of the project: the domain."""

from django.apps import AppConfig, apps

# Of pages that we do not have: another view of the API's documentation, REST framework's own. They were half of the
# bytes that a first start copied, hashed and compressed.
UNUSED_STATIC_FILES = ["redoc", "rest_framework"]


class LabelerConfig(AppConfig):
    name = "labeler"
    label = "labeler"
    verbose_name = "Labeler"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """The collector of static files, which goes by its app's patterns, is told what no page asks for."""
        collector = apps.get_app_config("staticfiles")
        collector.ignore_patterns = [*collector.ignore_patterns, *UNUSED_STATIC_FILES]  # type: ignore[attr-defined]
