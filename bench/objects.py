"""Saving drawn answers over HTTP: 50 and 3,000 objects, of the first person and of the second, who are compared.

From the first byte sent to the last one received: turning objects into JSON and back is the client's own time.
"""

from __future__ import annotations

import json
import random
import time
from math import cos, pi, sin
from typing import Any

from bench.common import Client, fill_project, labeler, show, token_for

SIDE = 4_000  # pixels of the images, square
ANSWERS = {50: 40, 3_000: 8}  # objects -> answers of each person


def boxes(n: int, seed: int) -> list[dict[str, Any]]:
    """n boxes of a grid, each moved a little: two people's overlap by about .8."""
    dice, per_row = random.Random(seed), int(n**0.5) + 1
    step = SIDE / per_row
    return [
        {
            "category": "Rust",
            "box": [
                at % per_row * step + dice.uniform(0, step / 20), at // per_row * step + dice.uniform(0, step / 20),
                step * 0.7, step * 0.7,
            ],
        }
        for at in range(n)
    ]  # fmt: skip


def polygons(n: int, seed: int) -> list[dict[str, Any]]:
    """The same as outlines of sixteen points: 3,000 of them are nearly as many points as an answer may have."""
    rows = []
    for one in boxes(n, seed):
        x, y, width, height = one["box"]
        ring = []
        for k in range(16):
            angle = 2 * pi * k / 16
            ring += [x + width / 2 * (1 + cos(angle)), y + height / 2 * (1 + sin(angle))]
        rows.append({"category": "Rust", "polygon": [ring]})
    return rows


def project_of(task: str, answers: int) -> tuple[Any, list[Any]]:
    """A project that draws, with so many square images, and two people."""
    from labeler.models import Image, Project

    project, users = fill_project(answers, people=2)
    Project.objects.filter(pk=project.pk).update(task=task)
    Image.objects.filter(project=project).update(width=SIDE, height=SIDE)
    return project, users


def main() -> None:
    with labeler() as running:
        for task, draw in (("boxes", boxes), ("polygons", polygons)):
            for n, answers in ANSWERS.items():
                project, users = project_of(task, answers)
                waits: list[list[float]] = [[], []]
                for person, user in enumerate(users):
                    client = Client(running.port, token_for(user))
                    path = f"/api/projects/{project.pk}/claims/"
                    claims = client.call("POST", path, {"count": 50})[1]["claims"]
                    for claim in claims:
                        image = claim["image"]["id"]
                        sent = json.dumps({"objects": draw(n, 2 * image + person), "seconds": 60.0}).encode()
                        begun = time.perf_counter()
                        status, answer = client.send("PUT", f"/api/images/{image}/label/", sent)
                        waits[person].append(time.perf_counter() - begun)
                        assert status == 201, (status, answer[:500])
                target = "p95 < 60" if n == 50 else "p95 < 500"
                show(f"save of {n:,} {task}, the first person's", waits[0], "ms", 1000, target)
                show(f"save of {n:,} {task}, compared with another person's", waits[1], "ms", 1000, target)
                settled = project.images.filter(status="settled").count()
                print(f"{'':<62} {settled} of {answers} images settled")


if __name__ == "__main__":
    main()
