"""The one Django app of the project: the domain."""

from django.apps import AppConfig


class LabelerConfig(AppConfig):
    name = "labeler"
    label = "labeler"
    verbose_name = "Labeler"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Charts and statistics know no Django: their sentences are translated by what is handed to them here."""
        from django.utils.translation import gettext, ngettext

        from labeler.charts import words as chart_words
        from labeler.stats import words as figure_words

        chart_words.speak(gettext, ngettext)
        figure_words.speak(gettext, ngettext)
