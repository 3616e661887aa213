"""The cast. ann, bea and dora label; rev reviews; lena leads; ada is an admin; carl is a stranger: he never gets in."""

import gc
import os
import random
import sys
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from csp.middleware import CSPMiddleware
from django.contrib.auth.hashers import ScryptPasswordHasher
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

# What is drawn by lot is the same in each run, so that what fails is what was changed. `make test-random` sets a seed
# (and hands it to hypothesis too): other draws, which the same seed repeats.
SEED = os.environ.get("LABELER_TEST_SEED", "")

# Fixtures that files of several folders ask for.
pytest_plugins = [
    "tests.helpers.accessibility",
    "tests.helpers.addresses",
    "tests.helpers.disagreements",
    "tests.helpers.economy_page",
    "tests.helpers.review_pages",
]

# How long an example takes is the machine's business, and no machine is always idle. No examples are kept: a seed says
# which there are.
hypothesis_settings.register_profile("labeler", deadline=None, database=None, derandomize=not SEED)
hypothesis_settings.load_profile("labeler")


def pytest_report_header() -> str:
    return f"draws: seed {SEED} (again: make test-random SEED={SEED})" if SEED else "draws: the same in each run"


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix):
    """Each process has a copy; on a server that others started there might be one of an older state, so not there."""
    if folder := os.environ.get("LABELER_TESTS_SERVERS"):
        name = databases.template(Path(folder), os.environ["DATABASE_URL"])
        connection.settings_dict["TEST"]["TEMPLATE"] = name


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Nobody else is connected when the database is dropped: the warning that somebody is counts as an error."""
    yield
    with django_db_blocker.unblock():
        databases.end_other_sessions()


def _empty(_test: TransactionTestCase) -> None:
    databases.empty()


TransactionTestCase._fixture_teardown = _empty  # type: ignore[method-assign]
# A new connection for each test has yet to read of every table what it is: .03 s on busy cores. One that a test has
# ended is made anew all the same.
TransactionTestCase._should_reload_connections = lambda _test: not connection.is_usable()  # type: ignore[method-assign]
# What the API answers is what its description says, in every test.
Client.request = openapi.checked(Client.request)  # type: ignore[method-assign]


# The hash of a password costs a tenth of a second of a core, so that guessing is dear, and tests make some hundred.
# Here it is the same function with little work; processes of their own (`up`, a worker) pay the real price.
ScryptPasswordHasher.work_factor = 2**4

# Seconds of a core that a test takes, about, by its marks; measured.
SECONDS = {"worker": 8.0, "browser": 2.0, "slow": 0.5}
SHORT = 0.1


TESTS = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Let each process collect the folders from another one on, so that it finds what the others have rewritten.

    pytest rewrites the assertions of each file of a new checkout: 15 s of a core, and in the same order all four
    processes did it at the same time.
    """
    worker = getattr(config, "workerinput", {}).get("workerid", "")
    if worker and [Path(path).resolve() for path in config.args] == [TESTS]:
        folders = sorted(str(path) for path in TESTS.iterdir() if path.is_dir() or path.name.startswith("test_"))
        first = int(worker.removeprefix("gw")) * len(folders) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        config.args[:] = folders[first:] + folders[:first]


# Collecting makes hundreds of thousands of objects that stay: looking through them again and again for what is gone was
# a fifth of the time until the first test. Frozen, they are not looked through later either.
gc.disable()


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark who asks for a browser; such a test may try once more.

    A browser, a server and a database share the machine with other tests there, and a step of theirs that comes late
    is not a mistake of ours. The summary names each that needed a second try (RERUN): one that comes back is mended.
    """
    if "browser_path" in getattr(item, "fixturenames", ()):
        item.add_marker("browser")
        item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files in the order in which they end soonest.

    Four files run at a time, each in one process (of three, two cores were idle for a third of the time: tests wait for
    workers and for a database to be quiet). One of three minutes that begins last has the others wait for it, and four
    browsers at once are more than two cores can bear. So the longest come first, those with processes of their own
    before all, and files with a browser and those without take turns by their length.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in sorted(items, key=lambda item: item.path):
        files.setdefault(item.path, []).append(item)
    seconds = {file: sum(map(_seconds, tests)) for file, tests in files.items()}
    first = {file for file, tests in files.items() if tests[0].get_closest_marker("worker")}
    longest = sorted(files, key=lambda file: (file not in first, -seconds[file]))
    in_browsers = {file for file, tests in files.items() if any(test.get_closest_marker("browser") for test in tests)}
    lanes = [[file for file in longest if (file in in_browsers) is seen] for seen in (True, False)]
    spent = [0.0, 0.0]
    whole = [sum(seconds[file] for file in lane) or 1 for lane in lanes]
    order = []
    while any(lanes):
        # The lane that is behind, as a share of all it has to do.
        at = min((lane for lane in (0, 1) if lanes[lane]), key=lambda lane: spent[lane] / whole[lane])
        file = lanes[at].pop(0)
        spent[at] += seconds[file]
        order.append(file)
    items[:] = [item for file in order for item in files[file]]


def _seconds(item: pytest.Item) -> float:
    return max([SHORT, *(SECONDS[mark] for mark in SECONDS if item.get_closest_marker(mark))])


# The random letters of a page must not spell what a test says is not on it: one run in twenty met "p6" in a nonce.
LETTERS = "QXZ"
csrf.CSRF_ALLOWED_CHARS = LETTERS


def _nonce(_middleware: CSPMiddleware, request: HttpRequest) -> str:
    request._csp_nonce = getattr(request, "_csp_nonce", None) or get_random_string(24, LETTERS)  # type: ignore[attr-defined]
    return request._csp_nonce  # type: ignore[attr-defined]


CSPMiddleware._make_nonce = _nonce  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _drawn_alike(monkeypatch, request):
    """What is drawn by lot (blind images, places in the queue, audits, gold, planted answers) is so each time.

    Whether a test's forty images have one that is audited must not depend on the day, nor on which tests ran before.
    With a seed, each test has draws of its own, whichever tests run beside it.
    """
    factories.begin_anew()
    salts, dice, chance = count(1), random.Random(1), random.Random(2)
    secrets = SimpleNamespace(token_hex=lambda _n: f"salt {next(salts)}")
    if SEED:
        drawn = random.Random(f"{SEED} {request.node.nodeid}")
        secrets = SimpleNamespace(token_hex=lambda n: drawn.randbytes(n).hex())
        dice, chance = random.Random(drawn.random()), random.Random(drawn.random())
    monkeypatch.setattr(project_models, "secrets", secrets)
    monkeypatch.setattr(gold_and_repeats, "_dice", dice)
    monkeypatch.setattr(planted, "chance", chance)


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """A training takes the cores that are idle as it begins; here others use them a moment later."""
    if device := sys.modules.get("worker.ml.device"):  # loaded by the tests that train
        device.MOST_THREADS = 1


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
