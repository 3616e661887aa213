"""A prediction by REST, as a program outside gets it: file in, answer out, with the real web server and worker.

    python -m bench serving

An installation of its own with all its processes; a model trained on drawn leaves. The first question finds a worker
that has not loaded anything. Then one client asks, one question after another, with ?wait=5.
"""

from __future__ import annotations

import http.client
import io
import json
import time
from multiprocessing import get_context
from typing import Any

from PIL import Image

from bench.common import Running, hardware, labeler, show

TRAINING, QUESTIONS, LARGE, EXPLAINED = 100, 200, 100, 60
WAIT = 600.0


class Asker:
    """A client over one kept connection."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": f"Token {token}"}

    def predict(self, project_id: int, content: bytes, wait: int) -> tuple[int, dict[str, Any]]:
        """Status and answer of one question."""
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        self.connection.request(
            "POST", f"/api/projects/{project_id}/predictions/?wait={wait}", head + content + b"\r\n--x--\r\n",
            self.headers | {"Content-Type": "multipart/form-data; boundary=x"},
        )  # fmt: skip
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read())

    def explain(self, image_id: int) -> None:
        """Ask until it is there, as the page does."""
        while True:
            self.connection.request("GET", f"/api/images/{image_id}/explanation/", headers=self.headers)
            answer = self.connection.getresponse()
            row = json.loads(answer.read())
            if answer.status == 200:
                assert row["state"] == "done", row
                return
            time.sleep(0.02)


def main() -> None:
    """Each figure with its target."""
    from labeler.demo.drawing import KINDS, draw_jpeg

    kinds = list(KINDS)
    jobs = [(70_000 + n, kinds[n % len(kinds)]) for n in range(TRAINING + QUESTIONS)]
    with get_context("spawn").Pool() as pool:
        leaves = pool.starmap(draw_jpeg, jobs)
    print(hardware())
    with labeler(worker=True) as running:
        project, token, image_ids = _trained(kinds, leaves[:TRAINING])
        asker = Asker(running.port, token)
        begun = time.perf_counter()
        status, said = asker.predict(project.pk, leaves[-1], 30)
        assert (status, said["state"]) == (200, "done"), said
        show("the first question, nothing loaded", [time.perf_counter() - begun], "s")
        asked = leaves[TRAINING:]
        _ask(running, asker, project.pk, f"a prediction, JPEG of {len(asked[0]) // 1000} KB", asked)
        large = _large(leaves[0])
        _ask(running, asker, project.pk, f"a prediction, 12 megapixels, {len(large) / 1e6:.1f} MB", [large] * LARGE)
        walls = []
        for image_id in image_ids[:EXPLAINED]:
            begun = time.perf_counter()
            asker.explain(image_id)
            walls.append(time.perf_counter() - begun)
        show("an explanation (Grad-CAM), asked until it is there", walls, "ms", 1000)


def _ask(running: Running, asker: Asker, project_id: int, what: str, files: list[bytes]) -> None:
    walls, late, spent = [], 0, running.cpu_seconds()
    for content in files:
        begun = time.perf_counter()
        status, said = asker.predict(project_id, content, 5)
        walls.append(time.perf_counter() - begun)
        late += status == 202 or said["state"] != "done"
    show(what, walls, "ms", 1000, target="p95 < 1,000")
    cpu = (running.cpu_seconds() - spent) / len(files)
    print(f"    not answered at once: {late} of {len(files)}; CPU of all processes {cpu * 1000:.0f} ms each")


def _large(leaf: bytes) -> bytes:
    file = io.BytesIO()
    Image.open(io.BytesIO(leaf)).resize((4000, 3000)).save(file, "JPEG", quality=92)
    return file.getvalue()


def _trained(kinds: list[str], leaves: list[bytes]) -> tuple[Any, str, list[int]]:
    """A project with a model in use, its lead's token, and its images."""
    from django.contrib.auth import get_user_model

    from labeler.accounts.tokens import create_token
    from labeler.intake.images import add_images, file_member
    from labeler.labeling import claims as queue
    from labeler.labeling.labels import save_label
    from labeler.models import Category, Membership, Project, Role
    from labeler.training import runs

    project = Project.objects.create(name="Leaves", labels_per_image=1, blind_share=0.0, train_automatically=False)
    pk_of = {k: Category.objects.create(project=project, name=k, position=at).pk for at, k in enumerate(kinds)}
    lead = get_user_model().objects.create(username="bench")
    Membership.objects.create(project=project, user=lead, role=Role.LEAD)
    members = [file_member(f"{at}.jpg", io.BytesIO(leaf)) for at, leaf in enumerate(leaves)]
    outcomes = list(add_images(project=project, members=members))
    truth = {outcome.image.pk: pk_of[kinds[at % len(kinds)]] for at, outcome in enumerate(outcomes)}
    while claims := queue.claim(project=project, annotator=lead, count=20):
        for one in claims:
            save_label(image_id=one.image_id, annotator=lead, categories=[truth[one.image_id]])
    run = runs.request(project=project, config={"time_limit_s": 5})
    begun = time.monotonic()
    while run.state not in ("done", "failed"):
        assert time.monotonic() - begun < WAIT, run.stage
        time.sleep(0.2)
        run.refresh_from_db()
    assert run.is_active, run.note
    kept = next(row["title"] for row in run.comparison if row["chosen"])
    print(f"the model: {kept}, {run.config['backbone']} at {run.config['image_size']} px, {run.device}")
    return project, create_token(user=lead, name="bench", scopes=["read"])[1], sorted(truth)
