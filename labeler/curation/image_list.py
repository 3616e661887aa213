"""The list of images that an address asks for: its filters read, made into a query, and said as chips that remove them.

Knows the query part of addresses, not where a page lies. Each filter reads an index or the counters on the image, so
that a list of 100,000 images answers at once; figures elsewhere lead here, and show as many images as they count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import BooleanField, Exists, F, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from labeler.agreement import reports
from labeler.curation import filters as curated
from labeler.curation.filters import DELETED, METADATA, ImageFilter
from labeler.errors import LabelerError
from labeler.label_set import categories
from labeler.models import Acceptance, Consensus, Image, Label, Project
from labeler.models.image import Status
from labeler.models.label import VOTES, Answer, Purpose
from labeler.wording.filters import told

DIFFER = "differ"  # beside the statuses: also images that a majority settled
ACCEPTED = "accepted"  # beside them too: unlabeled, and a model's answer stands
DIVIDED = (Status.DISPUTED, DIFFER)
# Those of labeler/curation/filters.py, which REST has too; and metadata.<key>.
MORE = (
    "search", "predicted", "min_confidence", "max_confidence", "disagreement", "import", "split", "finding",
    "min_pixels", "max_pixels",
)  # fmt: skip
# From a fixed list: a sort key is never built from an address. Empty: what the other filters suggest.
ORDERS = {
    "newest": ("-id",),
    "oldest": ("id",),
    "divided": ("-disagreement", "id"),
    "sure": ("-confidence", "id"),
    "unsure": ("margin", "id"),
}
BY_MODEL = ("sure", "unsure")
VIEWS = ("grid", "table")


@dataclass(frozen=True, slots=True)
class Filters:
    """What the address asks for, read: what cannot be read is not asked for."""

    project: Project
    names: Mapping[int, str]  # of all classes, by id
    status: str = ""
    said: int | None = None  # a class that somebody chose
    final: int | None = None  # a class that images are settled on
    pair: tuple[int, int] | None = None  # two classes that people split on
    by: str = ""  # whose answers
    people: tuple[str, str] | None = None  # two people who differ
    against: tuple[str, int, int] | None = None  # a person, what most of the others say, what the person says
    users: Mapping[str, User] = field(default_factory=dict)
    more: ImageFilter = field(default_factory=ImageFilter)
    kept: Mapping[str, str] = field(default_factory=dict)  # of MORE, as in the address
    order: str = ""
    view: str = ""

    @classmethod
    def read(cls, project: Project, asked: Mapping[str, str], *, may_lead: bool = False) -> Filters:
        names = categories.index(project).names
        status = asked.get("status", "")
        ids = [number(part) for part in asked.get("pair", "").split(",")]
        people = [part.strip() for part in asked.get("people", "").split(",")]
        by = asked.get("by", "").strip()
        pair = (ids[0], ids[1]) if len(ids) == 2 and ids[0] in names and ids[1] in names else None
        against = cls._against(asked.get("against", ""), project, names)
        both = (people[0], people[1]) if len(people) == 2 and all(people) else None
        wanted = [name for name in (by, *(both or ()), *(against or ())[:1]) if name and "\0" not in name]
        users = get_user_model().objects.filter(username__in=wanted) if wanted else []
        said, final = (number(asked.get(name, "")) for name in ("class", "final"))
        more, kept = cls._more(project, asked)
        statuses = (*Status.values, DIFFER, ACCEPTED, *((DELETED,) if may_lead else ()))
        order, view = asked.get("order", ""), asked.get("view", "")
        return cls(
            project=project,
            names=names,
            status=status if status in statuses else "",
            said=said if said in names else None,
            final=final if final in names else None,
            pair=pair,
            by=by,
            people=both,
            against=against,
            users={user.get_username(): user for user in users},
            more=more,
            kept=kept,
            order=order if order in ORDERS else "",
            view=view if view in VIEWS[1:] else "",
        )

    @staticmethod
    def _more(project: Project, asked: Mapping[str, str]) -> tuple[ImageFilter, dict[str, str]]:
        """One by one, so that a wrong value takes no other filter away."""
        kept = {}
        for name, value in asked.items():
            value = value.strip()
            if value and "\0" not in value and (name in MORE or (name.startswith(METADATA) and name != METADATA)):
                try:
                    curated.read(project, {name: [value]})
                except LabelerError:
                    continue
                kept[name] = value
        kept = dict(list(kept.items())[: len(MORE) + curated.MOST_METADATA])
        return curated.read(project, {name: [value] for name, value in kept.items()}), kept

    @staticmethod
    def _against(asked: str, project: Project, names: Mapping[int, str]) -> tuple[str, int, int] | None:
        """`ben,3,7`: ben says 7 where most of the others say 3. Of one class per image only."""
        name, *ids = (part.strip() for part in asked.split(","))
        others, said = (number(part) for part in ids) if len(ids) == 2 else (None, None)
        if project.is_multi or not name or others is None or said is None or others == said:
            return None
        if others not in names or said not in names:
            return None
        return name, others, said

    @property
    def asked(self) -> dict[str, str]:
        """As in the address, in its order."""
        values: dict[str, Any] = {
            "status": self.status,
            "class": self.said or "",
            "final": self.final or "",
            "pair": ",".join(map(str, self.pair)) if self.pair else "",
            "by": self.by,
            "people": ",".join(self.people) if self.people else "",
            "against": ",".join(map(str, self.against)) if self.against else "",
            **self.kept,
            "order": self.order,
            "view": self.view,
        }
        return {name: str(value) for name, value in values.items() if value}

    def exported(self) -> str | None:
        """The same images for an export, as the query of an address; None where it has no such filter."""
        if any((self.pair, self.people, self.against)) or self.status in (DIFFER, ACCEPTED, DELETED):
            return None
        asked = {
            "status": self.status or (Status.SETTLED if self.final else ""), "category": self.said or "",
            "consensus": self.final or "", "labeled_by": self.by, **self.kept,
        }  # fmt: skip
        return urlencode({name: value for name, value in asked.items() if value}, safe=",")

    def link(self, **changes: Any) -> str:
        """The address with something changed, on its first page unless `page` is given; "" takes a filter away."""
        changed = {name.rstrip("_"): value for name, value in changes.items()}
        kept = {name: value for name, value in {**self.asked, **changed}.items() if value}
        return "?" + urlencode(kept, safe=",")

    @property
    def is_divided(self) -> bool:
        """Whether the most divided images come first: then the reader looks for disagreement."""
        return self.status in DIVIDED or any((self.pair, self.people, self.against))

    def people_shown(self) -> list[User]:
        """The people of `by`, `people` and `against` whose answers the tiles name."""
        asked = [self.by, *(self.people or ()), *(self.against or ())[:1]]
        return [self.users[name] for name in dict.fromkeys(asked) if name in self.users]

    def chips(self) -> list[dict[str, str]]:
        """Each filter in words, and the address without it. The status has its own row of links."""
        words = []
        if self.said:
            words.append(("class", told("category", self.names[self.said])))
        if self.final:
            words.append(("final", _("settled as %(name)s") % {"name": self.names[self.final]}))
        if self.pair:
            a, b = (self.names[pk] for pk in self.pair)
            words.append(("pair", _("people split on %(a)s and %(b)s") % {"a": a, "b": b}))
        if self.by:
            words.append(("by", told("labeled_by", self.by)))
        if self.people:
            words.append(("people", _("%(a)s and %(b)s differ") % {"a": self.people[0], "b": self.people[1]}))
        if self.against:
            name, others, said = self.against
            text = _("%(name)s says %(said)s, most of the others %(others)s")
            words.append(("against", text % {"name": name, "said": self.names[said], "others": self.names[others]}))
        words += [(name, self._told(name, value)) for name, value in self.kept.items()]
        return [{"text": text, "without": self.link(**{name: ""})} for name, text in words]

    def _told(self, name: str, value: str) -> str:
        return told(name, self.names.get(self.more.predicted or 0, value) if name == "predicted" else value)

    # ------------------------------------------------------------ the query

    def images(self) -> QuerySet[Image]:
        """The images, in the order of the wall."""
        found: QuerySet[Image] = Image.objects.for_project(self.project)
        if self.status == DELETED:
            found = Image.objects.filter(trashed_from=self.project)
        elif self.status == DIFFER:
            found = reports.disagreements(self.project)
        elif self.status == ACCEPTED:
            found = found.filter(Exists(self._accepted()))
        elif self.status == Status.UNLABELED:
            # Those that wait for people: as many as the overview counts.
            found = found.filter(~Exists(self._accepted()), status=self.status)
        elif self.status:
            found = found.filter(status=self.status)
        if self.said:
            found = found.filter(self._chosen(self.said))
        if self.final:
            # By the vote or by a decision; one that names nothing is settled on no class.
            named = Consensus.objects.filter(image=OuterRef("pk"), categories__contains=[self.final])
            found = found.filter(Exists(named), status=Status.SETTLED)
        if self.pair:
            a, b = self.pair
            # The index of images with dissent leads to them; most images have none.
            found = found.filter(self._chosen(a, b), self._chosen(b, a), disagreement__gt=0)
        if self.people:
            found = found.filter(self._differ(), disagreement__gt=0)
        if self.against:
            found = found.filter(*self._differs_from_most())
        found = curated.narrow(self.more, self.project, found, by_model=self.order in BY_MODEL)
        if self.by:
            found = self._by(found)
        if self.order:
            return found.order_by(*ORDERS[self.order])
        if self.by:
            return found
        return found.order_by("-disagreement", "id") if self.is_divided else found.order_by("-id")

    def _accepted(self) -> QuerySet[Acceptance]:
        return Acceptance.objects.standing().filter(project=self.project, image=OuterRef("pk"))

    def _chosen(self, category: int, without: int | None = None) -> Q | RawSQL:
        """Images on which somebody's answer of this round has a class, and not another one with it."""
        if not self.project.is_multi:
            return Q(tally__has_key=str(category))
        but_not = "" if without is None else "AND NOT (',' || answer || ',') LIKE %s"
        return RawSQL(  # noqa: S611  (values are parameters)
            f"""EXISTS (SELECT FROM jsonb_object_keys("labeler_image"."tally") AS answer
                WHERE (',' || answer || ',') LIKE %s {but_not})""",
            [f"%,{pk},%" for pk in (category, without) if pk is not None],
            output_field=BooleanField(),
        )

    def _differ(self) -> Exists | Q:
        """Images that both people labeled in this round, with different answers."""
        assert self.people is not None
        one, other = (self.users.get(name) for name in self.people)
        if one is None or other is None:
            return Q(pk__in=[])
        votes = Label.objects.filter(superseded_at=None, answer=Answer.LABELED, purpose=Purpose.VOTE)
        others = votes.filter(annotator=other, image=OuterRef("image"), round=OuterRef("round"))
        another = Exists(others.exclude(categories=OuterRef("categories")))
        return Exists(votes.filter(another, annotator=one, image=OuterRef("pk"), round=OuterRef("round")))

    def _differs_from_most(self) -> list[Any]:
        """Images on which a person gave one answer, and more of the others another than any third one.

        As labeler/stats/others.py has it: the person's own vote is taken out of the tally; a tie names nothing.
        """
        assert self.against is not None
        name, others, said = self.against
        if name not in self.users:
            return [Q(pk__in=[])]
        own = Label.objects.filter(
            superseded_at=None, answer=Answer.LABELED, purpose=Purpose.VOTE, annotator=self.users[name],
            categories=[said], image=OuterRef("pk"), round=OuterRef("round"),
        )  # fmt: skip
        none_as_many = RawSQL(
            """NOT EXISTS (SELECT FROM jsonb_each_text("labeler_image"."tally") AS t(answer, n)
                WHERE t.answer NOT IN (%s, '?')
                  AND t.n::int - (t.answer = %s)::int >= ("labeler_image"."tally"->>%s)::int)""",
            [str(others), str(said), str(others)],
            output_field=BooleanField(),
        )
        return [Exists(own), self._chosen(others), none_as_many]

    def _by(self, found: QuerySet[Image]) -> QuerySet[Image]:
        """Only images that the person answered, latest first: the index of a person's labels has that order."""
        if self.by not in self.users:
            return found.none()
        own = found.filter(
            labels__project=self.project,
            labels__annotator=self.users[self.by],
            labels__superseded_at=None,
            labels__answer__in=VOTES,
            labels__purpose=Purpose.VOTE,
            labels__round=F("round"),
        )
        return own.order_by("-disagreement", "-labels__id") if self.is_divided else own.order_by("-labels__id")


def number(text: str | None) -> int | None:
    # Longer than any id: an int column would answer with an error instead of nothing.
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else None
