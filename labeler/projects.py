"""Make and change projects: settings, classes, guideline, members, trash.

The only module that writes Project, Category, GuidelineVersion and Membership (but for a member's place in
the queue, queue.py, and own keys, preferences.py). Knows nothing of labels; when a change of rules changes what
votes mean, recount.py is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from labeler import markers, prelabels, queue, recount, run_config, seating
from labeler.accounts import audit
from labeler.errors import Conflict, Invalid, NotAllowed, NotPossibleNow, StaleVersion, TaskNotSupported
from labeler.models import Category, Claim, GuidelineVersion, Image, Membership, Project, Role
from labeler.models.image import Slice
from labeler.models.project import SUPPORTED_TASKS, ConsensusMethod, Ordered, Task
from labeler.models.queue import ClaimState

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST_CATEGORIES = 1000
IN_TRASH_FOR = timedelta(days=30)
# Letters with a meaning of their own on the labeling screen (static/js/label/keys.js).
RESERVED_KEYS = frozenset("scfzg? 0+-=")
# What is said of a class; its place, and whether it is in use, are changed by change_category alone.
CATEGORY_FIELDS = ("name", "description", "key", "colour", "shape", "wanted", "variety")
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


def _checked(row: models.Model, fields: Iterable[str]) -> None:
    """Have the model's own rules look at these fields of an unsaved row. Raises Invalid with the sentences by field."""
    names = set(fields)
    try:
        row.clean_fields(exclude=[f.name for f in row._meta.concrete_fields if f.name not in names])
    except ValidationError as error:
        texts = error.message_dict
        first_field, first_texts = next(iter(texts.items()))
        raise Invalid(
            _("%(first_field)s: %(value)s") % {"first_field": first_field, "value": first_texts[0]}, fields=texts
        ) from error


# ---------------------------------------------------------------- projects


def check_may_create(person: User) -> None:
    """Raises NotAllowed for whoever is no administrator."""
    if not person.is_superuser:
        raise NotAllowed(_("Only an administrator may create projects. Ask one to do it, and to make you its lead."))


def create(
    *,
    created_by: User,
    name: str,
    task: str = Task.SINGLE,
    categories: Iterable[str | Mapping[str, Any]],
    **settings: Any,
) -> Project:
    """A new project, with its classes in this order and its creator as lead. Only admins may.

    categories: names, or {name, …} of CATEGORY_FIELDS. settings: any of SETTINGS.
    Raises NotAllowed, TaskNotSupported (boxes, polygons, masks), Invalid.
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
    _checked(project, ["name", *settings])
    _check_quality(project, settings)
    with transaction.atomic():
        project.save()
        GuidelineVersion.objects.create(project=project, number=1, text=project.guideline, author=created_by)
        Membership.objects.create(project=project, user=created_by, role=Role.LEAD)
        for position, fields in enumerate(wanted):
            _insert_category(project, position, **fields)
        audit(created_by, "project.create", project=project, subject=project.name)
    return project


def _check_task(task: str) -> None:
    if task not in Task.values:
        raise Invalid(
            _("task must be one of %(names)s.") % {"names": ", ".join(SUPPORTED_TASKS)}, fields={"task": ["unknown"]}
        )
    if task not in SUPPORTED_TASKS:
        raise TaskNotSupported(
            _("Projects of %(task)s do not exist yet; single and multi do.") % {"task": task},
            fields={"task": ["not supported yet"]},
        )


def _known(settings: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := [name for name in settings if name not in SETTINGS]:
        raise TypeError(f"a project has no setting {unknown}")
    if not isinstance(settings.get("training_config", {}), dict):
        raise Invalid(_("training_config is an object."), fields={"training_config": ["not an object"]})
    run_config.check(settings.get("training_config", {}))
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
        _check_version(row.version, expected_version, "project")
        before = {name: getattr(row, name) for name in changes}
        for name, value in changes.items():
            setattr(row, name, value.strip() if name == "name" and isinstance(value, str) else value)
        _checked(row, changes)
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
        # them. Which answered images are in doubt, a worker finds out (worker/care.py).
        seating.set_seats(row)
        recount.images(row)
    if before.get("ask_by_gain") and not row.ask_by_gain:
        prelabels.reorder(row)
    return row


def _check_quality(row: Project, changes: Iterable[str]) -> None:
    """Settings that are possible one by one and not together."""
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


def _has_calibration(row: Project) -> bool:
    return row.pk is not None and Image.objects.filter(project=row, slice=Slice.CALIBRATION).exists()


def _check_version(current: int, expected: int | None, noun: str) -> None:
    if expected is not None and expected != current:
        raise StaleVersion(
            _("Somebody changed this %(noun)s meanwhile. Look at the present one, then change it again.")
            % {"noun": noun},
            current=current,
        )


def trash(*, project: Project, by: User) -> None:
    """Take a project out of sight; it can be restored for 30 days. Its unfinished runs and jobs are cancelled."""
    from labeler import leases
    from labeler.models import Job, TrainingRun

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


# ---------------------------------------------------------------- classes


def add_category(*, project: Project, by: User, name: str, **fields: Any) -> Category:
    """One more class, at the end of the row. fields: of CATEGORY_FIELDS. Raises Invalid, Conflict for a name in use."""
    with transaction.atomic():
        row = Project.objects.select_for_update(no_key=True).get(pk=project.pk)
        last = row.categories.aggregate(models.Max("position"))["position__max"]
        if row.categories.count() >= MOST_CATEGORIES:
            raise Invalid(
                _("A project has at most %(most_categories)s classes.") % {"most_categories": MOST_CATEGORIES},
                fields={"name": ["too many classes"]},
            )
        category = _insert_category(row, 0 if last is None else last + 1, name=name, **fields)
        _raise_label_set(row, project)
        audit(by, "category.create", project=row, subject=category.name)
    return category


def _insert_category(project: Project, position: int, **fields: Any) -> Category:
    category = Category(project=project, position=position)
    if unknown := [name for name in fields if name not in CATEGORY_FIELDS]:
        raise TypeError(f"a class has no {unknown}")
    for name, value in fields.items():
        setattr(category, name, _tidy(name, value))
    _checked(category, CATEGORY_FIELDS)
    _check_numbers(category)
    _check_key(category)
    return _saved(category)


def _tidy(name: str, value: Any) -> Any:
    return value.strip() if name in ("name", "key") and isinstance(value, str) else value


def _check_numbers(category: Category) -> None:
    if category.wanted == 0:
        raise Invalid(_("The wanted number of images is at least 1, or left open."), fields={"wanted": ["at least 1"]})
    for name, last in (("colour", len(markers.COLOURS)), ("shape", len(markers.SHAPES))):
        if getattr(category, name) > last:
            raise Invalid(
                _("%(name)s is a number from 1 to %(last)s, or 0: by its position.") % {"name": name, "last": last},
                fields={name: ["unknown"]},
            )


def _check_key(category: Category) -> None:
    if not category.key:
        return
    if category.key.casefold() in RESERVED_KEYS or not category.key.isprintable():
        raise Invalid(
            _("The key “%(key)s” has a meaning of its own on the labeling screen.") % {"key": category.key},
            fields={"key": ["reserved"]},
        )
    others = (
        Category.objects.in_use().filter(project=category.project, key__iexact=category.key).exclude(pk=category.pk)
    )
    if other := others.first():
        raise Conflict(
            _("The key “%(key)s” chooses “%(name)s” already.") % {"key": category.key, "name": other.name},
            fields={"key": ["taken"]},
        )


def _saved(category: Category) -> Category:
    try:
        with transaction.atomic():
            category.save()
    except IntegrityError as error:
        raise Conflict(
            _("There is a class “%(name)s” already.") % {"name": category.name},
            fields={"name": ["taken by another class"]},
        ) from error
    return category


def _raise_label_set(row: Project, project: Project) -> None:
    """Every change of a class makes a new version of the set: processes keep what they read by that number."""
    row.label_set_version += 1
    row.save(update_fields=["label_set_version"])
    project.label_set_version = row.label_set_version


def change_category(
    *, category: Category, by: User, changes: Mapping[str, Any], expected_version: int | None = None
) -> Category:
    """Rename, describe, give a key, a marker or a place, merge into another class, retire or bring back.

    changes: any of CATEGORY_FIELDS, position, retired (bool), merged_into (id of a class in use, or
    None). Old labels keep their meaning: a former name still works, a merged class counts as what it was
    merged into. Raises StaleVersion, Invalid, Conflict.
    """
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=category.project_id)
        row = Category.objects.select_for_update(no_key=True).get(pk=category.pk)
        _check_version(row.version, expected_version, "class")
        before = row.merged_into_id
        changed = _apply(row, changes)
        if not changed:
            return row
        row.version += 1
        _check_numbers(row)
        _check_key(row)
        _saved(row)
        _raise_label_set(project, category.project)
        audit(by, "category.update", project=project, subject=row.name, category=row.pk, changed=changed)
    if row.merged_into_id != before:
        recount.images(project)
    return row


def place_category(*, category: Category, by: User, place: int) -> None:
    """Move a class in use to this place in the row, counted from 0; the others close up. Raises Conflict."""
    with transaction.atomic():
        project = Project.objects.select_for_update(no_key=True).get(pk=category.project_id)
        row = list(project.categories.in_use())
        moved = next((c for c in row if c.pk == category.pk), None)
        if moved is None:
            raise Conflict(_("This class is not in use: it has no place in the row."))
        row.remove(moved)
        row.insert(max(0, place), moved)
        # Positions may have gaps, where classes were retired: a place is what people see.
        shifted = [c for position, c in enumerate(row) if c.position != position]
        for position, c in enumerate(row):
            c.position = position
        if not shifted:
            return
        for c in shifted:
            c.version += 1
        Category.objects.bulk_update(shifted, ["position", "version"])
        _raise_label_set(project, category.project)
        audit(by, "category.update", project=project, subject=moved.name, category=moved.pk, changed=["position"])


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


def _apply(row: Category, changes: Mapping[str, Any]) -> list[str]:
    changed = []
    fields = (*CATEGORY_FIELDS, "position")
    for name in fields:
        value = _tidy(name, changes.get(name, getattr(row, name)))
        if value != (old := getattr(row, name)):
            setattr(row, name, value)
            changed.append(name)
            if name == "name":
                row.former_names = [*[former for former in row.former_names if former != old], old]
    _checked(row, fields)
    if "merged_into" in changes and changes["merged_into"] != row.merged_into_id:
        row.merged_into = _target(row, changes["merged_into"])
        row.retired_at = timezone.now() if row.merged_into else None
        changed.append("merged_into")
    elif "retired" in changes and bool(changes["retired"]) != (row.retired_at is not None):
        if row.merged_into_id and not changes["retired"]:
            raise Conflict(_("This class was merged. Set merged_into to null to bring it back."))
        row.retired_at = timezone.now() if changes["retired"] else None
        changed.append("retired")
    if row.retired_at and changed and not Category.objects.in_use().filter(project=row.project_id).exclude(pk=row.pk):
        raise Conflict(_("This is the last class in use: add another one before it goes."))
    return changed


def _target(row: Category, wanted: int | None) -> Category | None:
    if wanted is None:
        return None
    target = Category.objects.in_use().filter(project=row.project_id, pk=wanted).exclude(pk=row.pk).first()
    if target is None:
        raise Invalid(
            _("A class is merged into another class of the same project that is in use."),
            fields={"merged_into": ["not another class in use"]},
        )
    return target


# ---------------------------------------------------------------- members


def date_guideline(*, project: Project, number: int, at: datetime) -> None:
    """Say when a version of the guideline came into use: for histories that are simulated (demo/)."""
    GuidelineVersion.objects.filter(project=project, number=number).update(created_at=at)


def add_member(*, project: Project, by: User, username: str, role: str = Role.ANNOTATOR) -> Membership:
    """Let a person into the project. Raises Invalid for an unknown name or role, Conflict for a member."""
    _check_role(role)
    user = get_user_model().objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Invalid(
            _("There is no account “%(username)s”.") % {"username": username}, fields={"username": ["no such account"]}
        )
    try:
        with transaction.atomic():
            member = Membership.objects.create(project=project, user=user, role=role)
            audit(by, "member.add", project=project, subject=username, role=role)
    except IntegrityError as error:
        raise Conflict(
            _("%(username)s is a member already.") % {"username": username}, fields={"username": ["a member already"]}
        ) from error
    return member


def change_role(*, member: Membership, by: User, role: str) -> Membership:
    """Raises Invalid for an unknown role, Conflict when the last lead would be gone."""
    _check_role(role)
    with transaction.atomic():
        row = _locked_member(member)
        if row.role != role:
            if row.may_lead:
                _check_not_last_lead(row)
            audit(
                by,
                "member.role",
                project=row.project_id,
                subject=row.user.get_username(),
                before=row.role,
                after=role,
            )
            row.role = role
            row.save(update_fields=["role"])
    return row


def pause(*, member: Membership, by: User, paused: bool) -> Membership:
    """Hand this person no more images, or some again. Their labels stay, and what they hold may still be answered."""
    with transaction.atomic():
        row = _locked_member(member)
        if (row.paused_at is not None) != paused:
            row.paused_at = timezone.now() if paused else None
            row.save(update_fields=["paused_at"])
            action = "member.pause" if paused else "member.resume"
            audit(by, action, project=row.project_id, subject=row.user.get_username())
    return row


def remove_member(*, member: Membership, by: User) -> None:
    """Show a person out: their labels stay, their open images go back. Raises Conflict for the last lead."""
    with transaction.atomic():
        row = _locked_member(member)
        if row.may_lead:
            _check_not_last_lead(row)
        audit(by, "member.remove", project=row.project_id, subject=row.user.get_username(), role=row.role)
        row.delete()
    held = Claim.objects.filter(project=member.project_id, annotator=member.user_id, state=ClaimState.OPEN)
    for image_id in held.values_list("image_id", flat=True):
        queue.release(image_id=image_id, annotator=member.user)


def _locked_member(member: Membership) -> Membership:
    # The project first: two leads who show each other out at the same moment would both see another lead.
    Project.objects.select_for_update(no_key=True).get(pk=member.project_id)
    row = Membership.objects.select_related("user").filter(pk=member.pk).first()
    if row is None:
        raise Conflict(_("This person has left the project already."))
    return row


def _check_not_last_lead(row: Membership) -> None:
    if not Membership.objects.filter(project=row.project_id, role=Role.LEAD).exclude(pk=row.pk).exists():
        raise Conflict(_("This is the last lead of the project: make somebody else a lead first."))


def _check_role(role: str) -> None:
    if role not in Role.values:
        raise Invalid(
            _("role must be one of %(names)s.") % {"names": ", ".join(Role.values)}, fields={"role": ["unknown"]}
        )
