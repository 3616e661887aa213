"""The second demo: photographs on which simulated people have drawn boxes, with the errors that people make."""

from __future__ import annotations

import pytest

from labeler.demo import chess
from labeler.models import Claim, Image, Label, LabelObject

pytestmark = pytest.mark.django_db


def quiet(_done, _total, _what):
    pass


def test_the_chess_demo_has_something_for_every_page(ada, settings, tmp_path):
    settings.MEDIA_DIR = tmp_path

    project = chess.make(lead=ada, progress=quiet)

    labels = Label.objects.filter(project=project)
    assert (Image.objects.filter(project=project).count(), labels.count()) == (16, 36)
    drawn = LabelObject.objects.filter(label__project=project)
    assert drawn.count() > 350
    assert set(drawn.values_list("attributes__side", flat=True)) == {"white", "black"}
    statuses = set(Image.objects.filter(project=project).values_list("status", flat=True))
    assert statuses == {"unlabeled", "settled", "disputed"}
    assert not Claim.objects.filter(project=project, state="open").exists()
    assert chess.make(lead=ada, progress=quiet) == project
    assert labels.count() == 36
