"""How training images are varied: switches that stay, and images that show it, made once by a worker."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as Pixels

from labeler.errors import NotPossibleNow
from labeler.models import Job, Project
from labeler.models.job import Kind
from labeler.projects import projects
from labeler.training import augmentation_preview, run_settings
from tests.helpers.api import as_person, error_of
from tests.helpers.factories import add_images, make_project
from tests.helpers.forms import form_of
from tests.helpers.importing import add_image
from tests.helpers.pages import url
from tests.helpers.pictures import picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]
PLAIN = {name: False if name in augmentation_preview.FLIPS else 0 for name in augmentation_preview.DEFAULT}


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"


@pytest.fixture
def photos(project):
    return [add_image(project=project, name=f"{seed}.jpg", source=io.BytesIO(picture(seed))).image for seed in range(2)]


def fresh(project) -> Project:
    return Project.objects.get(pk=project.pk)


def work(project) -> None:
    from worker.training.augmentation_images import views_job

    for job in Job.objects.filter(project=project, kind=Kind.VIEWS, state="queued"):
        views_job(job.pk, worker="w")


def test_normal_strength_is_the_default_and_every_strength_is_allowed():
    assert {name for levels in augmentation_preview.LEVELS.values() for name in levels} == set(PLAIN) - set(
        augmentation_preview.FLIPS
    )
    for switch, levels in augmentation_preview.LEVELS.items():
        assert augmentation_preview.strength_of(switch, augmentation_preview.DEFAULT) == "normal", switch
        for name, values in levels.items():
            run_settings.check({"augmentation": {name: max(values)}})


def test_a_worker_makes_them_once_and_the_image_itself_comes_first(project, lena, photos):
    how = augmentation_preview.settings_of(project)
    asked = augmentation_preview.ask(project, how, by=lena)
    assert asked.is_on_its_way and augmentation_preview.ask(project, how, by=lena).is_on_its_way
    assert Job.objects.filter(kind=Kind.VIEWS).count() == 1

    work(project)

    made = augmentation_preview.find(project, how)
    assert made.is_made and sorted(made.rows) == [image.pk for image in photos]
    files = [
        augmentation_preview.file_of(project.pk, made.key, 0, column)
        for column in range(augmentation_preview.VIEWS + 1)
    ]
    found = [np.asarray(Pixels.open(path)).astype(float) for path in files]
    assert {part.shape for part in found} == {(augmentation_preview.SIDE, augmentation_preview.SIDE, 3)}
    assert all(np.abs(found[0] - view).mean() > 2 for view in found[1:])
    assert augmentation_preview.ask(project, how, by=lena).is_made and Job.objects.filter(kind=Kind.VIEWS).count() == 1


def test_with_every_switch_off_the_network_sees_the_image_as_it_is(project, lena, photos):
    augmentation_preview.ask(project, PLAIN, by=lena)
    work(project)
    made = augmentation_preview.find(project, PLAIN)
    first, last = (
        augmentation_preview.file_of(project.pk, made.key, 0, column) for column in (0, augmentation_preview.VIEWS)
    )

    difference = np.asarray(Pixels.open(first)).astype(float) - np.asarray(Pixels.open(last))
    assert np.abs(difference).mean() < 4  # resized by another filter, and JPEG


def test_settings_that_nobody_has_taken_yet_are_not_made_when_others_are_asked_for(project, lena, photos):
    first = augmentation_preview.ask(project, PLAIN, by=lena)
    augmentation_preview.ask(project, augmentation_preview.settings_of(project), by=lena)

    states = dict(Job.objects.filter(kind=Kind.VIEWS).values_list("params__key", "state"))
    assert states[first.key] == "cancelled" and sorted(states.values()) == ["cancelled", "queued"]
    assert augmentation_preview.ask(project, PLAIN, by=lena).is_on_its_way  # asked for again: made after all


def test_held_out_images_do_not_show_it_and_images_without_a_file_fail_with_a_sentence(project, lena):
    add_images(project, 2, slice="test")
    with pytest.raises(NotPossibleNow, match="no images yet"):
        augmentation_preview.ask(project, PLAIN, by=lena)
    add_images(project, 1)
    augmentation_preview.ask(project, PLAIN, by=lena)
    work(project)

    assert "None of the images could be read." in augmentation_preview.find(project, PLAIN).error


# ---------------------------------------------------------------- the page


def test_switches_are_kept_beside_what_a_program_has_set(as_, lena, project):
    config = {"seed": 3, "augmentation": {"zoom": 0.2, "noise": 0.06}}
    projects.update(project=project, by=lena, changes={"training_config": config})
    before, client, here = fresh(project).version, as_(lena), url("settings_variations", project)
    form = form_of(client, here, "rotation")
    assert (form["flip"], form["zoom"], form["noise"], form["rotation"]) == ("on", "as_set", "strong", "normal")

    assert client.post(here, form).status_code == 302
    assert (fresh(project).training_config, fresh(project).version) == (config, before)

    del form["flip"]
    client.post(here, {**form, "flip_vertical": "on", "rotation": "off", "noise": "normal"})
    kept = {"zoom": 0.2, "flip": False, "flip_vertical": True, "rotate_degrees": 0}
    assert fresh(project).training_config == {"seed": 3, "augmentation": kept}


def test_what_is_tried_out_is_shown_and_not_saved(as_, lena, project, photos):
    client, here = as_(lena), url("settings_variations", project)
    form = form_of(client, here, "rotation")

    response = client.post(here, {**form, "rotation": "strong", "do": "show"})
    address = response.url.partition("#")[0]
    waiting = client.get(address)
    assert b"data-again" in waiting.content and b"tried out, not saved" in waiting.content
    work(project)

    page = client.get(address)
    html = page.content.decode()
    assert page.context["form"]["rotation"].value() == "strong" and fresh(project).training_config == {}
    assert html.count("/api/projects/") == 2 * (augmentation_preview.VIEWS + 1)
    first = page.context["rows"][0]["views"][0]
    answer = as_person(lena).get(first)
    assert answer["Content-Type"] == "image/jpeg" and "private" in answer["Cache-Control"]
    saved = client.get(here)
    assert saved.context["form"]["rotation"].value() == "normal" and not saved.context["rows"]


def test_the_model_page_shows_what_the_next_training_will_vary(as_, lena, rev, project, photos):
    projects.update(project=project, by=lena, changes={"training_config": {"augmentation": PLAIN | {"flip": True}}})
    augmentation_preview.ask(fresh(project), augmentation_preview.settings_of(fresh(project)), by=lena)
    work(project)

    html = as_(rev).get(url("model", project)).content.decode()

    assert "What will the network see?" in html and "<p>mirrored</p>" in html
    assert html.count("/augmentation/") == 2 * (augmentation_preview.VIEWS + 1)
    assert url("settings_variations", project) not in html  # a reviewer cannot change it


def test_classes_that_name_a_side_want_no_mirror(as_, lena, project):
    hands = make_project(lead=lena, categories=("left hand", "right_hand", "leftover"))
    html = as_(lena).get(url("settings_variations", hands)).content.decode()
    assert "Classes are called left hand, right_hand." in html

    assert augmentation_preview.orientation_matters(make_project(categories=("b", "d", "7"))) == ["b", "d", "7"]
    assert augmentation_preview.orientation_matters(project) == []


def test_only_leads_change_it(as_, rev, project):
    assert as_(rev).get(url("settings_variations", project)).status_code == 403


def test_programs_try_settings_out_too(project, lena, photos):
    client, address = as_person(lena), f"/api/projects/{project.pk}/augmentation/"
    assert client.get(address).json()["state"] == ""

    asked = client.post(address, {"augmentation": {"flip": False}})
    assert asked.status_code == 202 and asked.json()["state"] == "queued"
    assert (asked.json()["settings"]["flip"], asked.json()["settings"]["zoom"]) == (False, 0.35)
    wrong = client.post(address, {"augmentation": {"zoom": 7}})
    assert (wrong.status_code, error_of(wrong)) == (400, "invalid")
    assert "config.augmentation.zoom" in wrong.json()["error"]["fields"]
