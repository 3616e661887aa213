"""Answer a click: which pixels of an image belong to what was clicked on.

Knows rows and where previews lie. Parts that were looked at are kept in this process, the last ones: the first click on
a part takes the network's time, the others a few hundredths of a second. Files for segment-anything, where the operator
has laid some, answer instead.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from labeler.geometry import masks
from labeler.intake.images import media_store
from labeler.jobs.leases import Lease
from labeler.models import Errand
from labeler.training import inference_requests
from worker.ml.clicks import nearest, picture, segment_anything
from worker.ml.clicks.nearest import Click, Proposals
from worker.ml.device import pick_device
from worker.ml.networks import backbones

BACKBONE = "efficientnet_lite0"  # comes with Labeler; its maps are fine enough, and no project waits for another
MOST_KEPT = 8  # parts; some 17 MB each
_looks: OrderedDict[tuple[Any, ...], Any] = OrderedDict()


def answer(errand: Errand, lease: Lease) -> None:
    image, asked = errand.image, errand.asked
    assert image is not None
    window = picture.part_of((image.width, image.height), tuple(asked["window"]) if asked["window"] else None)
    clicks = [Click(**click) for click in asked["clicks"]]
    source = media_store().preview_path(image.sha256)
    size = (image.width, image.height)
    files = segment_anything.files()
    key = (image.sha256, window, files)
    if files is not None:
        seen = _kept(key, lambda: segment_anything.look(source, size, window, files))
        found = segment_anything.propose(seen, clicks)
    else:
        seen = _kept(key, lambda: picture.look(source, size, window, backbones.get(BACKBONE), pick_device()))
        found = nearest.propose(seen, clicks, asked["usual_area"])
    by = "picture" if files is None else "segment-anything"
    inference_requests.finish(lease, run=None, answer={"by": by, **_shapes(found)})


def _kept(key: tuple[Any, ...], look: Any) -> Any:
    if key not in _looks:
        _looks[key] = look()
        while len(_looks) > MOST_KEPT:
            _looks.popitem(last=False)
    _looks.move_to_end(key)
    return _looks[key]


def _shapes(found: Proposals) -> dict[str, Any]:
    shapes = [masks.encode(one.bits, one.x, one.y) for one in found.found if one.bits.any()]
    return {"objects": shapes, "chosen": min(found.chosen, max(0, len(shapes) - 1))}
