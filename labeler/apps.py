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
        """Charts and statistics know no Django: their sentences are translated by what is handed to them here.

        And the collector of static files, which goes by its app's patterns, is told what no page asks for.
        """
        from django.utils.translation import gettext, ngettext

        from labeler.charts import words as chart_words
        from labeler.stats import words as figure_words

        chart_words.speak(gettext, ngettext)
        figure_words.speak(gettext, ngettext)
        collector = apps.get_app_config("staticfiles")
        collector.ignore_patterns = [*collector.ignore_patterns, *UNUSED_STATIC_FILES]  # type: ignore[attr-defined]
