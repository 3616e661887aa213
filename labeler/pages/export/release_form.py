"""The form that asks for a release. Knows what a person may type; labeler/releases/releases.py decides what can be."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from labeler.models import Project
from labeler.models.release import ReleaseLabels
from labeler.releases.splits import SPLITS
from labeler.templatetags.figures import thousands

SOME_IMAGES = 1000  # looked at for keys of the metadata
MOST_KEYS = 100
_KEYS = """
    SELECT DISTINCT key FROM (SELECT metadata FROM labeler_image WHERE project_id = %s ORDER BY id LIMIT %s) AS image,
        LATERAL jsonb_object_keys(CASE WHEN jsonb_typeof(metadata) = 'object' THEN metadata ELSE '{}' END) AS key
    ORDER BY key LIMIT %s
"""


def metadata_keys(project: Project) -> list[str]:
    """Keys that the first images of a project have in their metadata."""
    with connection.cursor() as cursor:
        cursor.execute(_KEYS, [project.pk, SOME_IMAGES, MOST_KEYS])
        return [row[0] for row in cursor.fetchall()]


def _percent(label: Any, initial: int) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=0, max_value=100, initial=initial)


class ReleaseForm(forms.Form):
    """A share of 0 leaves that split out."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=200, required=False,
        help_text=gettext_lazy("For people; it can be changed later. The number is given."),
    )  # fmt: skip
    only_these = forms.BooleanField(label="", required=False, initial=True)
    labels = forms.ChoiceField(
        label=gettext_lazy("What its files say of an image"), choices=ReleaseLabels.choices,
        initial=ReleaseLabels.CONSENSUS, widget=forms.RadioSelect,
    )  # fmt: skip
    is_split = forms.BooleanField(label=gettext_lazy("Split it for training and testing"), required=False, initial=True)
    train = _percent(gettext_lazy("Train, in percent"), 80)
    validation = _percent(gettext_lazy("Validation, in percent"), 10)
    test = _percent(gettext_lazy("Test, in percent"), 10)
    group_by = forms.ChoiceField(
        label=gettext_lazy("Keep together what has the same"), required=False,
        help_text=gettext_lazy(
            "A key of the metadata: patient, plant, camera. Exact and near-duplicates always stay together."
        ),
    )  # fmt: skip
    seed = forms.IntegerField(
        label=gettext_lazy("Seed"), min_value=0, max_value=2**53, initial=0,
        help_text=gettext_lazy("The same seed deals the same images out in the same way."),
    )  # fmt: skip
    location = forms.BooleanField(
        label=gettext_lazy("Leave places and personal fields in the files"), required=False,
        help_text=gettext_lazy("Where a photograph was taken, and whose camera it was. Normally taken out."),
    )  # fmt: skip

    def __init__(self, project: Project, *args: Any, part: int | None = None, **more: Any) -> None:
        """part: how many images fit the filter of the address; None: there is none, and no choice of images."""
        super().__init__(*args, **more)
        if part is None:
            del self.fields["only_these"]
        else:
            self.fields["only_these"].label = ngettext(
                "Just the %(n)s image that fits your filters", "Just the %(n)s images that fit your filters", part
            ) % {"n": thousands(part)}
        keys = [(key, key) for key in metadata_keys(project)]
        field = self.fields["group_by"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", _("nothing else")), *keys]

    @property
    def wants_part(self) -> bool:
        """Of a valid form."""
        return bool(self.cleaned_data.get("only_these"))

    def asked(self) -> dict[str, Any]:
        """Arguments of releases.request() but the filter, of a valid form."""
        said = self.cleaned_data
        splits = {name: said[name] / 100 for name in SPLITS if said[name]} if said["is_split"] else None
        return {
            "name": said["name"], "labels": said["labels"], "splits": splits, "seed": said["seed"],
            "group_by": said["group_by"] if splits else "", "location": said["location"],
        }  # fmt: skip
