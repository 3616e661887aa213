"""Pictures prepared for a training elsewhere: sizes, cuts, figures, lists and copies, the same each time."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from labeler.errors import Invalid
from labeler.releases.clean_files import Unreadable
from labeler.releases.preparation import (
    FILL,
    FIT,
    OVER,
    STRETCH,
    UNDER,
    ChannelFigures,
    Preparation,
    as_texts,
    parse,
    parse_texts,
    prepare,
    sampling_list,
)
from tests.helpers.data_sets import photograph
from tests.helpers.scenes import encode, scene


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@pytest.mark.parametrize(
    ("how", "size"),
    [
        (Preparation(width=60, height=60, way=FIT), (60, 40)),
        (Preparation(width=600, height=600, way=FIT), (120, 80)),  # never enlarged
        (Preparation(width=60, way=FIT), (60, 40)),
        (Preparation(width=60, height=60, way=FILL), (60, 60)),
        (Preparation(width=60, height=60, way=STRETCH), (60, 60)),
        (Preparation(crop=(0.5, 0, 1, 0.5)), (60, 40)),
    ],
)
def test_a_picture_has_the_size_that_was_asked_for(how, size):
    made = prepare(encode(scene(), "PNG"), "png", how)

    assert (made.width, made.height) == size == opened(made.content).size
    assert prepare(encode(scene(), "PNG"), "png", how) == made


def test_a_cut_is_of_the_upright_picture():
    # As stored red is top left, green top right; turned upright by 6, red is top right.
    made = prepare(photograph(1, "PNG"), "png", Preparation(crop=(0.9, 0, 1, 0.1)))

    assert opened(made.content).getpixel((0, 0)) == (220, 20, 20)


def test_grey_and_formats_and_nothing_else_said():
    made = prepare(photograph(1), "jpg", Preparation(grey=True, file_format="webp", quality=50))

    image = opened(made.content)
    assert (made.extension, image.format, image.convert("L").size) == ("webp", "WEBP", (48, 64))
    assert not image.getexif() and b"Jane" not in made.content
    assert opened(prepare(photograph(1), "jpg", Preparation(grey=True)).content).mode == "L"
    assert prepare(encode(scene(), "TIFF"), "tif", Preparation(grey=True)).extension == "png"
    with pytest.raises(Unreadable):
        prepare(b"no picture", "jpg", Preparation(grey=True))


def test_transparency_becomes_white_where_a_format_has_none():
    image = scene().convert("RGBA")
    image.putalpha(0)

    made = prepare(encode(image, "PNG"), "png", Preparation(grey=True))

    assert opened(made.content).getextrema() == (255, 255)


def test_copies_differ_from_the_original_and_from_each_other_and_are_the_same_again():
    how = Preparation(copies=2, file_format="png")
    original = photograph(3)

    first, second = (prepare(original, "jpg", how, copy, "abc") for copy in (1, 2))

    assert len({prepare(original, "jpg", how).content, first.content, second.content}) == 3
    assert (first.width, first.height) == (48, 64)
    assert prepare(original, "jpg", how, 1, "abc") == first
    assert prepare(original, "jpg", Preparation(copies=2, file_format="png", seed=1), 1, "abc") != first


def test_mean_and_deviation_are_those_of_all_pixels():
    pictures = [scene((8, 8)), Image.new("RGB", (4, 8), (10, 20, 30))]
    figures = ChannelFigures()
    for picture in pictures:
        figures.add(encode(picture, "PNG"))

    pixels = np.concatenate([np.asarray(picture).reshape(-1, 3) for picture in pictures]) / 255
    found = figures.figures()
    assert found["images"] == 2
    assert found["mean"] == pytest.approx(pixels.mean(axis=0), abs=1e-6)
    assert found["deviation"] == pytest.approx(pixels.std(axis=0), abs=1e-6)
    assert ChannelFigures().figures() == {"images": 0, "mean": None, "deviation": None}


def test_lists_have_each_class_equally_often():
    files = [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")]

    over, under = sampling_list(files, OVER, 0), sampling_list(files, UNDER, 0)

    assert sorted(over) == ["a1", "a2", "a3", "b1", "b1", "b1"]
    assert len(under) == 2 and "b1" in under
    assert sampling_list(reversed(files), OVER, 0) == over
    assert sampling_list([], OVER, 0) == []


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"width": 0}, "width"), ({"width": True}, "width"), ({"height": 10**9}, "height"),
        ({"quality": 101}, "quality"),
        ({"copies": -1}, "copies"), ({"crop": [0, 0, 0, 1]}, "crop"), ({"crop": [0, 0, float("nan"), 1]}, "crop"),
        ({"crop": "all"}, "crop"), ({"way": "bend"}, "way"), ({"file_format": "exe"}, "file_format"),
        ({"grey": 1}, "grey"), ({"sampling": []}, "sampling"), ({"blur": 3}, "blur"),
        ({"way": "fill", "width": 9}, "height"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_by_field(values, field):
    with pytest.raises(Invalid) as refused:
        parse(values)
    assert list(refused.value.fields) == [field]


def test_what_was_asked_for_is_read_and_nothing_asked_changes_nothing():
    assert parse({}) == Preparation() and not parse({}).changes_pixels
    how = parse({"crop": [0, 0, 1, 0.5], "width": 224, "height": 224, "way": "fill", "grey": True, "copies": 3})
    assert (how.crop, how.width, how.way, how.copies, how.changes_pixels) == ((0, 0, 1, 0.5), 224, FILL, 3, True)


@pytest.mark.parametrize("how", [
    Preparation(), Preparation(width=3, height=5, way="fill", grey=True, file_format="png", quality=7, copies=2,
                               sampling="over", seed=9), Preparation(crop=(0.1, 0.0, 1.0, 0.9)),
])  # fmt: skip
def test_a_preparation_can_be_written_into_an_address(how):
    assert parse_texts(as_texts(how)) == how
