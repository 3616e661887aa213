"""The Python client against a running server: every example of its README, and what a person with a token does."""

from __future__ import annotations

import hashlib
import re
import zipfile
from pathlib import Path

import httpx
import labeler_client
import pytest
from labeler_client import Client, NotAllowed, NotFound, NotPossibleNow, NotSignedIn, WorkFailed

from api import urls
from labeler.accounts.tokens import create_token
from labeler.models import Gold, Image, Job, Label, Webhook
from labeler.projects import projects
from tests.clients.answers import mocked
from tests.helpers.factories import add_images, category, make_model, make_project
from tests.helpers.inline_worker import InlineWorker
from tests.helpers.pictures import picture

pytestmark = pytest.mark.django_db(transaction=True)
README = (Path(__file__).resolve().parents[2] / "clients" / "python" / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
SERVED = {pattern.name for pattern in urls.urlpatterns}
# Addresses that an example needs, by a word of it: where the server has none yet, the contract's answers stand in.
NEEDED = {"create_release": "releases", "outside_model": "outside-models"}


@pytest.fixture
def leaf(lena, settings, tmp_path, monkeypatch):
    """A project, and a folder with what the examples send; the working directory of the test."""
    settings.MEDIA_DIR, settings.MODELS_DIR = tmp_path / "media", tmp_path / "models"
    project = make_project(lead=lena, name="leaf", categories=("healthy", "rust"))
    folder = tmp_path / "work"
    (folder / "photos" / "north").mkdir(parents=True)
    monkeypatch.chdir(folder)
    for number in range(1, 4):
        (folder / "photos" / "north" / f"leaf-{number}.jpg").write_bytes(picture(number))
    (folder / "photos" / "notes.txt").write_text("no image")
    (folder / "photos" / "broken.png").write_bytes(b"\x89PNG no more")
    with zipfile.ZipFile(folder / "leaves.zip", "w") as archive:
        archive.writestr("south/leaf-9.jpg", picture(9))
    rows = [f"north/leaf-{n}.jpg,{who},healthy" for n in (1, 2) for who in ("ann-elsewhere", "bea-elsewhere")]
    lines = ["file_name,annotator,label", *rows, "nobody.jpg,ann-elsewhere,rust"]
    (folder / "judgements.csv").write_text("\n".join(lines))
    return project


@pytest.fixture
def token(lena):
    return create_token(user=lena, name="client", scopes=["read", "manage", "export", "label"])[1]


@pytest.fixture
def client(live_server, token):
    with Client(live_server.url, token) as client:
        yield client


def chess_with_a_model(lena):
    """A project that draws, with two images on which a model found a pawn."""
    project = make_project(lead=lena, name="chess", task="boxes", categories=("pawn", "king"))
    pawn, run = category(project, "pawn"), make_model(project)
    found = {"number": 1, "category": pawn, "box": [100, 50, 40, 40], "probability": 0.9, "shown": True}
    for image in add_images(project, 2):
        run.predictions.create(
            image=image, probabilities=[], categories=[pawn], probability=0.9, margin=0.8, drawn=[found]
        )
    return project


def test_what_is_drawn_is_claimed_answered_and_read_again(lena, client):
    chess_with_a_model(lena)
    project = client.project("chess")
    first, second = project.claim(2)
    [shown] = first["prelabel"]["objects"]
    assert (shown["category"], shown["box"], shown["probability"]) == ("pawn", [100, 50, 40, 40], 0.9)

    moved = project.label(
        first["image"]["id"],
        objects=[{"from": 1, "box": [120, 50, 40, 40]}, {"category": "king", "box": [600, 10, 100, 30]}],
        seconds=4.5,
    )
    kept = project.label(second["image"]["id"], keep="all")

    # Moved by half of its width: 20/60 of both together. The king is cut at the right of 640 pixels.
    assert [(one["from"], one["change"], one["iou"] and round(one["iou"], 3)) for one in moved["objects"]] == [
        (1, "moved", 0.333), (None, "drawn", None),
    ]  # fmt: skip
    assert moved["objects"][1]["box"] == [600, 10, 40, 30]
    assert moved["changes"] == [{"number": 2, "change": "clipped"}]
    assert [one["change"] for one in kept["objects"]] == ["kept"]
    assert [len(label.objects) for label in project.labels()] == [2, 1]
    said = list(project.predictions())
    assert [[one["category"] for one in row["objects"]] for row in said] == [["pawn"], ["pawn"]]
    with pytest.raises(NotPossibleNow) as refused:
        project.label(first["image"]["id"], objects=[{"category": "pawn", "box": [900, 1, 5, 5]}])
    assert refused.value.fields["objects"][0]["number"] == 0


def test_every_example_of_the_readme_runs(leaf, lena, live_server, token, capsys):
    pytest.importorskip("pandas")
    space: dict = {"__name__": "example"}
    live = None
    chess_with_a_model(lena)
    with Client(live_server.url, token) as own, InlineWorker() as worker:
        space["boxes"] = own.project("chess")
        for block in BLOCKS:
            missing = [name for word, name in NEEDED.items() if word in block and name not in SERVED]
            if missing:
                live, space["project"] = space["project"], mocked(leaf.pk).project(leaf.pk)
            code = block.replace("https://labels.example.org", live_server.url).replace("lb_…", token)
            exec(compile(code, "README.md", "exec"), space)
            if missing:
                space["project"] = live
    assert worker.troubles == []
    said = capsys.readouterr().out
    assert "4 of 4" in said and "3 new, 0 known, 1 refused" in said
    assert "1 images" in said and "4 labels" in said
    assert re.search(r"^6 ", said, re.M)  # the row of the CSV that names no image
    assert "north/leaf-1.jpg ann-elsewhere ['healthy']" in said
    assert "too_few_labels" in said and "not_found" in said
    assert "[('pawn', 'kept', 1.0), ('king', 'drawn', None)]" in said
    assert (leaf.images.count(), Label.objects.filter(project=leaf).count()) == (4, 4)
    assert Webhook.objects.get().events == ["import.finished", "run.finished"]
    body = b'{"id": 1, "event": "webhook.test", "data": {}}'
    assert space["receive"]({"Labeler-Signature": "t=1,v1=00"}, body) == 400
    space["client"].close()


def test_what_is_uploaded_twice_is_a_duplicate_and_keeps_its_path(leaf, client):
    project = client.project("leaf")
    first = project.upload(["photos/north", Path("photos/broken.png")])
    assert [one["name"] for one in first.added] == ["leaf-1.jpg", "leaf-2.jpg", "leaf-3.jpg"]
    assert [one["name"] for one in first.refused] == ["broken.png"]
    again = project.upload("photos")
    assert ([one["name"] for one in again.duplicates], again.added) == (
        ["north/leaf-1.jpg", "north/leaf-2.jpg", "north/leaf-3.jpg"], [],
    )  # fmt: skip
    with pytest.raises(FileNotFoundError):
        project.upload(["photos", "nowhere"])


def test_a_lot_whose_answer_was_lost_is_sent_again_and_taken_in_once(leaf, live_server, token):
    lost = []

    class Lossy(httpx.HTTPTransport):
        def handle_request(self, request):
            response = super().handle_request(request)
            if request.url.path.endswith("/images/") and request.method == "POST" and not lost:
                response.read()
                lost.append(request.headers["Idempotency-Key"])
                raise httpx.ReadError("cut", request=request)
            return response

    with Client(live_server.url, token, transport=Lossy(), sleep=lambda seconds: None) as client:
        result = client.project("leaf").upload("photos/north")
    assert lost and len(result.added) == 3 and result.duplicates == []  # the answer of the first time
    assert Image.objects.count() == 3


def test_lists_go_on_behind_their_first_page(leaf, client):
    project = client.project("leaf")
    project.upload("photos/north")
    rows = project.images(page_size=1)
    assert [image.name for image in rows] == ["leaf-1.jpg", "leaf-2.jpg", "leaf-3.jpg"]
    assert len({image.sha256 for image in rows}) == 3


def test_an_import_that_fails_says_why(leaf, client):
    Path("broken.zip").write_bytes(b"PK\x03\x04 no archive")
    with InlineWorker(), pytest.raises(WorkFailed) as failed:
        client.project("leaf").import_file("broken.zip", format="zip").wait(timeout=60)
    assert failed.value.message.endswith(".") and failed.value.code
    assert Job.objects.get().state == "failed"


FOREIGN = """file_name,who,label
north/leaf-1.jpg,zoe,healthy
north/leaf-1.jpg,yan,rust
north/leaf-2.jpg,zoe,mould
north/leaf-3.jpg,zoe,Scab
"""


def test_a_dry_run_says_what_would_be_and_writes_nothing(leaf, client):
    project = client.project("leaf")
    project.upload("photos")
    Path("foreign.csv").write_text(FOREIGN)
    how = {"labels_as": {"people": "who"}, "new_categories": {"mould": "rust", "Scab": None}}
    with InlineWorker() as worker:
        refusing = project.import_file("foreign.csv", labels_as={"people": "who"}, dry_run=True).wait(timeout=60)
        looked = project.import_file("foreign.csv", dry_run=True, **how).wait(timeout=60)
        assert not Label.objects.exists()
        done = project.import_file("foreign.csv", **how).wait(timeout=60)
    assert worker.troubles == []

    assert refusing.found is not None and refusing.found["format"] == "csv"
    known = {one["name"]: one["known"] for one in refusing.found["classes"]}
    assert known == {"healthy": True, "rust": True, "mould": False, "Scab": False}
    assert {one["name"]: one["count"] for one in refusing.found["people"]} == {"zoe": 3, "yan": 1}
    assert (refusing.labels_added, len(refusing.refused)) == (2, 2)
    # What the dry run promised is what came.
    assert looked.labels_added == done.labels_added == 3
    assert [one["row"] for one in looked.refused] == [one["row"] for one in done.refused]
    stored = {(row.file_name, row.annotator): row.categories for row in project.labels()}
    assert stored == {
        ("north/leaf-1.jpg", "zoe"): ["healthy"], ("north/leaf-1.jpg", "yan"): ["rust"],
        ("north/leaf-2.jpg", "zoe"): ["rust"],
    }  # fmt: skip


def test_what_labels_of_a_file_are_is_said_with_it(leaf, client):
    project = client.project("leaf")
    project.upload("photos")
    Path("answers.csv").write_text("file_name,label\nnorth/leaf-1.jpg,healthy\nnorth/leaf-2.jpg,galls\n")
    with InlineWorker() as worker:
        gold = project.import_file("answers.csv", labels_as="gold").wait(timeout=60)
        of_one = project.import_file("answers.csv", labels_as={"source": "atlas"}, new_categories="make")
        of_one.wait(timeout=60)
        with pytest.raises(labeler_client.BadRequest) as bad:
            project.import_file("answers.csv", labels_as="perhaps")
    assert worker.troubles == []

    assert (gold.labels_added, Gold.objects.get().image.name) == (0, "north/leaf-1.jpg")
    assert [one["row"] for one in gold.refused] == [3] and "galls" in gold.refused[0]["reason"]
    assert of_one.labels_added == 2 and {row.annotator for row in project.labels()} == {"atlas"}
    assert leaf.categories.filter(name="galls").exists()
    assert set(bad.value.fields) == {"labels_as"}


def test_errors_have_their_class_code_and_fields(leaf, live_server, client, carl, lena):
    with pytest.raises(NotFound):
        client.project(leaf.pk + 1000)
    with pytest.raises(labeler_client.BadRequest) as bad:
        list(client.project("leaf").images(status="nonsense"))
    assert bad.value.code == "invalid" and bad.value.fields["status"]
    with pytest.raises(labeler_client.BadRequest, match="inside of a network"):
        client.project("leaf").create_webhook("http://10.0.0.1/")
    with pytest.raises(NotSignedIn), Client(live_server.url, "lb_wrong") as stranger:
        stranger.me()
    reader = create_token(user=lena, name="reader", scopes=["read"])[1]
    with pytest.raises(NotAllowed), Client(live_server.url, reader) as reading:
        reading.project("leaf").train()


def test_webhooks_are_made_tested_paused_and_removed(leaf, client, lena):
    project = client.project(leaf.pk)
    webhook = project.create_webhook("https://93.184.216.34/x")
    assert webhook.secret.startswith("lbwh_") and webhook.secret not in repr(webhook) + str(webhook.raw)
    assert webhook.test().state == "waiting"
    [row] = webhook.deliveries()
    assert row.event == "webhook.test"
    assert webhook.change(paused=True).is_paused and not webhook.resume().is_paused
    assert webhook.redeliver(row).attempts == 0
    webhook.delete()
    assert list(project.webhooks()) == []
    projects.trash(project=leaf, by=lena)
    with pytest.raises(NotFound):
        list(project.webhooks())


@pytest.mark.skipif("releases" not in SERVED, reason="this server has no releases yet")
def test_a_release_is_downloaded_in_several_formats_and_goes_on_where_it_broke_off(leaf, client, tmp_path):
    project, to = client.project("leaf"), tmp_path / "down"
    to.mkdir()
    with InlineWorker() as worker:
        project.upload("photos")
        project.import_file("judgements.csv", format="labels-csv").wait(timeout=60)
        release = project.create_release("v1", splits={"train": 0.8, "test": 0.2}).wait(timeout=60)
        kinds = [release.download(format, to=to).suffix for format in ("csv", "imagefolder", "parquet")]
        whole = release.download("csv", to=to / "whole.csv").read_bytes()
        (to / "half.csv.part").write_bytes(whole[:50])
        (to / "half.csv.part.etag").write_text(f'"{hashlib.sha256(whole).hexdigest()}"')
        assert release.download("csv", to=to / "half.csv").read_bytes() == whole
    assert worker.troubles == [] and kinds == [".csv", ".zip", ".parquet"]
    assert [(one.number, one.state) for one in project.releases()] == [(1, "done")]


@pytest.mark.skipif("outside-models" not in SERVED, reason="this server takes no predictions of other models yet")
def test_predictions_of_another_model_are_stored_and_used(leaf, client):
    project = client.project("leaf")
    project.upload("photos")
    model = project.outside_model("resnet", "2")
    items = [{"file_name": "leaf-1.jpg", "probabilities": {"healthy": 0.9, "rust": 0.1}}, {"file_name": "no.jpg"}]
    stored = model.predict(items)
    assert (stored.stored, [one["item"] for one in stored.refused]) == (1, [1])
    assert project.outside_model("resnet", "2").id == model.id
    assert model.activate().raw["active"] is True
