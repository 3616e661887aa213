"""Make the demo: one project that is half done, by people who are simulated, and an empty one to try.

Goes through the verbs that real work goes through (projects, intake, claims, labels, runs), so what it shows is what
the product does. Can be stopped and repeated at any point; once all is there, it does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from multiprocessing import get_context

import numpy as np
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from labeler.accounts.people import without_password
from labeler.demo.drawing import CATEGORIES, KINDS, draw_jpeg
from labeler.demo.people import PEOPLE, Person, answer, before_the_guideline
from labeler.errors import NotPossibleNow
from labeler.intake.archives import Member
from labeler.intake.images import add_images
from labeler.intake.outcomes import Added
from labeler.label_set import examples
from labeler.labeling import claims as queue
from labeler.labeling.labels import save_label
from labeler.models import Image, Label, Membership, Project
from labeler.models.label import Answer
from labeler.projects import members as membership
from labeler.projects import projects
from labeler.training import runs

NAME = "Leaf diseases (demo)"
EMPTY_NAME = "Try it yourself"
QUESTION = "What is wrong with this leaf?"
DESCRIPTION = (
    "A demonstration. The leaves are drawn by a program, and Amara, Ben, Chen and Dana are simulated: "
    + "; ".join(f"{person.name} {person.manner}" for person in PEOPLE)
    + ". One leaf in six lies between two classes on purpose. Their answers are dated over four weeks, and in "
    "the middle of these the guideline got its rule for rust and leaf spot. All else is real: the answers were "
    "saved like yours, the agreement is computed from them, the model is trained on them by this machine. "
    "Label a few of the leaves that are left."
)
EMPTY_DESCRIPTION = (
    "Empty, for your own photographs: import a folder or a zip, invite people, and start labeling. "
    "The classes can be renamed, and others added."
)
GUIDELINE = """\
Look at the upper side of the leaf and choose what covers most of the diseased area.

- **Rust**: many small orange to brown pustules, raised, often in groups.
- **Leaf spot**: few, larger, dark brown spots with a yellow halo; old ones have a pale centre.
- **Mildew**: white powder that lies on the surface; the veins shimmer through.
- **Blight**: brown, dead tissue that grows inwards from the margin or the tip, behind a yellow front.
- **Healthy**: none of these. Drops of water, a bite, or yellowing at the margin of an old leaf are no disease.

Rust or leaf spot? Spots smaller than the distance between two side veins are rust; larger ones are leaf spot.
Mildew or healthy? A faint even haze is light; patches with an edge are mildew.
Choose “cannot tell” when two of you could argue about it.
"""
# What people worked by until half of the labels were there.
FIRST_GUIDELINE = "\n".join(line for line in GUIDELINE.split("\n") if not line.startswith("Rust or leaf spot?"))
CATEGORY_TEXTS = {
    "Rust": "Many small, raised, orange to brown pustules",
    "Leaf spot": "Few, larger, dark spots with a yellow halo",
    "Mildew": "White powder on the surface",
    "Blight": "Brown dead tissue from the margin or the tip inwards",
    "Healthy": "None of the others",
}

IMAGES = 280
LABELS_PER_IMAGE = 3
LABELS = 450  # the quota of 150 images, so that pre-labels have something to do on the others
WEEKS = 4  # over which the labels are spread: one day is no history
DAYS = (2, 4, 6)  # of each week, on which people label; the last one is the day before the project was made
ANSWER_EVERY = timedelta(seconds=50)
CLAIM = 5  # images at a time, as the labeling screen asks for them
# The rest is shared by the ambiguous kinds: 12 of each.
_CLEAR = {"Rust": 52, "Leaf spot": 46, "Mildew": 44, "Blight": 40, "Healthy": 50}
SEED = 2026

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Demo:
    """What is there now. `made`: this call did something."""

    project: Project
    empty: Project | None
    made: bool


def make(*, lead: User, progress: Progress) -> Demo:
    """Make what is missing of the demo; `lead` (an administrator) leads both projects.

    `progress(done, total, what)` is called as it goes on. Raises StorageFull, and Conflict or Invalid as
    the verbs do.
    """
    project = Project.objects.filter(name=NAME).order_by("pk").first()
    if project is not None and (project.trashed_at or project.runs.exists()):
        return Demo(project, Project.objects.not_in_trash().filter(name=EMPTY_NAME).first(), made=False)
    project = project or projects.create(
        created_by=lead,
        name=NAME,
        question=QUESTION,
        description=DESCRIPTION,
        guideline=FIRST_GUIDELINE,
        categories=_categories(),
        labels_per_image=LABELS_PER_IMAGE,
        # Of 150 labeled images some 15 test the model and 15 its confidence; the usual share would leave a handful.
        blind_share=0.25,
        # Beat must not train on the first labels while the last are being made.
        train_automatically=False,
    )
    projects.date_guideline(project=project, number=1, at=_when(project, 0))
    people = [(person, join(project, person.name, lead)) for person in PEOPLE]
    _draw(project, progress)
    project = _label(project, lead, people, progress)
    _explain(project, lead)
    empty = Project.objects.filter(name=EMPTY_NAME).order_by("pk").first() or projects.create(
        created_by=lead,
        name=EMPTY_NAME,
        question=QUESTION,
        description=EMPTY_DESCRIPTION,
        categories=_categories(),
    )
    # Last: a project that has a run is one that is done.
    runs.request(project=project, requested_by=lead)
    projects.update(project=project, by=lead, changes={"train_automatically": True})
    return Demo(project, empty, made=True)


def kinds() -> list[str]:
    """What each of the IMAGES leaves shows, by its number: the same list for ever."""
    ambiguous = [kind for kind in KINDS if kind not in _CLEAR]
    each = (IMAGES - sum(_CLEAR.values())) // len(ambiguous)
    planned = [kind for kind, n in [*_CLEAR.items(), *((kind, each) for kind in ambiguous)] for _ in range(n)]
    return [planned[k] for k in np.random.default_rng(SEED).permutation(len(planned))]


def _categories() -> list[dict[str, str]]:
    return [{"name": name, "description": CATEGORY_TEXTS[name]} for name in CATEGORIES]


def account(name: str) -> User:
    """The account of a simulated person, which nobody can log in to. Other accounts are left alone."""
    users = get_user_model().objects
    username, address = name.lower(), f"{name.lower()}@demo.invalid"
    if (there := users.filter(email=address).first()) is not None:
        return there
    if users.filter(username=username).exists():
        username += ".demo"
    return without_password(username, address, first_name=name, last_name="(simulated)")


def join(project: Project, name: str, lead: User) -> User:
    """The account of a simulated person, who is a member of the project from now on."""
    user = account(name)
    if not Membership.objects.filter(project=project, user=user).exists():
        membership.add_member(project=project, by=lead, username=user.get_username())
    return user


# ---------------------------------------------------------------- images


def take_in(project: Project, members: Iterator[Member]) -> None:
    """Add the demo's own images, of which none may be refused."""
    for outcome in add_images(project=project, members=members, threads=1):
        if not isinstance(outcome, Added):
            raise NotPossibleNow(_("The demo's own image was not taken in: %(outcome)s") % {"outcome": outcome})


def _file_name(number: int) -> str:
    return f"leaf-{number:03}.jpg"  # does not give the class away


def _number(image: Image) -> int:
    return int(image.name.removeprefix("leaf-").removesuffix(".jpg"))


def _draw(project: Project, progress: Progress) -> None:
    """Draw the leaves on all cores, and take them in while the next are drawn."""
    there = set(Image.objects.filter(project=project).values_list("name", flat=True))
    missing = [(number, kind) for number, kind in enumerate(kinds()) if _file_name(number) not in there]
    if not missing:
        return
    # spawn, not fork: a forked child would share our database connection.
    with ProcessPoolExecutor(os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        drawings = [(number, pool.submit(draw_jpeg, SEED + number, kind)) for number, kind in missing]

        def members() -> Iterator[Member]:
            for number, drawing in drawings:
                content = drawing.result()
                progress(len(there) + number, IMAGES, "leaves drawn")
                yield Member(_file_name(number), partial(bytes, content))

        take_in(project, members())
    progress(IMAGES, IMAGES, "leaves drawn")


# ---------------------------------------------------------------- labels


def _label(project: Project, lead: User, people: list[tuple[Person, User]], progress: Progress) -> Project:
    """Let the people claim and answer in turn until half of the images have their labels.

    Spread over the weeks before the project was made; in the middle of them the guideline gets its rule.
    """
    shows = kinds()
    done = Label.objects.filter(project=project).count()
    busy = list(people)
    while done < LABELS and busy:
        for person, user in list(busy):
            if done >= LABELS:
                break
            if done >= LABELS // 2 and project.guideline != GUIDELINE:
                project = projects.update(project=project, by=lead, changes={"guideline": GUIDELINE})
                projects.date_guideline(project=project, number=project.guideline_version, at=_when(project, done))
            claims = queue.claim(project=project, annotator=user, count=CLAIM)
            if not claims:
                busy.remove((person, user))
            worker = person if project.guideline == GUIDELINE else before_the_guideline(person)
            for claim in claims:
                _answer(claim.image, worker, PEOPLE.index(person), user, shows, _when(project, done))
                done += 1
            progress(min(done, LABELS), LABELS, "labels given")
    return project


def _when(project: Project, place: int) -> datetime:
    """When the label at this place was given: from nine o'clock on, on the days of the weeks before the project."""
    days = [7 * week + day for week in range(WEEKS) for day in DAYS]
    each = -(-max(LABELS, 1) // len(days))
    at = min(place // each, len(days) - 1)
    first = (project.created_at - timedelta(weeks=WEEKS)).date()
    begins = datetime.combine(first + timedelta(days=days[at]), time(9), tzinfo=UTC)
    return begins + (place - at * each) * ANSWER_EVERY


def _explain(project: Project, lead: User) -> None:
    """Beside the guideline, two leaves of each class on which all agreed: the first of them is typical."""
    shows = kinds()
    settled = list(examples.may_serve(project).order_by("pk"))
    for category in project.categories.in_use():
        agreed = [image for image in settled if list(image.tally) == [str(category.pk)]]
        alike = [image for image in agreed if shows[_number(image)] == category.name]
        for image, caption in zip(alike, ("typical", ""), strict=False):
            examples.add(category=category, image=image, by=lead, caption=caption)


def _answer(image: Image, person: Person, place: int, user: User, shows: list[str], at: datetime) -> None:
    number = _number(image)
    # By person and image: whoever comes first, and however often this is stopped and repeated, the answers
    # are the same.
    rng = np.random.default_rng([SEED, number, place])
    given = answer(person, KINDS[shows[number]], CATEGORIES, rng)
    said = {"label": Answer.LABELED, "skip": Answer.SKIP, "cannot_tell": Answer.CANNOT_TELL}[given.answer]
    save_label(
        image_id=image.pk,
        annotator=user,
        answer=said,
        categories=[given.category] if given.category else [],
        seconds=given.seconds,
        at=at,
    )
