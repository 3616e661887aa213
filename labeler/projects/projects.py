"""Create, change, trash and restore projects: settings, guideline and target numbers.

The only module that writes GuidelineVersion. Classes are changed by classes.py, members by members.py. Knows nothing of
labels; when a change of rules changes what votes mean, labeling/counters.py is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler.access import administers
from labeler.accounts.audit import audit
from labeler.errors import Invalid, NotAllowed, NotPossibleNow
from labeler.jobs import leases
from labeler.labeling import counters, seats
from labeler.models import GuidelineVersion, Image, Job, Membership, Project, Role, TrainingRun
from labeler.models.image import Slice
from labeler.models.project import ConsensusMethod, Ordered, Task
from labeler.projects.checks import check_row, check_version
from labeler.projects.classes import MOST_CATEGORIES, change_category, insert_category
from labeler.projects.questions import add as add_question
from labeler.training import queue_order, run_settings

IN_TRASH_FOR = timedelta(days=30)
SETTINGS = (
    "name",
    "question",
    "description",
    "guideline",
    "labels_per_image",
    "blind_share",
    "lease_seconds",
    "target_agreement",
    "wanted_images",
    "variety",
    "review_confidence",
    "planted_share",
    "gold_share",
    "gold_feedback",
    "repeat_share",
    "consensus_method",
    "adaptive_overlap",
    "fewest_labels",
    "most_labels",
    "enough_confidence",
    "ordered",
    "object_iou",
    "gold_iou",
    "show_file_names",
    "show_prelabels",
    "ask_uncertain_first",
    "auto_accept",
    "accept_precision",
    "accept_confidence",
    "accept_per_class",
    "audited_share",
    "ask_by_gain",
    "goal_right",
    "model_fills",
    "train_automatically",
    "training_config",
)
# Another value of these changes how many people an image is for.
QUOTA = ("labels_per_image", "adaptive_overlap", "fewest_labels", "most_labels", "ask_by_gain")


def check_may_create(person: User) -> None:
    """Raises NotAllowed for whoever is no administrator."""
    if not administers(person):
        raise NotAllowed(_("Only an administrator may create projects. Ask one to do it, and to make you its lead."))


def create(
    *,
    created_by: User,
    name: str,
    task: str = Task.SINGLE,
    categories: Iterable[str | Mapping[str, Any]],
    questions: Iterable[Mapping[str, Any]] = (),
    **settings: Any,
) -> Project:
    """A new project, with its classes in this order and its creator as lead. Only admins may.

    categories: names, or {name, …} of CATEGORY_FIELDS. questions: {name, kind, …}, asked of each drawn object.
    settings: any of SETTINGS.
    Raises NotAllowed, Invalid.
    """
    check_may_create(created_by)
    _check_task(task)
    wanted = [{"name": c} if isinstance(c, str) else dict(c) for c in categories]
    if not wanted:
        raise Invalid(_("A project needs at least one class."), fields={"categories": ["at least one"]})
    if len(wanted) > MOST_CATEGORIES:
        raise Invalid(
            _("A project has at most %(most_categories)s classes.") % {"most_categories": MOST_CATEGORIES},
            fields={"categories": ["too many"]},
        )
    settings = _known(settings)
    project = Project(name=name.strip(), task=task, created_by=created_by, **settings)
    check_row(project, ["name", *settings])
    _check_quality(project, settings)
    with transaction.atomic():
        project.save()
        GuidelineVersion.objects.create(project=project, number=1, text=project.guideline, author=created_by)
        Membership.objects.create(project=project, user=created_by, role=Role.LEAD)
        for position, fields in enumerate(wanted):
            insert_category(project, position, **fields)
        for asked in questions:
            add_question(project=project, by=created_by, **asked)
        audit(created_by, "project.create", project=project, subject=project.name)
    return project


def _check_task(task: str) -> None:
    if task not in Task.values:
        raise Invalid(
            _("task must be one of %(names)s.") % {"names": ", ".join(Task.values)}, fields={"task": ["unknown"]}
        )


def _known(settings: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := [name for name in settings if name not in SETTINGS]:
        raise TypeError(f"a project has no setting {unknown}")
    if not isinstance(settings.get("training_config", {}), dict):
        raise Invalid(_("training_config is an object."), fields={"training_config": ["not an object"]})
    run_settings.check(settings.get("training_config", {}))
    return dict(settings)


def update(*, project: Project, by: User, changes: Mapping[str, Any], expected_version: int | None = None) -> Project:
    """Change settings (SETTINGS). Another guideline text becomes a new version, another quota changes seats.

    expected_version: refuse when somebody changed the project since (StaleVersion). Raises Invalid,
    NotPossibleNow for another task.
    """
    changes = dict(changes)
    if changes.pop("task", project.task) != project.task:
        raise NotPossibleNow(
            _("The task of a project cannot be changed: make a new project."),
            fields={"task": ["cannot be changed"]},
        )
    changes = _known(changes)
    with transaction.atomic():
        row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        check_version(row.version, expected_version, "project")
        before = {name: getattr(row, name) for name in changes}
        for name, value in changes.items():
            setattr(row, name, value.strip() if name == "name" and isinstance(value, str) else value)
        check_row(row, changes)
        _check_quality(row, changes)
        changed = [name for name in changes if getattr(row, name) != before[name]]
        if not changed:
            return row
        if "guideline" in changed:
            row.guideline_version += 1
            GuidelineVersion.objects.create(project=row, number=row.guideline_version, text=row.guideline, author=by)
        row.version += 1
        row.save(update_fields=[*changed, "version", "guideline_version"])
        audit(by, "project.update", project=row, subject=row.name, changed=changed)
    if set(QUOTA) & set(changed):
        # After the commit: each image is changed by itself, so that nobody who labels has to wait for all of
        # them. Which answered images are in doubt, a worker finds out (worker/periodic.py).
        seats.set_seats(row)
        counters.images(row)
    if before.get("ask_by_gain") and not row.ask_by_gain:
        queue_order.reorder(row)
    return row


def _check_quality(row: Project, changes: Iterable[str]) -> None:
    """Settings that are possible one by one and not together."""
    if row.draws:
        _check_of_drawn(row)
    if row.most_labels < row.fewest_labels:
        name = "most_labels" if "most_labels" in changes else "fewest_labels"
        raise Invalid(
            _("An image cannot get at most %(most)s labels and at least %(fewest)s.")
            % {"most": row.most_labels, "fewest": row.fewest_labels},
            fields={name: ["the most labels are fewer than the fewest"]},
        )
    if row.auto_accept and not row.blind_share and "auto_accept" in changes and not _has_calibration(row):
        raise Invalid(
            _(
                "Without blind images nothing can be promised: give the project a blind share above 0 before images "
                "are brought in, then let the model accept."
            ),
            fields={"auto_accept": ["no calibration images"]},
        )
    if row.ask_by_gain and row.adaptive_overlap:
        name = "adaptive_overlap" if "adaptive_overlap" in changes else "ask_by_gain"
        raise Invalid(
            _("Adaptive overlap and asking by gain both say how many people judge an image: switch one of them off."),
            fields={name: ["not both"]},
        )
    if row.model_fills and row.consensus_method != ConsensusMethod.WITH_MODEL:
        name = "consensus_method" if "consensus_method" in changes else "model_fills"
        raise Invalid(
            _("Images without a label get the model's answer only where people and model decide together."),
            fields={name: ["needs the method of people and model"]},
        )
    if row.ordered != Ordered.NONE and row.is_multi:
        raise Invalid(
            _("Classes with an order are answered one at a time: this project asks for several."),
            fields={"ordered": ["not for several classes"]},
        )


def _check_of_drawn(row: Project) -> None:
    """What works for classes only is not switched on where people draw."""
    usual = {
        "consensus_method": ConsensusMethod.MAJORITY, "ordered": Ordered.NONE,
        "ask_by_gain": False, "auto_accept": False, "model_fills": False,
    }  # fmt: skip
    why = {
        "consensus_method": _("Drawn objects are settled by the majority, object by object: people are not weighed."),
        "ordered": _("Classes with an order are answered one at a time: here people draw objects."),
        "ask_by_gain": _(
            "Asking by gain works for classes only. Where people draw, adaptive overlap asks one more person as long "
            "as an object has no majority."
        ),
        "auto_accept": _("A model accepts classes only: here people draw objects."),
        "model_fills": _("A model fills in classes only: here people draw objects."),
    }
    for name, value in usual.items():
        if getattr(row, name) != value:
            raise Invalid(why[name], fields={name: ["not for drawn objects"]})


def _has_calibration(row: Project) -> bool:
    return row.pk is not None and Image.objects.filter(project=row, slice=Slice.CALIBRATION).exists()


def trash(*, project: Project, by: User) -> None:
    """Take a project out of sight; it can be restored for 30 days. Its unfinished runs and jobs are cancelled."""
    with transaction.atomic():
        if not Project.objects.filter(pk=project.pk, trashed_at__isnull=True).update(
            trashed_at=timezone.now(), version=F("version") + 1
        ):
            return
        for model in (TrainingRun, Job):
            for pk in model.objects.filter(project=project, finished_at__isnull=True).values_list("pk", flat=True):
                leases.cancel(model, pk)
        audit(by, "project.trash", project=project, subject=project.name)


def restore(*, project: Project, by: User) -> Project:
    """Bring a project back from the trash with everything in it. Raises NotPossibleNow after 30 days."""
    with transaction.atomic():
        row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        if row.trashed_at is None:
            return row
        if timezone.now() - row.trashed_at > IN_TRASH_FOR:
            raise NotPossibleNow(_("This project has been in the trash for more than 30 days."))
        row.trashed_at = None
        row.version += 1
        row.save(update_fields=["trashed_at", "version"])
        audit(by, "project.restore", project=row, subject=row.name)
    return row


def trash_of_images(project: Project) -> Project:
    """The project that holds the deleted images of this one, made when it is first asked for. Nobody sees it."""
    made, _new = Project.objects.get_or_create(
        trash_of=project,
        defaults={"name": f"Trash of {project.pk}", "task": project.task, "trashed_at": timezone.now()},
    )
    return made


def votes_changed(project: Project) -> None:
    """Images came or went: where people are weighed by their votes, and in kept figures, all is counted anew."""
    Project.objects.filter(pk=project.pk).update(version=F("version") + 1)


def overdue_in_trash() -> list[Project]:
    """Projects that nobody restored in 30 days, the oldest first."""
    before = timezone.now() - IN_TRASH_FOR
    return list(Project.objects.filter(trashed_at__lt=before, trash_of=None).order_by("trashed_at"))


def purge(project: Project) -> None:
    """Delete a project for good that has been in the trash for 30 days and has no image any more; the audit stays."""
    with transaction.atomic():
        row = Project.objects.select_for_update().filter(pk=project.pk, trashed_at__lt=timezone.now() - IN_TRASH_FOR)
        if found := row.first():
            audit(None, "project.purge", project=found, subject=found.name)
            found.delete()


def want(
    *, project: Project, by: User, changes: Mapping[str, Any], of_classes: Mapping[int, Mapping[str, Any]]
) -> None:
    """Say what the data set shall have: settings of the project, and `wanted` and `variety` of classes, all or nothing.

    Raises what update() and change_category() raise; a class that is gone is passed over.
    """
    with transaction.atomic():
        update(project=project, by=by, changes=changes)
        for category in project.categories.filter(pk__in=of_classes).order_by("pk"):
            change_category(category=category, by=by, changes=of_classes[category.pk])


def date_guideline(*, project: Project, number: int, at: datetime) -> None:
    """Say when a version of the guideline came into use: for histories that are simulated (demo/)."""
    GuidelineVersion.objects.filter(project=project, number=number).update(created_at=at)
