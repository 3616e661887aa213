"""A project whose label economy has begun."""

import pytest

from labeler.consensus import label_economy
from labeler.models.image import Slice
from tests.helpers.economy import calibrated, say
from tests.helpers.factories import add_images, make_project, predict


@pytest.fixture
def begun(ann, bea, dora, lena):
    """Twenty images, the model rather sure of them, six answers, two blind images known."""
    project = make_project(
        ann, bea, dora, lead=lena, ask_by_gain=True, goal_right=0.97, most_labels=3, consensus_method="with_model",
        show_prelabels=False,
    )  # fmt: skip
    plain, blind = add_images(project, 16, slice=Slice.NONE), add_images(project, 4, slice=Slice.TEST)
    run = calibrated(project)
    for n, image in enumerate([*plain, *blind]):
        predict(run, image, "cat", 0.6 + 0.02 * n)
    for image in blind[:2]:
        say(project, image, ann, "cat")
        say(project, image, bea, "cat")
    say(project, plain[0], ann, "cat")
    say(project, plain[1], ann, "dog")
    label_economy.ask_where_gain_is_highest(project)
    return project
