"""What in an image speaks for the model's answer: who may see it, made once, in colours and in words."""

from __future__ import annotations

import io

import pytest
from django.urls import reverse
from PIL import Image as PillowImage

from labeler.intake.images import add_images, file_member
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Errand, Image
from labeler.training import inference_requests
from labeler.training.explanation import where
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import predict
from tests.helpers.saved_models import save_model
from tests.helpers.workers import draw
from worker.inference import model_cache
from worker.inference.requests import run_errand

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(project, settings, tmp_path) -> Image:
    """An image with a file, in a project with a model."""
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    model_cache._held.clear()
    save_model(project, calibrated_on=200)
    (added,) = add_images(project=project, members=[file_member("a.jpg", io.BytesIO(draw("cat", 1)))])
    return added.image


def address(image: Image, query: str = "") -> str:
    return f"/api/images/{image.pk}/explanation/{query}"


def work() -> None:
    for row in Errand.objects.filter(state="queued"):
        run_errand(row.pk, worker="serve@test")


def test_asked_for_it_is_made_once_and_drawn_in_the_images_shape(photo, project, rev):
    client = as_person(rev)
    first, again = client.get(address(photo)), client.get(address(photo, "?format=png"))
    assert [(r.status_code, r.json()["state"], r.json()["map_url"]) for r in (first, again)] == [
        (202, "queued", None), (202, "queued", None),
    ]  # fmt: skip
    assert Errand.objects.count() == 1
    work()

    told = client.get(address(photo)).json()
    run = project.runs.get()
    assert (told["state"], told["method"], told["model"], told["calibrated"]) == ("done", "grad-cam", run.number, True)
    assert told["category"] in run.category_names
    assert told["probability"] > 1 / 3  # its own answer: the likeliest of three
    assert sum(map(sum, told["thirds"])) == pytest.approx(1, abs=0.01)
    drawn = client.get(told["map_url"])
    assert (drawn.status_code, drawn["Content-Type"]) == (200, "image/png")
    assert PillowImage.open(io.BytesIO(drawn.content)).size == (400, 300)
    assert len(drawn.content) < 40_000

    other = next(name for name in run.category_names if name != told["category"])
    client.get(address(photo, f"?category={other}"))
    work()
    of_other = client.get(address(photo, f"?category={other}")).json()
    assert (of_other["category"], Errand.objects.count()) == (other, 2)
    assert of_other["thirds"] != told["thirds"]
    assert of_other["map_url"].endswith(f"&category={of_other['category_id']}")


def test_an_annotator_sees_it_when_all_have_answered_and_nobody_while_it_is_judged_blind(photo, project, ann, rev):
    early = as_person(ann).get(address(photo))
    assert (early.status_code, error_of(early)) == (403, "not_allowed")
    claims.claim(project=project, annotator=ann)
    save_label(image_id=photo.pk, annotator=ann, categories=["cat"])
    assert as_person(ann).get(address(photo)).status_code == 403
    Image.objects.update(status="settled")
    assert as_person(ann).get(address(photo)).status_code == 202

    Image.objects.update(slice="blind", status="disputed")
    blind = as_person(rev).get(address(photo))
    assert (blind.status_code, error_of(blind)) == (403, "not_allowed")
    Image.objects.update(status="settled")
    assert as_person(rev).get(address(photo)).status_code == 202
    Image.objects.update(slice="test")
    held_out = as_person(rev).get(address(photo))
    assert (held_out.status_code, error_of(held_out)) == (403, "not_allowed")


def test_without_a_model_with_an_unknown_class_and_after_another_model(photo, project, rev):
    unknown = as_person(rev).get(address(photo, "?category=wolf"))
    assert (unknown.status_code, error_of(unknown)) == (400, "category_not_in_project")
    asked = inference_requests.explain(image=photo, asked_by=rev)
    save_model(project, seed=3)
    work()
    asked.refresh_from_db()
    assert (asked.state, asked.error["code"]) == ("failed", "no_model")
    Errand.objects.update(created_at="2020-01-01T00:00Z")
    assert inference_requests.sweep() == 1  # of a model that is not in use any more
    project.runs.update(is_active=False)
    none = as_person(rev).get(address(photo))
    assert (none.status_code, error_of(none)) == (409, "no_model")


def test_a_file_that_is_gone_is_said_and_may_be_tried_again_a_minute_later(photo, rev):
    from labeler.intake.images import media_store

    thumb = media_store().thumb_path(photo.sha256)
    content = thumb.read_bytes()
    thumb.unlink()
    client = as_person(rev)
    client.get(address(photo))
    work()
    failed = client.get(address(photo))
    assert (failed.status_code, failed.json()["state"]) == (200, "failed")
    assert failed.json()["error"] == {"code": "image_unreadable", "message": "The file is missing."}
    thumb.write_bytes(content)
    assert client.get(address(photo)).json()["state"] == "failed"
    Errand.objects.update(finished_at="2020-01-01T00:00Z")
    assert client.get(address(photo)).json()["state"] == "queued"
    work()
    assert client.get(address(photo)).json()["state"] == "done"


def test_the_page_of_an_image_shows_it_without_a_script(photo, project, rev, client, uncollected_static_files):
    predict(project.runs.get(), photo, "cat")
    client.force_login(rev)
    page = reverse("image", args=[project.pk, photo.pk])
    assert b'name="why" value="1"' in client.get(page).content
    assert not Errand.objects.exists()  # a look at the page alone asks for nothing

    assert b"A worker is looking" in client.get(page + "?why=1").content
    work()
    shown = client.get(page + "?why=1").content.decode()
    assert f'class="heat" src="{address(photo)}?format=png" alt="What speaks for' in shown
    assert 'aria-pressed="true"' in shown
    Image.objects.update(slice="blind")
    assert "explanation" not in client.get(page + "?why=1").content.decode()


def test_where_there_is_nothing_to_explain_the_page_says_why(photo, project, rev, client, uncollected_static_files):
    """A model is not asked about what people had settled: it may have learned it from them."""
    client.force_login(rev)
    page = reverse("image", args=[project.pk, photo.pk])
    told = client.get(page).content.decode()
    assert "has not looked at this image yet" in told and "speaks for it" not in told
    Image.objects.update(status="settled", n_votes=2, tally={str(project.categories.first().pk): 2})
    told = client.get(page).content.decode()
    assert "was not asked about this image: people had settled it" in told and "speaks for it" not in told


def test_where_it_lies_in_words():
    def words_of(**fields: float) -> str:
        thirds = [[0.0] * 3 for _ in range(3)]
        for place, share in fields.items():
            thirds[int(place[1])][int(place[2])] = share
        return where({"method": "grad-cam", "any": True, "thirds": thirds})

    assert words_of(p02=0.7, p11=0.3) == "Most of it lies at the upper right of the square that the model looks at."
    assert words_of(p11=0.4, p21=0.3) == (
        "Most of it lies in the middle and at the lower edge of the square that the model looks at."
    )
    assert words_of(p00=0.2, p02=0.2, p11=0.2, p20=0.2, p22=0.2).startswith("It is spread")
    assert where({"method": "grad-cam", "any": False, "thirds": []}).startswith(
        "Nothing in the image speaks for this class"
    )
