"""The loop, end to end, as its users meet it: `up`, real servers, a real worker, browsers.

Import images, three people label, kappa appears, a run trains, pre-labels are shown and accepted, and the export
contains exactly what was keyed.
"""

from __future__ import annotations

import csv
import io
import os
import re
import secrets
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sklearn.metrics import cohen_kappa_score

from labeler.demo.drawing import CATEGORIES, draw_jpeg
from tests.helpers import databases
from tests.helpers.client import Client
from tests.helpers.installation import Up, manage, wait_for

pytestmark = pytest.mark.worker

PASSWORD = "a leaf of many words"
PEOPLE = ("ann", "bea", "dora")

MAKE_PEOPLE = f"""
import sys
from django.contrib.auth import get_user_model
password, people = sys.stdin.read(), get_user_model().objects
people.create_superuser("lena", password=password)
for name in {PEOPLE}:
    people.create_user(name, password=password)
"""


@pytest.fixture(scope="module")
def running():
    """A Labeler of its own, with accounts for a lead and three annotators.

    On the tests' PostgreSQL and Valkey, in a database that was migrated before: test_up.py starts all from nothing.
    """
    # The broker's first database is nobody's else (tests/helpers/servers.py).
    broker = f"{os.environ['REDIS_URL'].rpartition('/')[0]}/0"
    at = {"DATABASE_URL": databases.another("labeler_journey"), "REDIS_URL": broker}
    with tempfile.TemporaryDirectory(prefix="labeler-journey-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        up = Up(Path(folder) / "data", **at)
        # One process for all of them; test_up.py makes accounts by the command.
        made = manage("shell", "-c", MAKE_PEOPLE, typed=PASSWORD, **at, SECRET_KEY=secrets.token_urlsafe(48))
        assert made.returncode == 0, made.stderr
        yield up
        up.stop()


@pytest.fixture(scope="module")
def leaves(tmp_path_factory) -> dict[str, bytes]:
    """65 drawn leaves by file name; the name says what each shows."""
    return {
        f"{kind.lower().replace(' ', '-')}-{number:02}.jpg": draw_jpeg(5000 + number * 7 + place, kind)
        for place, kind in enumerate(CATEGORIES)
        for number in range(13)
    }


def truth_of(name: str) -> str:
    """What a leaf's file name says that it shows."""
    stem = re.sub(r"-\d+\.jpg$", "", name).replace("-", " ")
    return next(kind for kind in CATEGORIES if kind.lower() == stem)


def log_in(page: Page, up: Up, name: str) -> None:
    page.goto(up.url + "login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Projects")).to_be_visible()


def bring_in(page: Page, up: Up, project_id: int, files: dict[str, bytes]) -> None:
    """Choose files on the import page and wait until all are in."""
    page.goto(f"{up.url}projects/{project_id}/import/")
    page.locator("#pick-files").set_input_files(
        [{"name": name, "mimeType": "image/jpeg", "buffer": content} for name, content in files.items()]
    )
    expect(page.locator("#n-added")).to_have_text(str(len(files)), timeout=60_000)


# Not any panel: one stands there too while a slow server is asked for more.
FINISHED = "#panel[data-state=finished]:not([hidden])"


def painted(page: Page) -> str | None:
    """The id of the image that stands on the screen; None when nothing is left."""
    page.wait_for_selector(f"html[data-painted], {FINISHED}", timeout=20_000)
    return page.locator("html").get_attribute("data-painted")


class Annotator:
    """A person in a browser, who knows what each leaf shows and errs on every ninth."""

    def __init__(self, name: str, page: Page, up: Up, project_id: int, names: dict[str, str]):
        self.name, self.page, self.names = name, page, names
        self.keyed: dict[int, str] = {}  # image -> class: what was keyed, the last word of it
        self.accepted: set[int] = set()
        self.offset = PEOPLE.index(name)
        log_in(page, up, name)
        page.goto(f"{up.url}projects/{project_id}/label/")

    def opinion(self, image: str) -> str:
        kind = truth_of(self.names[image])
        if (int(image) + self.offset) % 9 == 0:
            return CATEGORIES[(CATEGORIES.index(kind) + 1 + self.offset) % len(CATEGORIES)]
        return kind

    def label_one(self, *, accept: bool = False) -> bool:
        """Press the key for the image on the screen, and wait for the next one; False when there is none."""
        image = painted(self.page)
        if image is None:
            return False
        said = self.opinion(image)
        suggestion = self.page.locator(".key.sug .nm")
        if accept and suggestion.count() and suggestion.inner_text() == said:
            self.page.keyboard.press("Enter")
            self.accepted.add(int(image))
        else:
            self.page.keyboard.press(str(CATEGORIES.index(said) + 1))
        self.keyed[int(image)] = said
        self.page.wait_for_selector(f"html[data-painted]:not([data-painted='{image}']), {FINISHED}", timeout=20_000)
        return True

    def finish(self) -> None:
        expect(self.page.locator("#saving")).to_have_text("saved", timeout=20_000)


def names_by_id(lead: Client, project_id: int) -> dict[str, str]:
    return {str(image["id"]): image["name"] for image in lead.list(f"/api/projects/{project_id}/images/?page_size=500")}


def export(lead: Client, project_id: int) -> list[dict[str, str]]:
    status, text = lead.call("GET", f"/api/projects/{project_id}/export/csv/")
    assert status == 200
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))


@pytest.mark.timeout(400)
def test_from_photographs_to_accepted_prelabels_and_an_exact_export(running, leaves, new_context):
    up = running
    lead_page = new_context().new_page()
    log_in(lead_page, up, "lena")

    # a project, in the browser
    lead_page.goto(up.url + "projects/new/")
    lead_page.get_by_label("Name", exact=True).fill("Leaves")
    lead_page.get_by_label("Question").fill("What is wrong with this leaf?")
    lead_page.get_by_role("textbox", name="Classes").fill(", ".join(CATEGORIES))
    lead_page.get_by_role("button", name="Create project").click()
    lead_page.wait_for_url(re.compile(r"/projects/\d+/"))
    project_id = int(re.search(r"/projects/(\d+)/", lead_page.url)[1])
    lead = Client(up.url, "lena", PASSWORD)

    # in the settings: this lead wants to say herself when to train
    lead_page.goto(f"{up.url}projects/{project_id}/settings/training/")
    lead_page.get_by_label("Train by itself when enough new labels are in").uncheck()
    lead_page.get_by_role("button", name="Save settings").click()
    expect(lead_page.get_by_label("Train by itself when enough new labels are in")).not_to_be_checked()

    # images, but for the last of each class, which come later
    first = {name: content for name, content in leaves.items() if not re.search(r"-(09|1[0-2])\.jpg$", name)}
    later = {name: content for name, content in leaves.items() if name not in first}
    bring_in(lead_page, up, project_id, first)
    for person in PEOPLE:
        lead_page.goto(f"{up.url}projects/{project_id}/members/")
        lead_page.get_by_label("User name").fill(person)
        lead_page.get_by_role("button", name="Add", exact=True).click()
        expect(lead_page.get_by_label(f"Role of {person}")).to_be_visible()

    # three people, each in a browser of their own, until nothing is left: two labels per image
    names = names_by_id(lead, project_id)
    people = [Annotator(name, new_context().new_page(), up, project_id, names) for name in PEOPLE]
    while any([person.label_one() for person in people]):  # noqa: C419 - everybody's turn, not until the first
        pass
    for person in people:
        person.finish()
    assert Counter(image for person in people for image in person.keyed) == dict.fromkeys(map(int, names), 2)

    # kappa appears, and is what scikit-learn says of what was keyed
    agreement = lead.get(f"/api/projects/{project_id}/agreement/?labels=all&sample=all")
    by_name = {person.name: person.keyed for person in people}
    for pair in agreement["pairs"]:
        shared = sorted(by_name[pair["a"]].keys() & by_name[pair["b"]].keys())
        assert pair["n"] == len(shared)
        expected = cohen_kappa_score([by_name[pair["a"]][i] for i in shared], [by_name[pair["b"]][i] for i in shared])
        assert pair["kappa"]["value"] == pytest.approx(expected, abs=1e-9)
    # All of them: what a worker puts first after its look at the images, when that comes early, is no random sample.
    lead_page.goto(f"{up.url}projects/{project_id}/agreement/?labels=all&sample=all")
    matrix = lead_page.get_by_role("region", name="Who disagrees with whom?")
    expect(matrix).to_contain_text(f"{agreement['pairs'][0]['kappa']['value']:.2f}")

    # a run trains, asked for by a click and carried out by the worker
    lead_page.goto(f"{up.url}projects/{project_id}/model/")
    lead_page.get_by_role("button", name="Train model 1 now").click()
    expect(lead_page.get_by_text("in use", exact=True).first).to_be_visible(timeout=240_000)
    run = lead.get(f"/api/projects/{project_id}/model/")
    assert run["state"] == "done"
    assert run["active"]

    # new images come pre-labeled
    bring_in(lead_page, up, project_id, later)
    names |= names_by_id(lead, project_id)

    def all_predicted() -> bool:
        known = list(lead.list(f"/api/projects/{project_id}/images/?status=unlabeled&order=uncertainty&page_size=500"))
        held_out = len(later) - len(known)
        return bool(known) and held_out <= len(later) / 2 and not [i for i in known if i["prediction"] is None]

    wait_for(all_predicted, seconds=120, every=0.5)
    for person in people:
        person.names = names
        person.page.reload()
    while any([person.label_one(accept=True) for person in people]):  # noqa: C419
        pass
    for person in people:
        person.finish()
    accepted = {(image, person.name) for person in people for image in person.accepted}
    assert len(accepted) >= 10, "the model was not right about enough of 20 new leaves, two labels each"

    # the export contains exactly what was keyed, and knows which answers a suggestion preceded
    rows = export(lead, project_id)
    exported = {(int(row["image_id"]), row["annotator"]): row["categories"] for row in rows}
    assert len(rows) == len(exported)
    assert exported == {(i, person.name): said for person in people for i, said in person.keyed.items()}
    shown = {(int(row["image_id"]), row["annotator"]) for row in rows if row["prelabel_shown"].lower() == "true"}
    assert accepted <= shown
    assert all(names[str(image)] in later for image, _ in shown)


@pytest.mark.timeout(500)
def test_two_hundred_photographs_of_clothes_teach_the_model_the_rest(running, test_data):
    """Three simulated people label 200 real photographs; the model must be right on 65 % of the others."""
    import random

    up, lead = running, Client(running.url, "lena", PASSWORD)
    classes = sorted(folder.name for folder in (test_data / "clothing").iterdir() if folder.is_dir())
    chance = random.Random(17)
    photos = chance.sample(sorted((test_data / "clothing").glob("*/*.jpg")), 400)
    project = lead.post(
        "/api/projects/",
        {
            "name": "Clothes",
            "task": "single",
            "labels_per_image": 3,
            "train_automatically": False,
            "categories": [{"name": c} for c in classes],
        },
    )
    project_id = project["id"]
    for person in PEOPLE:
        lead.post(f"/api/projects/{project_id}/members/", {"username": person, "role": "annotator"})
    for start in range(0, len(photos), 100):
        files = {f"{p.parent.name}/{p.name}": p.read_bytes() for p in photos[start : start + 100]}
        answer = lead.upload(f"/api/projects/{project_id}/images/", files)
        assert not answer["refused"]
    truth = {
        image["id"]: image["name"].split("/")[0]
        for image in lead.list(f"/api/projects/{project_id}/images/?page_size=1000")
    }

    # each person is right 85 times in 100, and takes the class beside it otherwise
    clients = {person: Client(up.url, person, PASSWORD) for person in PEOPLE}
    for person, client in clients.items():
        done = 0
        while done < 200:
            claims = client.post(f"/api/projects/{project_id}/claims/", {"count": 25})["claims"]
            for claim in claims[: 200 - done]:
                assert claim["prelabel"] is None
                right = truth[claim["image"]["id"]]
                wrong = classes[(classes.index(right) + 1 + PEOPLE.index(person)) % len(classes)]
                client.put(
                    f"/api/images/{claim['image']['id']}/label/",
                    {"categories": [right if chance.random() < 0.85 else wrong], "seconds": 1.0},
                )
                done += 1
    agreement = lead.get(f"/api/projects/{project_id}/agreement/")
    assert 0.5 < agreement["alpha"]["value"] < 0.9

    started = time.monotonic()
    # The tests have to end, and frozen features win here anyway.
    run = lead.post(f"/api/projects/{project_id}/runs/", {"config": {"candidates": ["frozen"]}})

    def finished() -> bool:
        state = lead.get(f"/api/runs/{run['id']}/")
        assert state["state"] in ("queued", "running", "done"), state["error"]
        return state["state"] == "done" and state["predicted"]["done"] == state["predicted"]["total"] > 0

    wait_for(finished, seconds=300, every=0.5)
    rest = [
        image
        for image in lead.list(f"/api/projects/{project_id}/images/?status=unlabeled&order=uncertainty&page_size=500")
        if image["prediction"] is not None
    ]
    right = sum(image["prediction"]["categories"] == [truth[image["id"]]] for image in rest)
    print(f"\n{right}/{len(rest)} = {right / len(rest):.3f} right, {time.monotonic() - started:.0f} s to pre-labels")
    assert len(rest) >= 100
    assert right / len(rest) >= 0.65
