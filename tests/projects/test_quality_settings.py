"""Settings of quality: what is possible together, what they do to seats, and what a worker makes of new votes."""

import pytest

from labeler.agreement import reports
from labeler.consensus import snapshots
from labeler.errors import Invalid
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Consensus, Image, Project, QueueEntry
from labeler.models.project import ConsensusMethod
from labeler.progress import cached_reports
from labeler.projects import projects
from tests.helpers.factories import add_images
from worker import periodic


@pytest.fixture(autouse=True)
def a_worker_that_begins(monkeypatch):
    monkeypatch.setattr(periodic, "_looked", {})
    monkeypatch.setattr(periodic, "_weighed", {})
    monkeypatch.setattr(periodic, "SHARE_OF_TIME", float("inf"))  # at once, as often as there is something new


def change(project, by, **changes):
    return projects.update(project=project, by=by, changes=changes)


def say(project, person, image, name):
    claims.claim(project=project, annotator=person, count=50)
    save_label(image_id=image.pk, annotator=person, categories=[name])


def seats(image):
    entry = QueueEntry.objects.get(pk=image.pk)
    return entry.seats, entry.seats_left


def test_the_most_labels_cannot_be_fewer_than_the_fewest(project, lena):
    with pytest.raises(Invalid, match="at most 2 labels and at least 3"):
        change(project, lena, fewest_labels=3, most_labels=2)
    with pytest.raises(Invalid) as refused:
        change(project, lena, most_labels=1)
    assert "most_labels" in refused.value.fields


@pytest.mark.parametrize(
    "changes",
    [{"gold_share": 0.6}, {"repeat_share": 0.3}, {"consensus_method": "loudest"}, {"enough_confidence": 1.0},
     {"ordered": "cubic"}, {"most_labels": 51}],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_with_its_name(project, lena, changes):
    with pytest.raises(Invalid) as refused:
        change(project, lena, **changes)
    assert set(refused.value.fields) == set(changes)


def test_several_classes_have_no_order(multi_project, lena):
    with pytest.raises(Invalid, match="one at a time"):
        change(multi_project, lena, ordered="linear")


def test_adaptive_overlap_gives_new_images_the_fewest_seats_and_takes_open_ones_from_the_others(project, lena, ann):
    change(project, lena, labels_per_image=3)
    (before,) = add_images(Project.objects.get(pk=project.pk), 1)
    assert seats(before) == (3, 3)

    project = change(project, lena, adaptive_overlap=True, fewest_labels=1, most_labels=4)
    (after,) = add_images(project, 1)

    assert (seats(before), seats(after)) == ((1, 1), (1, 1))


def test_a_worker_gives_images_in_doubt_another_seat_after_new_votes(project, lena, ann, bea):
    project = change(project, lena, adaptive_overlap=True, fewest_labels=2, most_labels=4)
    clear, doubtful = add_images(project, 2)
    periodic.refresh_snapshots(project)
    for person, names in ((ann, ("cat", "cat")), (bea, ("cat", "dog"))):
        for image, name in zip((clear, doubtful), names, strict=True):
            say(project, person, image, name)
    assert seats(doubtful) == (2, 0)

    periodic.refresh_snapshots(project)

    assert seats(doubtful) == (3, 1)


def test_another_budget_is_noticed_without_new_votes(project, lena, ann, bea):
    (image,) = add_images(project, 1)
    for person, name in ((ann, "cat"), (bea, "dog")):
        say(project, person, image, name)
    periodic.refresh_snapshots(project)
    assert seats(image) == (2, 0)

    project = change(project, lena, adaptive_overlap=True, fewest_labels=2, most_labels=4)
    periodic.refresh_snapshots(project)

    assert seats(image) == (3, 1)


def test_a_worker_keeps_the_consensus_by_the_projects_method(project, lena, ann, bea):
    images = add_images(project, 6)
    for image in images:
        for person in (ann, bea):
            say(project, person, image, "cat")
    periodic.refresh_snapshots(project)
    assert set(Consensus.objects.values_list("method", flat=True)) == {"majority"}

    project = change(project, lena, consensus_method=ConsensusMethod.ONE_COIN)
    periodic.refresh_snapshots(project)

    assert set(Consensus.objects.values_list("method", flat=True)) == {"one_coin"}
    found = snapshots.current(list(Image.objects.all()))
    assert all(0.5 < outcome.confidence < 1 for outcome in found.values())


def test_weighing_takes_its_share_of_time_and_forgets_no_image(project, lena, ann, bea, monkeypatch):
    project = change(project, lena, adaptive_overlap=True, fewest_labels=2, most_labels=4)
    periodic.refresh_snapshots(project)
    monkeypatch.setattr(periodic, "SHARE_OF_TIME", 1 / 20)
    periodic._weighed[project.pk].seconds = 1000.0  # it took long: not again for hours
    (image,) = add_images(project, 1)
    for person, name in ((ann, "cat"), (bea, "dog")):
        say(project, person, image, name)
    periodic.refresh_snapshots(project)
    periodic.refresh_snapshots(project)
    assert seats(image) == (2, 0)

    periodic._weighed[project.pk].seconds = 0.0
    periodic.refresh_consensus(project, set())

    assert seats(image) == (3, 1)


def test_the_agreement_report_tells_how_often_each_was_right_on_gold(project, lena, ann, bea):
    (image,) = add_images(project, 1)
    for person in (ann, bea):
        say(project, person, image, "cat")

    people = reports.agreement(project)["annotators"]

    assert [person["gold_accuracy"] for person in people] == [None, None]
    figures = cached_reports.figures(project, "trust")
    assert {row["username"] for row in figures.value["people"]} == {"ann", "bea"}
    assert cached_reports.compute(project, "trust")["people"] == figures.value["people"]
