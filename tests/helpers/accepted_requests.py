"""For every address and method of the API a request that is accepted: its body, and what must be there before.

`world` is the dictionary of the ids that fill the addresses (test_api_access.py); what is made here may change them.
Knows nothing of who may send what.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from api import urls
from labeler.intake import refusal_report
from labeler.intake.images import media_store
from labeler.intake.outcomes import Refusal
from labeler.models import Acceptance, Guarantee, Image, Job, Project, TrainingRun
from labeler.review import gold
from labeler.training import augmentation_preview, features, image_index, run_answers
from labeler.training.run_answers import Answers, Part
from tests.helpers.accepting import settle
from tests.helpers.factories import User, add_images, make_model, predict
from tests.helpers.outside import outside_model, says
from tests.helpers.pictures import picture

PASSWORD = "correct horse battery staple"
Row = tuple[str, str]


def address(name: str, ids: dict[str, object]) -> str:
    (pattern,) = [p for p in urls.urlpatterns if p.name == name]
    route = str(pattern.pattern)
    for wanted, value in ids.items():
        for converter in ("int", "slug", "uuid"):
            route = route.replace(f"<{converter}:{wanted}>", str(value))
    assert "<" not in route
    return f"/api/{route}"


def sent(row: Row, world: dict[str, Any]) -> dict[str, Any]:
    """Arguments for the test client: a body that is accepted, {} where none is asked for."""
    image = world["image_id"]
    match row:
        case ("images", "post"):
            return _form(files=("leaf.jpg", picture(2)))
        case ("imports", "post"):
            return _form(file=("leaves.zip", _archive()))
        case ("predictions", "post"):
            return _form(file=("leaf.jpg", picture(3)))
    bodies: dict[Row, Any] = {
        ("tokens", "post"): {"username": "ann", "password": PASSWORD},
        ("webhooks", "post"): {"url": "https://93.184.216.34/told"},
        ("webhook", "patch"): {"active": False},
        ("rounds", "post"): {"images": [image]},
        ("image", "patch"): {"metadata": {"camera": "C-3"}},
        ("priorities", "post"): {"images": [image]},
        ("deletions", "post"): {"images": [2**40]},
        ("restorations", "post"): {"images": [image]},
        ("saved-views", "post"): {"name": "leaves", "query": "?search=leaf"},
        ("image-work", "post"): {"do": "first", "images": [image]},
        ("projects", "post"): {"name": "New", "task": "single", "categories": ["a"]},
        ("members", "post"): {"username": "carl"},
        ("member", "patch"): {"role": "reviewer"},
        ("categories", "post"): {"name": "wolf"},
        ("outside-models", "post"): {"name": "resnet"},
        ("outside-predictions", "post"): {"items": [{"image": image, "categories": ["cat"]}]},
        ("examples", "post"): {"image": image},
        ("gold", "post"): {"image": image, "categories": ["dog"]},
        ("metadata", "post"): [{"id": image, "camera": "C-3"}],
        ("label", "put"): {"categories": ["cat"]},
        ("click-mask", "post"): {"clicks": [{"x": 1, "y": 1}]},
        ("draft", "put"): {"objects": [{"category": "cat", "box": [1, 2, 3, 4]}], "revision": 1},
        ("questions", "post"): {"name": "side", "kind": "one", "options": ["left", "right"]},
        ("question", "patch"): {"required": True},
        ("class-keys", "put"): {"keys": {}},
        ("comments", "post"): {"text": "Rust, or only dirt?"},
        ("thread-comments", "post"): {"text": "Dirt."},
        ("consensus", "put"): {"categories": ["cat"]},
        ("review-pages", "post"): {"page": world["page"], "predicted": "cat"},
        ("object-crops", "post"): {"model": 1, "items": [{"image": image, "number": 0, "verdict": "keep"}]},
        ("reviews", "post"): {"items": [{"image": image, "categories": ["cat"]}]},
    }
    return {"data": bodies.get(row, {})}


def _form(**files: tuple[str, bytes]) -> dict[str, Any]:
    return {"data": {field: SimpleUploadedFile(*file) for field, file in files.items()}, "format": "multipart"}


def _archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as opened:
        opened.writestr("rust/leaf.jpg", picture(4))
    return content.getvalue()


# ---------------------------------------------------------------- what must be there before

MADE: dict[Row, Callable[[dict[str, Any], Project], None]] = {}


def _before(*rows: Row) -> Callable[[Callable], Callable]:
    def kept(make: Callable) -> Callable:
        MADE.update(dict.fromkeys(rows, make))
        return make

    return kept


def make_ready(row: Row, world: dict[str, Any]) -> None:
    """Make what the request of this row needs beyond the world of all."""
    if make := MADE.get(row):
        make(world, Project.objects.get(pk=world["project_id"]))


@_before(("tokens", "post"))
def _a_password(world: dict[str, Any], project: Project) -> None:
    ann = User.objects.get(username="ann")
    ann.set_password(PASSWORD)
    ann.save()


@_before(("questions", "post"), ("click-mask", "post"))
def _people_draw(world: dict[str, Any], project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(task="boxes")


@_before(("gold-image", "delete"))
def _a_gold_image(world: dict[str, Any], project: Project) -> None:
    gold.add(project=project, by=project.created_by, image_id=world["image_id"], categories=["dog"])


@_before(("preview", "get"), ("thumb", "get"), ("file", "get"))
def _files(world: dict[str, Any], project: Project) -> None:
    image = Image.objects.get(pk=world["image_id"])
    with media_store().batch() as batch:
        batch.add(
            sha256=image.sha256, extension=image.extension, original=picture(1), preview=picture(1),
            thumbnail=picture(1),
        )  # fmt: skip
        batch.keep()


@_before(("tiles", "get"), ("tile", "get"))
def _a_large_image(world: dict[str, Any], project: Project) -> None:
    Image.objects.filter(pk=world["image_id"]).update(width=5000, height=3000)


@_before(("outside-predictions", "post"), ("outside-activation", "post"))
def _an_outside_model(world: dict[str, Any], project: Project) -> None:
    run = outside_model(project)
    says(run, Image.objects.get(pk=world["image_id"]), "cat")
    world["run_id"] = run.pk


@_before(("import-confirmation", "post"), ("import-report", "get"))
def _a_file_that_was_looked_at(world: dict[str, Any], project: Project) -> None:
    result = {"asks": True, "format": "csv"}
    job = Job.objects.create(
        project=project, kind="import", state="done", finished_at=timezone.now(), params={"path": "x"}, result=result
    )
    world["import_id"] = job.pk
    with refusal_report.RefusalReport(job.pk) as report:
        report(Refusal("a.jpg", "The file is empty."))


@_before(("similar-images", "get"))
def _an_index(world: dict[str, Any], project: Project) -> None:
    from worker.indexing import build_index  # here: it loads torch

    images = [Image.objects.get(pk=world["image_id"]), *add_images(project, 2)]
    name = features.name_of("tiny", 64, "ab" * 32)
    features.store(name, {image.sha256: np.eye(8, dtype="<f2")[k].tobytes() for k, image in enumerate(images)})
    image_index.forget()
    build_index.write(project.pk, name, [(image.pk, image.sha256) for image in images], last_image=images[-1].pk)


@_before(("varied-image", "get"))
def _a_variant(world: dict[str, Any], project: Project) -> None:
    path = augmentation_preview.file_of(project.pk, world["key"], world["row"], world["column"])
    path.parent.mkdir(parents=True)
    path.write_bytes(picture(1))


@_before(("runs", "post"))
def _enough_labels(world: dict[str, Any], project: Project) -> None:
    for name in ("cat", "dog", "fox"):
        settle(project, add_images(project, 10, slice=""), name)


@_before(("suspension", "post"))
def _a_guarantee(world: dict[str, Any], project: Project, **fields: Any) -> Guarantee:
    run = TrainingRun.objects.get(pk=world["run_id"])
    return Guarantee.objects.create(
        project=project, run=run, precision=0.95, confidence=0.95, audited_share=0.05, done_at=timezone.now(), **fields
    )


@_before(("resumption", "post"))
def _a_suspended_guarantee(world: dict[str, Any], project: Project) -> None:
    Project.objects.filter(pk=project.pk).update(auto_accept=True)
    _a_guarantee(world, project, suspended_at=timezone.now(), suspension="by hand")


@_before(("image-acceptance", "delete"))
def _an_accepted_image(world: dict[str, Any], project: Project) -> None:
    guarantee = _a_guarantee(world, project)
    (image,) = add_images(project, 1, slice="")
    opinion = predict(guarantee.run, image, "cat", 0.99)
    Acceptance.objects.create(
        guarantee=guarantee, project=project, image=image, prediction=opinion, categories=opinion.categories,
        probability=0.99, threshold=0.9,
    )  # fmt: skip
    world["image_id"] = image.pk


@_before(("run-cancellation", "post"))
def _an_unfinished_run(world: dict[str, Any], project: Project) -> None:
    TrainingRun.objects.filter(pk=world["run_id"]).update(state="queued", is_active=False)


@_before(("run-activation", "post"))
def _a_model_of_its_own(world: dict[str, Any], project: Project) -> None:
    TrainingRun.objects.filter(pk=world["run_id"]).update(checkpoint="1.safetensors", is_active=False)


@_before(("run-comparison", "get"))
def _two_models(world: dict[str, Any], project: Project) -> None:
    cat, dog = project.categories.order_by("position")[:2]
    for run, said in ((TrainingRun.objects.get(pk=world["run_id"]), dog), (make_model(project, active=False), cat)):
        run_answers.keep(run, [Answers(Part.TEST, [world["image_id"]], [[said.pk]], [0.9], [[cat.pk]])])
        world["run_id"] = run.pk


@_before(("model-export", "get"))
def _a_saved_model(world: dict[str, Any], project: Project) -> None:
    from tests.helpers.saved_models import save_model  # here: it loads torch

    world["run_id"] = save_model(project).pk
