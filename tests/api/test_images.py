"""Images over REST: uploads, imports, lists with filters and orders, and what each role may see of an image."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import get_script_prefix, reverse, set_script_prefix

from api.claims import image_urls
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Image, Job
from labeler.review import adjudication
from tests.helpers.api import as_person, error_of, key, with_token
from tests.helpers.factories import add_images, make_model, predict
from tests.helpers.pictures import archive, picture

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    return settings.MEDIA_DIR


def upload(client, project, *files, **more):
    # By hand, as a browser writes it: the test client would cut a name down to its last part.
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="%s"\r\nContent-Type: image/jpeg\r\n\r\n%s\r\n'
        % (name.encode(), content)
        for name, content in files
    ]
    form = b"".join(parts) + b"--x--\r\n"
    url = f"/api/projects/{project.pk}/images/"
    return client.generic("POST", url, form, content_type="multipart/form-data; boundary=x", **more)


def answer(person, image, *names, **more):
    claims.claim(project=image.project, annotator=person, count=50)
    return save_label(image_id=image.pk, annotator=person, categories=names, **more)


def listed(client, project, query="") -> list[int]:
    response = client.get(f"/api/projects/{project.pk}/images/?{query}")
    assert response.status_code == 200, response.json()
    return [image["id"] for image in response.json()["results"]]


# ---------------------------------------------------------------- in


@pytest.mark.parametrize("sign_in", [as_person, with_token])
def test_an_upload_says_what_became_of_each_file(project, lena, sign_in):
    client = sign_in(lena)
    response = upload(client, project, ("fox/a.jpg", picture(1)), ("dog/a.jpg", picture(2)), ("b.jpg", picture(1)),
                      ("notes.pdf", b"%PDF-1.4"))  # fmt: skip

    body = response.json()
    assert response.status_code == 200
    # Two files of one name in two folders are two images, and keep their folders.
    assert [image["name"] for image in body["added"]] == ["fox/a.jpg", "dog/a.jpg"]
    assert set(body["added"][0]) == {"id", "name", "sha256"}
    assert body["duplicates"] == [{"name": "b.jpg", "image": body["added"][0]["id"]}]
    assert body["refused"][0]["name"] == "notes.pdf" and "PDF" in body["refused"][0]["reason"]
    assert Image.objects.count() == 2


def test_an_upload_with_a_key_is_done_once(project, lena):
    client, headers = as_person(lena), key()

    first = upload(client, project, ("a.jpg", picture(1)), headers=headers)
    again = upload(client, project, ("a.jpg", picture(1)), headers=headers)
    other = upload(client, project, ("a.jpg", picture(2)), headers=headers)

    assert first.json() == again.json() and len(again.json()["added"]) == 1
    assert (other.status_code, error_of(other)) == (409, "idempotency_key_reused")
    assert Image.objects.count() == 1


@pytest.mark.parametrize("name", ["../../etc/passwd.jpg", "C:\\x\\y.jpg", "a\x00b.jpg", "/", ".."])
def test_no_name_of_a_file_is_a_path_of_ours(project, lena, name):
    response = upload(as_person(lena), project, (name, picture(1)))

    assert response.status_code in (200, 400)
    for image in Image.objects.all():
        assert ".." not in image.name and "\x00" not in image.name and not image.name.startswith(("/", "C:"))


def test_an_upload_without_files_is_refused(project, lena):
    client = as_person(lena)
    for response in (client.post(f"/api/projects/{project.pk}/images/", {}), upload(client, project)):
        assert (response.status_code, error_of(response)) == (400, "invalid")


def zipped(tmp_path, **files: bytes) -> SimpleUploadedFile:
    path = archive(tmp_path / "images.zip", files)
    return SimpleUploadedFile("images.zip", path.read_bytes())


def test_an_import_is_a_row_to_poll(project, lena, tmp_path, media):
    client = as_person(lena)

    response = client.post(
        f"/api/projects/{project.pk}/imports/", {"file": zipped(tmp_path, **{"a.jpg": picture(1)}), "format": "zip"},
        format="multipart",
    )  # fmt: skip

    body = response.json()
    assert response.status_code == 202
    assert (body["state"], body["progress"], body["error"]) == ("queued", {"done": 0, "total": 0}, None)
    kept = media / Job.objects.get().params["path"]
    assert kept.read_bytes()[:2] == b"PK"
    assert client.get(f"/api/imports/{body['id']}/").json() == body
    cancelled = client.post(f"/api/imports/{body['id']}/cancellation/")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert not kept.exists()
    assert error_of(client.post(f"/api/imports/{body['id']}/cancellation/")) == "not_cancellable"


def test_an_import_with_a_key_is_asked_for_once(project, lena, tmp_path, media):
    client, headers = as_person(lena), key()

    def send(**files):
        return client.post(f"/api/projects/{project.pk}/imports/", {"file": zipped(tmp_path, **files)},
        format="multipart",
                           headers=headers)  # fmt: skip

    first, again, other = send(a=b"1"), send(a=b"1"), send(a=b"2")

    assert first.json()["id"] == again.json()["id"]
    assert error_of(other) == "idempotency_key_reused"
    assert len(list(Path(media, "uploads").iterdir())) == 1


@pytest.mark.parametrize(("format_", "status"), [("rar", 400), ("\x00", 400)])
def test_formats_that_are_not_read_are_refused_with_those_that_are(project, lena, tmp_path, format_, status):
    response = as_person(lena).post(
        f"/api/projects/{project.pk}/imports/",
        {"file": zipped(tmp_path, a=b"1"), "format": format_},
        format="multipart",
    )
    as_json = as_person(lena).post(f"/api/projects/{project.pk}/imports/", {"format": format_, "urls": ["http://x"]})

    assert response.status_code == status
    assert as_json.status_code in (status, 400)
    error_of(as_json)
    assert "zip" in response.json()["error"]["message"]
    assert not Job.objects.exists()


# ---------------------------------------------------------------- lists


@pytest.fixture
def three(project, ann, bea):
    """cat twice; cat and dog; unlabeled. The model says fox .9, dog .6, dog .7."""
    images = [add_images(project, 1, name=name, metadata=metadata)[0] for name, metadata in (
        ("fox/one.jpg", {"site": "north", "n": 3}), ("two.jpg", {"site": "south"}), ("three_%.jpg", {}),
    )]  # fmt: skip
    for person, names in ((ann, ("cat", "cat")), (bea, ("cat", "dog"))):
        for image, name in zip(images, names, strict=False):
            answer(person, image, name)
    model = make_model(project)
    for image, name, probability in zip(images, ("fox", "dog", "dog"), (0.9, 0.6, 0.7), strict=True):
        predict(model, image, name, probability)
    return images


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [0, 1, 2]),
        ("status=settled", [0]),
        ("status=settled&status=disputed", [0, 1]),
        ("category=cat", [0, 1]),
        ("category=cat&category=dog", [1]),
        ("labeled_by=bea", [0, 1]),
        ("labeled_by=nobody", []),
        ("predicted=dog", [1, 2]),
        ("predicted=dog&min_confidence=0.65", [2]),
        ("max_confidence=0.7", [1, 2]),
        ("disagreement=0.5", [1]),
        ("metadata.site=north", [0]),
        ("metadata.n=3", [0]),
        ("metadata.site=north&metadata.n=4", []),
        ("search=TWO", [1]),
        ("search=%25", [2]),
        ("order=-confidence", [0, 2, 1]),
        ("order=uncertainty", [1, 2, 0]),
        ("order=-disagreement", [1, 0, 2]),
        ("order=-confidence&predicted=dog", [2, 1]),
    ],
)
def test_filters_and_orders(project, three, rev, query, found):
    assert listed(as_person(rev), project, query) == [three[n].pk for n in found]


@pytest.mark.parametrize("order", ["id", "-confidence", "uncertainty", "-disagreement"])
def test_every_order_pages_without_gap_or_repetition(project, three, rev, order):
    model = project.runs.get()
    for image in add_images(project, 8):
        predict(model, image, "cat", 0.5)  # ties, which the id must break
    client, seen = as_person(rev), []
    url = f"/api/projects/{project.pk}/images/?order={order}&page_size=3"
    while url:
        page = client.get(url).json()
        seen += [image["id"] for image in page["results"]]
        url = page["next"]

    assert seen == listed(client, project, f"order={order}")
    assert len(seen) == len(set(seen)) == 11


def test_an_annotator_may_not_look_for_what_others_said(project, three, ann):
    client = as_person(ann)
    for query in ("status=settled", "category=cat", "labeled_by=bea", "predicted=dog", "min_confidence=0.1",
                  "disagreement=0.1", "metadata.site=north", "search=fox", "order=-confidence",
                  "order=-disagreement"):  # fmt: skip
        response = client.get(f"/api/projects/{project.pk}/images/?{query}")
        assert (response.status_code, error_of(response)) == (403, "not_allowed"), query
    assert listed(client, project, "labeled_by=ann") == [image.pk for image in three[:2]]


@pytest.mark.parametrize(("slice_", "is_told"), [("blind", True), ("test", False), ("calibration", False)])
def test_blind_images_keep_the_models_opinion_until_they_are_settled_and_held_out_ones_for_ever(
    project, rev, ann, bea, slice_, is_told
):
    [image] = add_images(project, 1, slice=slice_, labels_needed=2)
    predict(make_model(project), image, "dog")
    client = as_person(rev)

    assert listed(client, project, "predicted=dog") == []
    assert client.get(f"/api/images/{image.pk}/").json()["prediction"] is None

    answer(ann, image, "dog")
    answer(bea, image, "dog")
    assert listed(client, project, "predicted=dog") == [image.pk] * is_told
    assert (client.get(f"/api/images/{image.pk}/").json()["prediction"] is not None) is is_told


# ---------------------------------------------------------------- one


def test_a_reviewer_sees_all_of_an_image(project, three, rev):
    image = as_person(rev).get(f"/api/images/{three[1].pk}/").json()

    assert {
        "id",
        "name",
        "width",
        "height",
        "sha256",
        "metadata",
        "status",
        "labels",
        "prediction",
        "consensus",
    } <= set(image)
    assert (image["name"], image["status"], image["metadata"]) == ("two.jpg", "disputed", {"site": "south"})
    assert {(label["annotator"], *label["categories"]) for label in image["labels"]} == {("ann", "cat"), ("bea", "dog")}
    assert image["prediction"]["probabilities"]["dog"] == pytest.approx(0.6)
    assert (image["consensus"]["categories"], image["consensus"]["is_tie"]) == (None, True)


def test_an_annotator_sees_the_outcome_only_after_their_own_answer_and_never_others_labels(project, three, ann, dora):
    url = f"/api/images/{three[0].pk}/"

    before, after = as_person(dora).get(url).json(), as_person(ann).get(url).json()

    assert (before["status"], before["disagreement"], before["prediction"], before["consensus"]) == (None,) * 4
    assert (before["labels"], before["metadata"], before["name"]) == ([], {}, f"Image {three[0].pk}")
    assert after["consensus"]["categories"] == ["cat"] and after["prediction"]["categories"] == ["fox"]
    assert [label["annotator"] for label in after["labels"]] == ["ann"]
    assert "bea" not in str(after)


def test_a_skip_is_no_answer(project, dora):
    [image] = add_images(project, 1)
    predict(make_model(project), image, "dog")
    answer(dora, image, answer="skip")

    assert as_person(dora).get(f"/api/images/{image.pk}/").json()["prediction"] is None


def test_names_are_shown_where_the_project_says_so(project, three, ann):
    project.show_file_names = True
    project.save()

    assert as_person(ann).get(f"/api/images/{three[0].pk}/").json()["name"] == "fox/one.jpg"


def test_a_page_of_images_costs_the_same_however_long(project, three, rev, django_assert_max_num_queries):
    model = project.runs.get()
    for image in add_images(project, 60):
        predict(model, image, "cat")
    client = as_person(rev)
    client.get(f"/api/projects/{project.pk}/images/")

    # Session and person, project with role, images, which audit the model, what was inferred, what the model says, and
    # that it was shown.
    with django_assert_max_num_queries(8):
        assert len(listed(client, project)) == 63


def test_decisions_cost_a_page_of_images_one_query_more(project, rev, django_assert_max_num_queries):
    for image in add_images(project, 5):
        adjudication.decide(image_id=image.pk, reviewer=rev, categories=["fox"])
    client, url = as_person(rev), f"/api/projects/{project.pk}/images/"
    client.get(url)

    with django_assert_max_num_queries(8):
        shown = [row["consensus"] for row in client.get(url).json()["results"]]

    assert [(row["method"], row["categories"]) for row in shown] == [("decision", ["fox"])] * 5


@pytest.mark.parametrize("prefix", ["/", "/labeler/"])
def test_the_addresses_of_an_image_are_those_that_the_urls_name(prefix):
    before = get_script_prefix()
    set_script_prefix(prefix)
    try:
        assert image_urls(613) == {
            "preview_url": reverse("api:preview", args=[613]),
            "thumbnail_url": reverse("api:thumb", args=[613]),
            "file_url": reverse("api:file", args=[613]),
        }
    finally:
        set_script_prefix(before)


def test_a_photograph_is_served_upright_without_metadata_and_as_it_came_to_reviewers(project, rev, ann):
    from PIL import Image as Pillow

    turned = Pillow.new("RGB", (40, 20), "red")
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "Somebody's camera"
    buffer = io.BytesIO()
    turned.save(buffer, "JPEG", exif=exif)
    add = as_person(make_lead(project))
    image = upload(add, project, ("a.jpg", buffer.getvalue())).json()["added"][0]["id"]

    seen = b"".join(as_person(ann).get(f"/api/images/{image}/file/").streaming_content)
    original = as_person(rev).get(f"/api/images/{image}/file/?original=true")

    assert Pillow.open(io.BytesIO(seen)).size == (20, 40)
    assert b"Somebody" not in seen
    assert b"".join(original.streaming_content) == buffer.getvalue()
    assert original["Content-Disposition"] == 'attachment; filename="a.jpg"'


def make_lead(project):
    return project.memberships.get(role="lead").user


# ---------------------------------------------------------------- consensus


def test_a_decision_stands_above_the_votes_until_it_is_withdrawn(project, three, rev):
    client, url = as_person(rev), f"/api/images/{three[1].pk}/consensus/"
    assert client.get(url).json()["is_tie"] is True

    decided = client.put(url, {"categories": ["Fox"], "reason": "bushy tail"})

    assert (decided.status_code, decided.json()["categories"], decided.json()["method"]) == (200, ["fox"], "decision")
    assert Image.objects.get(pk=three[1].pk).status == "settled"
    assert client.delete(url).json()["is_tie"] is True
    assert Image.objects.get(pk=three[1].pk).status == "disputed"
    assert error_of(client.delete(url)) == "conflict"
    assert three[1].decisions.count() == 1


def test_a_decision_on_what_has_changed_is_refused_with_the_present_version(project, three, rev, bea):
    client, url = as_person(rev), f"/api/images/{three[1].pk}/consensus/"
    seen = client.get(url)["ETag"]
    answer(bea, three[1], "cat")

    stale = client.put(url, {"categories": ["fox"]}, headers={"If-Match": seen})

    assert (stale.status_code, error_of(stale)) == (412, "stale_version")
    current = stale.json()["error"]["current"]
    assert client.get(url)["ETag"] == f'"{current}"'
    assert client.put(url, {"categories": ["fox"]}, headers={"If-Match": f'"{current}"'}).status_code == 200


def test_the_version_of_a_consensus_does_not_tell_the_votes(project, three, ann):
    tag = as_person(ann).get(f"/api/images/{three[0].pk}/consensus/")["ETag"]
    other = adjudication.version_of(three[0], None)
    assert len(tag) == 18
    three[0].project.salt = str(uuid4())
    assert adjudication.version_of(three[0], None) != other


@pytest.mark.parametrize(
    "body", [{}, {"categories": "cat"}, {"categories": []}, {"categories": ["cat", "dog"]}, {"categories": ["wolf"]}]
)
def test_a_decision_answers_the_projects_question(project, three, rev, body):
    response = as_person(rev).put(f"/api/images/{three[1].pk}/consensus/", body)

    assert response.status_code == 400
    error_of(response)


def test_an_annotator_sees_the_consensus_after_their_own_answer(project, three, ann, dora):
    url = f"/api/images/{three[0].pk}/consensus/"
    assert as_person(ann).get(url).json()["categories"] == ["cat"]
    assert as_person(dora).get(url).status_code == 403
