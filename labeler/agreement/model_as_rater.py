"""The model as one more rater: how far each person agrees with it, where neither saw the answer of the other.

A figure about the model beside those about people; it never enters agreement among people.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import numpy as np

from labeler.label_set import categories as label_set
from labeler.labeling.label_arrays import LabelArrays
from labeler.models import Project, TrainingRun
from labeler.models.image import HELD_OUT
from labeler.models.label import BLIND_SQL
from labeler.models.statements import fetch
from labeler.stats.kappa import cohen_kappa

Report = dict[str, Any]


def kappas(project: Project, model: TrainingRun, usernames: list[str], rows: LabelArrays) -> list[Report]:
    """[{username, kappa: STAT, n}] of each person with the model; empty where an image may have several classes.

    rows: the project's votes, whose annotators usernames name. Only where neither could follow the other: no suggestion
    was shown, and the model had not learned from the answer.
    """
    if project.is_multi:
        return []
    people = dict(zip(rows.annotators, usernames, strict=True))
    index = label_set.index(project)
    code = {pk: at for at, pk in enumerate(rows.categories)}
    found = fetch(
        f"""
        SELECT l.annotator_id, l.categories, p.categories, count(*)
        FROM labeler_prediction p JOIN labeler_image i ON i.id = p.image_id
             JOIN labeler_label l ON l.image_id = i.id AND l.round = i.round
        WHERE p.run_id = %s AND i.project_id = %s AND l.superseded_at IS NULL AND l.answer = 'labeled'
              AND l.purpose = 'vote' AND {BLIND_SQL} AND (i.slice IN %s OR l.created_at > %s)
        GROUP BY 1, 2, 3 ORDER BY 1
        """,
        [model.pk, model.project_id, tuple(HELD_OUT), model.created_at],
    )
    compared = []
    for person, cells in groupby(found, key=lambda row: row[0]):
        said, predicted, times = [], [], []
        for _person, one, other, n in cells:
            one, other = index.present(one), index.present(other)
            if len(one) == len(other) == 1 and one[0] in code and other[0] in code:
                said.append(code[one[0]])
                predicted.append(code[other[0]])
                times.append(n)
        if said and person in people:
            kappa = cohen_kappa(np.repeat(said, times), np.repeat(predicted, times), len(code)).stat()
            compared.append({"username": people[person], "kappa": kappa.as_dict(), "n": kappa.n})
    return compared
