"""Draw leaves with visible diseases, from nothing but random numbers: background, leaf, disease, photograph.

Everything is single precision, colours are planes of shape (3, height, width), only the window around the
leaf is computed in full, and what is soft is drawn small and enlarged: 45 ms for 640 x 480 on one core,
where the plain way took 400. Knows numpy and Pillow only.
"""

import io
from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from labeler.demo.diseases import DISEASES, add_drops
from labeler.demo.leaf import Leaf, grow, paint_blade
from labeler.demo.painting import Array, Rng, as_bytes, blurred, noise, rgb

CATEGORIES = ("Rust", "Leaf spot", "Mildew", "Blight", "Healthy")

# What a large crowd of careful experts would say to a leaf of each kind. The last four are drawn between two
# diseases on purpose: nobody can be right about them, and agreement shows it.
KINDS: Mapping[str, Mapping[str, float]] = {
    **{name: {name: 1.0} for name in CATEGORIES},
    "Rust or leaf spot": {"Rust": 0.5, "Leaf spot": 0.5},
    "Mildew or healthy": {"Mildew": 0.55, "Healthy": 0.45},
    "Blight or leaf spot": {"Blight": 0.5, "Leaf spot": 0.5},
    "Rust or healthy": {"Rust": 0.55, "Healthy": 0.45},
}


def draw_leaf(seed: int, kind: str, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """One RGB image, the same for the same arguments. `kind`: one of KINDS; size: width, height in pixels."""
    if kind not in KINDS:
        raise ValueError(f"{kind!r} is not one of {', '.join(KINDS)}.")
    rng = np.random.default_rng([seed, 20])
    width, height = size
    scene = _background(rng, width, height)
    leaf = grow(rng, width, height)
    colour = paint_blade(rng, leaf)
    DISEASES[kind](rng, leaf, colour)
    if rng.random() < 0.3:
        add_drops(rng, leaf, colour)
    return _photograph(rng, scene, leaf, colour, size)


_SCENES = (  # dark, light, tint of the out-of-focus discs
    ((24, 40, 28), (96, 126, 76), (1.0, 1.08, 0.72)),  # foliage
    ((18, 34, 34), (78, 110, 98), (0.85, 1.05, 1.0)),  # foliage in the shade
    ((54, 44, 34), (132, 112, 86), (1.1, 1.0, 0.8)),  # soil
    ((70, 72, 70), (140, 142, 136), (1.0, 1.0, 1.0)),  # stone
    ((62, 66, 30), (164, 156, 86), (1.15, 1.05, 0.6)),  # late light
)


def draw_jpeg(seed: int, kind: str) -> bytes:
    """A leaf of the usual size as a JPEG. Here, because the processes that call it do without Django."""
    out = io.BytesIO()
    draw_leaf(seed, kind).save(out, "JPEG", quality=88)
    return out.getvalue()


def _background(rng: Rng, width: int, height: int) -> Array:
    """Something far out of focus, at a quarter of the size: shape (3, height // 4, width // 4)."""
    w, h = max(8, width // 4), max(8, height // 4)
    dark, light, tint = (rgb(*c) for c in _SCENES[rng.choice(5, p=[0.36, 0.2, 0.2, 0.1, 0.14])])
    clouds = noise(rng, w, h, (w // 3, w // 6, w // 12))
    scene = dark + (light - dark) * clouds
    # Other leaves, as silhouettes.
    silhouettes = Image.new("L", (w, h), 0)
    pen = ImageDraw.Draw(silhouettes)
    for _ in range(rng.integers(3, 8)):
        x, y, length, angle = rng.random() * w, rng.random() * h, w * rng.uniform(0.16, 0.4), rng.uniform(0, 6.3)
        along = np.linspace(-1, 1, 24)
        across = 0.34 * np.cos(along * np.pi / 2) ** 0.8
        xs = np.concatenate([along, along[::-1]]) * length
        ys = np.concatenate([across, -across[::-1]]) * length
        cos, sin = np.cos(angle), np.sin(angle)
        points = zip(x + xs * cos - ys * sin, y + xs * sin + ys * cos, strict=True)
        pen.polygon(list(points), fill=int(rng.uniform(60, 255)))
    far = np.asarray(silhouettes.filter(ImageFilter.GaussianBlur(w / 40)), dtype=np.float32) / 255
    scene *= 1 + (0.55 * far - 0.18)
    # Points of light, as discs: brighter at the rim, as lenses make them.
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    for _ in range(rng.integers(5, 13)):
        x, y, r = rng.random() * w, rng.random() * h, w * rng.uniform(0.025, 0.085)
        d = np.hypot(xx - x, yy - y) / r
        disc = np.clip((1 - d) * 6, 0, 1) * (0.65 + 0.35 * np.clip(d, 0, 1) ** 4)
        scene += disc * np.float32(rng.uniform(6, 30)) * tint
    side = np.float32(rng.uniform(-0.3, 0.3))
    scene *= 1 + side * (2 * xx / w - 1) + np.float32(0.12) * (1 - 2 * yy / h)
    return np.stack([blurred(np.clip(plane / 255, 0, 1), w / 90) * 255 for plane in scene])


def _photograph(rng: Rng, scene: Array, leaf: Leaf, colour: Array, size: tuple[int, int]) -> Image.Image:
    """Shadow, leaf, stem, lens and sensor. Only the leaf's window is put together in full size."""
    x = np.linspace(-1, 1, scene.shape[2], dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, scene.shape[1], dtype=np.float32)[:, None]
    exposure = np.float32(rng.uniform(0.9, 1.24)) * (1 - np.float32(rng.uniform(0.1, 0.24)) * (x * x + y * y))
    warmth = rng.uniform(-0.05, 0.06)
    scene = scene * exposure * rgb(1 + warmth, 1, 1 - warmth)
    image = Image.merge("RGB", [Image.fromarray(plane) for plane in as_bytes(scene)])
    image = image.resize(size, Image.Resampling.BICUBIC)

    window = np.stack([np.asarray(band, dtype=np.float32) for band in image.crop(leaf.box).split()])
    shadow = Image.new("L", (leaf.width, leaf.height))
    shadow.paste(Image.fromarray(as_bytes(leaf.mask * 255)), (max(1, size[0] // 110), max(1, size[1] // 90)))
    small = shadow.resize((max(1, leaf.width // 4), max(1, leaf.height // 4)), Image.Resampling.BILINEAR)
    shadow = small.filter(ImageFilter.GaussianBlur(size[0] / 200)).resize(shadow.size, Image.Resampling.BICUBIC)
    window *= 1 - np.asarray(shadow, dtype=np.float32) * np.float32(rng.uniform(0.35, 0.62) / 255)
    # The leaf in the same light as what is behind it: exposure where it lies, and the same white balance.
    lit = np.asarray(Image.fromarray(exposure).resize(size, Image.Resampling.BILINEAR).crop(leaf.box))
    from_midrib = (leaf.q * np.float32(125)) ** 2
    stem = np.exp(-from_midrib * from_midrib) * ((leaf.p < 0.03) & (leaf.p > -rng.uniform(0.09, 0.16)))
    wood = lit * (np.float32(0.75) + np.float32(0.4) * leaf.texture)
    for plane, blade, green, balance in zip(window, colour, (128, 142, 74), (1 + warmth, 1, 1 - warmth), strict=True):
        plane += stem * (wood * np.float32(green * balance) - plane)
        plane += leaf.mask * (blade * lit * np.float32(balance) - plane)
    part = Image.merge("RGB", [Image.fromarray(plane) for plane in as_bytes(window)])
    image.paste(part.filter(_SHARPER), leaf.box[:2])

    strength = int(rng.integers(2, 6))
    grain = Image.fromarray(rng.integers(128 - strength, 129 + strength, size[::-1], dtype=np.uint8))
    return ImageChops.add(image, Image.merge("RGB", [grain] * 3), offset=-128)


# As an unsharp mask of one pixel, at a third of its time.
_SHARPER = ImageFilter.Kernel((3, 3), (-1, -2, -1, -2, 28, -2, -1, -2, -1), scale=16)
