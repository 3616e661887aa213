"""A process that decodes images into slots of a file: one line in ([slot, path]), one line out ("" or the reason).

Started by pixels.decoded_into. Loads Pillow and numpy alone. For the path null it decodes an image of its own: one
that ends there ends on any image.
"""

from __future__ import annotations

import io
import json
import sys

import numpy as np
from PIL import Image

from worker.ml.errors import ImageUnreadable
from worker.ml.images.decoding import decode


def main(file: str, n: str, side: str) -> None:
    """Serve until the input ends."""
    squares = np.memmap(file, np.uint8, "r+", 0, (int(n), int(side), int(side), 3))
    for line in sys.stdin:
        slot, path = json.loads(line)
        try:
            squares[slot] = decode(_plain_image(int(side)) if path is None else path, size=int(side))
            reason = ""
        except ImageUnreadable as error:
            reason = str(error)
        print(json.dumps(reason), flush=True)


def _plain_image(side: int) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (2 * side, 2 * side)).save(content, "JPEG")
    return content.getvalue()


if __name__ == "__main__":
    main(*sys.argv[1:])
