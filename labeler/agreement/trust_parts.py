"""Members of the trust report that are the same for classes and for drawn objects: the plan, guideline or person."""

from __future__ import annotations

from dataclasses import asdict

from labeler.agreement.over_time import Report, difference
from labeler.consensus import overlap
from labeler.label_set import categories as label_set
from labeler.models import Project
from labeler.stats.cause import Pair, cause
from labeler.stats.planner import images_for
from labeler.stats.results import FEW_IMAGES, Reason, Stat, plain

NARROW = 0.05  # the half-width a plan aims at


def common(project: Project, blind: Stat, assisted: Stat, categories: list[int]) -> Report:
    """Agreement without and with suggestions, the plan, the classes in their order, and what adaptive overlap saved."""
    names = label_set.index(project).names
    return {
        "blind": blind.as_dict(),
        "assisted": assisted.as_dict(),
        "assisted_minus_blind": difference(assisted, blind).as_dict(),
        "plan": plan_for(blind),
        "categories": [{"id": pk, "name": names[pk]} for pk in categories],
        "overlap": overlap.savings(project) if project.adaptive_overlap else None,
        "few": FEW_IMAGES,
    }


def plan_for(alpha: Stat) -> Report:
    """How many more images bring the interval of alpha to NARROW."""
    plan = images_for(alpha, NARROW)
    if plan.more is None:
        told = plan.reason
    elif plan.more == 0:
        told = Reason("narrow_already", {"width": NARROW})
    else:
        told = Reason("more_images_wanted", {"more": plan.more, "width": NARROW})
    return {"images": plan.images, "more": plan.more, "half_width": NARROW, "sentence": plain(told) or ""}


def why_of(project: Project, pairs: list[Pair], names: list[str]) -> Report:
    """Guideline or person, from the agreement of pairs that was counted already."""
    found = cause(pairs, project.target_agreement)
    person = None if found.person is None else names[found.person]
    return {**asdict(found), "person": person, "target": project.target_agreement}
