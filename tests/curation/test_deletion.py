"""Images in the trash: out of every figure at once, back as they were, and gone for good after 30 days."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from labeler import access
from labeler.accounts.audit import audit
from labeler.agreement import reports
from labeler.consensus import snapshots
from labeler.curation import deletion
from labeler.errors import NoClaim, NotFound
from labeler.intake import images as intake
from labeler.intake import trash
from labeler.labeling import claims, labels
from labeler.models import (
    AuditEvent,
    Claim,
    Consensus,
    Feature,
    Gold,
    Image,
    Label,
    Prediction,
    Project,
    QueueEntry,
    Sketch,
    Thread,
)  # fmt: skip
from labeler.models.image import Status
from labeler.progress import counts
from labeler.projects import projects
from labeler.review import comments, gold
from tests.helpers.at_once import counters_are_right, together
from tests.helpers.factories import add_images, make_model, make_project, predict
from tests.helpers.importing import add_image, bring_in
from tests.helpers.pictures import archive, picture
from tests.helpers.seats import seats_are_right

pytestmark = pytest.mark.django_db


def everybody_labels(project, people, name="cat"):
    for person in people:
        while found := claims.claim(project=project, annotator=person, count=10):
            for claim in found:
                labels.save_label(image_id=claim.image_id, annotator=person, categories=[name])


def figures(project):
    return (
        counts.count_progress(project),
        sorted(Image.objects.filter(project=project).values_list("pk", "n_votes", "status", "tally__cat")),
        sorted(Label.objects.filter(project=project).values_list("pk", "categories", "superseded_at")),
        sorted(Claim.objects.filter(project=project).values_list("pk", "state", "holds_seat")),
        sorted(QueueEntry.objects.filter(project=project).values_list("pk", "seats", "seats_left", "priority")),
        sorted(Consensus.objects.filter(project=project).values_list("pk", "categories")),
        sorted(Gold.objects.filter(project=project).values_list("pk", "categories")),
        sorted(Thread.objects.filter(project=project).values_list("pk")),
    )


@pytest.fixture
def lab(lena, ann, bea):
    project = make_project(ann, bea, lead=lena)
    add_images(project, 6)
    everybody_labels(project, [ann, bea])
    snapshots.refresh(project)
    first = project.images.first()
    gold.add(project=project, by=lena, image_id=first.pk, categories=["cat"])
    comments.raise_flag(image=first, by=ann, text="Is this one?")
    return project


def test_what_is_deleted_is_in_no_figure_and_comes_back_as_it_was(lab, lena):
    before = figures(lab)
    ids = list(lab.images.values_list("pk", flat=True)[:3])

    assert deletion.delete(project=lab, by=lena, image_ids=ids) == ids
    assert lab.images.count() == 3
    assert Label.objects.filter(project=lab).count() == 6
    assert not Label.objects.filter(project=lab, image__in=ids).exists()
    for model in (Claim, QueueEntry, Consensus, Gold, Thread):
        assert not model.objects.filter(project=lab, image__in=ids).exists()
    assert set(lab.trash.values_list("pk", flat=True)) == set(ids)

    assert deletion.restore(project=lab, by=lena, image_ids=ids) == ids
    assert figures(lab) == before
    assert seats_are_right(lab)
    assert counters_are_right(lab)
    told = AuditEvent.objects.filter(project=lab, action="images.delete").get()
    assert (told.details["images"], told.details["labels"], told.details["answered"]) == (3, 6, 3)


def test_nobody_finds_a_deleted_image_but_a_lead_who_asks_for_it(lab, lena, ann, ada):
    pk = lab.images.first().pk
    deletion.delete(project=lab, by=lena, image_ids=[pk])

    for person in (ann, lena, ada):
        with pytest.raises(NotFound):
            access.image_for(person, pk)
    with pytest.raises(NotFound):
        access.image_for(ann, pk, also_in_trash=True)
    assert access.image_for(lena, pk, also_in_trash=True).project == lab


def test_the_trash_of_images_is_no_project_for_anybody(lab, lena, ada):
    deletion.delete(project=lab, by=lena, image_ids=[lab.images.first().pk])

    assert not access.trash_of(lena).exists()
    assert not access.trash_of(ada).exists()
    with pytest.raises(NotFound):
        access.project_for(ada, lab.image_trash.pk, also_in_trash=True)


def test_an_open_claim_ends_and_its_answer_finds_no_image(lena, ann):
    project = make_project(ann, lead=lena)
    add_images(project, 1)
    (claim,) = claims.claim(project=project, annotator=ann)

    deletion.delete(project=project, by=lena, image_ids=[claim.image_id])

    with pytest.raises(NotFound):
        labels.save_label(image_id=claim.image_id, annotator=ann, categories=["cat"])
    assert claims.claim(project=project, annotator=ann) == []
    deletion.restore(project=project, by=lena, image_ids=[claim.image_id])
    assert seats_are_right(project)
    assert [c.image_id for c in claims.claim(project=project, annotator=ann)] == [claim.image_id]


def test_images_come_back_with_the_seats_that_the_project_asks_for_now(lab, lena):
    answered, fresh = lab.images.first(), add_images(lab, 1)[0]
    deletion.delete(project=lab, by=lena, image_ids=[answered.pk, fresh.pk])
    other = make_project(lead=lena)
    (elsewhere,) = add_images(other, 1)
    deletion.delete(project=other, by=lena, image_ids=[elsewhere.pk])

    projects.update(project=lab, by=lena, changes={"labels_per_image": 3})
    deletion.restore(project=lab, by=lena, image_ids=[answered.pk, fresh.pk])

    seats = QueueEntry.objects.filter(image__in=[answered, fresh]).order_by("pk").values_list("seats", "seats_left")
    assert list(seats) == [(3, 1), (3, 3)]
    answered.refresh_from_db()
    assert answered.status == Status.PARTLY  # two of three answers
    assert seats_are_right(lab)
    assert QueueEntry.objects.get(pk=elsewhere.pk).seats == other.labels_per_image


def test_a_row_never_says_another_project_than_its_image(lab, lena):
    image = lab.images.first()
    other = make_project(lead=lena)
    Thread.objects.filter(image=image).update(project=other)
    with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    Thread.objects.filter(image=image).update(project=lab)


def test_the_history_of_labels_still_only_grows(lab):
    label = Label.objects.filter(project=lab).first()
    with pytest.raises(IntegrityError), transaction.atomic():
        Label.objects.filter(pk=label.pk).update(project=make_project(), reason="changed")


def test_the_same_bytes_are_a_duplicate_in_the_trash_and_nothing_comes_back(lena, tmp_path):
    project = make_project(lead=lena)
    content = picture(1)
    added = add_image(project=project, name="a.jpg", source=io.BytesIO(content))
    deletion.delete(project=project, by=lena, image_ids=[added.image.pk])

    again = add_image(project=project, name="b.jpg", source=io.BytesIO(content))

    assert (again.image_id, again.deleted) == (added.image.pk, True)
    assert not project.images.exists()


def old(**of):
    Image.objects.filter(**of, trashed_at__isnull=False).update(trashed_at=timezone.now() - timedelta(days=31))


def test_after_thirty_days_rows_files_and_features_are_gone_but_the_audit(lena, ann):
    project, other = make_project(ann, lead=lena), make_project(lead=lena)
    first = add_image(project=project, name="a.jpg", source=io.BytesIO(picture(1))).image
    shared = add_image(project=project, name="b.jpg", source=io.BytesIO(picture(2))).image
    kept = add_image(project=other, name="c.jpg", source=io.BytesIO(picture(2))).image
    run = make_model(project)
    everybody_labels(project, [ann])
    predict(run, first, "cat")
    for image in (first, shared):
        Feature.objects.create(backbone="b", sha256=image.sha256, vector=b"12")
    deletion.delete(project=project, by=lena, image_ids=[first.pk, shared.pk])
    assert deletion.purge_overdue() == 0
    old()

    assert deletion.purge_overdue() == 2

    store = intake.media_store()
    assert not Image.objects.filter(pk__in=[first.pk, shared.pk]).exists()
    assert not Label.objects.filter(image__in=[first.pk, shared.pk]).exists()
    assert not Sketch.objects.filter(image__in=[first.pk, shared.pk]).exists()
    assert not Prediction.objects.filter(run=run).exists()
    assert not store.original_path(first.sha256, "jpg").exists()
    assert not store.thumb_path(first.sha256).exists()
    assert store.has(kept.sha256, "jpg")
    assert set(Feature.objects.values_list("sha256", flat=True)) == {kept.sha256}
    assert AuditEvent.objects.filter(project=project, action="images.purge").exists()


def test_a_purge_that_was_killed_ends_the_same_when_it_runs_again(lena, monkeypatch):
    project = make_project(lead=lena)
    images = [add_image(project=project, name=f"{n}.jpg", source=io.BytesIO(picture(n))).image for n in (1, 2)]
    deletion.delete(project=project, by=lena, image_ids=[image.pk for image in images])
    old()
    store, deleted = intake.media_store(), []

    def killed(contents):
        for sha256, extension in contents.items():
            store.original_path(sha256, extension).unlink()
            deleted.append(sha256)
            raise KeyboardInterrupt  # after one file of several

    with monkeypatch.context() as patch:
        patch.setattr(trash, "delete_files", killed)
        with pytest.raises(KeyboardInterrupt):
            deletion.purge_overdue()
    assert deleted
    assert project.trash.count() == 2  # as before, but for a file

    assert deletion.purge_overdue() == 2
    assert not project.trash.exists()
    assert not any(store.thumb_path(image.sha256).exists() for image in images)


def test_a_project_is_purged_after_thirty_days_in_the_trash(lab, lena, ann):
    make_model(lab)
    deletion.delete(project=lab, by=lena, image_ids=[lab.images.last().pk])
    audit(lena, "something.else", project=lab)
    projects.trash(project=lab, by=lena)
    deletion.purge_overdue()
    assert Project.objects.filter(pk=lab.pk).exists()
    Project.objects.filter(pk=lab.pk).update(trashed_at=timezone.now() - timedelta(days=31))

    deletion.purge_overdue(most=4)  # a round of its own for each few images
    deletion.purge_overdue()

    assert not Project.objects.filter(pk=lab.pk).exists()
    assert not Project.objects.filter(trash_of=lab.pk).exists()
    assert not Image.objects.exists()
    assert not Label.objects.exists()
    assert AuditEvent.objects.filter(project=lab.pk, action="project.purge").exists()


def test_the_periodic_worker_purges(lena, settings, tmp_path):
    from worker import periodic  # here: it loads what a worker needs

    settings.MODELS_DIR = tmp_path
    project = make_project(lead=lena)
    (image,) = add_images(project, 1)
    deletion.delete(project=project, by=lena, image_ids=[image.pk])
    old()

    periodic.run_due_work()

    assert not Image.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_deleting_beside_people_who_label_loses_nothing(lena, ann, bea, dora):
    project = make_project(ann, bea, dora, lead=lena, labels_per_image=3)
    ids = [image.pk for image in add_images(project, 60)]

    def label(person):
        def work():
            saved = 0
            while found := claims.claim(project=project, annotator=person, count=5):
                for claim in found:
                    try:
                        labels.save_label(image_id=claim.image_id, annotator=person, categories=["cat"])
                        saved += 1
                    except (NotFound, NoClaim):  # deleted, or back already
                        pass
            return saved

        return work

    def come_and_go():
        for start in range(0, 60, 6):
            part = ids[start : start + 20]
            deletion.delete(project=project, by=lena, image_ids=part)
            deletion.restore(project=project, by=lena, image_ids=part)
        return 0

    together([label(ann), label(bea), label(dora), come_and_go])
    for person in (ann, bea, dora):
        label(person)()

    assert project.images.count() == 60
    assert counters_are_right(project)
    assert seats_are_right(project)
    assert Label.objects.filter(project=project).count() == 180
    assert reports.disagreements(project).count() == 0


def test_a_file_that_brings_a_deleted_image_again_says_that_it_is_in_the_trash(lena, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path / "media"
    project = make_project(lead=lena)
    plain = archive(tmp_path / "plain.zip", {"a.jpg": picture(1), "b.jpg": picture(2)})
    table = b"file_name,label\na.jpg,cat\nb.jpg,cat\n"
    listed = archive(tmp_path / "listed.zip", {"a.jpg": picture(1), "b.jpg": picture(2), "manifest.csv": table})
    bring_in(project, lena, plain)
    deletion.delete(project=project, by=lena, image_ids=[Image.objects.get(name="a.jpg").pk])

    for path in (plain, listed):
        result = bring_in(project, lena, path)
        assert [(one["name"], "in the trash" in one["reason"]) for one in result["refused"]] == [("a.jpg", True)]
        assert (result["added"], result["duplicates"]) == (0, 1)
    assert Label.objects.filter(project=project).count() == 1
    assert not Image.objects.filter(project=project, name="a.jpg").exists()


@pytest.mark.usefixtures("uncollected_static_files")
def test_the_admin_site_lists_no_project_of_deleted_images(as_, lab, lena, ada):
    deletion.delete(project=lab, by=lena, image_ids=[lab.images.first().pk])
    html = as_(ada).get(reverse("admin:labeler_project_changelist")).content.decode()
    assert html.count(f">{lab.name}<") == 1
