"""What becomes of a project, its classes, members and images when a lead changes something."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from labeler.access import projects_of
from labeler.errors import (
    CategoryNotInProject,
    Conflict,
    Invalid,
    NotAllowed,
    NotPossibleNow,
    StaleVersion,
)
from labeler.label_set import categories
from labeler.labeling import claims
from labeler.labeling.labels import save_label, undo
from labeler.models import AuditEvent, Category, Claim, GuidelineVersion, Image, Job, Membership, Project, TrainingRun
from labeler.projects import classes, members, projects
from tests.helpers.factories import add_images

pytestmark = pytest.mark.django_db


def answer(person, image, *names, **more):
    claims.claim(project=Project.objects.get(pk=image.project_id), annotator=person, count=50)
    return save_label(image_id=image.pk, annotator=person, categories=names, **more)


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def change(project, class_name, by, **changes):
    return classes.change_category(category=project.categories.get(name=class_name), by=by, changes=changes)


# ---------------------------------------------------------------- projects


def test_a_new_project_has_classes_in_order_a_guideline_and_a_lead(ada):
    project = projects.create(
        created_by=ada, name=" Leaves ", categories=["rust", {"name": "healthy", "key": "h"}], guideline="Look below.",
        labels_per_image=3,
    )  # fmt: skip

    assert (project.name, project.task, project.labels_per_image, project.blind_share) == ("Leaves", "single", 3, 0.15)
    assert [(c.name, c.key, c.position) for c in project.categories.all()] == [("rust", "", 0), ("healthy", "h", 1)]
    assert GuidelineVersion.objects.get(project=project).text == "Look below."
    assert Membership.objects.get(project=project, user=ada).role == "lead"
    assert AuditEvent.objects.get(action="project.create").actor == ada


def test_only_admins_make_projects(lena):
    with pytest.raises(NotAllowed):
        projects.create(created_by=lena, name="Mine", categories=["a"])


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"task": "guess"}, Invalid),
        ({"categories": []}, Invalid),
        ({"categories": ["a", "A"]}, Conflict),
        ({"categories": [{"name": "a", "key": "x"}, {"name": "b", "key": "X"}]}, Conflict),
        ({"categories": [{"name": "a", "key": "s"}]}, Invalid),
        ({"categories": ["  "]}, Invalid),
        ({"name": "  "}, Invalid),
        ({"labels_per_image": 0}, Invalid),
        ({"labels_per_image": 51}, Invalid),
        ({"blind_share": 1.5}, Invalid),
        ({"lease_seconds": 1}, Invalid),
        ({"training_config": []}, Invalid),
    ],
)
def test_a_project_that_makes_no_sense_leaves_nothing_behind(ada, fields, error):
    with pytest.raises(error) as refused:
        projects.create(**{"created_by": ada, "name": "P", "categories": ["a"], **fields})

    assert refused.value.fields
    assert not Project.objects.exists() and not Category.objects.exists()


def test_another_guideline_is_a_new_version_and_the_same_one_is_not(project, lena):
    for text in ("Look twice.", "Look twice.", "Look thrice."):
        projects.update(project=project, by=lena, changes={"guideline": text})

    assert fresh(project).guideline_version == 3
    assert [v.text for v in project.guideline_versions.order_by("number")] == ["", "Look twice.", "Look thrice."]


def test_a_change_raises_the_version_and_a_stale_one_is_refused_with_the_present(project, lena):
    changed = projects.update(project=project, by=lena, changes={"question": "Which?"}, expected_version=1)
    assert changed.version == 2
    assert projects.update(project=project, by=lena, changes={"question": "Which?"}).version == 2

    with pytest.raises(StaleVersion) as stale:
        projects.update(project=project, by=lena, changes={"question": "What?"}, expected_version=1)
    assert stale.value.details == {"current": 2}
    assert fresh(project).question == "Which?"


def test_the_task_stays(project, lena):
    with pytest.raises(NotPossibleNow):
        projects.update(project=project, by=lena, changes={"task": "multi"})
    assert projects.update(project=project, by=lena, changes={"task": "single"}).task == "single"


def test_a_higher_quota_opens_seats_and_unsettles_images(project, ann, bea, lena):
    [image] = add_images(project, 1)
    answer(ann, image, "cat")
    answer(bea, image, "cat")
    assert fresh(image).status == "settled"

    projects.update(project=project, by=lena, changes={"labels_per_image": 3})

    assert (fresh(image).status, image.entry.seats) == ("partly labeled", 2)
    image.entry.refresh_from_db()
    assert (image.entry.seats, image.entry.seats_left) == (3, 1)


def test_a_lower_quota_settles_and_takes_nothing_from_anybody(project, ann, lena):
    [image] = add_images(project, 1)
    answer(ann, image, "cat")

    projects.update(project=project, by=lena, changes={"labels_per_image": 1})

    assert fresh(image).status == "settled"
    assert fresh(image).n_votes == 1


def test_a_trashed_project_can_be_restored_for_thirty_days(project, lena):
    job = Job.objects.create(project=project, kind="import")
    run = TrainingRun.objects.create(project=project, number=1)

    projects.trash(project=project, by=lena)
    projects.trash(project=project, by=lena)

    assert not projects_of(lena).exists()
    assert (fresh(job).state, fresh(run).state) == ("cancelled", "cancelled")
    assert AuditEvent.objects.filter(action="project.trash").count() == 1
    assert projects.restore(project=project, by=lena).trashed_at is None
    assert projects_of(lena).exists()

    projects.trash(project=project, by=lena)
    Project.objects.update(trashed_at=timezone.now() - timedelta(days=31))
    with pytest.raises(NotPossibleNow):
        projects.restore(project=project, by=lena)


# ---------------------------------------------------------------- classes


def test_a_renamed_class_answers_to_both_names(project, ann, lena):
    [first, second] = add_images(project, 2)
    answer(ann, first, "cat")

    change(project, "cat", lena, name="kitten")

    assert fresh(project).label_set_version == 2
    assert answer(ann, second, "cat").category_names == ["kitten"]
    assert categories.index(fresh(project)).resolve(["kitten", "CAT"]) == [project.categories.get(name="kitten").pk]


def test_a_merged_class_counts_as_what_it_became_also_in_votes_that_are_in(project, ann, bea, lena):
    [image] = add_images(project, 1)
    answer(ann, image, "dog")
    answer(bea, image, "fox")
    assert fresh(image).status == "disputed"

    change(project, "dog", lena, merged_into=project.categories.get(name="fox").pk)

    fox = project.categories.get(name="fox").pk
    assert (fresh(image).status, fresh(image).tally, fresh(image).disagreement) == ("settled", {str(fox): 2}, 0.0)
    # The old answer can still be taken back and changed, and the counters follow.
    undo(image_id=image.pk, annotator=ann)
    assert (fresh(image).tally, fresh(image).n_votes) == ({str(fox): 1}, 1)
    assert answer(ann, image, "dog").category_names == ["fox"]


def test_a_merger_can_be_taken_back(project, ann, lena):
    [image] = add_images(project, 1)
    answer(ann, image, "dog")
    dog = project.categories.get(name="dog").pk
    change(project, "dog", lena, merged_into=project.categories.get(name="fox").pk)

    change(project, "dog", lena, merged_into=None)

    assert fresh(image).tally == {str(dog): 1}
    assert dog in categories.index(fresh(project)).ids_in_use


def test_a_retired_class_is_not_offered_and_its_labels_stay(project, ann, lena):
    [image] = add_images(project, 1)
    answer(ann, image, "dog")

    change(project, "dog", lena, retired=True)

    assert [c.name for c in project.categories.in_use()] == ["cat", "fox"]
    assert fresh(image).n_votes == 1
    change(project, "dog", lena, retired=False)
    assert [c.name for c in project.categories.in_use()] == ["cat", "dog", "fox"]


def test_a_name_of_a_retired_class_is_free_again(project, lena):
    change(project, "dog", lena, retired=True)
    new = classes.add_category(project=project, by=lena, name="dog")

    assert categories.index(fresh(project)).resolve(["dog"]) == [new.pk]
    with pytest.raises(Conflict):
        classes.change_category(
            category=Category.objects.get(retired_at__isnull=False), by=lena, changes={"retired": False}
        )


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": "CAT"}, Conflict),
        ({"name": " "}, Invalid),
        ({"key": "z"}, Invalid),
        ({"merged_into": 10**15}, Invalid),
    ],
)
def test_a_change_of_a_class_that_makes_no_sense_changes_nothing(project, lena, changes, error):
    with pytest.raises(error):
        change(project, "dog", lena, **changes)

    assert fresh(project).label_set_version == 1
    assert project.categories.get(name="dog").version == 1


def test_a_class_is_not_merged_into_itself_or_into_another_project(project, multi_project, lena):
    for target in (project.categories.get(name="dog"), multi_project.categories.first()):
        with pytest.raises(Invalid):
            change(project, "dog", lena, merged_into=target.pk)


def test_the_last_class_stays(project, lena):
    change(project, "cat", lena, retired=True)
    change(project, "dog", lena, retired=True)
    with pytest.raises(Conflict):
        change(project, "fox", lena, retired=True)


def test_a_new_class_can_be_chosen_at_once(project, ann, lena):
    [image] = add_images(project, 1)
    with pytest.raises(CategoryNotInProject):
        answer(ann, image, "wolf")

    classes.add_category(project=project, by=lena, name="wolf", key="w")

    assert answer(ann, image, "wolf").category_names == ["wolf"]


# ---------------------------------------------------------------- members


def test_a_member_who_leaves_keeps_their_labels_and_gives_back_their_images(project, ann, lena):
    first, _second = add_images(project, 2)
    answer(ann, first, "cat")
    member = Membership.objects.get(project=project, user=ann)

    members.remove_member(member=member, by=lena)

    assert fresh(first).n_votes == 1
    assert set(Claim.objects.filter(annotator=ann).values_list("state", flat=True)) == {"answered", "released"}
    assert not projects_of(ann).exists()


def test_the_last_lead_stays(project, lena, rev):
    member = Membership.objects.get(project=project, user=lena)
    with pytest.raises(Conflict):
        members.remove_member(member=member, by=lena)
    with pytest.raises(Conflict):
        members.change_role(member=member, by=lena, role="annotator")

    members.change_role(member=Membership.objects.get(project=project, user=rev), by=lena, role="lead")
    assert members.change_role(member=member, by=lena, role="annotator").role == "annotator"


def test_who_is_added_must_exist_and_be_new(project, lena, carl):
    assert members.add_member(project=project, by=lena, username="carl").role == "annotator"
    with pytest.raises(Conflict):
        members.add_member(project=project, by=lena, username="carl")
    with pytest.raises(Invalid):
        members.add_member(project=project, by=lena, username="nobody")
    with pytest.raises(Invalid):
        members.add_member(project=project, by=lena, username="ada", role="king")


def test_recounting_changes_nothing_that_is_right(project, ann, bea):
    images = add_images(project, 3)
    for image, names in zip(images, (("cat", "cat"), ("cat", "dog"), ("fox",)), strict=True):
        for person, name in zip((ann, bea), names, strict=False):
            answer(person, image, name)
    from labeler.labeling import counters

    before = list(Image.objects.order_by("pk").values())
    assert counters.images(project) == 0
    assert list(Image.objects.order_by("pk").values()) == before
