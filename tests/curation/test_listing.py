"""A page of images is the same one, walked in order or found first and sorted then."""

from __future__ import annotations

import pytest
from django.db import OperationalError

from labeler.curation import filters, listing
from labeler.labeling import claims
from labeler.labeling.labels import save_label
from labeler.models import Image
from tests.helpers.factories import add_images, category

pytestmark = pytest.mark.django_db

ORDERS = (["id"], ["-id"], ["-disagreement", "id"], ["disagreement", "-id"])
SENT = ({}, {"status": ["unlabeled"]}, {"labeled_by": ["ann"]}, {"status": ["unlabeled"], "labeled_by": ["ann"]},
        {"category": ["dog"], "search": ["1"]})  # fmt: skip


@pytest.mark.parametrize("sent", SENT, ids=str)
@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_both_ways_find_the_same_page(project, ann, monkeypatch, sent, order):
    add_images(project, 12)
    for at, claim in enumerate(claims.claim(project=project, annotator=ann, count=7)):
        # A skip leaves its image unlabeled: the one way to be both.
        answer = {"answer": "skip"} if at == 3 else {"categories": ["dog" if at % 2 else "cat"]}
        save_label(image_id=claim.image_id, annotator=ann, **answer)
    for at, image in enumerate(project.images.order_by("id")):
        Image.objects.filter(pk=image.pk).update(disagreement=at % 3 / 3)
    named = {name: [str(category(project, one)) for one in values] if name == "category" else values
             for name, values in sent.items()}  # fmt: skip
    rows = filters.read(project, named, is_checked=True).images(project)
    walked = listing.first(rows, order, 4, start=1)

    monkeypatch.setattr(listing, "_in_time", _too_slow)

    assert listing.first(rows, order, 4, start=1) == walked == list(rows.order_by(*order)[1:5])


def _too_slow(keys):
    raise OperationalError("canceling statement due to statement timeout")
