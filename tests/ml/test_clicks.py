"""What is found at a click: on made-up pictures, where the right pixels are known."""

from __future__ import annotations

import io

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from worker.ml.clicks import nearest, picture, segment_anything
from worker.ml.clicks.nearest import Click
from worker.ml.networks import backbones

CPU = torch.device("cpu")
SIZE = (400, 300)


def scene(*discs: tuple[int, int, int, tuple[int, int, int]]) -> tuple[bytes, list[np.ndarray]]:
    """A PNG of discs (x, y, radius, colour) on noise, and the pixels of each."""
    rng = np.random.default_rng(0)
    pixels = rng.normal(120, 6, (SIZE[1], SIZE[0], 3))
    rows, columns = np.ogrid[: SIZE[1], : SIZE[0]]
    truths = []
    for x, y, radius, colour in discs:
        inside = (columns - x) ** 2 + (rows - y) ** 2 < radius**2
        pixels[inside] = np.array(colour) + rng.normal(0, 6, (int(inside.sum()), 3))
        truths.append(inside)
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    return out.getvalue(), truths


def look(content: bytes, window=None):
    part = picture.part_of(SIZE, window)
    return picture.look(content, SIZE, part, backbones.get("efficientnet_lite0"), CPU)


def whole(found: nearest.Bits) -> np.ndarray:
    bits = np.zeros((SIZE[1], SIZE[0]), bool)
    height, width = found.bits.shape
    bits[found.y : found.y + height, found.x : found.x + width] = found.bits
    return bits


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def proposed(seen, clicks, usual=None) -> np.ndarray:
    told = nearest.propose(seen, clicks, usual)
    return whole(told.found[told.chosen])


def test_a_click_on_a_disc_finds_the_disc():
    content, (left, right) = scene((100, 150, 50, (200, 60, 60)), (280, 150, 40, (60, 60, 200)))
    seen = look(content)

    assert iou(proposed(seen, [Click(100, 150)]), left) > 0.9
    assert iou(proposed(seen, [Click(290, 160)]), right) > 0.9


def test_smaller_and_larger_ones_are_told_in_order_of_their_size():
    content, _ = scene((200, 150, 90, (150, 90, 90)), (200, 150, 40, (210, 60, 60)))
    told = nearest.propose(look(content), [Click(200, 150)])

    areas = [one.bits.sum() for one in told.found]
    assert areas == sorted(areas) and len(areas) >= 2
    assert 0 <= told.chosen < len(areas) <= nearest.MOST_TOLD


def test_the_usual_size_decides_where_edges_are_weak():
    rng = np.random.default_rng(1)
    rows, columns = np.ogrid[: SIZE[1], : SIZE[0]]
    far = np.hypot(columns - 200, rows - 150)
    pixels = np.stack([230 - far * 0.8, 60 + far * 0.3, 60 + far * 0.3], -1) + rng.normal(0, 2, (*far.shape, 3))
    out = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(out, "PNG")
    seen = look(out.getvalue())

    for usual in (1_500.0, 6_000.0, 20_000.0):
        assert 0.5 < proposed(seen, [Click(200, 150)], usual).sum() / usual < 2


def test_a_further_click_adds_and_one_beside_takes_away():
    content, (left, right) = scene((150, 150, 50, (200, 60, 60)), (225, 150, 50, (200, 60, 60)))
    seen = look(content)
    first = proposed(seen, [Click(140, 150)])
    assert (first & right).sum() > 0.5 * right.sum()  # they look alike and touch

    cut = proposed(seen, [Click(140, 150), Click(250, 150, inside=False)])
    assert (cut & right & ~left).sum() < 0.2 * (right & ~left).sum()
    assert (cut & left).sum() > 0.8 * left.sum()

    content, (left, right) = scene((100, 150, 40, (200, 60, 60)), (300, 150, 40, (60, 60, 200)))
    seen = look(content)
    both = proposed(seen, [Click(100, 150), Click(300, 150)], usual=float(left.sum()))
    assert iou(both, left | right) > 0.85


def test_a_part_is_looked_at_and_told_in_pixels_of_the_whole():
    content, (_, small) = scene((100, 100, 60, (200, 60, 60)), (330, 230, 9, (60, 200, 60)))
    seen = look(content, window=(280, 190, 100, 90))

    assert seen.window == (280, 190, 100, 90)
    assert iou(proposed(seen, [Click(330, 230)]), small) > 0.8


@pytest.mark.parametrize(
    ("window", "part"),
    [
        (None, (0, 0, 400, 300)),
        ((-50.4, 290, 30, 2), (0, 284, 30, 16)),  # within the image, and no smaller than can be looked at
        ((399, 0, 4_000, 4_000), (0, 0, 400, 300)),
    ],
)
def test_a_part_lies_within_the_image(window, part):
    assert picture.part_of(SIZE, window) == part


def test_the_first_click_is_inside():
    content, _ = scene()
    with pytest.raises(ValueError, match="inside"):
        nearest.propose(look(content), [Click(1, 1, inside=False)])


# ---------------------------------------------------------------- files of the operator


def lay_files(folder) -> None:
    """Two tiny networks with the signature of segment-anything: places whose red is like that at the first click."""
    weight = np.zeros((256, 3, 16, 16), np.float32)
    weight[:, 0] = 1 / 256
    encoder = helper.make_graph(
        [helper.make_node("Conv", ["image", "weight"], ["embeddings"], strides=[16, 16])], "encoder",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 1024, 1024))],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, (1, 256, 64, 64))],
        [numpy_helper.from_array(weight, "weight")],
    )  # fmt: skip
    constants = {
        "zero": np.array([0], np.int64), "one": np.array([1], np.int64), "first": np.array([0, 0], np.int64),
        "axes": np.array([0, 1], np.int64), "grid": np.array([16], np.float32), "near": np.array(0.3, np.float32),
        "map": np.array([64, 64], np.int64), "shape": np.array([1, 1, 64, 64], np.int64),
        "large": np.array([1, 1, 1024, 1024], np.int64), "last": np.array([2, 3], np.int64),
        "sure": np.array([[0.9]], np.float32), "swap": np.array([1, 0], np.int64),
    }  # fmt: skip
    node = helper.make_node
    decoder = helper.make_graph(
        [
            node("Gather", ["image_embeddings", "zero"], ["all_maps"], axis=1),
            node("Reshape", ["all_maps", "map"], ["red"]),
            node("Slice", ["point_coords", "zero", "one", "one"], ["first_point"]),
            node("Squeeze", ["first_point", "axes"], ["xy"]),
            node("Div", ["xy", "grid"], ["places"]),
            node("Cast", ["places"], ["whole"], to=TensorProto.INT64),
            node("Gather", ["whole", "swap"], ["row_column"]),
            node("GatherND", ["red", "row_column"], ["wanted"]),
            node("Sub", ["red", "wanted"], ["apart"]),
            node("Abs", ["apart"], ["unlike"]),
            node("Sub", ["near", "unlike"], ["logits"]),
            node("Reshape", ["logits", "shape"], ["small"]),
            node("Resize", ["small", "", "", "large"], ["enlarged"], mode="nearest"),
            node("Cast", ["orig_im_size"], ["size"], to=TensorProto.INT64),
            node("Slice", ["enlarged", "first", "size", "last"], ["masks"]),
            node("Identity", ["sure"], ["iou_predictions"]),
        ],
        "decoder",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (
                ("image_embeddings", (1, 256, 64, 64)), ("point_coords", (1, "n", 2)), ("point_labels", (1, "n")),
                ("mask_input", (1, 1, 256, 256)), ("has_mask_input", (1,)), ("orig_im_size", (2,)),
            )
        ],
        [
            helper.make_tensor_value_info("masks", TensorProto.FLOAT, (1, 1, "h", "w")),
            helper.make_tensor_value_info("iou_predictions", TensorProto.FLOAT, (1, 1)),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )  # fmt: skip
    for name, graph in zip(segment_anything.NAMES, (encoder, decoder), strict=True):
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(made)
        onnx.save(made, folder / name)


def test_files_of_the_operator_answer_where_there_are_some(tmp_path, monkeypatch):
    monkeypatch.setenv(backbones.FOLDER_SETTING, str(tmp_path))
    assert segment_anything.files() is None
    lay_files(tmp_path)
    files = segment_anything.files()
    content, (disc,) = scene((280, 120, 60, (230, 60, 60)))

    seen = segment_anything.look(content, SIZE, picture.part_of(SIZE, None), files)
    told = segment_anything.propose(seen, [Click(280, 120)])

    assert len(told.found) == 1
    assert iou(whole(told.found[told.chosen]), disc) > 0.8  # to 6 px, as the tiny network sees

    seen = segment_anything.look(content, SIZE, picture.part_of(SIZE, (200, 40, 160, 160)), files)
    assert iou(whole(segment_anything.propose(seen, [Click(280, 120)]).found[0]), disc) > 0.85
