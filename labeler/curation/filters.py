"""Which images somebody looks for: read from what REST or a page was sent, checked, and made into one query.

The one place that knows the filters; what a filter may tell to whom is asked by the caller (FOR_REVIEWERS). Each of
them reads an index or the counters on the image (bench/image_list.py has the times at 1,000,000 images). share() and
flag() read a number from 0 to 1 and a true or false of any address or form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from labeler.errors import Invalid, NotAllowed
from labeler.intake import private_fields
from labeler.label_set import categories as label_set
from labeler.labeling import blindness
from labeler.models import Acceptance, Consensus, Finding, Image, ImageFinding, Label, Project, TrainingRun
from labeler.models.image import Split, Status
from labeler.training import runs

DELETED = "deleted"  # beside the statuses: in the trash
# What these ask for would tell an annotator what others said, or what the model says.
FOR_REVIEWERS = (
    "status", "category", "consensus", "predicted", "min_confidence", "max_confidence", "disagreement", "accepted",
    "import", "split", "finding",
)  # fmt: skip
# Besides metadata.<key>. In the order of pages.
NAMES = (
    "search", "status", "category", "labeled_by", "consensus", "predicted", "min_confidence", "max_confidence",
    "disagreement", "accepted", "import", "split", "finding", "min_pixels", "max_pixels",
)  # fmt: skip
METADATA = "metadata."
MOST_METADATA = 10
LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """What is asked for. Everything empty: all images of the project."""

    statuses: tuple[str, ...] = ()
    deleted: bool = False
    search: str = ""
    categories: tuple[int, ...] = ()  # each of them in somebody's current answer
    labeled_by: str = ""
    consensus: int | None = None
    predicted: int | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    disagreement: float | None = None
    accepted: bool = False
    import_id: int | None = None
    splits: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()  # each of them, by the checks on the data set
    min_pixels: int | None = None
    max_pixels: int | None = None
    metadata: tuple[tuple[str, str], ...] = field(default=())

    @property
    def asks_the_model(self) -> bool:
        return self.predicted is not None or self.min_confidence is not None or self.max_confidence is not None

    def images(self, project: Project, *, by_model: bool = False) -> QuerySet[Image]:
        """The images, in no order. by_model: those of which the active model's word may be told, with its
        `confidence` and `margin`, to order by.
        """
        return narrow(self, project, base(self, project), by_model=by_model)


def base(wanted: ImageFilter, project: Project) -> QuerySet[Image]:
    if wanted.deleted:
        return Image.objects.filter(trashed_from=project)
    return Image.objects.for_project(project)


def narrow(
    wanted: ImageFilter, project: Project, images: QuerySet[Image], *, by_model: bool = False
) -> QuerySet[Image]:
    """Of these images those that fit."""
    if wanted.statuses:
        images = images.filter(status__in=wanted.statuses)
    for category in wanted.categories:
        images = images.filter(_has_answer(wanted, project, categories__contains=[category]))
    if wanted.labeled_by:
        person = get_user_model().objects.filter(username=wanted.labeled_by).first()
        images = images.filter(_has_answer(wanted, project, annotator=person)) if person else images.none()
    if wanted.consensus is not None:
        outcome = Consensus.objects.filter(image=OuterRef("pk"), categories__contains=[wanted.consensus])
        images = images.filter(Exists(outcome), ~Q(status=Status.UNLABELED))
    if wanted.accepted:
        images = images.filter(Exists(Acceptance.objects.standing().filter(image=OuterRef("pk"))))
    if wanted.disagreement is not None:
        images = images.filter(disagreement__gte=wanted.disagreement)
    if wanted.search:
        images = images.filter(name__icontains=wanted.search)
    if wanted.import_id is not None:
        images = images.filter(job=wanted.import_id)
    for code in wanted.findings:
        images = images.filter(ImageFinding.objects.of_image(code))
    if wanted.splits:
        images = images.filter(split__in=wanted.splits)
    if wanted.min_pixels is not None or wanted.max_pixels is not None:
        images = images.alias(pixels=F("width") * F("height"))
        images = images.filter(pixels__gte=wanted.min_pixels) if wanted.min_pixels is not None else images
        images = images.filter(pixels__lte=wanted.max_pixels) if wanted.max_pixels is not None else images
    for key, value in wanted.metadata:
        images = images.filter(_has_metadata(key, value))
    return _by_model(wanted, project, images, is_order=by_model) if by_model or wanted.asks_the_model else images


def _has_answer(wanted: ImageFilter, project: Project, **of: Any) -> Exists:
    """Somebody's current answer is like this."""
    labels = Label.objects.current().filter(image=OuterRef("pk"), **of)
    # Named, the index that begins with the project answers alone; in the trash labels are of another one.
    return Exists(labels if wanted.deleted else labels.filter(project=project))


def _has_metadata(key: str, value: str) -> Q:
    """The key's value as text, or as the number or truth value that the text spells."""
    condition = Q(metadata__contains={key: value})
    if value in ("true", "false"):
        return condition | Q(metadata__contains={key: value == "true"})
    try:
        number = float(value)
    except ValueError:
        return condition
    return condition | Q(metadata__contains={key: number}) if abs(number) < 1e300 else condition


def _by_model(wanted: ImageFilter, project: Project, images: QuerySet[Image], *, is_order: bool) -> QuerySet[Image]:
    """By the active model's opinion. Whoever is told what it says of an image cannot judge it by that any more.

    Joined, not asked for each image: the surest first are then read from an index. An image has one of each model.
    """
    run: TrainingRun | None = runs.active(project)
    said = Q(predictions__run=run)
    if wanted.predicted is not None:
        said &= Q(predictions__categories__contains=[wanted.predicted])
    if is_order or wanted.min_confidence is not None or wanted.max_confidence is not None:
        said &= Q(predictions__margin__isnull=False)  # a model of another program may say nothing of how sure it is
    if wanted.min_confidence is not None:
        said &= Q(predictions__probability__gte=wanted.min_confidence)
    if wanted.max_confidence is not None:
        said &= Q(predictions__probability__lte=wanted.max_confidence)
    told = images.exclude(blindness.HIDES_MODEL).filter(said) if run else images.none()
    return told.annotate(confidence=F("predictions__probability"), margin=F("predictions__margin"))


# ---------------------------------------------------------------- reading what was sent


def read(project: Project, sent: Mapping[str, Sequence[str]], *, is_checked: bool = False) -> ImageFilter:
    """The filter of a query string, or of texts(); unknown names are ignored.

    is_checked: somebody who may ask for these fields has; a worker or a command has no person to ask access about.
    Raises Invalid, CategoryNotInProject, NotAllowed.
    """
    statuses = _chosen(sent, "status", (*Status.values, DELETED), _("status is one of %(names)s."))
    metadata = [(name.removeprefix(METADATA), values[-1]) for name, values in sent.items() if name.startswith(METADATA)]
    for key, _value in metadata:
        if not is_checked and not private_fields.may_see(project, key):
            raise NotAllowed(_("Only leads may look for images by %(name)s.") % {"name": key[:200]})
    if len(metadata) > MOST_METADATA:
        raise Invalid(_("At most %(n)s fields of metadata at a time.") % {"n": MOST_METADATA}, fields={})
    splits = _chosen(sent, "split", Split.values, _("split is one of %(names)s, or empty."))
    findings = _chosen(sent, "finding", Finding.values, _("finding is one of %(names)s."))
    predicted, consensus = _last(sent, "predicted"), _last(sent, "consensus")
    index = label_set.index(project)
    return ImageFilter(
        statuses=tuple(name for name in statuses if name != DELETED),
        deleted=DELETED in statuses,
        search=_last(sent, "search"),
        categories=tuple(index.id_of(name) for name in sent.get("category", ()) if name),
        labeled_by=_last(sent, "labeled_by"),
        consensus=index.id_of(consensus) if consensus else None,
        predicted=index.id_of(predicted) if predicted else None,
        min_confidence=share("min_confidence", _last(sent, "min_confidence")),
        max_confidence=share("max_confidence", _last(sent, "max_confidence")),
        disagreement=share("disagreement", _last(sent, "disagreement")),
        accepted=flag("accepted", _last(sent, "accepted")),
        import_id=_whole(sent, "import"),
        splits=splits,
        findings=findings,
        min_pixels=_whole(sent, "min_pixels"),
        max_pixels=_whole(sent, "max_pixels"),
        metadata=tuple(sorted(metadata)),
    )


def _chosen(sent: Mapping[str, Sequence[str]], name: str, known: Sequence[str], sentence: str) -> tuple[str, ...]:
    """What a filter names, each once, "" only where it is a value. Raises Invalid with the sentence."""
    values = tuple(dict.fromkeys(value for value in sent.get(name, ()) if value or value in known))
    if unknown := set(values) - set(known):
        raise Invalid(
            sentence % {"names": ", ".join(filter(None, known))},
            fields={name: [f"unknown: {value}" for value in sorted(unknown)]},
        )
    return values


def texts(sent: Mapping[str, Any]) -> dict[str, list[str]]:
    """A JSON object as a query string has it: each value as a list of texts. Raises Invalid."""
    return {name: _texts(name, value) for name, value in sent.items()}


def _texts(name: str, value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if any(isinstance(one, dict | list) for one in values):
        raise Invalid(
            _("A filter's values are texts, numbers, or lists of them."), fields={f"filter.{name}": ["shape"]}
        )
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values if one is not None]


def check_names(sent: Mapping[str, Sequence[str]]) -> None:
    """Raises Invalid for a name that is no filter: nobody must get all images for a slip of the pen."""
    if unknown := sorted(name for name in sent if not is_filter(name)):
        raise Invalid(
            _("There is no such filter: %(names)s. There are %(known)s and metadata.<key>.")
            % {"names": ", ".join(unknown)[:200], "known": ", ".join(NAMES)},
            fields={f"filter.{name[:100]}": ["unknown"] for name in unknown[:5]},
        )


def kept(project: Project, sent: Mapping[str, Sequence[str]], *, is_checked: bool = False) -> dict[str, list[str]]:
    """A filter as it is kept with a release: what says nothing is left out, and classes have their names, for people to
    read. Raises as check_names() and read().
    """
    check_names(sent)
    read(project, sent, is_checked=is_checked)
    index = label_set.index(project)
    found: dict[str, list[str]] = {}
    for name in sorted(sent):
        values = [value for value in sent[name] if value]
        if name in ("category", "consensus", "predicted"):
            # A class that is called 7 stays an id: its name would be read as one.
            named = [index.names[index.id_of(value)] for value in values]
            values = [value if one.isdigit() else one for value, one in zip(values, named, strict=True)]
        if values:
            found[name] = values
    return found


def is_filter(name: str) -> bool:
    """Is this the name of a filter, in an address?"""
    return name in NAMES or (name.startswith(METADATA) and name != METADATA)


def _last(sent: Mapping[str, Sequence[str]], name: str) -> str:
    values = sent.get(name)
    return str(values[-1]) if values else ""


def share(name: str, text: str) -> float | None:
    """What was sent under this name as a number from 0 to 1; None when nothing was. Raises Invalid."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise Invalid(
            _("%(name)s must be a number from 0 to 1.") % {"name": name}, fields={name: ["not such a number"]}
        )
    return number


def _whole(sent: Mapping[str, Sequence[str]], name: str) -> int | None:
    value = _last(sent, name)
    if not value:
        return None
    if not (value.isascii() and value.isdigit() and len(value) < 20 and int(value) <= LARGEST):
        raise Invalid(_("%(name)s must be a whole number.") % {"name": name}, fields={name: ["not such a number"]})
    return int(value)


def flag(name: str, text: str) -> bool:
    """What was sent under this name as true or false, and false when nothing was. Raises Invalid."""
    value = text.lower()
    if value not in ("true", "false", "1", "0", ""):
        raise Invalid(_("%(name)s must be true or false.") % {"name": name}, fields={name: ["not true or false"]})
    return value in ("true", "1")
