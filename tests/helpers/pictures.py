"""Small image files, and archives of them."""

import zipfile

from tests.helpers.scenes import encode, scene


def picture(number: int, image_format: str = "JPEG") -> bytes:
    image = scene((64, 48))
    image.putpixel((number % 64, number // 64 % 48), (0, 0, 0))
    image.paste((number * 7 % 255, number * 13 % 255, 90), (20, 10, 40, 30))
    return encode(image, image_format)


def archive(path, files: dict[str, bytes]):
    """A zip; the same files are the same bytes, whatever the time."""
    with zipfile.ZipFile(path, "w") as opened:
        for name, content in files.items():
            opened.writestr(zipfile.ZipInfo(name), content)
    return path
