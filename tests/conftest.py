"""The cast. ann, bea and dora label; rev reviews; lena leads; ada is an admin; carl is a stranger: he never gets in."""

import os
from pathlib import Path

import pytest
from django.core.cache import cache
from hypothesis import settings as hypothesis_settings

from tests.factories import join, make_project, make_user

# How long an example takes is the machine's business, and no machine is always idle.
hypothesis_settings.register_profile("labeler", deadline=None)
hypothesis_settings.load_profile("labeler")


# Several files run at a time, each in one process: one of four minutes that begins last has the others wait for it. So
# the longest come first (half a minute and more, longest first, measured on two cores).
LONG_FILES = (
    "test_worker.py", "test_label_modes.py", "test_label_view.py", "test_label_outbox.py", "browser/test_review.py",
    "test_entrance.py", "test_adjudicate.py", "test_up.py", "test_journey.py", "browser/test_pages.py",
    "test_labeling_screen.py", "test_ml_train.py", "browser/test_settings.py", "test_api_manners.py",
    "test_keyboard.py", "test_embedded.py", "browser/test_overview.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        path = item.path.as_posix()
        return next((at for at, name in enumerate(LONG_FILES) if path.endswith(f"/{name}")), len(LONG_FILES))

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _fresh_cache():
    """Counts and reports cached by one test must not answer the next."""
    cache.clear()


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder with real photographs and judgements, which are not part of the project."""
    folder = os.environ.get("LABELER_TEST_DATA")
    if not folder:
        pytest.skip("LABELER_TEST_DATA does not name the folder with the real photographs and judgements")
    return Path(folder)


@pytest.fixture
def ann(db):
    return make_user("ann")


@pytest.fixture
def bea(db):
    return make_user("bea")


@pytest.fixture
def dora(db):
    return make_user("dora")


@pytest.fixture
def rev(db):
    return make_user("rev")


@pytest.fixture
def lena(db):
    return make_user("lena")


@pytest.fixture
def ada(db):
    return make_user("ada", is_superuser=True, is_staff=True)


@pytest.fixture
def carl(db):
    return make_user("carl")


@pytest.fixture
def project(ann, bea, dora, rev, lena):
    """Three classes, one per image, two labels each; nothing blind."""
    project = make_project(ann, bea, dora, lead=lena, name="Animals", question="What is it?")
    join(project, rev, "reviewer")
    return project


@pytest.fixture
def multi_project(ann, bea, lena):
    return make_project(ann, bea, lead=lena, name="Tags", task="multi", categories=("sky", "sea", "sand"))


@pytest.fixture
def uncollected_static_files(settings):
    """Pages name static files without a hash: nobody has collected them for a test."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


@pytest.fixture
def as_(client):
    """`as_(person)`: a client with that person's session."""

    def as_(person):
        client.force_login(person)
        return client

    return as_
