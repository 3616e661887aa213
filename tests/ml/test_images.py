"""Decoding: upright, of one size, named formats only, and each broken file with its reason; augmentation."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from labeler.train_settings import Augmentation
from worker.ml.errors import ImageUnreadable
from worker.ml.images.tensors import augment, decode, open_upright, to_network

STILL = Augmentation(
    flip=False, zoom=0, stretch=0, rotate_degrees=0, shift=0, shear_degrees=0,
    brightness=0, contrast=0, saturation=0, grey_share=0, noise=0,
)  # fmt: skip


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def corner_image():
    """40 x 20, a red corner at the top left."""
    image = Image.new("RGB", (40, 20), "white")
    image.paste("red", (0, 0, 10, 10))
    return image


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(orientation):
    # EXIF says how to turn what is stored; store it turned the other way
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180], 4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_90], 7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }  # fmt: skip
    stored = corner_image()
    for step in undo.get(orientation, []):
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = open_upright(encoded(stored, "JPEG", quality=95, exif=exif), short_side=20)
    assert upright.size == (40, 20)
    pixel = upright.getpixel((3, 3))
    assert pixel[0] > 200 > 80 > pixel[1]
    assert min(upright.getpixel((35, 15))) > 200


def test_the_centre_square_is_taken_whole():
    # 30 x 10: left third red, middle green, right blue; the centre square is the green third
    image = Image.new("RGB", (30, 10))
    for place, colour in enumerate(("#ff0000", "#00ff00", "#0000ff")):
        image.paste(colour, (10 * place, 0, 10 * place + 10, 10))
    pixels = decode(encoded(image), size=8)
    assert pixels.shape == (8, 8, 3)
    assert pixels.dtype == np.uint8
    assert (pixels[:, 1:-1] == [0, 255, 0]).all()


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size():
    large = encoded(Image.effect_noise((1600, 1200), 40).convert("RGB"), "JPEG")
    # eighths: 1200 / 4 = 300 is the smallest that still has 224 on the short side
    assert open_upright(large, short_side=224).size == (400, 300)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_named_formats_are_read(kind):
    assert decode(encoded(corner_image(), kind), size=16).shape == (16, 16, 3)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (encoded(corner_image(), "PPM"), "not an image"),
        (b"GIF89a", "not an image"),
        (b"", "not an image"),
        (encoded(Image.effect_noise((64, 64), 30), "JPEG")[:900], "truncated"),
        (encoded(corner_image(), "PNG")[:60], "not an image"),
    ],
)
def test_a_broken_or_foreign_file_is_refused_with_its_reason(content, reason):
    with pytest.raises(ImageUnreadable, match=reason):
        decode(content)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(ImageUnreadable, match="missing"):
        decode(tmp_path / "gone.jpg")


def test_transparent_pixels_lie_on_white():
    assert (decode(encoded(Image.new("RGBA", (8, 8), (10, 20, 30, 0))), size=8) == 255).all()


def test_sixteen_bit_grey_keeps_its_shades():
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(8, 8)
    pixels = decode(encoded(Image.fromarray(ramp)), size=8)
    assert pixels[0, 0, 0] == 0
    assert pixels[-1, -1, 0] == 255
    assert abs(int(pixels[4, 0, 0]) - 130) <= 1  # 33,292 of 65,535 is 130 of 255


def test_pixels_are_scaled_as_the_published_weights_expect():
    x = to_network(torch.tensor([[[[127, 255, 0]]]], dtype=torch.uint8), offset=127.0, scale=128.0)
    assert x.shape == (1, 3, 1, 1)
    assert x.flatten().tolist() == [0.0, 1.0, -127 / 128]


@pytest.fixture
def batch():
    return torch.randint(0, 256, (6, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_augmentation_without_any_change_gives_the_image_back(batch):
    same = augment(batch, 32, STILL, torch.Generator().manual_seed(0))
    torch.testing.assert_close(same, batch.permute(0, 3, 1, 2).float(), atol=1e-2, rtol=0)


def test_augmentation_is_decided_by_its_generator(batch):
    def views(seed):
        return augment(batch, 24, Augmentation(), torch.Generator().manual_seed(seed))

    assert torch.equal(views(1), views(1))
    assert not torch.equal(views(1), views(2))
    assert views(1).shape == (6, 3, 24, 24)
    assert views(1).min() >= 0
    assert views(1).max() <= 255


def test_flips_happen_only_where_they_are_allowed():
    one_sided = torch.zeros(64, 16, 16, 3, dtype=torch.uint8)
    one_sided[:, :, :8] = 255  # bright on the left
    from dataclasses import replace

    def mirrored(how):
        x = augment(one_sided, 16, how, torch.Generator().manual_seed(3))
        return int((x[..., 8:].mean((1, 2, 3)) > x[..., :8].mean((1, 2, 3))).sum())

    assert mirrored(STILL) == 0
    assert 16 <= mirrored(replace(STILL, flip=True)) <= 48  # fair coin, 64 times


def test_upside_down_is_a_switch_of_its_own_and_changes_no_views_where_it_is_off(batch):
    from dataclasses import replace

    upright = batch.permute(0, 3, 1, 2).float()
    views = augment(batch, 32, replace(STILL, flip_vertical=True), torch.Generator().manual_seed(3))
    turned = [not torch.allclose(view, image, atol=1e-2) for view, image in zip(views, upright, strict=True)]

    assert 0 < sum(turned) < len(turned)
    for view, image, is_turned in zip(views, upright, turned, strict=True):
        torch.testing.assert_close(view, image.flip(1) if is_turned else image, atol=1e-2, rtol=0)


def test_each_image_of_a_batch_is_varied_by_itself(batch):
    same = batch[:1].expand(6, -1, -1, -1)
    views = augment(same, 32, Augmentation(), torch.Generator().manual_seed(0))
    assert all(not torch.equal(views[0], views[i]) for i in range(1, 6))
