"""The database as the migrations make it is the one that the models speak of."""

import pytest
from django.apps import apps
from django.core.management import call_command

from labeler.apps import LabelerConfig


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)  # exits with 1 when one is missing


def test_the_app_is_configured_by_its_own_class():
    """A second configuration in the same module would have Django take neither: other keys, untranslated charts."""
    assert type(apps.get_app_config("labeler")) is LabelerConfig
