"""Objects that nobody drew, and objects that a model does not see: what is doubted, and what is not."""

import numpy as np

from worker.ml.detection.samples import Drawn, Found
from worker.ml.evaluation.object_doubts import doubts

HERE, THERE = (10, 10, 40, 40), (200, 100, 40, 40)


def drawn(*objects):
    kinds = np.array([kind for kind, _ in objects], np.int64)
    boxes = np.array([box for _, box in objects], np.float32).reshape(-1, 4)
    return Drawn(boxes, kinds, np.ones(len(kinds), np.float32))


def found(*objects):
    p = np.array([one[2] for one in objects], np.float32)
    one = drawn(*[one[:2] for one in objects])
    return Found(one.boxes, one.classes, p)


def doubted(*images, from_=0.5):
    """What is doubted of these images, after six on which the model finds what is there, with probability .9."""
    every = [*[(drawn((0, HERE)), found((0, HERE, 0.9)))] * 6, *images]
    truth, said = zip(*every, strict=True)
    sizes = np.tile([640, 480], (len(every), 1))
    rows = doubts(truth, said, sizes, 2, by_masks=False, shown_from=np.array([from_, 0.5]))
    return [(one.image - 6, one.kind, one.missing, round(one.doubt, 3), one.box) for one in rows]


def test_a_sure_object_where_nobody_drew_comes_before_one_that_is_not_seen():
    assert doubted((drawn((0, HERE)), found()), (drawn((0, HERE)), found((0, THERE, 0.95), (0, HERE, 0.9)))) == [
        (1, 0, True, 0.95, THERE),
        (0, 0, False, round(7 / 8 / 2, 3), HERE),  # of eight such objects seven were found
    ]


def test_what_is_less_sure_than_usual_or_below_the_threshold_is_no_doubt():
    assert doubted((drawn(), found((0, THERE, 0.89)))) == []
    assert len(doubted((drawn(), found((0, THERE, 0.91))))) == 1
    assert doubted((drawn(), found((0, THERE, 0.91))), from_=0.95) == []


def test_an_object_that_touches_another_whatever_its_class_is_no_doubt():
    # 40 x 40 moved by 30: 400 of 2,800 square px, IoU .14; by 35: 200 of 3,000, .07
    near, apart = (40, 10, 40, 40), (45, 10, 40, 40)
    assert doubted((drawn((1, HERE)), found((0, near, 0.99)))) == []
    (one,) = doubted((drawn((1, HERE)), found((0, apart, 0.99))))
    assert one[1:3] == (0, True)  # the class that is not seen has no hits: it accuses nobody


def test_a_faint_find_is_enough_to_be_seen_and_a_class_with_few_hits_accuses_nobody():
    assert doubted((drawn((0, HERE)), found((1, HERE, 0.06)))) == []
    assert doubted((drawn((1, THERE)), found((1, HERE, 0.99)))) == []
    assert doubted((drawn(), found())) == []
