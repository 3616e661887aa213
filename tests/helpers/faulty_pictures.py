"""Pictures that something is wrong with, and sound ones, as files of a project."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pixels
from PIL import ImageFilter

from labeler.intake.images import add_images, file_member
from labeler.models import Image, Project
from tests.helpers.scenes import encode


def sound(number: int, size: tuple[int, int] = (320, 240)) -> Pixels.Image:
    """Sharp, of middle brightness, with dark and light parts; another picture for each number, of like colours."""
    draw = np.random.default_rng(number)
    image = Pixels.new("RGB", size, (130, 128, 122))
    for _ in range(60):
        left, top = int(draw.integers(0, size[0])), int(draw.integers(0, size[1]))
        wide, high = (int(n) for n in draw.integers(4, max(6, min(size) // 3), 2))
        grey = int(draw.integers(20, 240))
        image.paste((grey, max(0, grey - 6), max(0, grey - 12)), (left, top, left + wide, top + high))
    return image


def blurred(number: int) -> Pixels.Image:
    return sound(number).filter(ImageFilter.GaussianBlur(5))


def dark(number: int) -> Pixels.Image:
    return sound(number).point(lambda value: value // 6)


def overexposed(number: int) -> Pixels.Image:
    return sound(number).point(lambda value: min(255, 215 + value // 5))


def plain(colour: tuple[int, int, int]) -> Pixels.Image:
    return Pixels.new("RGB", (320, 240), colour)


def green(number: int) -> Pixels.Image:
    red, green_, blue = sound(number).split()
    return Pixels.merge("RGB", (red.point(lambda v: v // 4), green_.point(lambda v: min(255, v + 60)), blue))


def bring_in(project: Project, pictures: dict[str, Pixels.Image]) -> dict[str, Image]:
    """The pictures, by their name, as an upload brings them in."""
    members = [file_member(f"{name}.png", encode(image, "PNG")) for name, image in pictures.items()]
    outcomes = list(add_images(project=project, members=members))
    assert all(hasattr(outcome, "image") for outcome in outcomes), outcomes
    return {outcome.image.name.removesuffix(".png"): outcome.image for outcome in outcomes}
