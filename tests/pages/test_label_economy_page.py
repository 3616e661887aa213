"""What the economy page and its endpoint say: with figures, without a goal in sight, without anything."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from labeler.consensus import economy_standing
from labeler.jobs import leases
from labeler.models import EconomyPoint, Job, Label
from labeler.models.image import Slice
from labeler.pages.model.label_economy import _time
from labeler.progress import cached_reports
from labeler.progress import label_economy as economy_report
from labeler.projects import projects
from labeler.stats import economy as stats
from labeler.training import prelabels, runs
from labeler.wording.sentences import in_words
from tests.helpers.factories import add_images, category
from tests.helpers.pages import url

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def test_the_report_says_what_is_right_what_an_hour_buys_and_what_the_goal_costs(begun, client, lena):
    report = economy_report.figures(begun)
    assert (report["images"], report["judgements"], report["judged"], report["checks"]) == (20, 6, 4, 2)
    right = report["right"]
    assert 0.5 < right["low"] < right["value"] < right["high"] <= 1 and right["n"] == 20
    assert not report["reached"]  # two blind checks bear nothing out
    pace = report["pace"]
    assert (pace["per_hour"], pace["per_day"], pace["labels"], report["next_hour"]) == (None, 6.0, 6, None)
    assert pace["seconds_per_judgement"]["reason"] == {"code": "too_few_judgements", "fewest": 10}
    assert report["ahead"][0] == {"judgements": 0, "right": pytest.approx(right["value"])}
    assert [row["right"] for row in report["ahead"]] == sorted(row["right"] for row in report["ahead"])
    assert [row["judgements"] for row in report["history"]] == [6]

    client.force_login(lena)
    told = client.get(f"/api/projects/{begun.pk}/economy/").json()
    assert told.pop("as_of") and {**told, "history": []} == {**in_words(report), "history": []}
    page = client.get(url("economy", begun)).content.decode()
    assert "fewer than 10 judgements in the last 14 days" in page
    assert "Needs 28 more blind checks" in page and "0.30" in page and "points below the goal of 97" in page
    assert 'href="' + url("economy", begun) in client.get(url("model", begun)).content.decode()


def test_while_the_model_looks_again_the_figures_are_said_to_be_less_sure(begun, client, lena):
    client.force_login(lena)
    words = "is looking at the images"
    assert words not in client.get(url("economy", begun)).content.decode()
    job = prelabels.request(runs.active(begun))
    assert words in client.get(url("economy", begun)).content.decode()
    leases.cancel(Job, job.pk)
    assert words not in client.get(url("economy", begun)).content.decode()


def test_at_the_goal_by_its_own_word_it_asks_for_what_bears_it_out(begun, client, lena):
    project = projects.update(project=begun, by=lena, changes={"goal_right": 0.5})
    report = economy_report.figures(project)
    # by two checks it is known to some ten points: it takes more answers than the goal alone would
    assert report["right"]["value"] > 0.5 and report["until_goal"]["judgements"] > 0 and not report["reached"]

    client.force_login(lena)
    page = client.get(url("economy", begun)).content.decode()

    assert "28<small>blind checks</small>" in page and "these have to bear it out" in page


def test_it_says_how_near_a_goal_must_be_known_and_when_nobody_is_left_to_ask(begun, client, lena, monkeypatch):
    monkeypatch.setattr(economy_standing, "FEWEST_CHECKS", 2)
    monkeypatch.setattr(economy_standing, "MOST_OF", 0.5)
    project = projects.update(project=begun, by=lena, changes={"goal_right": 0.96})
    report = economy_report.figures(project)
    # three people, no more than three labels per image, six given
    assert (report["near_enough"], report["askable"]) == (pytest.approx(0.04 / 3), 20 * 3 - 6)

    told = report | {"right": report["right"] | {"value": 0.97, "low": 0.95}, "reached": False, "surely": False}
    monkeypatch.setattr("labeler.progress.cached_reports.label_economy.figures", lambda project: told)
    client.force_login(lena)
    page = client.get(url("economy", begun)).content.decode()
    assert "known only to 2 points (1.33 at most are wanted): more answers decide it" in page

    told |= {"askable": 0}
    cache.clear()
    page = client.get(url("economy", begun)).content.decode()
    assert "everybody has answered what may be asked: allow more labels per image" in page


def test_too_few_held_out_images_are_said_to_bear_out_no_goal(begun, client, lena):
    client.force_login(lena)
    assert "Only 4 images are held out" in client.get(url("economy", begun)).content.decode()


def test_the_look_ahead_adds_to_where_the_estimate_stands(begun, monkeypatch):
    """The posterior claims less than blind images show: what is still needed is counted from what they show."""
    found = economy_report.figures(begun)
    projects.update(
        project=begun, by=begun.created_by, changes={"goal_right": round(found["right"]["value"] - 0.01, 4)}
    )
    begun.refresh_from_db()
    monkeypatch.setattr(economy_standing, "FEWEST_CHECKS", 2)
    monkeypatch.setattr(economy_standing, "MOST_OF", 0.5)
    again = economy_report.figures(begun)
    assert again["until_goal"] is None and not again["reached"]  # known to a dozen points
    monkeypatch.setattr(stats, "NEAR", 0.5)
    again = economy_report.figures(begun)
    assert again["until_goal"]["judgements"] == 0 and again["reached"]


def test_the_projects_own_quota_is_what_it_is_compared_with_and_saved_is_said_at_the_goal_only(
    begun, client, lena, monkeypatch
):
    projects.update(project=begun, by=begun.created_by, changes={"labels_per_image": 2})
    begun.refresh_from_db()
    client.force_login(lena)

    html = client.get(url("economy", begun)).content.decode()
    # 20 images of 2 are 40; 6 are there, and 34 are work that is left
    assert "a fixed quota asks 2" in html and "40 judgements in all, if every image were asked that often" in html
    assert "judgements saved" not in html and ">34" not in html

    report = economy_report.figures(begun) | {"reached": True, "surely": False}
    monkeypatch.setattr("labeler.progress.cached_reports.label_economy.figures", lambda project: report)
    cache.clear()
    html = client.get(url("economy", begun)).content.decode()
    assert "34 judgements saved of the 40 that a fixed quota asks" in html

    report |= {"judgements": 44}
    cache.clear()
    assert "judgements saved" not in client.get(url("economy", begun)).content.decode()


def test_the_plot_is_called_what_it_shows(begun, client, lena):
    client.force_login(lena)

    def heading() -> tuple[str, bool]:
        cache.clear()
        html = client.get(url("economy", begun)).content.decode()
        course = html[html.index('<h2 id="course"') :]
        return course[: course.index("</h2>")].split(">")[1], "95 % band" in course[: course.index("<figure>")]

    (only,) = EconomyPoint.objects.filter(project=begun)
    assert heading() == ("How it grew, and what more brings", False)  # of one reading there is no band to be seen
    EconomyPoint.objects.create(
        project=begun, judgements=12, images=20, judged=9, checks=3, right=0.9, low=0.8, high=0.95, claimed=0.9
    )
    assert heading() == ("How it grew, and what more brings", True)
    EconomyPoint.objects.filter(project=begun).delete()
    assert only.pk and heading() == ("What more brings", False)


def looked(project, person, n, *, every, seconds, **fields):
    """Answers of a person, each so many seconds after the one before, the last one now; they have no image to come."""
    rows = []
    images = iter(add_images(project, n, slice=Slice.NONE))
    for k in range(n):
        label = Label(
            project=project, image=next(images), annotator=person, round=1, guideline_version=1, label_set_version=1,
            seconds=seconds, created_at=timezone.now() - timedelta(seconds=every * (n - 1 - k)),
        )  # fmt: skip
        for name, value in fields.items():
            setattr(label, name, value)
        rows.append(label)
    return Label.objects.bulk_create(rows)


def test_an_hour_is_one_of_work_not_of_the_calendar(project, bea, dora):
    looked(project, bea, 12, every=3 * 3600, seconds=2.5)  # twelve hours of the calendar, 30 seconds of work
    pace = economy_report.pace(project)
    assert pace["seconds_per_judgement"]["value"] == pytest.approx(2.5)
    assert (pace["per_hour"], pace["labels"]) == (pytest.approx(1440), 12)

    # Skips cost time: twelve judgements in 30 + 12 * 2.5 s. An import costs nobody any here, nor is it a judgement.
    looked(project, dora, 12, every=3 * 3600, seconds=2.5, answer="skip")
    looked(project, dora, 30, every=0, seconds=0.1, source_import=Job.objects.create(project=project, kind="import"))
    pace = economy_report.pace(project)
    assert (pace["seconds_per_judgement"]["value"], pace["labels"]) == (pytest.approx(5.0), 12)


def test_the_next_hour_and_the_hours_until_the_goal_are_of_work(begun, client, lena, dora):
    looked(begun, dora, 30, every=3 * 3600, seconds=2.0, categories=[category(begun, "cat")])

    report = economy_report.figures(begun)

    each = report["pace"]["seconds_per_judgement"]
    assert 1 < each["value"] < 3 and report["pace"]["per_hour"] == pytest.approx(3600 / each["value"])
    # more than 1,000 in an hour, and no more than may be asked
    assert report["next_hour"]["judgements"] == report["askable"] < 200 and report["next_hour"]["gain"] > 0
    until = report["until_goal"]
    assert until is None or until["hours"] == pytest.approx(until["judgements"] * each["value"] / 3600)
    client.force_login(lena)
    assert f"judgements of {each['value']:.1f} s each (95 %: " in client.get(url("economy", begun)).content.decode()
    assert client.get(f"/api/projects/{begun.pk}/economy/").json()["pace"] == report["pace"]


@pytest.mark.parametrize(
    ("hours", "days", "said"),
    [
        (0.005, 0.1, "less than a minute of one person's work"),
        (64 * 2.5 / 3600, 0.9, "about 3 minutes of one person's work"),
        (7.2, 1.6, "about 7 hours of one person's work, 2 days of labeling at the present pace"),
    ],
)
def test_work_is_told_in_minutes_and_hours_and_the_calendar_in_days(hours, days, said):
    assert _time({"judgements": 64, "hours": hours, "days": days}) == said


def test_nobody_labeled_lately(begun, client, lena, monkeypatch):
    monkeypatch.setattr(economy_report, "PACE_DAYS", -1)
    report = economy_report.figures(begun)
    assert report["next_hour"] is None and report["pace"]["per_hour"] is None
    assert report["until_goal"] is None or report["until_goal"]["hours"] is None
    client.force_login(lena)
    assert "nobody labeled in the last 14 days" in client.get(url("economy", begun)).content.decode()


def test_a_long_course_is_thinned_and_keeps_its_end(begun):
    EconomyPoint.objects.bulk_create(
        EconomyPoint(
            project=begun, judgements=10 + n, images=20, judged=n, checks=0, right=0.9, low=0.8, high=0.95, claimed=0.9
        )
        for n in range(200)
    )
    course = economy_report.history(begun)
    assert len(course) == economy_report.POINTS and course[-1]["judgements"] == 209 and course[0]["judgements"] == 6


def test_a_project_without_answers_or_images_says_so(project, client, lena):
    client.force_login(lena)
    for images in (0, 3):
        add_images(project, images)
        cache.clear()
        assert "Nothing has been judged yet" in client.get(url("economy", project)).content.decode()
        told = client.get(f"/api/projects/{project.pk}/economy/").json()
        assert told["judgements"] == 0 and told["next_hour"] is None
    assert told["right"]["n"] == 3


def test_several_classes_per_image_have_a_figure_and_no_look_ahead(multi_project, ann, client, lena):
    from labeler.labeling import claims
    from labeler.labeling.labels import save_label

    (image,) = add_images(multi_project, 1)
    person = multi_project.memberships.first().user
    claims.claim(project=multi_project, annotator=person)
    save_label(image_id=image.pk, annotator=person, categories=[])
    report = economy_report.figures(multi_project)
    assert report["right"]["value"] is not None and report["ahead"] == []


def test_a_large_project_is_counted_by_a_worker(begun, monkeypatch, client, lena):
    monkeypatch.setattr("labeler.progress.cache.LARGE", 5)
    client.force_login(lena)
    assert "The figures are being counted" in client.get(url("economy", begun)).content.decode()
    assert cached_reports.refresh() >= 1
    assert "Needs 28 more blind checks" in client.get(url("economy", begun)).content.decode()
