"""From a group to a rule: the guideline gets it once, the images are judged again once."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import reverse

from labeler.agreement import guideline_rules, rounds
from labeler.errors import Invalid, KeyReused, StaleVersion
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import AuditEvent, GuidelineVersion, Image, Label
from labeler.projects import projects
from labeler.review import adjudication
from tests.helpers.disagreements import divide
from tests.helpers.factories import add_images

pytestmark = pytest.mark.django_db

RULE = "## cat or dog\n\nWhiskers longer than the ears: cat."


@pytest.fixture
def divided(project, ann, bea):
    """Three images, one said cat and one dog on each."""
    images = add_images(project, 3)
    divide(project, images, ann, bea)
    return images


@pytest.fixture
def make(project, lena, divided):
    def make(**more):
        seen = {image.pk: 1 for image in divided}
        return guideline_rules.make(**{"project": project, "by": lena, "rule": RULE, "base": 1, "images": seen, **more})

    return make


def rounds_of(images):
    return list(Image.objects.filter(pk__in=[i.pk for i in images]).order_by("pk").values_list("round", flat=True))


def test_a_rule_raises_the_guideline_and_sends_its_images_back(project, divided, make, ann):
    projects.update(project=project, by=ann, changes={"guideline": "Look twice.\n"})

    done = make(base=2)

    project.refresh_from_db()
    assert (done.version, done.is_new, done.sent, done.left) == (3, True, 3, 0)
    assert project.guideline == f"Look twice.\n\n{RULE}\n"
    assert rounds_of(divided) == [2, 2, 2]
    assert AuditEvent.objects.get(action="guideline.rule").subject == "cat or dog"
    assert {event.subject for event in AuditEvent.objects.filter(action="images.send_back")} == {"cat or dog"}
    [claim, *_] = claims.claim(project=project, annotator=ann, count=5)
    saved = save_label(image_id=claim.image_id, annotator=ann, categories=["cat"])
    assert Label.objects.get(pk=saved.id).guideline_version == 3


def test_a_second_press_does_nothing(project, divided, make, ann, bea):
    make(rule=RULE.replace("\n", "\r\n"))  # as a form sends it
    divide(project, divided, ann, bea)  # by the new rule

    done = make()

    assert (done.version, done.is_new, done.sent, done.left) == (2, False, 0, 3)
    assert GuidelineVersion.objects.filter(project=project).count() == 2
    assert rounds_of(divided) == [2, 2, 2]
    assert AuditEvent.objects.filter(action="guideline.rule").count() == 1


def test_what_stopped_half_way_is_finished(project, divided, make, lena):
    projects.update(project=project, by=lena, changes={"guideline": guideline_rules.with_rule("", RULE)})
    rounds.send_back(project=project, by=lena, image_ids=[divided[0].pk])

    done = make()

    assert (done.version, done.is_new, done.sent, done.left) == (2, False, 2, 1)
    assert rounds_of(divided) == [2, 2, 2]


def test_somebody_elses_guideline_is_not_overwritten(project, divided, make, ada):
    projects.update(project=project, by=ada, changes={"guideline": "Another text."})

    with pytest.raises(StaleVersion, match="version 2 now"):
        make()

    project.refresh_from_db()
    assert project.guideline == "Another text." and rounds_of(divided) == [1, 1, 1]


def test_another_setting_may_change_meanwhile(project, make, ada):
    projects.update(project=project, by=ada, changes={"target_agreement": 0.8})
    assert make().version == 2


def test_images_agreed_on_meanwhile_are_judged_by_the_rule_too(project, divided, make, rev, ann):
    save_label(image_id=divided[0].pk, annotator=ann, categories=["dog"])
    adjudication.decide(image_id=divided[1].pk, reviewer=rev, categories=["cat"])

    assert make().sent == 3
    assert not Image.objects.get(pk=divided[1].pk).has_decision


@pytest.mark.parametrize("rule", ["", "  \n", "## cat or dog\n\n", "# a\n## b", "x" * 20_001])
def test_a_rule_that_says_nothing_or_too_much_is_refused(project, divided, make, rule):
    with pytest.raises(Invalid):
        make(rule=rule)
    assert rounds_of(divided) == [1, 1, 1] and GuidelineVersion.objects.filter(project=project).count() == 1


def test_a_guideline_that_would_be_too_long_is_refused(project, make, lena):
    projects.update(project=project, by=lena, changes={"guideline": "x" * 199_990})
    with pytest.raises(Invalid, match="too long"):
        make(base=2)


def test_the_heading_names_the_classes_as_they_are():
    assert guideline_rules.heading(["leaf_spot*", "rust"]) == "## leaf\\_spot\\* or rust\n\n"
    assert guideline_rules.title(guideline_rules.heading(["leaf_spot*", "rust"]) + "Pale.") == "leaf_spot* or rust"
    assert guideline_rules.heading([]).startswith("## ")


# ---------------------------------------------------------------- sending back, once


def test_a_key_sends_back_once(project, divided, lena, ann, bea):
    key, ids = uuid4(), [image.pk for image in divided]
    send = {"project": project, "by": lena, "image_ids": ids, "idempotency_key": key}
    assert rounds.send_back(**send) == 3
    divide(project, divided, ann, bea)

    assert rounds.send_back(**send) == 3  # the answer of the first time

    assert rounds_of(divided) == [2, 2, 2]
    with pytest.raises(KeyReused):
        rounds.send_back(**{**send, "image_ids": ids[:1]})


def test_a_request_that_was_killed_goes_on_where_it_stopped(project, divided, lena, ann, bea, monkeypatch):
    monkeypatch.setattr(rounds, "BATCH", 1)
    key, ids = uuid4(), [image.pk for image in divided]
    original, calls = rounds._send_back, []

    def killed(*args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(rounds, "_send_back", killed)
    with pytest.raises(KeyboardInterrupt):
        rounds.send_back(project=project, by=lena, image_ids=ids, idempotency_key=key)
    divide(project, divided[:2], ann, bea)

    assert rounds.send_back(project=project, by=lena, image_ids=ids, idempotency_key=key) == 3
    assert rounds_of(divided) == [2, 2, 2]


# ---------------------------------------------------------------- the page


@pytest.fixture
def page(uncollected_static_files, as_, project, lena):
    client, address = as_(lena), reverse("rule", args=[project.pk])

    def page(query="", **form):
        return client.post(address + query, form) if form else client.get(address + query)

    return page


def form_of(divided, **more):
    return {"images": ",".join(f"{i.pk}:1" for i in divided), "base": 1, "rule": RULE, "do": "send", **more}


def test_the_page_begins_with_a_heading_of_the_two_classes(divided, page):
    response = page(f"?like={divided[1].pk}")

    html = response.content.decode()
    assert "## cat or dog" in html and "3 images ask one question" in html
    assert "Raise the guideline to version 2 and send these 3 images back" in html
    assert all(f"{image.pk}:1" in html for image in divided)


def test_a_preview_shows_the_guideline_with_the_rule_and_changes_nothing(project, divided, page):
    html = page(
        **form_of(divided, do="preview", rule="## X\n\n<script>alert(1)</script> **long** ears")
    ).content.decode()

    assert "<strong>long</strong> ears" in html and "<script>alert" not in html
    assert rounds_of(divided) == [1, 1, 1]


def test_pressing_says_what_happened_with_ways_there(project, divided, page, client):
    response = page(**form_of(divided))

    assert response.status_code == 302
    html = client.get(response.url).content.decode()
    assert reverse("guideline_version", args=[project.pk, 2]) in html
    assert "3 images are in the queue again" in html
    assert "3 were sent back before" in client.get(page(**form_of(divided)).url).content.decode()


def test_a_guideline_changed_meanwhile_is_shown_and_the_next_press_counts(project, divided, page, ada):
    projects.update(project=project, by=ada, changes={"guideline": "Another text."})

    response = page(**form_of(divided))

    html = response.content.decode()
    assert response.status_code == 409 and "version 2 now" in html and "Another text." in html
    assert 'name="base" value="2"' in html and "Whiskers longer" in html
    assert page(**form_of(divided, base=2)).status_code == 302


def test_images_that_went_meanwhile_are_said(project, divided, page, lena, ann):
    rounds.send_back(project=project, by=lena, image_ids=[divided[0].pk])
    save_label(image_id=divided[1].pk, annotator=ann, categories=["dog"])

    html = page(**form_of(divided, do="preview")).content.decode()

    assert "1 more was sent back meanwhile" in html and "1 of them is agreed on by now" in html
    assert "send these 2 images back" in html


@pytest.mark.parametrize("images", ["", "x", "1:1,2", "1:1;2:1", "9" * 30 + ":1"])
def test_what_are_no_images_is_refused(divided, page, images):
    assert page(**form_of(divided, images=images)).status_code == 302
    assert rounds_of(divided) == [1, 1, 1]


def test_images_of_another_project_are_refused(divided, multi_project, page):
    (foreign,) = add_images(multi_project, 1)
    assert page(**form_of(divided, images=f"{foreign.pk}:1")).status_code == 409


def test_a_group_that_is_gone_leads_back(project, page):
    assert page("?like=1").status_code == 302


def test_reviewers_do_not_rule(project, divided, as_, rev, uncollected_static_files):
    address = reverse("rule", args=[project.pk])
    assert as_(rev).post(address, form_of(divided)).status_code == 403
    assert rounds_of(divided) == [1, 1, 1]
