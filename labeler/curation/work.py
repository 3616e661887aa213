"""Something done to many images: at once where they are few, else as a job that a worker goes through step by step.

The images are found when it is asked for, so it is done to what the person saw. Resumable: progress_done says how many
are over with, and a step that was done without being counted does nothing the second time. Knows no request; what is
done is actions.py's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from labeler.curation.actions import ACTIONS
from labeler.errors import Invalid
from labeler.intake.tile_jobs import DO as TILES
from labeler.jobs import jobs
from labeler.jobs.leases import Lease
from labeler.models import Image, Job, Project
from labeler.models.job import Kind, State

AT_ONCE = 200  # images that are worked on while somebody waits
STEP = 200
MOST = 1_000_000  # ids in one row


def request(
    *, project: Project, by: User, do: str, image_ids: Sequence[int], asked: Mapping[str, Any] | None = None
) -> Job:
    """Do this to these images of the project (or of its trash); a job, done already where they are few.

    do: of ACTIONS. asked: what it needs besides: reason, categories, key and value. Raises Invalid, and what checking
    an answer raises.
    """
    action = ACTIONS[do]
    told = action.check(project, asked or {})
    ids = sorted(set(image_ids))
    if not ids:
        raise Invalid(_("No image is chosen, or none fits."), fields={"images": ["none"]})
    if len(ids) > MOST:
        raise Invalid(
            _("At most %(most)s images at a time: narrow the filter.") % {"most": f"{MOST:,}"},
            fields={"images": ["too many"]},
        )
    if do == "again":
        rows = Image.objects.filter(project=project, pk__in=ids).values_list("pk", "round")
        told["rounds"] = {str(pk): n for pk, n in rows}
    params = {"do": do, "images": ids, "asked": told}
    if len(ids) > AT_ONCE:
        return jobs.create(Kind.IMAGES, project=project, requested_by=by, params=params, progress_total=len(ids))
    job, lease = jobs.begin_here(project=project, params=params, worker="", kind=Kind.IMAGES, requested_by=by)
    try:
        carry_out(job, lease, lambda: None)
    except BaseException:
        lease.fail("internal", "It stopped with an error.")
        raise
    job.refresh_from_db()
    return job


def carry_out(job: Job, lease: Lease, check: Callable[[], None]) -> None:
    """Do what is left of a job, and finish it. check() raises where the work is not ours any more."""
    action, ids, asked = ACTIONS[job.params["do"]], job.params["images"], job.params["asked"]
    done, changed = job.progress_done, int(job.result.get("changed", 0))
    while part := ids[done : done + STEP]:
        check()
        changed += action.act(job.project, job.requested_by, part, asked)  # type: ignore[arg-type]
        done += len(part)
        lease.write(progress_done=done, progress_total=len(ids), result={"changed": changed})
    lease.finish(result={"changed": changed, "kept": len(ids) - changed}, progress_done=done, progress_total=len(ids))


def sentence(job: Job) -> str:
    """What happened, or happens, for the person who asked for it."""
    n = len(job.params["images"])
    if job.state != State.DONE:
        return ngettext("A worker is at it: %(n)s image.", "A worker is at it: %(n)s images.", n) % {"n": f"{n:,}"}
    changed, kept = job.result["changed"], job.result["kept"]
    words = {
        "delete": ngettext("%(n)s image is in the trash.", "%(n)s images are in the trash.", changed),
        "restore": ngettext("%(n)s image is back.", "%(n)s images are back.", changed),
        "first": ngettext("%(n)s image comes first now.", "%(n)s images come first now.", changed),
        "again": ngettext("%(n)s image is asked again.", "%(n)s images are asked again.", changed),
        "gold": ngettext("%(n)s image is gold now.", "%(n)s images are gold now.", changed),
        "metadata": ngettext("%(n)s image has it now.", "%(n)s images have it now.", changed),
        TILES: ngettext("%(n)s image was cut into tiles.", "%(n)s images were cut into tiles.", changed),
        "label": ngettext("%(n)s image has your label.", "%(n)s images have your label.", changed),
    }[job.params["do"]] % {"n": f"{changed:,}"}
    if not kept:
        return words
    return f"{words} {WHY_KEPT[job.params['do']]() % {'n': f'{kept:,}'}}"


WHY_KEPT: dict[str, Callable[[], str]] = {
    "delete": lambda: _("%(n)s were not there any more."),
    "restore": lambda: _("%(n)s were not in the trash any more."),
    "first": lambda: _("%(n)s stay where they are: judged blind, or they have their labels."),
    "again": lambda: _("%(n)s stay as they are: nobody has answered them in this round."),
    "gold": lambda: _("%(n)s stay as they are: nobody knows their answer for certain."),
    "metadata": lambda: _("%(n)s had it already, or are gone."),
    TILES: lambda: _("%(n)s had their tiles already, or their files are gone or damaged."),
    "label": lambda: _("%(n)s stay as they are: judged blind, full, or answered by you before."),
}
