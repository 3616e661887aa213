"""Classify one picture in a browser: a dropped one is sent at once, its heat map can be switched off; by axe, too."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image as PillowImage
from playwright.sync_api import Page, expect

from labeler.intake.images import add_images as bring
from labeler.intake.images import file_member
from labeler.models import Image
from labeler.models.image import Status
from labeler.pages.model import trying
from labeler.training import inference_requests, runs
from tests.helpers.accessibility import violations
from tests.helpers.drawn_models import photo, save_drawn_model
from tests.helpers.drawn_projects import drawing_project
from tests.helpers.factories import add_images
from tests.helpers.outside import judge, outside_model, says
from tests.helpers.pages import url
from tests.helpers.saved_models import save_model
from tests.helpers.workers import draw
from worker.indexing.features import features_of
from worker.inference import model_cache
from worker.inference.requests import run_errand
from worker.ml.networks import backbones

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

DROP = """([form, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", { type: "image/jpeg" }));
    form.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""
LOOKS = {
    "light": {}, "dark": {"color_scheme": "dark"}, "phone": {"viewport": {"width": 390, "height": 844}},
}  # fmt: skip


def sideways(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def picture_of(page: Page, name: str) -> None:
    """For whoever wants to look at it: into the folder that LABELER_PICTURES names."""
    if folder := os.environ.get("LABELER_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.fixture
def answering(settings, tmp_path, project, monkeypatch):
    """A model, settled images that a worker has looked at, and a worker that answers while the page waits."""
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()
    accuracy = {"value": 0.91, "low": 0.84, "high": 0.95, "n": 120}
    run = save_model(project, calibrated_on=250, metrics={"judged_on": "test", "accuracy": accuracy})
    files = [file_member(f"{k}.jpg", io.BytesIO(draw(("cat", "dog")[k % 2], k))) for k in range(20, 28)]
    rows = list(bring(project=project, members=files))
    ids = {name: project.categories.get(name=name).pk for name in ("cat", "dog")}
    for k, row in enumerate(rows):
        tally = {str(ids[("cat", "dog")[k % 2]]): 2}
        Image.objects.filter(pk=row.image.pk).update(status=Status.SETTLED, tally=tally, n_votes=2, slice="")
    model = model_cache.model_of(run)
    features_of(
        [row.image.sha256 for row in rows], backbones.get(model.checkpoint.backbone), model.device,
        size=model.checkpoint.image_size, progress=lambda done, n: None,
    )  # fmt: skip

    def answer(errand, seconds):
        run_errand(errand.pk, worker="serve@test")
        errand.refresh_from_db()
        return errand

    monkeypatch.setattr(inference_requests, "wait_for", answer)
    monkeypatch.setattr(trying, "no_worker", lambda queue: False)
    return run


@pytest.mark.parametrize("look", LOOKS)
def test_a_dropped_picture_is_classified(new_context, live_server, sign_in, project, rev, answering, look):
    context = new_context(**LOOKS[look])
    sign_in(context, rev)
    page = context.new_page()
    page.goto(live_server.url + url("try_model", project))
    picture_of(page, f"try-empty-{look}")

    form = page.locator("[data-drop]").element_handle()
    page.evaluate(DROP, [form, list(draw("cat", 3))])

    expect(page.get_by_role("heading", name="Model 1 says")).to_be_visible()
    heat = page.locator(".over .heat")
    expect(heat).to_be_visible()
    assert heat.bounding_box() == pytest.approx(page.locator(".over img").first.bounding_box(), abs=0.5)
    expect(page.get_by_text("similarity")).to_have_count(8)
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    picture_of(page, f"try-{look}")
    assert sideways(page) == 0
    assert violations(page) == []
    page.get_by_label("Show what speaks for it").uncheck()
    expect(heat).to_be_hidden()


@pytest.mark.parametrize("look", LOOKS)
def test_objects_lie_on_a_dropped_picture(
    new_context, live_server, sign_in, lena, ann, settings, tmp_path, monkeypatch, look
):
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()
    project = drawing_project(ann, lead=lena, task="masks")
    ap50 = {"value": 0.61, "low": 0.5, "high": 0.7, "n": 40}
    save_drawn_model(project, shown_from=0.3, metrics={"ap50": ap50})

    def answer(errand, seconds):
        run_errand(errand.pk, worker="serve@test")
        errand.refresh_from_db()
        return errand

    monkeypatch.setattr(inference_requests, "wait_for", answer)
    monkeypatch.setattr(trying, "no_worker", lambda queue: False)
    context = new_context(**LOOKS[look])
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("try_model", project))
    file = io.BytesIO()
    PillowImage.fromarray(photo(1)).save(file, "PNG")

    page.evaluate(DROP, [page.locator("[data-drop]").element_handle(), list(file.getvalue())])

    expect(page.get_by_role("heading", name="Model 1 finds")).to_be_visible()
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    picture_of(page, f"try-objects-{look}")
    drawn, shown = (page.locator(f".over {one}").bounding_box() for one in ("svg.drawn", "img:not(.heat)"))
    assert drawn == pytest.approx(shown, abs=1.0)
    assert sideways(page) == 0
    assert violations(page) == []


@pytest.mark.parametrize("look", LOOKS)
def test_a_model_of_another_program_on_the_model_page(new_context, live_server, sign_in, project, lena, look):
    run = outside_model(project, lena, name="resnet-50 of the clinic", version="2.1")
    for image in add_images(project, 4, slice=""):
        says(run, image, "cat")
    runs.activate(run, lena)
    judge(run)
    context = new_context(**LOOKS[look])
    sign_in(context, lena)
    page = context.new_page()
    page.goto(live_server.url + url("model", project))

    expect(page.get_by_role("heading", name="A model of another program")).to_be_visible()
    picture_of(page, f"outside-{look}")
    assert sideways(page) == 0
    assert violations(page) == []
