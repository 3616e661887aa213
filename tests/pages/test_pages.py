"""Every page but labeling: who may open it, what it shows, and that it works as a plain form."""

from __future__ import annotations

import io
import re
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image as Pixels

from labeler.consensus import snapshots
from labeler.models import Consensus, Decision, Job, Project
from labeler.models.image import Status
from labeler.pages.forms import names_in
from tests.helpers.factories import add_images, category, make_model, make_project, make_user, predict
from tests.helpers.pages import COMPARISON, HISTORY, METRICS, answer, said, url

PAGES = {
    "project": "annotator",
    "agreement": "annotator",
    "contested": "reviewer",
    "agreement_report": "reviewer",
    "mine": "annotator",
    "images": "reviewer",
    "checks": "reviewer",
    "adjudicate": "reviewer",
    "adjudicate_reasons": "reviewer",
    "model": "reviewer",
    "compare_runs": "reviewer",
    "import": "lead",
    "export": "reviewer",
    "gold": "lead",
    "members": "lead",
    "settings": "lead",
    "settings_guideline": "lead",
    "categories": "lead",
    "settings_wanted": "lead",
    "settings_judging": "lead",
    "settings_objects": "lead",
    "settings_quality": "lead",
    "settings_consensus": "lead",
    "settings_model": "lead",
    "settings_accepting": "lead",
    "settings_training": "lead",
    "train": "lead",
    "trash_project": "lead",
}
RANK = {"annotator": 0, "reviewer": 1, "lead": 2}

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("uncollected_static_files")]


# ---------------------------------------------------------------- who may open what


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_does_not_learn_that_a_project_exists(page, as_, carl, project):
    assert as_(carl).get(url(page, project)).status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_nobody_gets_in_without_logging_in(page, client, project):
    response = client.get(url(page, project))

    assert response.status_code == 302
    assert response.url.startswith("/login/?next=")


@pytest.mark.parametrize(("page", "needs"), PAGES.items())
@pytest.mark.parametrize(("name", "role"), [("ann", "annotator"), ("rev", "reviewer"), ("lena", "lead")])
def test_each_role_opens_what_it_reaches(page, needs, name, role, as_, project, request):
    status = as_(request.getfixturevalue(name)).get(url(page, project)).status_code

    assert status == (200 if RANK[role] >= RANK[needs] else 403)


@pytest.mark.parametrize("page", PAGES)
def test_an_admin_opens_every_page_of_a_project_she_is_not_in(page, as_, ada, project):
    assert as_(ada).get(url(page, project)).status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_a_project_in_the_trash_is_gone(page, as_, lena, project):
    Project.objects.update(trashed_at="2026-01-01T00:00:00Z")

    assert as_(lena).get(url(page, project)).status_code == 404


def test_forms_of_leads_refuse_the_others(as_, rev, lena, project):
    member = project.memberships.get(user=lena)
    kind = project.categories.first()
    forms = [
        url("train", project), url("member", project, member.pk), url("categories", project),
        url("category", project, kind.pk), url("trash_project", project), url("settings", project),
        url("settings_guideline", project), url("guideline_version", project, 1), url("settings_wanted", project),
        url("settings_judging", project), url("settings_model", project), url("examples", project, kind.pk),
        url("settings_training", project),
        url("settings_quality", project), url("settings_consensus", project), url("gold", project),
        url("settings_accepting", project), url("suspend_accepting", project), url("resume_accepting", project),
        url("members", project), url("import", project), url("import_metadata", project),
    ]  # fmt: skip

    assert [as_(rev).post(form).status_code for form in forms] == [403] * len(forms)
    assert Project.objects.get(pk=project.pk).trashed_at is None


def test_rows_of_another_project_are_not_found_below_this_one(as_, lena, project):
    other = make_project(make_user("otto"))
    (image,) = add_images(other, 1)
    run = make_model(other)

    for path in (
        url("member", project, other.memberships.get().pk),
        url("category", project, other.categories.first().pk),
        url("examples", project, other.categories.first().pk),
        url("use_as_example", project, image.pk),
        url("activate_run", project, run.pk),
        url("cancel_run", project, run.pk),
        url("image", project, image.pk),
    ):
        assert as_(lena).post(path).status_code == 404


def test_an_annotator_sees_no_answer_of_others(as_, ann, bea, project):
    images = add_images(project, 3)
    for image in images:
        answer(project, ann, image, "cat")
        answer(project, bea, image, "dog")

    for page in ("project", "agreement"):
        text = as_(ann).get(url(page, project)).content.decode()
        assert "bea" not in text
        assert "Which classes are confused" not in text


# ---------------------------------------------------------------- the markup itself


def pages_of(project, image) -> list[str]:
    return [
        "/",
        "/account/",
        "/projects/new/",
        *(url(page, project) for page in PAGES),
        url("image", project, image.pk),
        url("category", project, project.categories.first().pk),
        url("examples", project, project.categories.first().pk),
        url("guideline_version", project, 1),
        url("guideline_compare", project) + "?from=1&to=1",
    ]


def test_no_page_has_inline_style_or_script(as_, ada, ann, bea, project):
    (image,) = add_images(project, 1)
    answer(project, ann, image, "cat")
    answer(project, bea, image, "dog")
    make_model(project, metrics=METRICS, comparison=COMPARISON, history=HISTORY)

    for path in pages_of(project, image):
        html = as_(ada).get(path).content.decode()
        assert not re.search(r"<[^>]+\sstyle=", html), path
        assert not re.search(r"<[^>]+\son\w+=", html), path
        for script in re.findall(r"<script[^>]*>", html):
            assert "nonce=" in script or 'type="application/json"' in script, (path, script)


def test_names_are_shown_as_text_and_never_run(as_, ada, ann, bea):
    evil = '<img src=x onerror="alert(1)">'
    project = make_project(ann, bea, lead=ada, name=evil, question=evil, guideline=evil, categories=(evil, "plain"))
    (image,) = add_images(project, 1, name=f"{evil}.jpg")
    answer(project, ann, image, evil)
    answer(project, bea, image, "plain")
    make_model(project, note=evil, metrics=METRICS)

    for path in pages_of(project, image):
        assert "<img src=x" not in as_(ada).get(path).content.decode(), path


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_project_shows_no_nan(page, as_, lena, project):
    html = as_(lena).get(url(page, project)).content.decode()

    # Sentences that wait in a script for their moment may begin with "None of …".
    shown = re.sub(r"<[^>]*>", " ", re.sub(r"<script.*?</script>", " ", html, flags=re.DOTALL))
    assert not re.search(r"\b(nan|NaN|None|inf)\b", shown)


# ---------------------------------------------------------------- projects


def test_the_list_shows_progress_and_only_own_projects(as_, ann, project):
    make_project(make_user("otto"), name="Not yours")
    add_images(project, 3, status=Status.SETTLED)
    add_images(project, 1)

    html = as_(ann).get("/").content.decode()

    assert "3 of 4 images" in html
    assert "Not yours" not in html


def test_the_list_costs_as_many_queries_for_twenty_projects_as_for_one(
    as_, lena, project, django_assert_max_num_queries
):
    for _ in range(19):
        make_project(lead=lena)
    client = as_(lena)

    with django_assert_max_num_queries(10):
        client.get("/")


def test_a_new_project_leads_to_its_import(as_, ada):
    form = {
        "name": "Leaves",
        "question": "What is it?",
        "classes": "rust, leaf spot ,mildew",
        "task": "single",
        "labels_per_image": 3,
    }
    response = as_(ada).post("/projects/new/", form)

    project = Project.objects.get(name="Leaves")
    assert response.url == url("import", project)
    assert list(project.categories.in_use().values_list("name", flat=True)) == ["rust", "leaf spot", "mildew"]
    assert project.labels_per_image == 3
    assert project.memberships.get(user=ada).may_lead


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"classes": "rust, Rust"}, "stands there twice"),
        ({"classes": " , "}, "Name at least one class"),
        ({"classes": "rust"}, "choose “any number”"),
        ({"name": ""}, "This field is required"),
        ({"labels_per_image": 0}, "greater than or equal to 1"),
    ],
)
def test_a_project_that_cannot_be_is_refused_in_words(change, sentence, as_, ada):
    form = {"name": "Leaves", "classes": "rust, mildew", "task": "single", "labels_per_image": 2, **change}

    response = as_(ada).post("/projects/new/", form)

    assert sentence in response.content.decode()
    assert not Project.objects.exists()


def test_only_admins_make_projects(as_, lena):
    assert as_(lena).get("/projects/new/").status_code == 403


def test_class_names_may_stand_in_lines_too():
    assert names_in("rust, spot\nmildew\n\n , blight") == ["rust", "spot", "mildew", "blight"]


# ---------------------------------------------------------------- agreement


def test_agreement_without_labels_gives_its_reason(as_, lena, project):
    html = as_(lena).get(url("agreement", project)).content.decode()

    assert "no image has labels of two people" in html
    assert "There are no labels yet." in html


def test_agreement_shows_pairs_classes_and_divided_images(as_, lena, ann, bea, project):
    images = add_images(project, 40)
    for n, image in enumerate(images):
        answer(project, ann, image, "cat" if n % 2 else "dog")
        answer(project, bea, image, "cat" if n % 2 or n < 10 else "dog")

    html = as_(lena).get(url("agreement", project)).content.decode()

    # 40 images, 35 alike: po .875; ann 20/20, bea 25/15: pe .5; kappa (.875 - .5) / .5 = .75
    assert "ann and bea: κ 0.75" in html
    assert "87.5\N{NO-BREAK SPACE}%" in html
    assert html.count("/thumb/") == 5


def test_the_selection_is_a_link(as_, lena, ann, bea, project):
    run, images = make_model(project), add_images(project, 4)
    for image in images:
        predict(run, image, "cat")
    for image in images:
        answer(project, ann, image, "cat")
        answer(project, bea, image, "cat")
    client = as_(lena)

    assert "0 labels on 0 images" in client.get(url("agreement", project) + "?labels=blind").content.decode()
    assert "8 labels on 4 images" in client.get(url("agreement", project) + "?labels=assisted").content.decode()
    assert client.get(url("agreement", project) + "?labels=%00&sample=drop+table").status_code == 200


# ---------------------------------------------------------------- images and decisions


def test_a_reviewer_settles_and_withdraws(as_, rev, ann, bea, project):
    (image,) = add_images(project, 1)
    answer(project, ann, image, "cat")
    answer(project, bea, image, "dog")
    page = as_(rev).get(url("image", project, image.pk))
    form = {
        "do": "settle",
        "version": page.context["version"],
        "categories": category(project, "dog"),
        "reason": "the tail",
    }

    page = as_(rev).post(url("image", project, image.pk), form, follow=True)

    image.refresh_from_db()
    decision = Decision.objects.get(image=image)
    assert (image.status, decision.reviewer, decision.reason) == ("settled", rev, "the tail")
    assert "decided by rev" in page.content.decode()

    as_(rev).post(url("image", project, image.pk), {"do": "withdraw", "version": page.context["version"]})
    image.refresh_from_db()
    assert image.status == "disputed"


@pytest.mark.parametrize(("n", "votes"), [(1, "(1 vote)"), (2, "(2 votes)")])
def test_an_inferred_answer_says_of_how_many_votes(as_, lena, ann, bea, n, votes):
    project = make_project(ann, bea, lead=lena, labels_per_image=2, consensus_method="one_coin")
    (image,) = add_images(project, 1)
    for person in (ann, bea)[:n]:
        answer(project, person, image, "cat")
    image.refresh_from_db()
    Consensus.objects.update_or_create(
        image=image,
        defaults={
            "project": project, "method": "one_coin", "votes": snapshots.digest(image.tally), "n_votes": n,
            "categories": [category(project, "cat")], "confidence": 0.8, "computed_at": timezone.now(),
        },
    )  # fmt: skip

    html = as_(lena).get(url("image", project, image.pk)).content.decode()

    assert f"probable, weighted by reliability {votes}" in html


def test_a_decision_on_votes_that_changed_meanwhile_is_refused(as_, rev, ann, bea, project):
    (image,) = add_images(project, 1)
    answer(project, ann, image, "cat")
    seen = as_(rev).get(url("image", project, image.pk)).context["version"]
    answer(project, bea, image, "dog")

    form = {"do": "settle", "version": seen, "categories": category(project, "cat")}
    response = as_(rev).post(url("image", project, image.pk), form)

    assert "have changed since you looked" in response.content.decode()
    assert not Decision.objects.exists()


def test_a_blind_image_keeps_the_models_opinion_from_its_judge(as_, rev, project):
    run = make_model(project, is_calibrated=True)
    open_image, blind = add_images(project, 1) + add_images(project, 1, slice="test")
    for image in (open_image, blind):
        predict(run, image, "fox", 0.81)

    assert "81\N{NO-BREAK SPACE}%" in as_(rev).get(url("image", project, open_image.pk)).content.decode()
    html = as_(rev).get(url("image", project, blind.pk)).content.decode()
    assert "81\N{NO-BREAK SPACE}%" not in html
    assert "judged blind" in html


def test_the_wall_is_filtered_by_status_and_class(as_, rev, ann, bea, project):
    images = add_images(project, 4)
    answer(project, ann, images[0], "cat")
    answer(project, bea, images[0], "dog")
    answer(project, ann, images[1], "fox")
    client = as_(rev)

    def shown(query: str) -> set[int]:
        return {row["image"].pk for row in client.get(url("images", project) + query).context["rows"]}

    assert shown("") == {image.pk for image in images}
    assert shown("?status=disputed") == {images[0].pk}
    assert shown("?status=differ") == {images[0].pk}
    assert shown("?status=unlabeled") == {images[2].pk, images[3].pk}
    assert shown(f"?class={category(project, 'fox')}") == {images[1].pk}
    assert shown("?status=nonsense&class=99999999999999999999&page=-1") == {image.pk for image in images}


# ---------------------------------------------------------------- model


def test_too_few_labels_are_said_before_anybody_presses(as_, lena, project):
    html = as_(lena).get(url("model", project)).content.decode()

    assert "There are 0 labeled images to train on, and 20 are needed." in html
    assert re.search(r"<button[^>]*disabled", html)


def test_training_too_early_is_refused_in_words(as_, lena, project):
    response = as_(lena).post(url("train", project), follow=True)

    assert "20 are needed" in said(response)[0]


def test_a_run_under_way_shows_its_bar_and_can_be_cancelled(as_, lena, project):
    run = make_model(
        project,
        active=False,
        state="running",
        stage="Training, fold 2 of 5",
        progress_done=40,
        progress_total=100,
    )

    html = as_(lena).get(url("model", project)).content.decode()

    assert f'data-watch="/api/runs/{run.pk}/"' in html
    assert "Training, fold 2 of 5" in html
    assert '<progress max="100" value="40"' in html
    as_(lena).post(url("cancel_run", project, run.pk))
    run.refresh_from_db()
    assert run.state == "cancelled"


def test_the_active_model_shows_its_figures_with_intervals(as_, rev, project):
    make_model(project, metrics=METRICS, comparison=COMPARISON, history=HISTORY, note="The first model.")

    html = as_(rev).get(url("model", project)).content.decode()

    assert "80.0 to 95.0\N{NO-BREAK SPACE}%" in html
    assert "cat called dog: 1 image" in html
    assert "Too few." in html
    assert html.count('<svg class="chart') == 2
    assert "The first model." in html
    assert "Train model" not in html  # a reviewer looks


def test_a_model_whose_class_was_renamed_speaks_of_it_by_its_name_of_today(as_, rev, project):
    ids = [category(project, name) for name in ("cat", "dog", "fox")]
    metrics = {**METRICS, "confusion": {"categories": ids, "counts": [[1, 1, 0], [0, 1, 0], [0, 0, 1]]}}
    make_model(project, metrics=metrics)
    project.categories.filter(name="cat").update(name="kitten")
    project.label_set_version += 1
    project.save()

    assert "kitten called dog" in as_(rev).get(url("model", project)).content.decode()


def test_a_lead_goes_back_to_an_earlier_model(as_, lena, project):
    old = make_model(project, active=False, checkpoint="old.safetensors", metrics=METRICS)
    new = make_model(project, checkpoint="new.safetensors", metrics=METRICS)

    as_(lena).post(url("activate_run", project, old.pk))

    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.is_active, new.is_active) == (True, False)


def test_a_failed_run_says_why(as_, lena, project):
    make_model(
        project,
        active=False,
        state="failed",
        error={"code": "worker_died", "message": "The worker died 3 times."},
    )

    assert "The worker died 3 times." in as_(lena).get(url("model", project)).content.decode()


def test_the_import_page_lists_what_a_program_uploaded(as_, lena, project):
    picture = io.BytesIO()
    Pixels.new("RGB", (40, 30), "green").save(picture, "PNG")
    sent = [
        SimpleUploadedFile("leaf.png", picture.getvalue(), "image/png"),
        SimpleUploadedFile("notes.png", b"no image", "image/png"),
    ]
    browser = as_(lena)
    answer = browser.post(
        f"/api/projects/{project.pk}/images/", {"files": sent}, headers={"Idempotency-Key": str(uuid4())}
    )
    assert answer.status_code == 200, answer.content

    page = browser.get(url("import", project)).content.decode()

    assert "1 new · 0 here already · 1 refused" in page
    assert "notes.png" in page


def test_what_a_browser_sends_in_one_go_is_one_line_of_the_list(as_, lena, rev, project, django_assert_max_num_queries):
    sent = {"added": [{"id": n} for n in range(20)], "duplicates": [{"name": "a", "image": 1}]}
    for _ in range(30):
        refused = [{"name": "notes.txt", "reason": "This is not an image."}]
        Job.objects.create(
            project=project, kind="import", state="done", requested_by=lena, params={"upload": True},
            result={**sent, "refused": refused},
        )  # fmt: skip
    Job.objects.create(project=project, kind="import", state="done", requested_by=rev, params={"upload": True})
    client = as_(lena)

    with django_assert_max_num_queries(20):
        page = client.get(url("import", project))

    rows = [(row["added"], row["duplicates"], row["n_refused"]) for row in page.context["jobs"]]
    assert rows == [(0, 0, 0), (600, 30, 30)]


def test_the_command_for_a_terminal_names_the_data_directory_to_admins_alone(as_, ada, lena, project, settings):
    project.name = "Leaves & 'more'"
    project.save()
    settings.DATA_DIR = settings.BASE_DIR / "elsewhere"

    commands = [as_(person).get(url("import", project)).context["command"] for person in (lena, ada)]

    assert "import_images FOLDER" in commands[0] and "--project 'Leaves & '\"'\"'more'\"'\"''" in commands[0]
    assert ["--data" in command for command in commands] == [False, True]
