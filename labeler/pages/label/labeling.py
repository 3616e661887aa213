"""The labeling screen: one page, which fetches, shows and saves by itself from then on.

Knows what the page must be told before its first request. Claims and answers go through the REST API.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from labeler.accounts import preferences
from labeler.label_set import categories as label_set
from labeler.label_set import examples
from labeler.labeling import blindness
from labeler.models import Label, Project
from labeler.models.label import VOTES, Answer
from labeler.pages.asking import Access, person, project_page
from labeler.pages.images import known_objects
from labeler.pages.label import drawing
from labeler.progress import mixups
from labeler.projects import guideline
from labeler.review import comments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.auth.models import User

    from labeler.models import Category, Membership

LAST_ANSWERS = 8
LAST_WORDS = 3 * LAST_ANSWERS  # what was taken back included
MOST_BY_DIGIT = 9
# So many of the latest labels say which classes are used most: read from an index, however many there are.
USE_COUNTED = 2000
ORDERED_AFTER = (1, 50, 500, 5000)  # of one's own answers: when many classes are put in the order of their use
# What is stored is the same in every language. The last one is said in words.
REASONS: tuple[tuple[str, Any], ...] = (
    ("blurred or dark", gettext_lazy("Blurred or dark")),
    ("too small", gettext_lazy("Too small to see")),
    ("not in any class", gettext_lazy("Not in any class")),
    ("between two classes", gettext_lazy("Between two classes")),
    ("", gettext_lazy("Something else…")),
)
# Told to the browser at once: found one by one they would take four round trips before the first image.
MODULES = (
    "api",
    "dom",
    *(
        f"label/{name}"
        for name in (
            *("adjust", "answers", "dock", "enlarged", "film", "flag", "fullscreen"),
            *("gestures", "images", "input", "keys", "known", "lettering", "looks"),
            *("panes", "questions", "queue", "rail", "reasons"),
            *("saver", "session", "stopwatch", "uuid", "view", "viewer", "viewing", "words", "zoom"),
            # answers that survive
            *("feeder", "keeper", "kept", "leases", "lifecycle", "notices", "outbox", "panels", "post"),
            *("standing", "tabs", "trouble"),
        )
    ),
)

FINDING = ("label/filter", "label/finder")  # where there are many classes


@require_GET
@project_page()
def label(request: HttpRequest, access: Access) -> HttpResponse:
    """The screen on which a member of the project labels; 404 for strangers."""
    if access.membership is None:
        raise PermissionDenied(_("Only members of this project label. Add yourself on its members page."))
    project = access.project
    categories = list(project.categories.in_use())
    annotator = person(request)
    mode = mode_of(project, len(categories))
    modules = MODULES + (FINDING if mode == "many" else ()) + (drawing.MODULES if project.draws else ())
    return access.render(
        request,
        "label/label.html",
        "label",
        categories=categories,
        question=project.question or _("Which class is it?"),
        project_url=f"/projects/{project.pk}/",
        config=screen_config(project, categories, annotator, may_lead=access.may_lead)
        | {"keys": keys_of(project, access.membership, annotator)}
        | (drawing.config(project) if project.draws else {}),
        guideline=guideline.rendered(project),
        texts=texts() | (drawing.texts() if project.draws else {}),
        mode=mode,
        tools=drawing.tools_of(project),
        reasons=REASONS,
        unread_answers=comments.unread(project=project, person=annotator),
        modules=[static(f"js/{module}.js") for module in modules],
    )


@require_GET
@project_page()
def mixed_up(request: HttpRequest, access: Access) -> JsonResponse:
    """For the guideline beside the image, once the screen stands: {class id: {other: class id, images}}."""
    found = mixups.mixups_of(access.project)
    return JsonResponse({str(pk): {"other": other, "images": images} for pk, (other, images) in found.items()})


def mode_of(project: Project, n_classes: int) -> str:
    """How classes are chosen: two (sides), few (digits), many (type to find). static/js/label/keys.js says the same."""
    if n_classes > MOST_BY_DIGIT:
        return "many"
    return "two" if n_classes == 2 and not project.is_multi else "few"


def screen_config(
    project: Project, categories: Sequence[Category], annotator: User, *, may_lead: bool = False
) -> dict[str, Any]:
    """What the page's script needs to know; see static/js/label/types.js."""
    last = last_words(project, annotator)
    shown = examples_of(project)
    # What an example shows is said beside it.
    blindness.remember(annotator, told=[row["image"] for rows in shown.values() for row in rows])
    return {
        "id": project.pk,
        "person": {"id": annotator.pk, "name": annotator.get_username()},
        "claims_url": f"/api/projects/{project.pk}/claims/",
        "login_url": reverse("login"),
        "logout_url": reverse("logout"),
        "threads_url": reverse("threads", args=[project.pk]),
        "import_url": reverse("import", args=[project.pk]) if may_lead else "",
        "multi": project.is_multi,
        "labelSet": project.label_set_version,
        "lease_seconds": project.lease_seconds,
        "categories": [
            {"id": c.pk, "name": c.name, "key": c.key, "description": c.description, "examples": shown.get(c.pk, [])}
            | label_set.marker_of(c)._asdict()
            for c in categories
        ],
        "mixups_url": reverse("mixups", args=[project.pk]),
        "show_names": project.show_file_names,
        "images": project.images.count(),
        "done": last[0].done if last else 0,  # type: ignore[attr-defined]
        "recent": recent_answers(last, named=project.show_file_names, draws=project.draws),
        "used": uses(project, categories, annotator) if len(categories) > MOST_BY_DIGIT else [],
        # Answers that the browser still keeps, because it never heard ours, are counted in `done` already.
        "known": [str(row.idempotency_key) for row in last if row.idempotency_key],
    }


def keys_of(project: Project, member: Membership, annotator: User) -> dict[str, Any]:
    """The person's keys, and where changes of them go; `elsewhere`: changed ones that this screen does not have."""
    wanted = preferences.preferences_of(annotator)
    actions = drawing.actions_of(project) if project.draws else preferences.ACTIONS
    return {
        "actions": [
            {"name": name, "words": str(actions[name].words), "key": key, "normal": actions[name].key}
            for name, key in preferences.keys_of(wanted, actions).items()
        ],
        "elsewhere": {name: key for name, key in wanted.keys.items() if name not in actions},
        "own": member.category_keys,
        "single_keys": wanted.single_keys,
        "url": "/api/me/preferences/",
        "class_url": f"/api/projects/{member.project_id}/keys/",
    }


def uses(project: Project, categories: Sequence[Category], annotator: User) -> list[dict[str, int]]:
    """How often each class had been chosen by this person, and by everybody, when the person's order was last made.

    Digits choose from the list in this order, and fingers remember them: an order of today would give a key another
    meaning whenever the page is loaded. It is made when somebody begins and anew after 50, 500 and 5,000 answers, from
    what had been said until then: answers that were changed or taken back since count too, or the past would move.
    """
    answered = Label.objects.filter(project=project, answer=Answer.LABELED).order_by("-id")
    own = Label.objects.filter(project=project, annotator=annotator, answer=Answer.LABELED).order_by("id")
    ids = own.values_list("id", flat=True)
    for milestone in reversed(ORDERED_AFTER):
        if (made_at := ids[milestone - 1 : milestone].first()) is not None:
            answered = answered.filter(id__lt=made_at)
            break
    mine = Counter(
        chain.from_iterable(answered.filter(annotator=annotator).values_list("categories", flat=True)[:USE_COUNTED])
    )
    everybody = Counter(chain.from_iterable(answered.values_list("categories", flat=True)[:USE_COUNTED]))
    return [{"mine": mine[c.pk], "all": everybody[c.pk]} for c in categories]


def examples_of(project: Project) -> dict[int, list[dict[str, Any]]]:
    """By class, the images that show what it means; their bytes come from the REST API.

    Where people draw, with the size of the image and a path around the objects of the class, in its pixels.
    """
    found = examples.examples_of(project)
    if not project.draws:
        return {pk: [{"image": row.image_id, "caption": row.caption} for row in rows] for pk, rows in found.items()}
    drawn = known_objects.of_examples(project, [row for rows in found.values() for row in rows])
    return {
        pk: [
            {
                "image": row.image_id, "caption": row.caption, "width": row.image.width, "height": row.image.height,
                "drawn": known_objects.outline(drawn[row.pk]),
            }
            for row in rows
        ]
        for pk, rows in found.items()
    }  # fmt: skip


def last_words(project: Project, annotator: User) -> list[Label]:
    """The person's last answers and undos, newest first, each with the number of their answers as `.done`.

    One statement, and so as of one moment: a page that closes sends its last answers while the next one is made.
    """
    own = Label.objects.filter(project=project, annotator=annotator, superseded_at=None)
    answered = own.filter(answer__in=VOTES).order_by().values("annotator").annotate(n=Count("pk")).values("n")
    done = Coalesce(Subquery(answered), 0)
    return list(own.select_related("image").annotate(done=done).order_by("-id")[:LAST_WORDS])


def recent_answers(last: Sequence[Label], *, named: bool, draws: bool = False) -> list[dict[str, Any]]:
    """Those that still count, newest first, so that undo reaches back across pages.

    named: with their file names. draws: with their objects, as far back as drawing.objects_of() reads.
    """
    told = [row for row in last if row.answer != Answer.UNDONE][:LAST_ANSWERS]
    drawn = drawing.objects_of(told) if draws else {}
    if draws:
        told = [row for row in told if row.pk in drawn]
    return [
        {
            "claim": {
                "image": {
                    "id": row.image_id,
                    "name": row.image.name if named else "",
                    "description": row.image.description,
                    "width": row.image.width,
                    "height": row.image.height,
                    "preview_url": f"/api/images/{row.image_id}/preview/",
                    "file_url": f"/api/images/{row.image_id}/file/",
                    # Answered on an earlier page: its preview is in no cache here, the thumbnail is a tenth of it.
                    "strip_url": f"/api/images/{row.image_id}/thumb/",
                },
                "prelabel": None,
            },
            "choice": choice_of(row) | drawn.get(row.pk, {}),
            "sending": None,
        }
        for row in told
    ]


def choice_of(row: Label) -> dict[str, Any]:
    """An answer as static/js/label/types.js has it."""
    if row.answer == Answer.LABELED:
        return {"categories": row.categories}
    return {"answer": row.answer} | ({"reason": row.reason} if row.reason else {})


def texts() -> dict[str, str]:
    """Every sentence the script says, in the person's language; it fills in the {names} in braces."""
    return {
        "image_n": _("Image {n}"),
        "image_n_described": _("Image {n}: {description}"),
        "about_class": _("About {name}"),
        "example_enlarge": _("{name}: show the example large"),
        "example_of": _("Example: {name}"),
        "example_n": _("{n} of {total}"),
        "mixed_up_with": _("Most often mixed up with"),
        "mixed_up_image": _("({n} image)"),
        "mixed_up_images": _("({n} images)"),
        "search_classes": _("Search the classes"),
        "found_classes": _("{n} of {total} classes"),
        "of_about": _("of about {total}"),
        "of": _("of {total}"),
        "model_percent": _("model {percent}"),
        "model_says": _("model"),
        "model_likely": _("likely"),
        "model_unsure": _("unsure"),
        "enter_accept": _("Accept {names}"),
        "enter_accept_none": _("Accept: none of these"),
        "enter_save": _("Save {names}"),
        "enter_none": _("Save: none of these"),
        "enter_take": _("Choose {names}"),
        "enter_nothing": "",
        "state_unknown": "",
        "state_saved": _("saved"),
        "state_saving": _("saving…"),
        "state_waiting": _("{n} waiting"),
        "state_refused": _("{n} not saved"),
        "state_offline": _("offline: {n} waiting"),
        "state_offline_idle": _("offline"),
        "state_busy": _("server busy: {n} waiting"),
        "state_busy_idle": _("server busy"),
        "state_signed_out": _("logged out: {n} waiting"),
        "state_signed_out_idle": _("logged out"),
        "state_another_person": _("another login: {n} kept"),
        "state_another_person_idle": _("another login"),
        "loading": _("Loading…"),
        "image_failed": _("This image does not load."),
        "image_failed_more": _("It is tried again by itself. You can skip it."),
        "offline": _("Offline"),
        "offline_waiting": _("Offline, {n} waiting"),
        "offline_kept": _(
            "Your answers are safe in this browser, also when you close it. They are sent, and labeling goes on, as "
            "soon as the server can be reached: check the network, or come back later."
        ),
        "offline_in_memory": _(
            "Your answers are kept as long as this window is open: do not close it. They are sent, and labeling goes "
            "on, as soon as the server can be reached: check the network."
        ),
        "offline_more": _("New images come by themselves as soon as the server can be reached: check the network."),
        "another_person": _("You are logged in as {other} in another tab."),
        "another_person_kept_one": _(
            "{n} answer of {person} is kept here. It is sent when {person} logs in again in this browser."
        ),
        "another_person_kept_other": _(
            "{n} answers of {person} are kept here. They are sent when {person} logs in again in this browser."
        ),
        "another_person_more": _("This page belongs to {person}: nothing more is saved here until {person} logs in."),
        "log_in_as": _("Log in as {person} instead"),
        "go_on_as": _("Go on as {other}"),
        "keeps_nothing": _(
            "This browser keeps no answers when it is closed (a private window, or no space left). Before you close "
            "this window, wait until it says “saved” above."
        ),
        "no_images": _("No images came."),
        "try_now": _("Try now"),
        "no_classes": _("This project has no classes yet."),
        "no_classes_more": _("A lead of the project adds them in its settings; then labeling can begin."),
        "no_images_yet": _("There are no images yet"),
        "no_images_yet_more": _("A lead of the project imports them; then labeling can begin."),
        "finished": _("Nothing left for you now"),
        "finished_more": _(
            "Every image that may come to you has your answer, or others are working on it. "
            "You can change your last answers here, or come back later."
        ),
        "paused": _("Your labeling is paused"),
        "paused_more": _(
            "A lead has stopped giving you images in this project for now. Your answers are kept and nothing is lost. "
            "Ask them what is open; when they resume it, images come here by themselves."
        ),
        "paused_questions": _("To the questions"),
        "told_right": _("Right:"),
        "told_wrong": _("You said “{answer}”. It is:"),
        "check_again": _("Check again"),
        "import_images": _("Import images"),
        "ask": _("Ask"),
        "asked": _("Asked"),
        "question_empty": _("Write what your question is."),
        "question_sending": _("Sending…"),
        "question_sent": _("Your question is sent. The answer comes under Questions."),
        "question_waits": _(
            "Not sent yet: the server cannot be reached. It is kept here and sent as soon as it can be."
        ),
        "question_kept": _("A question to the team waits for the connection: “{text}”"),
        "question_drop": _("Drop it"),
        "classes": _("{n} classes"),
        "found": _("{n} found"),
        "found_none": _("No class is called that. Escape clears."),
        "change_key": _("change the key of: {action}"),
        "press_key": _("Press the key for “{action}”. Escape: leave it."),
        "key_set": _("{key} is now the key for “{action}”."),
        "key_taken": _("{key} is the key of “{other}”: choose another one, or change that first."),
        "key_is_digit": _("The digits 1 to 9 choose classes: choose another key for “{action}”."),
        "keys_saved": _("Saved."),
        "keys_reset": _("All keys are as they come."),
        "keys_not_saved": _("Not saved. {message}"),
        "cannot_tell_because": _("Cannot tell: {reason}"),
        "skip": _("Skipped"),
        "cannot_tell": _("Cannot tell"),
        "none": _("None of these"),
        "change_answer": _("Change: {answer}"),
        "editing": _("You are changing your answer: {answer}"),
        "say_answered": _("{answer}. Image {n}."),
        "say_undone": _("Taken back: {answer}. Image {n}."),
        "say_opened": _("Your answer was: {answer}. Choose another, or leave it."),
        "refused": _("Your answer “{answer}” was not saved. {message}"),
        "undo_refused": _("Your answer “{answer}” was not taken back. {message}"),
        "refusal_no_claim": _("It is no longer yours to label; it may have gone back for another round."),
        "refusal_not_found": _("It is gone, or you are no longer a member of its project."),
        "refused_more_one": _("{n} more after this."),
        "refused_more_other": _("{n} more after this."),
        "show_image": _("Show the image"),
        "dismiss": _("Dismiss"),
        "signed_out": _("You are logged out. Your answers are kept here: log in again in the new tab and come back."),
        "log_in": _("Log in"),
    }
