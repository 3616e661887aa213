"""A painter's few tools: clouds, blur, blending.

Fields have the shape (height, width), colours are planes of (3, height, width); all in single precision.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Array = NDArray[np.floating]
Rng = np.random.Generator


def enlarged(field: Array, width: int, height: int) -> Array:
    """A 2-d field, bicubic, to height x width."""
    return np.asarray(Image.fromarray(field).resize((width, height), Image.Resampling.BICUBIC))


def noise(rng: Rng, width: int, height: int, grains: tuple[int, ...], persistence: float = 0.55) -> Array:
    """Clouds in about 0..1 around 0.5: one layer of random values per grain (in pixels, large to small).

    Each layer is added at its own size and the sum enlarged step by step, so only the last step is full size.
    """
    total = sum(persistence**k for k in range(len(grains)))
    field: Array | None = None
    for k, grain in enumerate(grains):
        w, h = max(2, width // grain), max(2, height // grain)
        layer = rng.random((h, w), dtype=np.float32) * np.float32(persistence**k / total)
        field = layer if field is None else enlarged(field, w, h) + layer
    assert field is not None
    return enlarged(field, width, height)


def blurred(field: Array, radius: float) -> Array:
    """A field in 0..1 through Pillow's blur of bytes: ten times as fast as one of floats."""
    image = Image.fromarray((field * np.float32(255)).astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius))
    return np.asarray(image, dtype=np.float32) * np.float32(1 / 255)


def rgb(red: float, green: float, blue: float) -> Array:
    """A colour that broadcasts over planes."""
    return np.array([red, green, blue], dtype=np.float32)[:, None, None]


def blend(colour: Array, towards: Array, share: Array) -> None:
    """Move the planes of `colour` in place towards another colour by `share` (h, w) in 0..1."""
    # Plane by plane: a temporary of one plane stays in the processor's cache, one of three does not.
    for plane, target in zip(colour, towards, strict=True):
        plane += share * (target - plane)


def soft(value: Array) -> Array:
    """Clipped to 0..1, with a smooth beginning and end."""
    value = np.clip(value, 0, 1)
    return value * value * (3 - 2 * value)


def as_bytes(values: Array) -> NDArray[np.uint8]:
    return np.clip(values, 0, 255).astype(np.uint8)
