"""Answer a group of disagreements by a rule: add the rule to the guideline and have the images labeled again.

Knows the order of the two steps and what a second press must not do. The guideline is projects/projects.py's to change,
images are rounds.py's to send back. Nothing is written here but the audit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from labeler.accounts.audit import audit
from labeler.agreement import rounds
from labeler.errors import Invalid, StaleVersion
from labeler.models import Project
from labeler.projects import projects

LONGEST_RULE, LONGEST_GUIDELINE = 20_000, 200_000  # characters; the latter as the settings page has it
ATTEMPTS = 3  # to change the guideline while others change other settings
# What Markdown would read as a sign of its own in the name of a class.
_SIGNS = re.compile(r"([\\`*_{}\[\]()#+\-.!|<>~])")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of a rule."""

    version: int  # of the guideline that holds it
    is_new: bool  # this call raised the guideline; False: it held the rule already
    sent: int  # images that are in the queue again
    left: int  # images that stayed: sent back before, or without an answer


def heading(names: Sequence[str]) -> str:
    """The first lines of a rule on some classes: `## Rust or leaf spot`, and room below."""
    if not names:
        return "## " + _("A case that was unclear") + "\n\n"
    told = [_SIGNS.sub(r"\\\1", " ".join(name.split())) for name in names]
    return "## " + _("%(first)s or %(last)s") % {"first": ", ".join(told[:-1]) or told[0], "last": told[-1]} + "\n\n"


def with_rule(guideline: str, rule: str) -> str:
    """The guideline with a rule below its last line."""
    return f"{guideline.rstrip()}\n\n{clean(rule)}\n".lstrip("\n")


def clean(rule: str) -> str:
    """A rule as it is kept. Forms send CRLF: without this a second press would be another text."""
    return rule.replace("\r\n", "\n").replace("\r", "\n").strip()


def check(rule: str) -> str:
    """The rule, cleaned. Raises Invalid for one that says nothing, or too much."""
    said = clean(rule)
    if not any(line.strip() and not line.lstrip().startswith("#") for line in said.splitlines()):
        raise Invalid(_("Write the rule below its heading."), fields={"rule": ["empty"]})
    if len(said) > LONGEST_RULE:
        raise Invalid(
            _("A rule has at most %(most)s characters.") % {"most": f"{LONGEST_RULE:,}"}, fields={"rule": ["too long"]}
        )
    return said


def make(*, project: Project, by: User, rule: str, base: int, images: Mapping[int, int]) -> Ruling:
    """Append a rule to the guideline, and send the images that it is about back to the queue.

    base: the version of the guideline that the rule was written for. images: the round in which each was seen; one
    that began another round since stays as it is. Pressed twice, or again after it stopped half-way, it does what is
    left to do. Raises Invalid, and StaleVersion when somebody else changed the guideline meanwhile.
    """
    said = check(rule)
    version, is_new = _raise_guideline(project, by, said, base)
    sent = rounds.send_back(project=project, by=by, image_ids=list(images), reason=title(said), of_rounds=images)
    if is_new or sent:
        audit(by, "guideline.rule", project=project, subject=title(said), version=version, images=sent)
    return Ruling(version, is_new, sent, len(images) - sent)


def title(rule: str) -> str:
    """A rule in one line: its heading, or how it begins."""
    first = next(line for line in rule.splitlines() if line.strip())
    return re.sub(r"\\(.)", r"\1", first.strip().lstrip("#").strip())[:200]


def _raise_guideline(project: Project, by: User, rule: str, base: int) -> tuple[int, bool]:
    """The version that holds the rule, and whether this call made it."""
    for attempt in range(ATTEMPTS):
        row = Project.objects.get(pk=project.pk)
        before = row.guideline_versions.filter(number=base).values_list("text", flat=True).first()
        if before is None:
            raise Invalid(_("This project has no such version of its guideline."), fields={"base": ["unknown"]})
        wanted = with_rule(before, rule)
        if len(wanted) > LONGEST_GUIDELINE:
            raise Invalid(_("With this rule the guideline would be too long."), fields={"rule": ["too long"]})
        following = row.guideline_versions.filter(number=base + 1, text=wanted).first()
        if following is not None and following.author_id == by.pk:
            return following.number, False  # the second press
        if row.guideline_version != base:
            raise StaleVersion(
                _("Somebody changed the guideline meanwhile: it is version %(n)s now. Look at it, then press again.")
                % {"n": row.guideline_version},
                current=row.guideline_version,
            )
        try:
            changed = projects.update(project=row, by=by, changes={"guideline": wanted}, expected_version=row.version)
            return changed.guideline_version, True
        except StaleVersion:
            # Somebody saved another setting, or this same rule, in between.
            if attempt + 1 == ATTEMPTS:
                raise
    raise AssertionError("unreachable")
