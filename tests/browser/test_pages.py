"""Every page in a real browser: accessible in both themes, readable on a phone, and alive where a script helps."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.urls import reverse
from PIL import Image as Pixels
from playwright.sync_api import expect

from labeler.models import Image, Job, Label, Project, TrainingRun
from tests.browser.conftest import jpeg
from tests.helpers.accessibility import look_at_all, violations, violations_in_both_themes
from tests.helpers.factories import make_model
from tests.helpers.pages import url

PROJECT_PAGES = (
    *("project", "threads", "agreement", "contested", "mine", "images", "adjudicate", "adjudicate_reasons", "model"),
    *("agreement_report", "import", "export", "gold", "members", "settings", "settings_variations", "label", "review"),
    "economy",
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def addresses(project: Project) -> list[str]:
    image = project.images.order_by("pk")[1]
    person = reverse("annotator", args=[project.pk, "dora"])
    own = [url(page, project) for page in PROJECT_PAGES]
    walls = [url("images", project) + "?by=ann&status=differ", url("images", project) + "?people=ann,bea"]
    alike = [reverse("similar", args=[project.pk, image.pk]), url("unlike", project), url("near_duplicates", project)]
    more = [
        *alike,
        url("adjudicate", project) + "?doubted=1",
        url("image", project, image.pk),
        own[1] + "?labels=all",
        person,
    ]
    more += [url("run", project, number) for number in (1, 2, 3)] + [
        url("compare_runs", project) + "?a=1&b=4",
        url("model_card", project, 1),
    ]
    first, second = project.categories.in_use()[:2]
    more += [url("run_images", project, 1) + f"?people={second.pk}&model={first.pk}"]
    return ["/", "/account/", "/nowhere/", *own, *more, *walls]


def test_the_look_in_both_themes_notices_what_is_wrong_in_one(new_context, live_server, plain_static_files, db):
    page = new_context(bypass_csp=True).new_page()
    page.goto(live_server.url + "/login/")
    assert violations_in_both_themes(page) == []

    for theme in ("light", "dark"):
        page.add_style_tag(
            content=f"@media (prefers-color-scheme: {theme}) {{ h1 {{ color: #777; background: #888 }} }}"
        )
    assert [one.partition(" <")[0] for one in violations_in_both_themes(page)] == [
        "color-contrast:",
        "in the dark, color-contrast:",
    ]


def test_no_page_breaks_a_rule_of_accessibility_or_scrolls_sideways(new_context, live_server, sign_in, busy, lena):
    # Without the policy only for the test's own script: the page's policy lets no other run.
    context = new_context(bypass_csp=True, has_touch=True)
    page = context.new_page()
    assert look_at_all(page, live_server.url, ["/login/"]) == {}
    sign_in(context, lena)

    assert look_at_all(page, live_server.url, addresses(busy)) == {}


def test_no_form_with_mistakes_breaks_a_rule(new_context, live_server, sign_in, busy, ada):
    context = new_context(bypass_csp=True)
    sign_in(context, ada)
    page = context.new_page()
    page.goto(live_server.url + "/projects/new/")
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert violations(page) == []

    page.goto(live_server.url + url("settings_judging", busy))
    page.get_by_label("Blind share, in percent").fill("400")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("less than or equal to 100")).to_be_visible()
    assert violations(page) == []


def test_the_tab_of_a_page_can_be_seen_on_a_phone(new_context, live_server, sign_in, project, lena):
    context = new_context(viewport={"width": 320, "height": 640})
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("images", project))
    expect(page.locator(".tabs .strip [aria-current]")).to_be_in_viewport(ratio=1)

    # What leads manage is in a menu, which names the page it holds.
    page.goto(live_server.url + url("settings", project))
    expect(page.locator(".tabs summary")).to_be_in_viewport(ratio=1)
    expect(page.locator(".tabs summary")).to_have_text("Manage: Settings")


# ---------------------------------------------------------------- import


def picture(name: str, seed: int) -> dict:
    return {"name": name, "mimeType": "image/jpeg", "buffer": jpeg(seed)}


def test_chosen_files_go_in_and_each_refused_one_is_named(page, live_server, sign_in, project, lena):
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))
    bad = {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"this is no image"}

    page.set_input_files("#pick-files", [*(picture(f"{n}.jpg", n) for n in range(25)), picture("twin.jpg", 3), bad])

    expect(page.locator("#status")).to_have_text("Done: 25 new images are in.")
    expect(page.locator("#n-added")).to_have_text("25")
    expect(page.locator("#n-duplicates")).to_have_text("1")
    expect(page.locator("#refused > li")).to_have_count(1)
    expect(page.locator("#refused > li")).to_contain_text("notes.jpg")
    assert project.images.count() == 25


def test_a_folder_is_chosen_with_its_paths(page, live_server, sign_in, project, lena, tmp_path):
    folder = tmp_path / "field"
    (folder / "north").mkdir(parents=True)
    for n, place in enumerate(("a.jpg", "north/b.jpg", ".hidden.jpg")):
        (folder / place).write_bytes(jpeg(n))
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))

    page.set_input_files("#pick-folder", folder)

    expect(page.locator("#n-added")).to_have_text("2")
    assert set(project.images.values_list("name", flat=True)) == {"field/a.jpg", "field/north/b.jpg"}


def test_dropped_files_go_in(page, live_server, sign_in, project, lena):
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))
    transfer = page.evaluate_handle(
        """bytes => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", {type: "image/jpeg"}));
            return transfer;
        }""",
        list(jpeg(7)),
    )

    # Not on the zone itself: the whole page takes it.
    page.dispatch_event("h1", "drop", {"dataTransfer": transfer})

    expect(page.locator("#n-added")).to_have_text("1")
    assert project.images.get().name == "dropped.jpg"


def test_an_archive_is_sent_and_followed(page, live_server, sign_in, project, lena):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.jpg", jpeg(1))
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))

    page.set_input_files(
        "#pick-files", [{"name": "field.zip", "mimeType": "application/zip", "buffer": archive.getvalue()}]
    )
    expect(page.locator("#status")).to_contain_text("field.zip is on the server")

    # What a worker would write.
    Job.objects.filter(project=project).update(
        state="done", result={"added": 1, "duplicates": 0, "refused": [{"name": "b.jpg", "reason": "It is damaged."}]}
    )
    expect(page.locator("#n-added")).to_have_text("1")
    expect(page.locator("#refused > li")).to_contain_text("It is damaged.")


def test_without_a_script_the_form_does_the_same(new_context, live_server, sign_in, project, lena):
    context = new_context(java_script_enabled=False)
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("import", project))

    page.set_input_files("#pick-files", [picture("a.jpg", 1), picture("b.jpg", 2)])
    page.get_by_role("button", name="Upload").click()

    expect(page.locator("#n-added")).to_have_text("2")
    assert project.images.count() == 2


# ---------------------------------------------------------------- work under way


def test_the_bar_of_a_run_moves_and_the_page_shows_its_end(page, live_server, sign_in, project, lena):
    run = make_model(project, active=False, state="running", stage="Looking", progress_done=10, progress_total=100)
    sign_in(page, lena)
    page.goto(live_server.url + url("model", project))
    bar = page.get_by_role("progressbar", name="Training of model 1")
    expect(bar).to_have_attribute("value", "10")

    TrainingRun.objects.filter(pk=run.pk).update(stage="Fold 3 of 5", progress_done=60)
    expect(page.get_by_text("Fold 3 of 5")).to_be_visible()
    assert bar.evaluate("bar => bar.value") == 60

    TrainingRun.objects.filter(pk=run.pk).update(state="failed", error={"code": "x", "message": "The disk is full."})
    expect(page.get_by_text("The disk is full.").first).to_be_visible()


# ---------------------------------------------------------------- five clicks to the first label


def test_from_the_list_to_the_first_label(page, live_server, sign_in, ada):
    sign_in(page, ada)
    page.goto(live_server.url + "/")
    page.get_by_role("link", name="New project").click()
    page.get_by_label("Name", exact=True).fill("Leaves")
    page.get_by_label("Classes", exact=True).fill("rust, healthy")
    page.get_by_role("button", name="Create project").click()
    page.set_input_files("#pick-files", [picture("a.jpg", 1), picture("b.jpg", 2)])
    expect(page.locator("#n-added")).to_have_text("2")
    page.locator("#go-on").get_by_role("link", name="Start labeling").click()
    page.wait_for_selector("html[data-painted]", state="attached")
    page.keyboard.press("1")

    expect(page.locator("#saving")).to_have_text("saved")
    label = Label.objects.get()
    assert (label.annotator, label.categories) == (ada, [Project.objects.get().categories.get(name="rust").pk])


def test_one_class_alone_chooses_any_number_until_the_person_decides(page, live_server, sign_in, ada):
    sign_in(page, ada)
    page.goto(live_server.url + "/projects/new/")
    single, multi = page.get_by_label("exactly one class"), page.get_by_label("any number of classes, or none")

    page.get_by_label("Classes", exact=True).fill("rust")
    expect(multi).to_be_checked()
    page.get_by_label("Classes", exact=True).fill("rust, healthy")
    expect(single).to_be_checked()
    multi.check()
    page.get_by_label("Classes", exact=True).fill("rust, healthy, spot")
    expect(multi).to_be_checked()


def test_a_disagreement_is_settled_with_the_keyboard(page, live_server, sign_in, busy, lena):
    image = Image.objects.filter(project=busy, status="disputed").first() or busy.images.last()
    sign_in(page, lena)
    page.goto(live_server.url + url("image", busy, image.pk))

    page.get_by_role("group", name="The class is").get_by_label("fox").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")

    expect(page.get_by_role("status").filter(has_text="Settled.")).to_be_visible()
    image.refresh_from_db()
    assert (image.status, image.has_decision) == ("settled", True)


def test_thumbnails_are_painted(page, live_server, sign_in, busy, lena):
    sign_in(page, lena)
    page.goto(live_server.url + url("images", busy))

    first = page.locator(".wall img").first
    expect(first).to_be_visible()
    assert first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


def test_a_picture_that_is_no_photograph_is_decoded_all_the_same(page, live_server, sign_in, project, lena):
    out = io.BytesIO()
    Pixels.new("L", (40, 30), 90).save(out, "GIF")
    sign_in(page, lena)
    page.goto(live_server.url + url("import", project))

    page.set_input_files("#pick-files", [{"name": "grey.gif", "mimeType": "image/gif", "buffer": out.getvalue()}])

    expect(page.locator("#n-added")).to_have_text("1")


def test_menus_of_the_header_close_by_escape_and_by_a_click_elsewhere(page, live_server, sign_in, project, lena):
    sign_in(page, lena)
    page.goto(live_server.url + url("project", project))
    manage, members = page.locator(".tabs summary"), page.locator(".tabs").get_by_role("link", name="Members")
    expect(members).to_be_hidden()

    manage.focus()
    page.keyboard.press("Enter")
    expect(members).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(members).to_be_hidden()
    expect(manage).to_be_focused()

    page.locator(".person summary").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    page.get_by_role("heading", level=1).click()
    expect(page.get_by_role("button", name="Log out")).to_be_hidden()


def test_images_keep_their_shape_on_a_phone(new_context, live_server, sign_in, busy, lena):
    # The size in the markup reserves room; it must not become the height of what is made narrower.
    context = new_context(viewport={"width": 320, "height": 640}, has_touch=True)
    sign_in(context, lena)
    page = context.new_page()
    image = busy.images.order_by("pk")[1]
    shape = """image => image.decode().then(
        () => [image.clientWidth / image.clientHeight, image.naturalWidth / image.naturalHeight])"""
    for path, where in ((url("image", busy, image.pk), ".pic img"), (url("images", busy), ".wall img")):
        page.goto(live_server.url + path)
        drawn, true = page.locator(where).first.evaluate(shape)
        assert drawn == pytest.approx(true, rel=0.02), path
