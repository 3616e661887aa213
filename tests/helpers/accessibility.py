"""Pages in a browser as axe sees them, and whether anything is wider than the screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from labeler.accounts import tokens
from labeler.intake import near_duplicates
from labeler.intake.images import media_store
from labeler.labeling import claims, labels
from labeler.models import Job, Prediction
from labeler.models.job import Kind
from labeler.projects import members as membership
from labeler.review import adjudication, comments, gold
from labeler.training import (
    features,
    image_index,
    run_answers,  # fmt: skip
)
from tests.helpers.factories import make_model
from tests.helpers.pages import COMPARISON, HISTORY, METRICS
from tests.helpers.run_reports import findings
from worker.indexing import build_index

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE, DESK = {"width": 320, "height": 640}, {"width": 1280, "height": 800}
COLOUR_RULES = ["color-contrast", "link-in-text-block"]


@pytest.fixture
def busy(project, add_photos, ann, bea, dora, lena, ada):
    """A project with something on every page: answers that differ, a decision, a model, a run, imports, tokens."""
    project.labels_per_image = 3
    project.description = "A description that says what this is about."
    project.save()
    images = add_photos(project, 36, metadata={"camera": "C-3"})
    rng = np.random.default_rng(5)
    truth = rng.choice(["cat", "dog", "fox"], len(images))
    for person, errors in ((ann, 0.05), (bea, 0.2), (dora, 0.35)):
        for _ in range(6):
            for claim in claims.claim(project=project, annotator=person, count=5):
                place = images.index(claim.image)
                name = rng.choice(["cat", "dog", "fox"]) if rng.random() < errors else truth[place]
                labels.save_label(
                    image_id=claim.image_id, annotator=person, categories=[str(name)], seconds=float(rng.gamma(4, 0.6))
                )
    adjudication.decide(image_id=images[0].pk, reviewer=lena, categories=["cat"], reason="whiskers")
    gold.add(project=project, by=lena, image_id=images[1].pk, categories=["fox"], explanation="a tail, and what a tail")
    membership.pause(member=project.memberships.get(user=dora), by=lena, paused=True)
    run = make_model(
        project,
        metrics=METRICS | findings(project, images),
        comparison=COMPARISON,
        history=HISTORY,
        note="The first model of the project.",
        dataset={"train": 30, "test": 4, "calibration": 2},
        device="cpu",
        checkpoint="model.safetensors",
    )
    make_model(project, active=False, state="failed", error={"code": "worker_died", "message": "The worker died."})
    make_model(
        project, active=False, state="running", stage="Training, fold 2 of 5", progress_done=40, progress_total=100
    )
    ids = run.category_ids
    other = make_model(
        project, active=False, metrics=METRICS, note="Not used: no better.", checkpoint="other.safetensors"
    )
    for version, said in ((run, [ids[:1]] * 6), (other, [ids[:1], ids[1:2]] * 3)):
        truth = [ids[:1], ids[:1], ids[1:2]] * 2
        judged = [image.pk for image in images[:6]]
        run_answers.keep(version, [run_answers.Answers(run_answers.Part.TEST, judged, said, [0.9] * 6, truth)])
    Prediction.objects.bulk_create(
        Prediction(run=run, image=image, probabilities=[0.7, 0.2, 0.1], categories=ids[:1], probability=0.7, margin=0.5)
        for image in images
    )
    refused = [{"name": "a/notes.txt", "reason": "This is a text, not an image."}]
    result = {"added": 1402, "duplicates": 14, "refused": refused}
    for state, more in (("done", {"result": result}), ("running", {"progress_done": 70, "progress_total": 200})):
        Job.objects.create(
            project=project, kind=Kind.IMPORT, state=state, params={"name": f"{state}.zip"}, requested_by=lena, **more
        )
    image_index.forget()
    features.store("seen", {i.sha256: rng.normal(size=16).astype("<f2").tobytes() for i in images})
    build_index.write(project.pk, "seen", [(i.pk, i.sha256) for i in images], last_image=images[-1].pk)
    twins = [(image, near_duplicates.draw(media_store().thumb_path(image.sha256))) for image in images[20:24]]
    near_duplicates.keep(twins, [[], [images[20]], [], [images[22]]])
    tokens.create_token(user=lena, name="laptop", scopes=["read"])
    question = comments.raise_flag(image=images[3], by=ann, text="Is this one a fox, or only a dog with a long tail?")
    comments.reply(thread=question.thread, by=lena, text="A fox: look at the ears.")
    return project


# Only violations are read here: no selectors are made of what passed, no stylesheet is fetched for rules that are off.
LOOK = """async (only) => {
    // A colour half-way through its change is no colour to judge.
    const changing = document.getAnimations().filter((one) => one instanceof CSSTransition);
    await Promise.all(changing.map((one) => one.finished.catch(() => null)));
    return axe.run({ runOnly: only, resultTypes: ["violations"], selectors: false, preload: false });
}"""


def violations(page: Page) -> list[str]:
    """What axe finds on the page, each with the element it is about. In the dark: what colours can break.

    The markup is that of the light page, which every test looks at too; the other ninety rules would say it twice.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE + ";0")
    in_the_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    only = {"type": "rule", "values": COLOUR_RULES} if in_the_dark else {"type": "tag", "values": RULES}
    found = page.evaluate(LOOK, only)["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


def violations_in_both_themes(page: Page) -> list[str]:
    """What axe finds on the page, which stands in the light theme, and then in the dark one: one page, loaded once."""
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += [f"in the dark, {one}" for one in violations(page)]
    page.emulate_media(color_scheme="light")
    return found


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def look_at_all(page: Page, url: str, paths: list[str]) -> dict[str, list[str]]:
    """What is wrong with each page, loaded once: on a phone, where nothing scrolls sideways, and for axe on a desk."""
    wrong = {}
    for path in paths:
        page.set_viewport_size(PHONE)
        page.goto(url + path)
        by = sideways(page)
        page.set_viewport_size(DESK)
        wrong[path] = violations_in_both_themes(page) + ([f"{by} px wider than a phone"] if by > 0 else [])
    return {path: said for path, said in wrong.items() if said}
