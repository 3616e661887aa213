"""Settling in a real browser: one key, the next image there at once, undo, and everything without a script too."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from labeler.accounts import preferences
from labeler.labeling.labels import save_label
from labeler.models import Decision
from labeler.review import adjudication
from tests.helpers.accessibility import violations_in_both_themes
from tests.helpers.adjudicating import decisions, just, opened, painted
from tests.helpers.answers import answer
from tests.helpers.factories import category, make_model, make_project, predict
from tests.helpers.pages import url
from tests.helpers.screen import intercept
from tests.helpers.settled import index, look

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def images(project, add_photos, rev, settings, tmp_path):
    """Four images, three answers on each, the model's view, and two that were settled before."""
    settings.MODELS_DIR = str(tmp_path / "models")
    project.labels_per_image = 3
    project.save()
    run = make_model(project, config={"backbone": "tiny", "image_size": 64}, is_calibrated=True)
    *images, one, other = add_photos(project, 6)
    for image in (*images, one, other):
        answer(image, ann="cat", bea="dog", dora="fox")
        predict(run, image, "fox", 0.8137)
        look(image, 1, 2, 3)
    index(project)
    adjudication.decide(image_id=one.pk, reviewer=rev, categories=["cat"], reason="two ears")
    adjudication.decide(image_id=other.pk, reviewer=rev, categories=["dog"])
    Decision.objects.update(created_at=timezone.now() - timedelta(hours=2))
    return images


# ---------------------------------------------------------------- keys


def test_one_key_decides_and_the_next_image_stands_there(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)
    painted(page, images[0])
    expect(page.locator("#adj-where")).to_contain_text("1 of 4")
    expect(page.locator("#adj-form")).to_contain_text(re.compile(r"1\s*cat"))

    page.keyboard.press("2")

    painted(page, images[1])
    expect(page.locator("#adj-title")).to_have_text("Three people, three answers")
    # What may be known of the one before, once the server has it.
    expect(just(page)).to_contain_text("Just decided: dog")
    expect(just(page)).to_contain_text("cat: ann")
    expect(just(page)).to_contain_text("model: fox 81")
    expect(just(page)).to_contain_text("says otherwise")
    expect(page.locator("#adj-where")).to_contain_text("1 of 3")
    expect(page.locator("#count-adjudicate")).to_have_text("3")
    assert decisions() == [(images[0].pk, ["dog"])]
    assert page.url.endswith(f"?image={images[1].pk}")


def test_keys_pressed_as_fast_as_images_come_decide_one_image_each(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)
    for n, key in enumerate("123"):
        painted(page, images[n])
        page.keyboard.press(key)
    painted(page, images[3])

    expect(page.locator("#adj-where")).to_contain_text("1 of 1")
    assert decisions() == [(images[0].pk, ["cat"]), (images[1].pk, ["dog"]), (images[2].pk, ["fox"])]


def test_the_next_image_is_there_before_the_server_has_answered(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)
    held = []

    def hold(route):
        if route.request.method == "POST":
            held.append(route)
        else:
            route.fallback()

    intercept(page, "**/adjudicate/?*", hold)
    page.wait_for_load_state("networkidle")

    page.keyboard.press("2")
    painted(page, images[1])

    assert decisions() == []
    expect(just(page)).to_be_hidden()  # nothing is shown as decided that is not
    (route,) = held
    route.fallback()
    expect(just(page)).to_contain_text("Just decided: dog")


def test_a_key_does_nothing_before_the_image_is_painted(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    held = []
    page.route(f"**/images/{images[0].pk}/preview/", lambda route: held.append(route))
    page.goto(live_server.url + url("adjudicate", project), wait_until="commit")
    expect(page.locator("#adj-form kbd").first).to_be_visible()

    page.keyboard.press("2")
    for route in held:
        route.fallback()
    painted(page, images[0])

    assert decisions() == []
    # However late it came, it fills its stage: 320 x 240 in about 840 x 436, with a margin of 12.
    assert page.locator("#adj-image").bounding_box()["height"] == pytest.approx(800 - 364 - 24, abs=2)


def test_j_and_k_go_through_the_list_and_back(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)

    page.keyboard.press("j")
    painted(page, images[1])
    page.keyboard.press("j")
    painted(page, images[2])
    page.keyboard.press("k")
    painted(page, images[1])
    page.keyboard.press("k")
    painted(page, images[0])
    page.keyboard.press("k")
    painted(page, images[3])

    assert decisions() == []


def test_w_begins_a_reason_and_enter_in_it_decides_nothing(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)

    page.keyboard.press("w")
    page.keyboard.type("1 ear is torn,")
    page.keyboard.press("Enter")
    page.keyboard.type("d and j")
    assert decisions() == []
    page.keyboard.press("Escape")
    page.keyboard.press("1")

    painted(page, images[1])
    expect(just(page)).to_contain_text("Just decided: cat")
    assert Decision.objects.get(image=images[0]).reason == "1 ear is torn,\nd and j"
    expect(page.locator("#id_reason")).to_have_value("")


def test_a_reason_that_was_begun_is_there_when_one_comes_back(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)
    page.keyboard.press("w")
    page.keyboard.type("half")
    page.keyboard.press("Escape")

    page.keyboard.press("j")
    painted(page, images[1])
    expect(page.locator("#id_reason")).to_have_value("")
    page.keyboard.press("k")
    painted(page, images[0])

    expect(page.locator("#id_reason")).to_have_value("half")


def test_d_says_that_the_image_does_not_say(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)

    page.keyboard.press("d")

    expect(just(page)).to_contain_text("the image does not say")
    assert Decision.objects.get(image=images[0]).undecidable


def test_z_takes_the_last_decision_back_and_shows_its_image(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)
    page.keyboard.press("1")
    painted(page, images[1])

    page.keyboard.press("z")

    painted(page, images[0])
    expect(page.locator("#adj-where")).to_contain_text("1 of 4")
    expect(page.locator("#count-adjudicate")).to_have_text("4")
    expect(just(page)).to_be_hidden()
    assert decisions() == []
    page.keyboard.press("3")
    painted(page, images[1])
    expect(just(page)).to_contain_text("Just decided: fox")
    assert decisions() == [(images[0].pk, ["fox"])]


def test_z_reaches_back_across_a_reload(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)
    page.keyboard.press("1")
    painted(page, images[1])
    page.keyboard.press("2")
    painted(page, images[2])
    expect(just(page)).to_contain_text("Just decided: dog")
    page.reload()
    painted(page, images[2])

    page.keyboard.press("z")
    painted(page, images[1])
    expect(just(page)).to_contain_text("Just decided: cat")
    page.keyboard.press("z")
    painted(page, images[0])

    assert decisions() == []


def test_the_last_one_leads_to_the_end_of_the_work(page, live_server, sign_in, project, images, rev):
    for image in images[1:]:
        adjudication.decide(image_id=image.pk, reviewer=rev, categories=["cat"])
    sign_in(page, rev)
    opened(page, live_server, project)

    page.keyboard.press("2")

    expect(page.get_by_role("heading", name="Nothing to settle")).to_be_visible()
    expect(just(page)).to_contain_text("Just decided: dog")
    expect(page.locator("#count-adjudicate")).to_have_count(0)
    page.keyboard.press("z")
    painted(page, images[0])


def test_several_classes_are_switched_and_enter_decides(
    page, live_server, sign_in, multi_project, add_photos, ann, bea, lena
):
    first, second, third = add_photos(multi_project, 3)
    for image in (first, second, third):
        answer(image, ann="sky", bea="sea")
    sign_in(page, lena)
    opened(page, live_server, multi_project)
    expect(page.locator("#adj-go")).to_contain_text("Decide: none of these")

    page.keyboard.press("1")
    page.keyboard.press("3")
    page.keyboard.press("2")
    page.keyboard.press("2")
    expect(page.locator("#adj-go")).to_contain_text("Decide: sky and sand")
    page.keyboard.press("Enter")
    painted(page, second)
    page.keyboard.press("Enter")  # looked, and none of them
    painted(page, third)

    expect(page.locator("#adj-where")).to_contain_text("1 of 1")
    assert decisions() == [(first.pk, ["sky", "sand"]), (second.pk, [])]


def test_without_single_keys_nothing_is_decided_by_one_alone(page, live_server, sign_in, project, images, rev):
    preferences.change(user=rev, single_keys=False)
    sign_in(page, rev)
    opened(page, live_server, project)
    expect(page.locator("#adj-form kbd").first).to_have_text("Alt+1")

    page.keyboard.press("1")
    page.keyboard.press("d")
    page.keyboard.press("Alt+3")
    painted(page, images[1])

    expect(just(page)).to_contain_text("Just decided: fox")
    assert decisions() == [(images[0].pk, ["fox"])]


def test_a_class_has_the_persons_own_key_and_undo_too(page, live_server, sign_in, project, images, rev):
    preferences.change(user=rev, keys={"undo": "u"})
    preferences.change_class_keys(project=project, user=rev, keys={category(project, "fox"): "d"})
    sign_in(page, rev)
    opened(page, live_server, project)
    expect(page.locator("#adj-undecidable kbd")).to_have_text("⇧D")

    page.keyboard.press("d")
    painted(page, images[1])
    expect(just(page)).to_contain_text("Just decided: fox")
    page.keyboard.press("u")
    painted(page, images[0])
    page.keyboard.press("Shift+D")

    expect(just(page)).to_contain_text("the image does not say")


def test_everything_is_reached_by_tab_and_enter(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)
    page.get_by_role("button", name="dog").focus()

    page.keyboard.press("Enter")
    painted(page, images[1])
    # The focus stays on the button that does the same on the next image.
    expect(page.get_by_role("button", name="dog")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    painted(page, images[2])
    expect(just(page)).to_contain_text("Just decided: fox")

    assert decisions() == [(images[0].pk, ["dog"]), (images[1].pk, ["fox"])]
    expect(page.locator("#adj-live")).to_contain_text("Decided: fox. Three people, three answers")


# ---------------------------------------------------------------- when something comes between


def test_what_another_reviewer_decided_meanwhile_is_said_and_stays(
    page, live_server, sign_in, project, images, rev, lena
):
    sign_in(page, rev)
    opened(page, live_server, project)
    adjudication.decide(image_id=images[0].pk, reviewer=lena, categories=["fox"])

    page.keyboard.press("1")

    trouble = page.locator("#adj-trouble")
    expect(trouble).to_contain_text("lena has decided this image")
    expect(trouble).to_contain_text("Yours was not saved.")
    expect(just(page)).to_be_hidden()
    assert decisions() == [(images[0].pk, ["fox"])]
    trouble.get_by_role("button", name="Look again").click()
    painted(page, images[0])
    expect(page.locator("#adj-title")).to_have_text("Decided: fox")
    expect(trouble).to_be_empty()


def test_votes_that_changed_meanwhile_are_shown_and_the_reason_is_kept(
    page, live_server, sign_in, project, images, rev, ann
):
    sign_in(page, rev)
    opened(page, live_server, project)
    save_label(image_id=images[0].pk, annotator=ann, categories=["dog"])
    page.locator("#id_reason").fill("ears")
    page.keyboard.press("Escape")

    page.keyboard.press("1")

    page.locator("#adj-trouble").get_by_role("button", name="Look again").click()
    painted(page, images[0])
    expect(page.locator(".votes")).to_contain_text("2 people")
    expect(page.locator("#id_reason")).to_have_value("ears")
    assert decisions() == []


def test_a_decision_that_does_not_reach_the_server_waits_and_is_sent_again(
    page, live_server, sign_in, project, images, rev
):
    sign_in(page, rev)
    opened(page, live_server, project)
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)

    page.keyboard.press("2")

    trouble = page.locator("#adj-trouble")
    expect(trouble).to_contain_text("not saved yet")
    assert decisions() == []
    page.context.set_offline(False)
    trouble.get_by_role("button", name="Try again").click()
    expect(just(page)).to_contain_text("Just decided: dog")
    expect(trouble).to_be_empty()
    assert decisions() == [(images[0].pk, ["dog"])]


# ---------------------------------------------------------------- what is seen


def test_settled_look_alikes_stand_beside_it(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)

    near = page.locator(".near li")
    expect(near).to_have_count(2)
    expect(page.locator(".look-alike")).to_contain_text("nearest by look")
    expect(page.locator(".look-alike")).to_contain_text("two ears")
    page.keyboard.press("1")
    expect(near).to_have_count(3)


def test_the_image_is_zoomed_by_key_and_fitted_on_the_next(page, live_server, sign_in, project, images, rev):
    sign_in(page, rev)
    opened(page, live_server, project)
    page.keyboard.press(" ")
    expect(page.locator(".stage")).to_have_attribute("data-zoomed", "")

    page.keyboard.press("1")
    painted(page, images[1])

    expect(page.locator(".stage")).not_to_have_attribute("data-zoomed", "")
    expect(page.locator(".stage #adj-image")).to_have_attribute("src", f"/api/images/{images[1].pk}/preview/")


def test_without_a_script_the_form_does_the_same(new_context, live_server, sign_in, project, images, rev):
    context = new_context(java_script_enabled=False)
    sign_in(context, rev)
    page = context.new_page()
    page.goto(live_server.url + url("adjudicate", project))

    page.get_by_label("Why").fill("bushy")
    page.get_by_label("Why").press("Enter")
    page.get_by_role("button", name="fox").click()

    expect(page.locator("#adj-where")).to_contain_text("1 of 3")
    expect(just(page)).to_contain_text("Just decided: fox")
    assert decisions() == [(images[0].pk, ["fox"])]
    page.get_by_role("link", name="Next").click()
    expect(page.locator("#adj-where")).to_contain_text("2 of 3")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#adj-where")).to_contain_text("1 of 4")
    assert decisions() == []


def test_on_a_phone_an_answer_is_a_tap(new_context, live_server, sign_in, project, images, rev):
    context = new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    sign_in(context, rev)
    page = context.new_page()
    opened(page, live_server, project)
    button = page.get_by_role("button", name="dog")
    assert button.bounding_box()["height"] >= 44

    button.tap()
    painted(page, images[1])

    expect(just(page)).to_contain_text("Just decided: dog")
    expect(page.locator("#adj-image")).to_be_in_viewport()


def test_no_state_of_it_breaks_a_rule_of_accessibility(new_context, live_server, sign_in, project, images, rev, lena):
    # Only for the test's own script: the page's policy lets no other run.
    context = new_context(bypass_csp=True)
    sign_in(context, lena)
    page = context.new_page()
    opened(page, live_server, project)
    page.keyboard.press("1")
    painted(page, images[1])
    expect(just(page)).to_contain_text("Just decided")
    found = {"just decided": violations_in_both_themes(page)}
    adjudication.decide(image_id=images[1].pk, reviewer=rev, categories=["fox"])
    page.keyboard.press("2")
    expect(page.locator("#adj-trouble")).to_contain_text("rev has decided")
    found["refused"] = violations_in_both_themes(page)
    for name, address in (
        ("decided", url("adjudicate", project) + f"?image={images[0].pk}&all=1"),
        ("pair", url("adjudicate", project) + f"?pair={category(project, 'cat')},{category(project, 'dog')}"),
        ("reasons", url("adjudicate_reasons", project)),
    ):
        page.goto(live_server.url + address)
        found[name] = violations_in_both_themes(page)
    for image in images[2:]:
        adjudication.decide(image_id=image.pk, reviewer=rev, categories=["fox"])
    page.goto(live_server.url + url("adjudicate", project))
    found["nothing to settle"] = violations_in_both_themes(page)

    assert {name: broken for name, broken in found.items() if broken} == {}


def test_nothing_scrolls_sideways_at_320_pixels(new_context, live_server, sign_in, project, images, rev):
    name = "a class with a very long name indeed, and a longwordwithoutanyspaces"
    project.categories.filter(name="cat").update(name=name)
    project.label_set_version += 1
    project.save()
    context = new_context(viewport={"width": 320, "height": 640}, has_touch=True)
    sign_in(context, rev)
    page = context.new_page()
    opened(page, live_server, project)
    page.keyboard.press("1")
    painted(page, images[1])
    expect(just(page)).to_contain_text("longword")

    for address in (page.url, live_server.url + url("adjudicate_reasons", project)):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_of_many_classes_the_digits_choose_among_those_that_were_said(
    page, live_server, sign_in, add_photos, ann, bea, lena
):
    project = make_project(ann, bea, lead=lena, categories=[f"class {n}" for n in range(1, 31)])
    first, second = add_photos(project, 2)
    for image in (first, second):
        answer(image, ann="class 29", bea="class 7")
    sign_in(page, lena)
    opened(page, live_server, project)
    expect(page.get_by_role("button", name="class 29")).to_contain_text("2")

    page.keyboard.press("2")
    painted(page, second)

    expect(just(page)).to_contain_text("Just decided: class 29")
    assert decisions() == [(first.pk, ["class 29"])]
