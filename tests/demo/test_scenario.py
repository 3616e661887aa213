"""The demo, smaller: made through the real verbs, whole after an interruption, made once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from labeler.demo import scenario
from labeler.demo.drawing import draw_leaf
from labeler.errors import TooFewLabels
from labeler.models import CategoryExample, Claim, Image, Label, Project, QueueEntry, TrainingRun
from tests.helpers.factories import make_user
from tests.helpers.scenes import encode

pytestmark = pytest.mark.django_db
User = get_user_model()


@pytest.fixture(autouse=True)
def small(settings, tmp_path, monkeypatch):
    """38 leaves, 33 of them labeled: as few as a training run can be asked for."""
    settings.MEDIA_DIR = tmp_path
    monkeypatch.setattr(scenario, "_CLEAR", dict.fromkeys(scenario._CLEAR, 6))
    monkeypatch.setattr(scenario, "IMAGES", 38)
    monkeypatch.setattr(scenario, "LABELS", 100)


@pytest.fixture
def quickly(monkeypatch):
    """Small leaves, drawn in threads: for what is not about drawing."""

    def drawn(seed: int, kind: str) -> bytes:
        return encode(draw_leaf(seed, kind, (96, 72)), "JPEG")

    monkeypatch.setattr(scenario, "draw_jpeg", drawn)
    monkeypatch.setattr(scenario, "ProcessPoolExecutor", lambda count, mp_context: ThreadPoolExecutor(count))


def quiet(_done, _total, _what):
    pass


def check_whole(demo: scenario.Demo) -> None:
    assert Image.objects.filter(project=demo.project).count() == 38
    labels = Label.objects.filter(project=demo.project)
    assert 100 <= labels.count() < 100 + scenario.CLAIM
    assert set(labels.values_list("annotator__first_name", flat=True)) == {"Amara", "Ben", "Chen", "Dana"}
    assert not labels.filter(superseded_at__isnull=False).exists()
    assert labels.filter(seconds__isnull=True).count() == 0
    for entry in QueueEntry.objects.filter(project=demo.project):
        held = Claim.objects.filter(image=entry.image_id, holds_seat=True).count()
        assert entry.seats_left + held == entry.seats == 3
    days = set(labels.values_list("created_at__date", flat=True))
    assert len(days) >= 10 and max(days) < demo.project.created_at.date()  # a history of weeks, and none of it to come
    versions = dict(demo.project.guideline_versions.values_list("number", "created_at"))
    assert set(versions) == {1, 2} and "Rust or leaf spot?" in demo.project.guideline
    assert not labels.filter(guideline_version=2, created_at__lt=versions[2]).exists()
    assert not labels.filter(guideline_version=1, created_at__gte=versions[2]).exists()
    assert demo.project.images.filter(n_votes=0).exists()  # some are left for pre-labels
    assert TrainingRun.objects.filter(project=demo.project).count() == 1
    assert Project.objects.get(pk=demo.project.pk).train_automatically


def test_the_demo_is_made_once(ada):
    demo = scenario.make(lead=ada, progress=quiet)
    assert demo.made
    check_whole(demo)
    assert "simulated" in demo.project.description
    assert "drawn by a program" in demo.project.description
    assert [category.name for category in demo.empty.categories.in_use()] == list(scenario.CATEGORIES)
    assert not demo.empty.images.exists()
    shown = CategoryExample.objects.filter(category__project=demo.project).select_related("category", "image")
    assert 1 <= len(shown) <= 10
    for example in shown:
        assert scenario.kinds()[scenario._number(example.image)] == example.category.name
        assert not example.image.is_held_out

    before = (Label.objects.count(), Image.objects.count(), Project.objects.count(), User.objects.count())
    again = scenario.make(lead=ada, progress=quiet)
    assert (again.made, again.project, again.empty) == (False, demo.project, demo.empty)
    assert before == (
        Label.objects.count(),
        Image.objects.count(),
        Project.objects.count(),
        User.objects.count(),
    )


def test_nobody_can_log_in_as_a_simulated_person_and_real_accounts_are_left_alone(ada, quickly):
    ben = make_user("ben", email="ben@example.org")
    demo = scenario.make(lead=ada, progress=quiet)
    simulated = User.objects.filter(email__endswith="@demo.invalid")
    assert sorted(simulated.values_list("username", flat=True)) == ["amara", "ben.demo", "chen", "dana"]
    assert not any(user.has_usable_password() or user.is_staff for user in simulated)
    assert not demo.project.memberships.filter(user=ben).exists()


@pytest.mark.django_db(transaction=True)
def test_a_demo_that_was_stopped_is_finished_by_the_next_call(ada, monkeypatch, quickly):
    save = scenario.save_label
    saved = []

    def interrupted(**answer):
        if len(saved) == 37:
            raise KeyboardInterrupt
        saved.append(save(**answer))

    with monkeypatch.context() as patched:
        patched.setattr(scenario, "save_label", interrupted)
        with pytest.raises(KeyboardInterrupt):
            scenario.make(lead=ada, progress=quiet)
    assert Label.objects.count() == 37
    demo = scenario.make(lead=ada, progress=quiet)
    assert demo.made
    check_whole(demo)


def test_a_demo_in_the_trash_is_not_made_again(ada, monkeypatch, quickly):
    monkeypatch.setattr(scenario, "LABELS", 0)
    with pytest.raises(TooFewLabels):
        scenario.make(lead=ada, progress=quiet)
    from labeler.projects import projects

    projects.trash(project=Project.objects.get(name=scenario.NAME), by=ada)
    assert not scenario.make(lead=ada, progress=quiet).made


def test_the_plan_is_the_same_for_ever_and_file_names_give_nothing_away():
    assert scenario.kinds() == scenario.kinds()
    assert len(scenario.kinds()) == 38
    assert scenario._file_name(7) == "leaf-007.jpg"


def test_the_command_needs_an_administrator(db):
    with pytest.raises(CommandError, match="administrator"):
        call_command("demo")
