"""The report on agreement: everything in it has its evidence, people are numbers, and an old one stays as it was."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import numpy as np
import pytest
from django.urls import reverse
from django.utils import timezone

from labeler.agreement import methods, printed_report, reports, rounds
from labeler.errors import Invalid
from labeler.labeling import claims as queue
from labeler.labeling.label_arrays import Selection, Until
from labeler.labeling.labels import save_label, undo
from labeler.models import Category, Label, Project
from labeler.progress import cache, cached_reports
from labeler.projects import classes, projects
from labeler.review import gold
from tests.helpers.api import as_person, error_of, with_token
from tests.helpers.factories import add_images, category, make_user

pytestmark = pytest.mark.django_db

NAMES = ["cat", "dog", "fox"]


@pytest.fixture
def labeled(project, ann, bea):
    """Forty images, each judged by ann and bea, who differ on about a fifth."""
    images = add_images(project, 40)
    rng = np.random.default_rng(7)
    truth = dict(zip([image.pk for image in images], rng.integers(0, 3, 40).tolist(), strict=True))
    for person in (ann, bea):
        while claims := queue.claim(project=project, annotator=person, count=50):
            for claim in claims:
                said = truth[claim.image_id] if rng.random() < 0.9 else int(rng.integers(0, 3))
                save_label(image_id=claim.image_id, annotator=person, categories=[NAMES[said]], seconds=2.0)
    return images


def fresh(project):
    return Project.objects.get(pk=project.pk)


def build(project, **more):
    selection = Selection(**{"labels": "all", "sample": "all", **more.pop("selection", {})})
    project = fresh(project)
    return printed_report.document(project, printed_report.build(project, selection, **more))


def counted_again(project, report, person):
    """What the report's own address answers now."""
    answer = as_person(person).get(report["again"])
    assert answer.status_code == 200, answer.json()
    return answer.json()


def same(old, new):
    as_json = json.loads(json.dumps(old))
    return {name: as_json[name] for name in ("agreement", "hash", "n_hashed", "selection", "guideline")} == {
        name: new[name] for name in ("agreement", "hash", "n_hashed", "selection", "guideline")
    }


# ---------------------------------------------------------------- what it holds


def test_figures_are_those_of_the_agreement_report(project, labeled):
    report = build(project)

    figures = reports.count_agreement(fresh(project), Selection(labels="all", sample="all"))
    for name in ("alpha", "observed", "light", "fleiss", "n_labels", "n_shared_images", "categories", "confusion"):
        assert report["agreement"][name] == figures[name]
    assert report["agreement"]["ac1"]["value"] == pytest.approx(figures["pairs"][0]["ac1"])
    assert report["agreement"]["alpha"]["low"] < report["agreement"]["alpha"]["value"]


def test_a_report_with_another_order_leaves_the_kept_figures_alone(project, labeled):
    changed = fresh(project)

    assert printed_report.build(changed, Selection("all", "all"), ordered="linear")["agreement"]["ordered"] is not None
    assert cached_reports.figures(fresh(project), "trust").value["ordered"] is None


def test_people_are_numbers_everywhere_unless_names_are_asked_for(project, labeled):
    text = json.dumps(build(project))
    assert '"ann"' not in text and '"bea"' not in text and "Annotator 2" in text
    assert '"username": "ann"' in json.dumps(build(project, names=True))


def test_the_hash_is_that_of_the_labels_it_was_counted_from(project, labeled, ann):
    undo(image_id=labeled[0].pk, annotator=ann)

    report = build(project)

    present = Label.objects.filter(superseded_at=None, answer="labeled").order_by("pk").values_list("pk", flat=True)
    wanted = hashlib.sha256("\n".join(map(str, present)).encode()).hexdigest()
    assert (report["hash"], report["n_hashed"]) == (f"sha256:{wanted}", 79)


def test_methods_have_their_sources_and_fit_the_project(project, multi_project):
    titles = [method.title for method in methods.methods_used(project)]
    assert "Fleiss' kappa" in titles and "Ordered classes" not in titles
    assert "Krippendorff 2011" in {method.source for method in methods.methods_used(project)}
    project.ordered, project.adaptive_overlap, project.consensus_method = "linear", True, "with_model"
    told = {method.title: method for method in methods.methods_used(project)}
    assert {"Ordered classes", "Adaptive overlap"} <= set(told)
    assert "CROWDLAB" in told["Consensus: people and model"].source and "%" in told["Adaptive overlap"].text
    assert "MASI" in next(m for m in methods.methods_used(multi_project) if m.title == "Krippendorff's alpha").source


def test_an_empty_project_has_a_report_of_reasons(project):
    report = build(project)
    assert report["agreement"]["alpha"]["value"] is None and report["agreement"]["alpha"]["reason"]
    assert report["hash"] == "sha256:" + hashlib.sha256(b"").hexdigest()


def test_several_classes_have_a_report(multi_project, ann, bea):
    add_images(multi_project, 6)
    for person, names in ((ann, ["sky", "sea"]), (bea, ["sky"])):
        for claim in queue.claim(project=multi_project, annotator=person, count=9):
            save_label(image_id=claim.image_id, annotator=person, categories=names if claim.image_id % 2 else [])
    report = build(multi_project)
    assert report["n_hashed"] == 12 and 0 < report["agreement"]["alpha"]["value"] < 1


# ---------------------------------------------------------------- an old report stays as it was


def test_nothing_that_happens_later_changes_an_old_report(project, labeled, ann, bea, dora, lena):
    projects.update(project=project, by=lena, changes={"ordered": "linear", "labels_per_image": 3})
    old = build(project)
    assert same(old, counted_again(project, old, lena))

    # Answers are changed, taken back, and more come in, from one more person too.
    save_label(image_id=labeled[0].pk, annotator=ann, categories=["fox"])
    save_label(image_id=labeled[0].pk, annotator=ann, categories=["dog"])
    undo(image_id=labeled[1].pk, annotator=bea)
    for claim in queue.claim(project=project, annotator=dora, count=9):
        save_label(image_id=claim.image_id, annotator=dora, categories=["cat"])
    assert same(old, counted_again(project, old, lena))

    # Images are sent back, some twice, and judged anew.
    rounds.send_back(project=project, by=lena, image_ids=[image.pk for image in labeled[:9]])
    for claim in queue.claim(project=project, annotator=ann, count=5):
        save_label(image_id=claim.image_id, annotator=ann, categories=["cat"])
    rounds.send_back(project=project, by=lena, image_ids=[image.pk for image in labeled[:9]])
    assert same(old, counted_again(project, old, lena))

    # Classes are retired, merged, renamed, added and moved; the order is given up; the guideline and the quota change.
    rows = {name: project.categories.get(name=name) for name in NAMES}
    classes.add_category(project=fresh(project), by=lena, name="owl")
    classes.change_category(category=rows["fox"], by=lena, changes={"retired": True})
    classes.change_category(category=rows["dog"], by=lena, changes={"merged_into": rows["cat"].pk})
    projects.update(
        project=fresh(project), by=lena, changes={"ordered": "none", "guideline": "New.", "labels_per_image": 2}
    )
    Category.objects.filter(pk=rows["cat"].pk).update(position=9)
    project.memberships.filter(user=bea).update(paused_at=timezone.now())
    new = counted_again(project, old, lena)
    assert same(old, new)
    assert new["of_the_day"] is None and old["of_the_day"] is not None

    # And a report of now is another one.
    now = build(project)
    assert now["hash"] != old["hash"] and now["agreement"]["alpha"] != old["agreement"]["alpha"]


def test_an_old_report_of_an_old_report_is_the_same(project, labeled, lena):
    old = build(project)
    again = counted_again(project, old, lena)
    assert again["again"] == old["again"] and same(again, counted_again(project, again, lena))


@pytest.mark.django_db(transaction=True)  # labels have the time of their transaction
def test_a_state_can_be_named_by_its_label_or_its_time(project, labeled, ann, lena):
    before = build(project)
    at = timezone.now()
    save_label(image_id=labeled[0].pk, annotator=ann, categories=["fox"])
    undo(image_id=labeled[0].pk, annotator=ann)

    def hash_of(**named):
        return build(project, selection={"until": printed_report.until(fresh(project), **named)})["hash"]

    assert hash_of(label=before["selection"]["until"]) == hash_of(at=at) == before["hash"]
    assert hash_of(at=timezone.now()) == build(project)["hash"] != before["hash"]
    assert hash_of(at=at - timedelta(days=9)) == printed_report.fingerprint([])


def test_judgements_brought_in_later_with_an_early_time_are_not_in_an_old_report(project, labeled, dora):
    old = build(project)
    image = labeled[0]
    Label.objects.create(
        project=project, image=image, annotator=dora, round=1, categories=[category(project, "cat")],
        guideline_version=1, label_set_version=1, created_at=timezone.now() - timedelta(days=400),
    )  # fmt: skip
    then = Until(old["selection"]["until"], timezone.now(), tuple(old["selection"]["classes"]))
    assert build(project, selection={"until": then})["hash"] == old["hash"] != build(project)["hash"]


@pytest.mark.parametrize("named", [{"label": 2**40}, {"classes": [1]}, {"label": 1, "classes": [2**40]}])
def test_a_state_that_never_was_is_refused(project, labeled, named):
    with pytest.raises(Invalid):
        printed_report.until(project, **named)


# ---------------------------------------------------------------- over REST and as a page


def test_rest_answers_with_the_report_and_names_for_leads_only(project, labeled, lena, rev):
    address = f"/api/projects/{project.pk}/agreement/report/?labels=all"
    said = as_person(rev).get(address).json()
    assert said["agreement"]["annotators"][0]["username"] == "Annotator 1"
    assert error_of(as_person(rev).get(address + "&names=true")) == "not_allowed"
    named = as_person(lena).get(address + "&names=true&download=true")
    assert named.json()["agreement"]["annotators"][0]["username"] == "ann"
    assert "attachment" in named["Content-Disposition"]
    assert with_token(lena, "label").get(address).status_code == 403


@pytest.mark.parametrize(
    "query",
    ["until=x", "until=999999999", "at=yesterday", "classes=1", "until=1&classes=a", "ordered=some", "labels=x"],
)
def test_rest_refuses_what_never_was(project, labeled, lena, query):
    assert as_person(lena).get(f"/api/projects/{project.pk}/agreement/report/?{query}").status_code == 400


def test_a_large_project_has_its_report_from_a_worker(project, labeled, page, lena, monkeypatch):
    monkeypatch.setattr(cache, "LARGE", 5)
    assert "being counted" in page(lena).content.decode()

    cache.refresh_wanted(cached_reports.compute)

    assert "Annotator 2" in page(lena).content.decode()


@pytest.fixture
def page(project, as_, uncollected_static_files):
    def page(person, query="?labels=all"):
        return as_(person).get(reverse("agreement_report", args=[project.pk]) + query)

    return page


def test_the_page_holds_every_section_and_no_navigation(project, labeled, page, lena):
    gold.add(project=project, by=lena, image_id=labeled[0].pk, categories=["cat"])
    html = page(lena).content.decode()

    for title in (
        "Agreement on Animals", "Each class against the others", "Classes people split on", "Pairs of people",
        "Influence of suggestions", "By version of the guideline", "Known, repeated and planted images", "Settings",
        "Methods and definitions", "To count it again", "Krippendorff 2011", "sha256:",
    ):  # fmt: skip
        assert title in html, title
    assert "majority (in use)" in html  # against the one gold image
    assert "<nav" not in html and "style=" not in html
    assert "Annotator 1" in html and ">ann<" not in html
    assert ">ann<" in page(lena, "?labels=all&names=1").content.decode()


def test_the_page_of_the_past_says_what_it_cannot_hold(project, labeled, page, lena, ann):
    newest = Label.objects.order_by("-id").values_list("id", flat=True).first()
    save_label(image_id=labeled[0].pk, annotator=ann, categories=["fox"])

    html = page(lena, f"?labels=all&until={newest}").content.decode()

    assert "Counted again from the labels of then" in html and "Influence of suggestions" not in html
    assert page(lena, "?until=99999999").status_code == 404 and page(lena, "?at=never").status_code == 404


def test_names_are_for_leads(labeled, page, rev, ann):
    assert page(rev).status_code == 200
    assert page(rev, "?names=1").status_code == 403
    assert page(ann).status_code == 403


def test_a_class_named_like_markup_is_text(project, page, lena):
    Category.objects.filter(project=project, name="cat").update(name="<b>cat</b>")
    Project.objects.filter(pk=project.pk).update(label_set_version=2, question="<script>alert(1)</script>")
    html = page(lena).content.decode()
    assert "<b>cat</b>" not in html and "<script>alert" not in html


def test_names_do_not_leak_through_the_pairs_of_ordered_classes(project, labeled, lena):
    make_user("zed")
    projects.update(project=project, by=lena, changes={"ordered": "quadratic"})
    report = build(project)
    assert report["agreement"]["ordered"]["pairs"][0]["a"] == "Annotator 1"
