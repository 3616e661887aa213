"""The overview: what it counts, what leads where, who sees what, and that it costs the same for everybody."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone

from labeler.agreement import reports
from labeler.consensus import snapshots as consensus
from labeler.labeling import claim_ends, claims
from labeler.labeling.labels import save_label, status_of
from labeler.models import Comment, Image, Label, QueueEntry, Thread
from labeler.models.image import Status
from labeler.pages.images import filters
from labeler.progress import cache, cached_reports, counts, overview
from labeler.review import adjudication
from labeler.stats import tally
from tests.helpers.factories import add_images, category, join, make_model, make_project, make_user, predict

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]

TAB = UUID(int=1)


def url(project, name="project"):
    return reverse(name, args=[project.pk])


def answer(person, image, *names, **more) -> None:
    claims.claim(project=image.project, annotator=person, count=50, client=TAB)
    save_label(image_id=image.pk, annotator=person, categories=names, **more)
    # The others go back: a claim holds a seat, and figures speak of the seats that are left.
    claim_ends.release_client(project=image.project, annotator=person, client=TAB)


def answered(project, rows) -> None:
    """Answers of other days: (person, image, class, days ago, seconds).

    Saving stamps its own time and a label never changes, so the rows are made here.
    """
    kinds = {kind.name: kind.pk for kind in project.categories.all()}
    images = {image.pk: image for _, image, *_ in rows}
    entries = {entry.image_id: entry for entry in QueueEntry.objects.filter(image__in=images)}
    now = timezone.now()
    Label.objects.bulk_create(
        Label(
            project=project, image=image, annotator=person, round=1, categories=[kinds[name]], seconds=seconds,
            guideline_version=1, label_set_version=1, created_at=now - timedelta(days=days_ago),
        )
        for person, image, name, days_ago, seconds in rows
    )  # fmt: skip
    for _, image, name, *_ in rows:
        entries[image.pk].seats_left -= 1
        image.tally = tally.count(image.tally, tally.key([kinds[name]]), 1)
        image.n_votes += 1
        image.disagreement = tally.disagreement(image.tally)
        image.status = status_of(image, entries[image.pk].seats)
    QueueEntry.objects.bulk_update(entries.values(), ["seats_left"])
    Image.objects.bulk_update(images.values(), ["tally", "n_votes", "disagreement", "status"])


@pytest.fixture
def busy(project, ann, bea, dora):
    """Thirty images, three answers each over three weeks; dora takes cats for dogs."""
    project.labels_per_image = 3
    project.save()
    images = add_images(project, 40, labels_needed=3)
    rows = []
    for place, image in enumerate(images[:30]):
        kind = ("cat", "dog", "fox")[place % 3]
        ago = 21 - place * 0.7
        rows += [(ann, image, kind, ago, 2.0), (bea, image, kind, ago, 3.0)]
        rows += [(dora, image, "dog" if kind == "cat" else kind, ago, 1.0)]
    answered(project, rows)
    answer(ann, images[30], "cat")
    consensus.refresh(project)
    return project


# ---------------------------------------------------------------- what is counted


def test_the_curves_end_at_what_stands_today(busy, rev):
    disputed = add_images(busy, 1, labels_needed=3)[0]
    people = [member.user for member in busy.memberships.exclude(user=rev)[:3]]
    kinds = ("cat", "dog", "fox")
    answered(busy, [(person, disputed, kind, 2, None) for person, kind in zip(people, kinds, strict=True)])
    found = overview.figures(busy)

    images = found["progress"]["images"]
    assert images == {"total": 41, "unlabeled": 9, "partly labeled": 1, "disputed": 1, "settled": 30}
    assert found["labeled_by_day"][-1][1] == 32  # everything that is not unlabeled
    assert found["final_by_day"][-1][1] == images["settled"]
    assert [n for _day, n in found["labeled_by_day"]] == sorted(n for _day, n in found["labeled_by_day"])
    waited = timezone.now() - datetime.fromisoformat(found["oldest_dispute"])
    assert timedelta(days=1.9) < waited < timedelta(days=2.1)


def test_a_decision_makes_an_image_final_on_its_day_and_what_is_undecidable_never_is(busy, rev):
    one, other = busy.images.filter(status=Status.UNLABELED)[:2]
    adjudication.decide(image_id=one.pk, reviewer=rev, categories=["cat"])
    adjudication.decide(image_id=other.pk, reviewer=rev, undecidable=True)

    found = overview.figures(busy)

    today = datetime.now(UTC).date().isoformat()
    assert found["final_by_day"][-1] == [today, 31]
    assert found["progress"]["wanted"]["settled"] == 31
    assert found["progress"]["images"]["settled"] == 32


def test_the_forecast_is_about_the_labels_that_wanted_images_need(busy):
    whole = overview.figures(busy)["forecast"]
    assert whole["left"] == 9 * 3 + 2  # nine images without an answer, two seats left on another
    assert whole["reach"] == 40

    busy.wanted_images = 35  # five more: half of the ten that are open
    busy.save()
    assert overview.figures(busy)["forecast"]["left"] == pytest.approx(29 * 5 / 10)
    busy.wanted_images = 60  # twenty that are not here yet
    busy.save()
    assert overview.figures(busy)["forecast"]["left"] == 29 + 20 * 3
    busy.wanted_images = 30
    busy.save()
    assert overview.figures(busy)["forecast"]["days"] == 0


def test_disputed_images_wait_for_a_reviewer_and_not_for_labels(project, ann, bea):
    images = add_images(project, 4)
    for image in images[:2]:
        answer(ann, image, "cat")
        answer(bea, image, "dog")
    found = overview.figures(project)["forecast"]

    assert (found["left"], found["reach"]) == (4, 2)


def test_each_person_is_compared_with_the_others_by_weeks_and_with_decisions(busy, dora, rev):
    cats = [image for image in busy.images.filter(tally__has_key=str(category(busy, "cat"))) if image.n_votes == 3]
    for image in cats[:4]:
        adjudication.decide(image_id=image.pk, reviewer=rev, categories=["cat"])
    people = {row["username"]: row for row in overview.figures(busy)["people"]}

    assert people["dora"]["kappa"]["value"] < people["ann"]["kappa"]["value"]
    assert (people["ann"]["kappa"]["n"], people["ann"]["seconds_median"]) == (30, 2.0)
    assert (people["ann"]["decided"]["value"], people["dora"]["decided"]["value"]) == (1.0, 0.0)
    assert people["dora"]["decided"]["n"] == 4
    weeks = people["ann"]["weeks"]
    assert len(weeks) == 6 and sum(week["n"] for week in weeks) == 30
    assert [datetime.fromisoformat(week["monday"]).weekday() for week in weeks] == [0] * 6
    assert people["ann"]["earlier"]["n"] + people["ann"]["now"]["n"] == 30


def test_the_most_confused_classes_are_looked_into_person_by_person(busy):
    [pair, *_] = overview.figures(busy)["class_pairs"]

    assert {pair["a"], pair["b"]} == {"cat", "dog"}
    assert sorted(pair["ids"]) == sorted([category(busy, "cat"), category(busy, "dog")])
    assert (pair["images"], pair["people"]) == (10, 3)
    without = {row["username"]: row["kappa"] for row in pair["without"]}
    assert without["dora"] == 1.0
    assert max(without["ann"], without["bea"]) < 0.7


def test_images_ready_for_review_and_how_right_the_model_is_there(project, ann, bea):
    run = make_model(project)
    open_images = add_images(project, 5)
    held_out = add_images(project, 4, slice="test")
    for image, sure in zip(open_images, (0.95, 0.91, 0.89, 0.99, 0.5), strict=True):
        predict(run, image, "cat", sure)
    for image in held_out:
        predict(run, image, "cat", 0.97)
    for image, kind in zip(held_out[:3], ("cat", "cat", "dog"), strict=True):
        answer(ann, image, kind)
        answer(bea, image, kind)
    answer(ann, open_images[3], "cat")
    answer(bea, open_images[3], "cat")  # settled: nothing to review

    review = overview.figures(project)["review"]

    assert (review["ready"], review["confidence"]) == (2, 0.9)
    assert (review["right"]["value"], review["right"]["n"]) == (pytest.approx(2 / 3), 3)
    assert 0 < review["right"]["low"] < 2 / 3


def test_people_and_the_model_are_compared_where_neither_could_follow_the_other(project, ann, bea):
    images, held_out = add_images(project, 3), add_images(project, 30, slice="test")
    for person in (ann, bea):
        for place, image in enumerate(held_out):
            answer(person, image, "cat" if place % 2 else "dog")
        for image in images:
            answer(person, image, "cat")
    run = make_model(project)  # it may have learned from all of these but the held-out ones
    for place, image in enumerate(held_out):
        predict(run, image, "cat" if place % 2 else "dog")
    for image in images:
        predict(run, image, "cat")

    rows = overview.figures(project)["with_model"]

    assert [(row["username"], row["n"], row["kappa"]["value"]) for row in rows] == [("ann", 30, 1.0), ("bea", 30, 1.0)]


# ---------------------------------------------------------------- what leads where


def links(html: str, inside: str) -> list[str]:
    """Addresses in the card whose heading has this id."""
    card = html[html.index(f'aria-labelledby="{inside}"') :]
    return [
        href.replace("&amp;", "&") for href in re.findall(r'<a[^>]*href="([^"]+)"', card[: card.index("</section>")])
    ]


def test_each_number_leads_to_its_images(as_, lena, busy, rev):
    make_model(busy)
    busy.categories.filter(name="cat").update(wanted=20)
    client = as_(lena)
    html = client.get(url(busy)).content.decode()

    def shown_by(address: str) -> int:
        page = client.get(address)
        assert page.status_code == 200, address
        return len(page.context["rows"])

    progress = [address for address in links(html, "progress") if "status=" in address]
    assert [shown_by(address) for address in progress] == [30, 0, 1, 9]
    matrix = {parse_qs(urlsplit(a).query)["people"][0]: shown_by(a) for a in links(html, "whom")}
    assert matrix == {"ann,bea": 0, "ann,dora": 10, "bea,dora": 10}
    [pair] = links(html, "confused")
    assert shown_by(pair) == 10
    people = [address for address in links(html, "who") if "by=" in address]
    assert sorted(map(shown_by, people)) == [30, 30, 31]
    [final] = [address for address in links(html, "wanted") if "final=" in address]
    assert shown_by(final) == 10  # two of three say cat


def test_the_chart_has_its_numbers_as_text_and_a_table(as_, lena, busy):
    html = as_(lena).get(url(busy)).content.decode()
    chart = html[html.index('aria-labelledby="when"') :]

    assert "31 images have an answer and 30 are final, of 40 wanted." in chart
    assert re.search(r"At the present pace all have their labels: (likely .* to|.*at the earliest)", chart)
    assert "Show as table" in chart
    assert re.search(r'<th scope="row">\d+ \w+( \d{4})?</th><td class="r">31</td><td class="r">30</td>', chart)


def test_never_one_date_without_a_range(as_, lena, busy):
    page = as_(lena).get(url(busy))

    done = page.context["done"]
    assert done["range"]
    assert "done about" not in page.content.decode() or done["middle"]


def test_too_little_history_says_so(as_, lena, project, ann):
    answer(ann, add_images(project, 2)[0], "cat")

    html = as_(lena).get(url(project)).content.decode()

    assert "work of 3 days is needed for a forecast" in html
    assert "done about" not in html


# ---------------------------------------------------------------- who sees what


def test_an_annotator_sees_own_figures_and_nobody_elses(as_, ann, busy):
    html = as_(ann).get(url(busy)).content.decode()

    assert "31<small>labels</small>" in html
    assert "half of them in 2.0\N{NO-BREAK SPACE}s or less" in html
    for name in ("bea", "dora", "rev", "lena"):
        assert name not in html
    for heading in ("Whose work should I look at?", "Which classes are confused?", "Who disagrees with whom?"):
        assert heading not in html
    assert "/images/?" not in html  # the wall is for reviewers


def test_a_person_who_drifts_hears_it_first_and_kindly(as_, lena, dora, ann, busy, monkeypatch):
    from labeler.pages.label import my_work
    from labeler.pages.overview import people_attention

    def drifts(people):
        return next(row for row in people if row["username"] == "dora")

    for module in (people_attention, my_work):
        monkeypatch.setattr(module, "drifting", drifts)

    assert "In the last two weeks you and the others agreed less" in as_(dora).get(url(busy)).content.decode()
    html = as_(ann).get(url(busy)).content.decode()
    assert "agreed less" not in html and "drifts" not in html
    assert "drifts from the others." in as_(lena).get(url(busy)).content.decode()


@pytest.mark.parametrize(
    ("kappa", "words"),
    [
        ({"value": 0.8, "low": 0.72, "high": 0.9}, "You see the images as the others do."),
        ({"value": 0.68, "low": 0.6, "high": 0.75}, "You mostly see the images as the others do."),
        ({"value": 0.5, "low": 0.4, "high": 0.6}, "That need not be a mistake"),
        ({"value": None, "low": None, "high": None}, "one class only"),
    ],
)
def test_quality_is_said_in_words_that_help(kappa, words):
    from labeler.pages.label.my_work import in_words

    assert words in in_words({"equal": {"n": 100}, "kappa": kappa}, 0.7)
    assert "too few" in in_words({"equal": {"n": 29}, "kappa": kappa}, 0.7)


def test_reviewers_see_people_but_only_leads_are_told_whom_to_look_at(as_, rev, lena, busy, monkeypatch):
    monkeypatch.setattr("labeler.pages.overview.people_attention.LESS_IMAGES", 30)
    reviewer = as_(rev).get(url(busy))
    assert "Whose work should I look at?" in reviewer.content.decode()
    assert not [need for need in reviewer.context["needs"] if need.figure in ("ann", "bea", "dora")]

    assert "dora" in [need.figure for need in as_(lena).get(url(busy)).context["needs"]]


def test_own_answers_are_a_page_of_ones_own(as_, dora, ann, busy, rev):
    cats = busy.images.filter(tally__has_key=str(category(busy, "cat")), n_votes=3)
    adjudication.decide(image_id=cats[0].pk, reviewer=rev, categories=["cat"], reason="look at the ears")
    consensus.refresh(busy)
    client = as_(dora)

    everything = client.get(url(busy, "mine"))
    assert len(everything.context["rows"]) == 30
    assert {row["label"].annotator_id for row in everything.context["rows"]} == {dora.pk}
    page = client.get(url(busy, "mine") + "?differ=1")
    # Ten cats that dora took for dogs: the votes and the decision say cat.
    assert len(page.context["rows"]) == 10
    html = page.content.decode()
    assert "look at the ears" in html
    for name in ("ann", "bea", "rev"):
        assert not re.search(rf"\b{name}\b", html)
    assert len(as_(ann).get(url(busy, "mine") + "?differ=1").context["rows"]) == 0


def test_unsettled_images_do_not_tell_that_somebody_differs(as_, project, ann, bea):
    [image] = add_images(project, 1)
    answer(ann, image, "cat")
    answer(bea, image, "dog")
    consensus.refresh(project)

    assert as_(ann).get(url(project, "mine") + "?differ=1").context["rows"] == []
    assert "dog" not in as_(ann).get(url(project, "mine")).content.decode()


def test_strangers_have_no_page_of_answers(as_, carl, project):
    assert as_(carl).get(url(project, "mine")).status_code == 404


def test_questions_and_their_answers_are_announced_to_those_who_wait(as_, ann, rev, lena, project):
    [image] = add_images(project, 1)
    thread = Thread.objects.create(project=project, image=image, raised_by=ann, changed_at=timezone.now())
    Comment.objects.create(thread=thread, author=ann, text="Is this a cat?")
    [card] = [need for need in as_(lena).get(url(project)).context["needs"] if need.figure == "1"]
    assert (card.strong, card.href) == ("question from the team.", url(project, "threads"))
    assert as_(ann).get(url(project)).context["answered"] == 0

    Comment.objects.create(thread=thread, author=rev, text="Yes.")
    assert not [need for need in as_(lena).get(url(project)).context["needs"] if need.figure == "1"]
    page = as_(ann).get(url(project))
    assert page.context["answered"] == 1
    assert "1 of your questions has an answer" in page.content.decode()
    Thread.objects.update(read_at=timezone.now())
    assert as_(ann).get(url(project)).context["answered"] == 0


# ---------------------------------------------------------------- large projects


@pytest.fixture
def large(busy, monkeypatch):
    monkeypatch.setattr(cache, "LARGE", 20)
    return busy


@pytest.mark.parametrize("name", ["lena", "rev", "ann"])
def test_the_first_visit_of_a_large_project_comes_at_once(name, as_, large, request):
    client = as_(request.getfixturevalue(name))
    html = client.get(url(large)).content.decode()

    assert "The figures are being counted" in html
    assert "Krippendorff" not in html
    assert not re.search(r"\b(nan|NaN|None)\b", re.sub(r"<[^>]*>", " ", html))
    cached_reports.refresh()
    page = client.get(url(large))
    assert "being counted" not in page.content.decode()
    assert re.search(r"figures as of \d\d:\d\d", page.content.decode())


def test_old_figures_say_of_which_day_they_are(as_, lena, large):
    client = as_(lena)
    client.get(url(large))
    cached_reports.refresh()
    row = large.snapshots.get()
    large.snapshots.update(computed_at=row.computed_at - timedelta(days=2))

    html = client.get(url(large)).content.decode()

    day = (timezone.localtime() - timedelta(days=2)).day
    assert re.search(rf"figures as of {day} \w+ \d{{4}}, \d\d:\d\d", html)
    assert large.snapshots.filter(wanted_at__isnull=False).exists()


def test_the_page_says_when_nobody_counts(as_, lena, large, monkeypatch):
    from labeler.jobs import dispatch

    monkeypatch.setattr(dispatch, "workers_alive", list)
    assert "no worker runs at the moment" in as_(lena).get(url(large)).content.decode()
    monkeypatch.setattr(dispatch, "workers_alive", lambda: None)
    assert "no worker runs" not in as_(lena).get(url(large)).content.decode()


def test_a_large_project_is_read_and_not_counted(as_, lena, large, django_assert_max_num_queries, monkeypatch):
    client = as_(lena)
    client.get(url(large))
    cached_reports.refresh()

    def never(*_args, **_kwargs):
        raise AssertionError("counted in the request")

    for module, name in ((reports, "read_labels"), (counts, "count_progress"), (overview, "figures")):
        monkeypatch.setattr(module, name, never)
    with django_assert_max_num_queries(18):
        assert client.get(url(large)).status_code == 200


# ---------------------------------------------------------------- what it costs


@pytest.mark.parametrize("members", [3, 15])
def test_the_overview_costs_as_many_queries_whatever_the_number_of_people(
    members, as_, lena, django_assert_max_num_queries
):
    people = [make_user(f"person{n}") for n in range(members)]
    project = make_project(*people, lead=lena, labels_per_image=members)
    for image in add_images(project, 4):
        for place, person in enumerate(people):
            answer(person, image, ("cat", "dog")[place % 2])
    make_model(project)
    client = as_(lena)
    client.get(url(project))  # what is kept per process

    project.version += 1  # counted anew
    project.save()
    with django_assert_max_num_queries(45):
        client.get(url(project))


def test_an_annotators_overview_costs_few_queries(as_, ann, busy, django_assert_max_num_queries):
    client = as_(ann)
    client.get(url(busy))
    with django_assert_max_num_queries(45):
        client.get(url(busy))


def test_whoever_left_stays_in_the_table(as_, lena, busy, dora):
    busy.memberships.filter(user=dora).delete()

    rows = {row["name"]: row for row in as_(lena).get(url(busy)).context["people"]}
    assert rows["dora"]["labels"] == 30
    assert rows["lena"]["role"] == "lead" and rows["ann"]["role"] == ""


def test_many_people_are_a_table_and_no_matrix(as_, lena):
    people = [make_user(f"person{n}") for n in range(8)]
    project = make_project(*people, lead=lena, labels_per_image=8)
    join(project, make_user("extra"))
    for image in add_images(project, 3):
        for person in people:
            answer(person, image, "cat")

    page = as_(lena).get(url(project))

    assert page.context["matrix"] == ""
    assert len(page.context["people"]) == 10
    assert filters.url(project, by="person7") in page.content.decode()


@pytest.mark.parametrize("name", ["lena", "ann"])
def test_the_agreement_of_a_large_project_is_counted_beside_the_request_too(name, as_, large, request, monkeypatch):
    client = as_(request.getfixturevalue(name))
    address = url(large, "agreement") + "?labels=all"
    assert "The figures are being counted" in client.get(address).content.decode()
    cached_reports.refresh()
    monkeypatch.setattr(reports, "read_labels", None)

    html = client.get(address).content.decode()

    assert "being counted" not in html and "91 labels on 31 images" in html
    assert re.search(r"as of \d\d:\d\d", html)


def test_numbers_of_the_agreement_page_lead_to_their_images(as_, lena, busy):
    client = as_(lena)
    html = client.get(url(busy, "agreement") + "?labels=all").content.decode()

    for card, n in (("pairs", 6), ("people", 6), ("byclass", 3), ("confused", 1)):
        found = links(html, card)
        assert len(found) == n, card
        assert all(client.get(address).status_code == 200 for address in found)
