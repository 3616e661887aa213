"""The cast. ann, bea and dora label; rev reviews; lena leads; ada is an admin; carl is a stranger: he never gets in."""

import os
import random
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from csp.middleware import CSPMiddleware
from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest
from django.middleware import csrf
from django.test import Client, TransactionTestCase
from django.utils.crypto import get_random_string
from hypothesis import settings as hypothesis_settings

from labeler.jobs import dispatch
from labeler.labeling import gold_and_repeats
from labeler.models import project as project_models
from labeler.review import planted
from tests.helpers import databases, factories, openapi
from tests.helpers.api import log_in
from tests.helpers.factories import join, make_project, make_user

# How long an example takes is the machine's business, and no machine is always idle. The same examples each time, so
# that what fails is what was changed; others: `pytest --hypothesis-profile default`.
hypothesis_settings.register_profile("labeler", deadline=None, derandomize=True)
hypothesis_settings.load_profile("labeler")


# Eight people at one door are the product's business, and 5 s for all of them the machine's. Every connection of this
# process is made from these settings; the servers that a test starts keep theirs.
OPTIONS = connection.settings_dict["OPTIONS"]
OPTIONS["options"] = OPTIONS["options"].replace("lock_timeout=5s", "lock_timeout=60s")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """Each process has a copy; on a server that others started there might be one of an older state, so not there."""
    if folder := os.environ.get("LABELER_TESTS_SERVERS"):
        name = databases.template(Path(folder), os.environ["DATABASE_URL"])
        connection.settings_dict["TEST"]["TEMPLATE"] = name


def _empty(_test: TransactionTestCase) -> None:
    databases.empty()


TransactionTestCase._fixture_teardown = _empty  # type: ignore[method-assign]
# What the API answers is what its description says, in every test.
Client.request = openapi.checked(Client.request)  # type: ignore[method-assign]


# Four files run at a time, each in one process (of three, two cores were idle for a third of the time: tests wait for
# workers and for a database to be quiet). One of three minutes that begins last has the others wait for it, and four
# browsers at once are more than two cores can bear. So the longest come first, and files with a browser and those
# without take turns by their length. Seconds, measured on two cores; a file that is not named takes few.
SECONDS = {
    "worker/test_worker.py": 130, "browser/test_journey.py": 95, "browser/test_review.py": 60,
    "browser/test_pages.py": 60, "launch/test_up.py": 60, "browser/test_keyboard.py": 50,
    "browser/test_adjudicate.py": 48, "browser/test_label_modes.py": 46, "api/test_access.py": 46,
    "browser/test_label_view.py": 46, "browser/test_label_outbox.py": 42, "browser/test_labeling_screen.py": 42,
    "browser/test_entrance.py": 38, "progress/test_overview.py": 37, "browser/test_settings.py": 32,
    "ml/test_train.py": 30, "browser/test_overview.py": 26, "api/test_manners.py": 24, "pages/test_pages.py": 22,
    "ml/test_backbones.py": 20, "ml/test_classical.py": 20, "ml/test_ensemble.py": 20, "launch/test_embedded.py": 19,
    "agreement/test_printed_report.py": 17, "management/test_predict_command.py": 17, "pages/test_settings.py": 17,
    "pages/test_forms.py": 16, "projects/test_guideline.py": 16, "ml/test_distributed.py": 36,
    "worker/test_training.py": 20, "ml/test_features.py": 13, "browser/test_contested.py": 10,
    "browser/test_accepting.py": 9, "attacks/test_connections.py": 32, "browser/test_javascript.py": 8,
}  # fmt: skip
SHORT = 4


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path.relative_to(Path(__file__).parent).as_posix(), []).append(item)
    longest = sorted(files, key=lambda name: -SECONDS.get(name, SHORT))
    lanes = [[name for name in longest if name.startswith("browser/") is seen] for seen in (True, False)]
    spent = [0.0, 0.0]
    whole = [sum(SECONDS.get(name, SHORT) for name in lane) or 1 for lane in lanes]
    order = []
    while any(lanes):
        # The lane that is behind, as a share of all it has to do.
        at = min((lane for lane in (0, 1) if lanes[lane]), key=lambda lane: spent[lane] / whole[lane])
        name = lanes[at].pop(0)
        spent[at] += SECONDS.get(name, SHORT)
        order.append(name)
    items[:] = [item for name in order for item in files[name]]


# The random letters of a page must not spell what a test says is not on it: one run in twenty met "p6" in a nonce.
LETTERS = "QXZ"
csrf.CSRF_ALLOWED_CHARS = LETTERS


def _nonce(_middleware: CSPMiddleware, request: HttpRequest) -> str:
    request._csp_nonce = getattr(request, "_csp_nonce", None) or get_random_string(24, LETTERS)  # type: ignore[attr-defined]
    return request._csp_nonce  # type: ignore[attr-defined]


CSPMiddleware._make_nonce = _nonce  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _drawn_alike(monkeypatch):
    """What is drawn by lot (blind images, places in the queue, audits, gold, planted answers) is so each time.

    Whether a test's forty images have one that is audited must not depend on the day, nor on which tests ran before.
    """
    factories.begin_anew()
    salts = count(1)
    monkeypatch.setattr(project_models, "secrets", SimpleNamespace(token_hex=lambda _n: f"salt {next(salts)}"))
    monkeypatch.setattr(gold_and_repeats, "_dice", random.Random(1))
    monkeypatch.setattr(planted, "chance", random.Random(2))


@pytest.fixture(autouse=True)
def _fresh_cache():
    """Counts and reports cached by one test must not answer the next."""
    cache.clear()


@pytest.fixture(autouse=True)
def _empty_broker():
    """Nor may a worker that one test has shown, or a message that it has sent, be there in the next."""
    if url := os.environ.get("REDIS_URL"):
        dispatch.broker(url).flushdb()


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
        log_in(client, person)
        return client

    return as_
