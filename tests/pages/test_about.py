"""What runs here and how it is, for administrators; and the documentation as pages."""

from __future__ import annotations

import re
import shutil
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.utils import timezone

import labeler
from labeler.jobs import dispatch
from labeler.launch import health
from labeler.models import Job
from labeler.pages.shell import documents
from tests.helpers.factories import make_model

USAGE = ("total", "used", "free")
ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


@pytest.fixture
def a_worker():
    """A worker that showed itself, for as long as the test runs."""
    dispatch.show_worker("default@field", ["default", "gpu"], torch="9.9.9+test")
    yield
    dispatch.hide_worker("default@field")


def states(findings) -> dict[str, str]:
    return {finding.name: finding.state for finding in findings}


# ---------------------------------------------------------------- who


@pytest.mark.parametrize("name", ["ann", "rev", "lena", "carl"])
def test_nobody_but_administrators_sees_it(as_, project, request, name):
    answer = as_(request.getfixturevalue(name)).get("/about/")

    assert answer.status_code == 403
    assert "PostgreSQL" not in answer.content.decode()


def test_who_is_not_logged_in_is_asked_to(client):
    assert client.get("/about/").url == "/login/?next=/about/"


def test_the_link_stands_in_the_menu_of_administrators_alone(as_, ada, lena):
    assert 'href="/about/"' in as_(ada).get("/").content.decode()
    assert 'href="/about/"' not in as_(lena).get("/").content.decode()


# ---------------------------------------------------------------- what


def test_it_names_versions_workers_and_what_is_wrong(as_, ada, project, a_worker):
    make_model(project, device="cpu", finished_at=timezone.now())

    html = as_(ada).get("/about/").content.decode()

    facts = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", html))
    assert facts["Labeler"] == labeler.__version__
    assert facts["Python"] == ".".join(map(str, sys.version_info[:3]))
    assert re.match(r"\d+\.\d+", facts["PostgreSQL"]) and re.match(r"\d+\.", facts["Valkey"])
    assert facts["torch"] == "9.9.9+test"
    assert "default@field" in html and "ran on: cpu" in html
    assert "Apache License 2.0" in html and "EfficientNet-Lite0" in html
    assert "the last one is not known" in html


@pytest.mark.parametrize(("disk", "share"), [((100, 70, 25), "0.750"), ((0, 0, 0), "0.000")])
def test_the_disk_is_as_full_as_its_words_say(as_, ada, monkeypatch, disk, share):
    """Total, used and free: what is kept for root is neither used nor free."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(**dict(zip(USAGE, disk, strict=True))))

    assert f'value="{share}"' in as_(ada).get("/about/").content.decode()


def test_it_is_told_by_no_secret(as_, ada, settings):
    settings.SECRET_KEY = "s" * 40 + "never-shown"
    html = as_(ada).get("/about/").content.decode()

    assert "never-shown" not in html
    assert settings.DATABASES["default"]["PASSWORD"] not in html
    assert settings.REDIS_URL not in html


def test_without_the_broker_it_says_so(as_, ada, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    page = as_(ada).get("/about/")

    assert page.status_code == 200
    assert states(page.context["findings"])["workers"] == "bad"
    assert "The broker does not answer" in page.content.decode()


def test_a_full_disk_and_missing_migrations_are_bad(monkeypatch):
    little = SimpleNamespace(free=10**9, total=10**12)
    monkeypatch.setattr(health.shutil, "disk_usage", lambda path: little)
    monkeypatch.setattr("django.db.migrations.executor.MigrationExecutor.migration_plan", lambda self, targets: [1, 2])
    found = {finding.name: finding for finding in (check() for check in health.CHECKS)}

    assert (found["data directory"].state, found["database"].state) == ("bad", "bad")
    assert "Free some space" in found["data directory"].text
    assert "2 migrations are missing" in found["database"].text


def test_work_that_nobody_takes_is_counted(project):
    for _ in range(3):
        Job.objects.create(project=project, kind="import", state="queued")

    assert "3 pieces of work wait" in health.waiting().text


def test_a_database_that_does_not_answer_is_a_finding_and_no_crash(monkeypatch):
    def away(*_):
        raise OperationalError("connection refused\nis it running?")

    monkeypatch.setattr(health.connection, "cursor", away)

    assert health.database() == health.Finding("database", "bad", "does not answer: connection refused")


def test_the_heartbeat_of_a_worker_says_when_and_with_which_torch(a_worker):
    (worker,) = [worker for worker in dispatch.workers_alive() if worker.name == "default@field"]

    assert timezone.now() - worker.at < timedelta(seconds=30)
    assert (worker.queues, worker.torch) == (("default", "gpu"), "9.9.9+test")


def test_the_doctor_says_the_same():
    from labeler.management.commands import doctor

    assert doctor.health is health
    assert {check.__name__ for check in health.CHECKS} >= {"database", "broker_and_workers", "data_directory"}


# ---------------------------------------------------------------- documentation


@pytest.mark.parametrize("name", documents.TITLES)
def test_a_document_is_a_page_whose_links_lead_somewhere(as_, ann, name):
    client = as_(ann)
    html = client.get(f"/docs/{name}/").content.decode()

    (article,) = re.findall(r'<article class="card doc">.*</article>', html, re.S)
    assert len(article) > 2000
    assert "style=" not in article and "<script" not in article
    links = re.findall(r'href="([^"]*)"', article)
    assert all(client.get(link).status_code == 200 for link in set(links)), links
    # Text that looks like Markdown would be a link or a table that was not understood.
    assert "](" not in re.sub(r"<(code|pre)[^>]*>.*?</\1>", "", article, flags=re.S)


def test_every_page_for_a_reader_is_listed():
    not_for_users = {"architecture"}
    assert set(documents.TITLES) == {path.stem for path in (ROOT / "docs").glob("*.md")} - not_for_users


def test_a_document_there_is_not(as_, ann, client):
    assert as_(ann).get("/docs/architecture/").status_code == 404
    client.logout()
    assert client.get("/docs/lead/").status_code == 302


def test_every_link_to_a_part_of_a_document_finds_it(as_, ann):
    client = as_(ann)
    pages = {name: client.get(f"/docs/{name}/").content.decode() for name in documents.TITLES}
    links = {
        (name, place) for page in pages.values() for name, place in re.findall(r'href="/docs/(\w+)/#([^"]+)"', page)
    }
    for template in (ROOT / "templates").rglob("*.html"):
        links |= set(re.findall(r"\{% url 'document' '(\w+)' %\}#([\w-]+)", template.read_text()))
    links |= {(name, place) for name, page in pages.items() for place in re.findall(r'href="#([^"]+)"', page)}

    assert ("lead", "metadata-of-the-images") in links
    # "#content" leads past the header of every page.
    missing = [(n, p) for n, p in sorted(links) if f'id="{p}"' not in pages[n]]
    assert missing == []
