"""The images page as a place to work: filters of the address, ticked images, the trash."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from labeler.curation import deletion, work
from labeler.models import Exposure, Job, QueueEntry
from labeler.pages.images import filters as image_filters
from tests.helpers.factories import add_images, category, make_model, predict

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


def ids(page):
    return [row["image"].pk for row in page.context["rows"]]


def url(project, **sent):
    return image_filters.url(project, **sent)


def do(client, project, what, *images, filters="", **more):
    body = {"do": what, "images": [image.pk for image in images], "filters": filters, **more}
    answer = client.post(reverse("image_work", args=[project.pk]), body)
    return answer, [str(message) for message in get_messages(answer.wsgi_request)][-1:]


def test_filters_of_the_address_and_chips_that_take_them_away(as_, rev, project):
    one, other = add_images(project, 1, name="a/Leaf.jpg", slice="")[0], add_images(project, 1, name="bark.jpg")[0]
    one.metadata = {"site": "north"}
    one.save(update_fields=["metadata"])
    run = make_model(project)
    predict(run, one, "cat", 0.9)
    client = as_(rev)

    def shown(**sent):
        return ids(client.get(url(project, **sent)))

    assert shown(search="leaf") == [one.pk]
    assert shown(predicted=category(project, "cat")) == [one.pk]
    assert shown(min_confidence="0.8") == [one.pk]
    assert shown(max_confidence="0.8") == []
    assert shown(**{"metadata.site": "north"}) == [one.pk]
    assert shown(min_pixels="307200") == [other.pk, one.pk]
    assert shown(min_pixels="307201") == []
    assert shown(order="oldest") == [one.pk, other.pk]
    # What cannot be read is not asked for, and takes nothing else away.
    assert shown(search="leaf", min_confidence="much", predicted="wolf") == [one.pk]
    page = client.get(url(project, search="leaf", **{"metadata.site": "north"}))
    assert [chip["text"] for chip in page.context["chips"]] == ["name has “leaf”", "site is north"]
    assert [chip["without"] for chip in page.context["chips"]] == ["?metadata.site=north", "?search=leaf"]
    typed = client.get(url(project, search="leaf", metadata="site = north"))
    assert typed.url.endswith("?search=leaf&metadata.site=north")


def test_what_is_found_by_the_models_word_has_told_it(as_, rev, project):
    (image,) = add_images(project, 1, slice="")
    predict(make_model(project), image, "cat", 0.9)

    as_(rev).get(url(project, search="image"))
    assert not Exposure.objects.exists()
    as_(rev).get(url(project, min_confidence="0.5"))
    assert Exposure.objects.get().user == rev


def test_a_lead_deletes_ticked_images_and_restores_them_from_the_trash(as_, lena, rev, project):
    first, second, third = add_images(project, 3)
    client = as_(lena)

    answer, told = do(client, project, "delete", first, second, filters="?view=table")
    job = Job.objects.get(kind="images")
    assert answer.url.endswith(f"?view=table&deleted={job.pk}")
    assert told == ["2 images are in the trash."]
    assert ids(client.get(url(project))) == [third.pk]
    trash = client.get(url(project, status="deleted"))
    assert ids(trash) == [second.pk, first.pk]
    assert f"/api/images/{first.pk}/thumb/?status=deleted" in trash.content.decode()
    assert ids(as_(rev).get(url(project, status="deleted"))) == [third.pk]  # not a filter that a reviewer has

    client = as_(lena)
    assert client.get(answer.url).context["undo"] == job
    assert do(client, project, "restore", undo=job.pk)[1] == ["2 images are back."]
    do(client, project, "delete", first, second)
    _answer, told = do(client, project, "delete", first, filters="?status=deleted")
    assert told == ["Choose what to do with the images."]
    _answer, told = do(client, project, "restore", filters="?status=deleted", all="1")
    assert told == ["2 images are back."]
    assert project.images.count() == 3


def test_all_that_fit_on_every_page_and_only_those(as_, lena, project, monkeypatch):
    add_images(project, 70, name="leaf.jpg")
    (bark,) = add_images(project, 1, name="bark.jpg")

    _answer, told = do(as_(lena), project, "delete", filters="?search=leaf", all="1")

    assert told == ["70 images are in the trash."]
    assert list(project.images.all()) == [bark]


def test_many_are_given_to_a_worker_and_the_page_says_so(as_, lena, project, monkeypatch):
    monkeypatch.setattr(work, "AT_ONCE", 1)
    images = add_images(project, 2)
    client = as_(lena)

    _answer, told = do(client, project, "first", *images)

    assert told == ["A worker is at it: 2 images."]
    page = client.get(url(project))
    assert [row["job"] for row in page.context["under_way"]] == [Job.objects.get(kind="images")]
    assert b"data-again" in page.content


def test_nobody_below_a_lead_works_on_images(as_, rev, ann, project):
    (image,) = add_images(project, 1)
    for person in (rev, ann):
        answer, _told = do(as_(person), project, "delete", image)
        assert answer.status_code == 403
    assert project.images.exists()
    assert b"data-select-bar" not in as_(rev).get(url(project)).content


def test_what_is_missing_is_said(as_, lena, project):
    (image,) = add_images(project, 1)
    client = as_(lena)

    assert do(client, project, "delete")[1] == ["No image is chosen, or none fits."]
    assert do(client, project, "metadata", image)[1] == ["Name the field: 1 to 100 characters."]
    assert do(client, project, "fly", image)[1] == ["Choose what to do with the images."]
    _answer, told = do(client, project, "gold", image)
    assert told[0].endswith("1 stay as they are: nobody knows their answer for certain.")
    assert do(client, project, "first", image)[1][0].startswith("1 image comes first now.")
    assert QueueEntry.objects.get().chosen_by == "lead"


def test_the_table_shows_what_the_grid_does(as_, lena, project):
    add_images(project, 2)
    deletion.delete(project=project, by=lena, image_ids=[project.images.first().pk])

    page = as_(lena).get(url(project, view="table"))

    assert b"images-table" in page.content
    assert len(ids(page)) == 1
