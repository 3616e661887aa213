"""Processor time of one list of 30 rows by REST, server and database together: what each noun costs beside the others.

The rounds go through all lists in turn, so that a machine that others use is slow to all of them alike.
"""

from __future__ import annotations

import os
from typing import Any

from bench.common import Client, fill_project, labeler, show, token_for

ROWS, PEOPLE = 30, 3
CALLS = 20  # per reading: processor time is counted in hundredths of a second
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "10"))


def fill() -> tuple[Any, Any, Any]:
    """A project of 30 images, its lead, and one annotator.

    Each image has three labels, a consensus and a prediction; a reviewer decided a fifth of them. Besides there are as
    many members, runs, projects, threads and gold images as a page of 30 shows.
    """
    from labeler.consensus import snapshots
    from labeler.labeling import claims, labels
    from labeler.models import Category, Image, Membership, Prediction, Project, Role, TrainingRun
    from labeler.review import adjudication, comments, gold

    project, users = fill_project(ROWS, people=ROWS, labels_per_image=PEOPLE)
    lead, *annotators = users
    Membership.objects.filter(project=project, user=lead).update(role=Role.LEAD)
    classes = list(Category.objects.filter(project=project).order_by("position"))
    for person, user in enumerate(annotators[:PEOPLE]):
        for claim in claims.claim(project=project, annotator=user, count=ROWS):
            answer = classes[(claim.image_id + (person == 0)) % len(classes)].pk
            labels.save_label(image_id=claim.image_id, annotator=user, categories=[answer], seconds=2.0)
    ids, names = [c.pk for c in classes], [c.name for c in classes]
    for number in range(1, ROWS + 1):
        run = TrainingRun.objects.create(
            project=project, number=number, state="done", is_active=number == ROWS, category_ids=ids,
            category_names=names,
        )  # fmt: skip
    images = list(Image.objects.filter(project=project))
    for number, image in enumerate(images):
        if number % 5 == 0:
            adjudication.decide(image_id=image.pk, reviewer=lead, categories=ids[:1])
        Prediction.objects.create(
            run=run, image=image, probabilities=[0.6, 0.1, 0.1, 0.1, 0.1], categories=ids[:1], probability=0.6,
            margin=0.5,
        )  # fmt: skip
        comments.raise_flag(image=image, by=annotators[0], text="Is this rust?")
        gold.add(project=project, by=lead, image_id=image.pk, categories=ids[:1])
    snapshots.refresh(project)
    for number in range(ROWS):
        other = Project.objects.create(name=f"Other {number}")
        Membership.objects.create(project=other, user=lead, role=Role.LEAD)
    return project, lead, annotators[0]


def main() -> None:
    """Print the figures."""
    with labeler() as running:
        project, lead, annotator = fill()
        of_project = f"/api/projects/{project.pk}"
        lists = {
            "nothing but who is asking (floor)": (lead, "/api/me/preferences/"),
            "images, for a lead": (lead, f"{of_project}/images/"),
            "images, for an annotator who answered them": (annotator, f"{of_project}/images/"),
            "disagreements": (lead, f"{of_project}/disagreements/"),
            "labels": (lead, f"{of_project}/labels/"),
            "gold images": (lead, f"{of_project}/gold/"),
            "threads": (lead, f"{of_project}/threads/"),
            "members": (lead, f"{of_project}/members/"),
            "runs": (lead, f"{of_project}/runs/"),
            "projects": (lead, "/api/projects/"),
        }
        tokens = {user: token_for(user) for user in (lead, annotator)}
        readings: dict[str, list[float]] = {name: [] for name in lists}
        for turn in range(ROUNDS + 1):
            for name, (user, path) in lists.items():
                # A connection of its own: one that waited for its turn would have been closed by the server.
                client = Client(running.port, tokens[user])
                before = running.cpu_seconds()
                for _ in range(CALLS):
                    status, answer = client.call("GET", f"{path}?page_size={ROWS}")
                    assert status == 200, (name, status, answer)
                assert "results" not in answer or len(answer["results"]) == ROWS, name
                if turn:  # the first one warms caches and plans
                    readings[name].append((running.cpu_seconds() - before) / CALLS)
        for name, found in readings.items():
            show(f"CPU per list of {ROWS}: {name}", found, "ms", 1000, "≤ 10" if name.startswith("images") else "")


if __name__ == "__main__":
    main()
