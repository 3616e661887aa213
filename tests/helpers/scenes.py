"""Pictures made of arrays, and their bytes."""

import io

from PIL import Image


def scene(size=(120, 80)) -> Image.Image:
    """Top left red, top right green, bottom left blue, bottom right white: any turn or flip shows."""
    width, height = size
    image = Image.new("RGB", size, "white")
    image.paste((220, 20, 20), (0, 0, width // 2, height // 2))
    image.paste((20, 200, 20), (width // 2, 0, width, height // 2))
    image.paste((20, 20, 220), (0, height // 2, width // 2, height))
    return image


def encode(image: Image.Image, image_format: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, image_format, **options)
    return out.getvalue()
