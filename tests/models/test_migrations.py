"""The database as the migrations make it is the one that the models speak of."""

from types import SimpleNamespace
from unittest import mock

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from labeler.apps import LabelerConfig


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)  # exits with 1 when one is missing


def test_the_app_is_configured_by_its_own_class():
    """A second configuration in the same module would have Django take neither: other keys, untranslated charts."""
    assert type(apps.get_app_config("labeler")) is LabelerConfig


STEPS = sorted(path.stem for path in (settings.BASE_DIR / "labeler/migrations").glob("00*.py"))
OLD = [name for name in STEPS if "squashed" not in name and name <= "0044_object_verdicts"]


@pytest.mark.parametrize("n_applied", [0, 20, len(OLD)])
def test_an_installation_goes_on_from_where_it_is(n_applied):
    """A new one takes all tables in one step; one that has begun the old steps ends them."""
    loader = MigrationLoader(None)
    loader.connection = SimpleNamespace(alias="default")
    applied = {("labeler", name): None for name in OLD[:n_applied]}
    with mock.patch.object(MigrationRecorder, "applied_migrations", return_value=applied):
        loader.build_graph()
    wanted = loader.graph.forwards_plan(loader.graph.leaf_nodes("labeler")[0])
    missing = [name for app, name in wanted if app == "labeler" and (app, name) not in loader.applied_migrations]
    in_one_step = ["0001_squashed_0044_object_verdicts"]
    later = [name for name in STEPS if name > "0044_object_verdicts"]
    assert missing == (in_one_step if n_applied == 0 else OLD[n_applied:]) + later
