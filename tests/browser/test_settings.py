"""What a lead sets, as it meets people: in Chromium, by keyboard alone, without a script, on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from labeler.consensus import snapshots
from labeler.label_set import categories, examples
from labeler.labeling import claims, labels
from labeler.models import CategoryExample, Project
from labeler.projects import classes, projects
from labeler.review import adjudication
from tests.helpers.accessibility import look_at_all, violations_in_both_themes
from tests.helpers.pages import url

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "Phaeosphaeria leaf spot with a name that goes on and on, as names from a herbarium do"


def fresh(row):
    return type(row).objects.get(pk=row.pk)


@pytest.fixture
def furnished(project, add_photos, ann, bea, lena):
    """A project with something in every corner of its settings."""
    images = add_photos(project, 4, slice="")
    project.images.filter(pk=images[3].pk).update(slice="test")
    for image in images:
        for person in (ann, bea):
            claims.claim(project=project, annotator=person, count=10)
            labels.save_label(image_id=image.pk, annotator=person, categories=["cat"])
    snapshots.refresh(project)
    cat = project.categories.get(name="cat")
    examples.add(category=cat, image=images[0], by=lena, caption="typical")
    examples.add(category=cat, image=images[1], by=lena)
    adjudication.decide(image_id=images[1].pk, reviewer=lena, categories=["dog"])
    classes.change_category(category=project.categories.get(name="fox"), by=lena, changes={"colour": 1, "shape": 1})
    for name in (LONG, "owl", "wolf"):
        classes.add_category(project=project, by=lena, name=name)
    owl, wolf = (project.categories.get(name=name) for name in ("owl", "wolf"))
    classes.change_category(category=owl, by=lena, changes={"merged_into": cat.pk})
    classes.change_category(category=wolf, by=lena, changes={"retired": True})
    for row in project.categories.in_use():
        changes = {"wanted": 120, "variety": "young and old, in the rain and in the sun, from above and from the side"}
        classes.change_category(category=row, by=lena, changes=changes)
    for text in ("# Look\n\n- once\n- twice\n\n| a | b |\n|---|---|\n| c | d |", "# Look\n\n- three times\n- `x`*y*"):
        projects.update(project=project, by=lena, changes={"guideline": text, "wanted_images": 400, "variety": "all"})
    return fresh(project)


def pages_of(project: Project) -> list[str]:
    cat, owl = (project.categories.get(name=name).pk for name in ("cat", "owl"))
    image, held_out = project.images.order_by("pk")[0].pk, project.images.get(slice="test").pk
    names = (
        *("settings", "settings_guideline", "categories", "settings_wanted", "settings_judging", "settings_model"),
        *(
            "settings_quality",
            "settings_consensus",
            "settings_accepting",
            "settings_training",
            "train",
            "trash_project",
        ),
        "import",
    )
    return [
        *(url(name, project) for name in names),
        url("category", project, cat),
        url("category", project, owl),
        url("examples", project, cat),
        url("guideline_version", project, 2),
        url("guideline_compare", project) + "?from=2&to=3",
        url("image", project, image),
        url("image", project, held_out),
    ]


def test_no_settings_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(
    new_context, live_server, sign_in, furnished, lena
):
    context = new_context(bypass_csp=True, has_touch=True)  # without the policy only for the test's own script
    sign_in(context, lena)
    page = context.new_page()
    assert look_at_all(page, live_server.url, pages_of(furnished)) == {}

    page.goto(live_server.url + url("category", furnished, furnished.categories.get(name="cat").pk))
    page.get_by_label("Name").fill("dog")
    page.get_by_role("button", name="Save class").click()
    expect(page.get_by_text("There is a class “dog” already.").last).to_be_visible()
    assert violations_in_both_themes(page) == []


def says(page: Page, sentence: str) -> None:
    """The message after a form; the page has another status, of answers that wait."""
    expect(page.get_by_role("status").filter(has_text=sentence)).to_be_visible()


def tab_to(page: Page, name: str, role: str) -> None:
    """Press Tab until the focus is on what has this name, as somebody without a mouse would."""
    for _ in range(80):
        page.keyboard.press("Tab")
        text, tag = page.evaluate(
            "(({labels, innerText, tagName}) => [labels?.[0]?.innerText ?? innerText, tagName])(document.activeElement)"
        )
        if text.strip().startswith(name) and tag == role.upper():
            return
    raise AssertionError(f"Tab never came to {name}")


def test_a_class_gets_its_marker_and_its_place_by_keyboard_alone(page, live_server, sign_in, project, lena):
    sign_in(page, lena)
    page.goto(live_server.url + url("settings", project))

    tab_to(page, "Classes", "a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/classes/")
    tab_to(page, "fox", "a")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/settings/classes/\d+/$"))
    tab_to(page, "by its place (blue)", "input")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="green")).to_be_checked()
    # Drawn at once in the chosen colour, before anything is saved.
    plus = page.locator("label.choice", has_text="plus").locator("svg")
    green = page.locator("label.choice", has_text="green").locator("svg")
    colour = "element => getComputedStyle(element).color"
    assert plus.evaluate(colour) == green.evaluate(colour)
    page.keyboard.press("Tab")
    for _ in range(10):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="plus")).to_be_checked()
    page.keyboard.press("Enter")
    says(page, "“fox” is saved.")
    fox = project.categories.get(name="fox")
    assert (fox.colour, fox.shape) == (5, 10)

    tab_to(page, "← Classes", "a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/settings/classes/")
    tab_to(page, "Move fox up", "button")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/settings/classes/?moved={fox.pk}&to=up")
    expect(page.get_by_role("button", name="Move fox up")).to_be_focused()
    page.keyboard.press("Enter")
    # First now: the way back is what is left.
    expect(page.get_by_role("button", name="Move fox down")).to_be_focused()
    assert list(project.categories.in_use().values_list("name", flat=True)) == ["fox", "cat", "dog"]


def test_everything_works_without_a_script(new_context, live_server, sign_in, furnished, lena):
    context = new_context(java_script_enabled=False)
    sign_in(context, lena)
    page = context.new_page()
    cat = furnished.categories.get(name="cat")

    page.goto(live_server.url + url("settings_guideline", furnished))
    page.get_by_label("Guideline").fill("Look **below**.")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".guide strong")).to_have_text("below")
    expect(page.get_by_label("Guideline")).to_have_value("Look **below**.")
    expect(page.get_by_text("preview, not saved yet")).to_be_visible()
    page.get_by_role("button", name="Save guideline").click()
    says(page, "The guideline is now version 4.")
    page.get_by_role("radio", name="Compare version 1", exact=True).check()
    page.get_by_role("button", name="Compare the two").click()
    expect(page.locator(".diff ins")).to_have_text("Look **below**.")
    page.get_by_role("link", name="← Guideline").click()
    page.get_by_role("link", name="Version 2", exact=True).click()
    page.get_by_role("button", name="Go back to this text").click()
    says(page, "The text of version 2 is the guideline again, as version 5.")

    page.get_by_role("link", name="Classes").click()
    page.get_by_role("button", name="Move dog up").click()
    expect(page.locator(".row-of-classes li").first).to_contain_text("dog")
    page.get_by_label("Add classes").fill("lynx, mole")
    page.get_by_role("button", name="Add classes").click()
    says(page, "Added: lynx, mole.")
    page.get_by_role("button", name="Bring back owl").click()
    says(page, "“owl” can be chosen again.")

    page.get_by_role("link", name="2 examples of cat").click()
    page.get_by_role("button", name=re.compile(r"^Image \d+$")).first.click()
    says(page, "is an example of “cat” now.")
    page.get_by_label("Caption of image").last.fill("mild")
    page.get_by_role("button", name=re.compile("Save caption")).last.click()
    says(page, "The caption is saved.")
    page.get_by_role("button", name=re.compile("Remove image")).first.click()
    says(page, "is no example any more.")
    assert sorted(CategoryExample.objects.filter(category=cat).values_list("caption", flat=True)) == ["", "mild"]

    page.get_by_role("link", name="← cat").click()
    page.get_by_label("Merge into").select_option("dog")
    page.get_by_role("button", name="Merge").click()
    says(page, "“cat” counts as “dog” from now on.")
    assert fresh(cat).merged_into.name == "dog"


def test_the_guideline_is_shown_as_it_is_typed(page, live_server, sign_in, project, lena):
    sign_in(page, lena)
    page.goto(live_server.url + url("settings_guideline", project))

    page.get_by_label("Guideline").press_sequentially("- look **below**")

    expect(page.locator("#preview li strong")).to_have_text("below")
    expect(page.get_by_text("preview, not saved yet")).to_be_visible()
    expect(page.get_by_label("Guideline")).to_be_focused()
    assert fresh(project).guideline == ""
    page.get_by_role("button", name="Save guideline").click()
    says(page, "The guideline is now version 2.")
    assert fresh(project).guideline == "- look **below**"


def test_a_mistake_in_one_field_keeps_what_was_typed_in_the_others(page, live_server, sign_in, project, lena):
    sign_in(page, lena)
    page.goto(live_server.url + url("settings_model", project))
    page.get_by_label("Suggestions to review at once").fill("85")
    page.get_by_label("Known answers on a review page").fill("77")
    page.get_by_label("Ask first where the model is unsure").uncheck()

    page.get_by_role("button", name="Save settings").click()

    wrong = page.get_by_label("Known answers on a review page")
    expect(wrong).to_have_value("77")
    expect(wrong).to_have_attribute("aria-invalid", "true")
    assert "planted_percent_error" in wrong.get_attribute("aria-describedby")
    expect(page.get_by_label("Suggestions to review at once")).to_have_value("85")
    expect(page.get_by_label("Ask first where the model is unsure")).not_to_be_checked()
    assert fresh(project).version == project.version

    wrong.fill("7")
    page.get_by_role("button", name="Save settings").click()
    says(page, "Saved.")
    row = fresh(project)
    assert (row.review_confidence, row.planted_share, row.ask_uncertain_first) == (0.85, 0.07, False)


def test_a_chosen_marker_stands_on_the_answer_in_the_guide_and_in_the_last_eight(
    page, live_server, sign_in, project, add_photos, ann, lena
):
    add_photos(project, 2)
    dog = project.categories.get(name="dog")
    classes.change_category(category=dog, by=lena, changes={"colour": 5, "shape": 11})
    assert categories.marker_of(dog) == (5, 11)
    sign_in(page, ann)
    page.goto(live_server.url + url("label", project))
    page.wait_for_selector("html[data-painted]", state="attached")

    for button in (page.get_by_role("button", name="dog", exact=True), page.locator("#rail li", has_text="dog")):
        expect(button.locator("svg.mk")).to_have_class("mk c5")
        expect(button.locator("svg.mk use")).to_have_attribute("href", "#m11")

    page.keyboard.press("2")
    frame = page.locator("#film li").first
    expect(frame.locator("svg.mk")).to_have_class("mk c5")
    expect(frame.locator("svg.mk use")).to_have_attribute("href", "#m11")
