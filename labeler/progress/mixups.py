"""Which class each one is most often mixed up with, by the people who judged the same images.

For the guideline beside the image. Knows votes, never a model; a figure of the project, not of a person.
"""

from __future__ import annotations

from typing import Any

from django.core.cache import cache

from labeler.label_set import categories as label_set
from labeler.labeling.label_arrays import Selection
from labeler.models import Project
from labeler.progress import cached_reports

# Below that it is chance, and a reader would look for a difference that nobody has trouble with.
LEAST_IMAGES = 3
# Beside an image a figure of ten minutes ago does; the report itself is made anew with each label.
KEPT_SECONDS = 600


def mixups_of(project: Project) -> dict[int, tuple[int, int]]:
    """Of each class in use that is mixed up: (the class it is most often mixed up with, on how many images).

    Empty while too few images were judged by several people. Of a large project as it was last counted, and empty
    before the first count; of any other all votes are read, once in ten minutes: ask for it when nobody waits.
    """
    key = f"mixups:{project.pk}:{project.label_set_version}"
    found: dict[int, tuple[int, int]] | None = cache.get(key)
    if found is None:
        report = cached_reports.agreement_figures(project, Selection.with_default_sample("all"), wait=False).value
        if report is None:
            return {}
        found = _worst(project, report)
        cache.set(key, found, KEPT_SECONDS)
    return found


def _worst(project: Project, report: dict[str, Any]) -> dict[int, tuple[int, int]]:
    index = label_set.index(project)
    worst: dict[int, tuple[int, int]] = {}
    # The most frequent pair comes first, so the first one of each class stays.
    for pair in report["confusion"]:
        one, other = (index.by_name.get(str(pair[side]).casefold()) for side in "ab")
        if one not in index.ids_in_use or other not in index.ids_in_use or pair["count"] < LEAST_IMAGES:
            continue
        worst.setdefault(one, (other, pair["count"]))
        worst.setdefault(other, (one, pair["count"]))
    return worst
