"""A healthy leaf: its form, where it lies, its blade and veins.

A leaf has coordinates of its own: p along the midrib (0 stem, 1 tip) and v across it (-1 and 1 are the
margins).
"""

from dataclasses import dataclass

import numpy as np

from labeler.demo.painting import Array, Rng, blend, blurred, noise, rgb, soft


@dataclass(frozen=True, slots=True)
class Outline:
    """The form of a leaf and where it lies. Pixels are those of the whole image."""

    centre: tuple[float, float]
    angle: float
    length: float  # pixels
    wide: float  # half width over length
    taper: float
    bend: float

    def half_width(self, along: Array) -> Array:
        """Half the width of the blade, in leaf lengths, at `along` in 0..1."""
        return self.wide * np.maximum(np.sin(np.pi * along**self.taper), 0) ** np.float32(0.8) * (1 - 0.2 * along)

    def place(self, along: float, across: float) -> tuple[float, float]:
        """Pixel position of a point given as p and v; p below 0 is on the stem."""
        inside = min(max(along, 0.0), 1.0)
        half = float(self.half_width(np.array(inside, np.float32)))
        x, y = (along - 0.5) * self.length, (across * half + self.bend * np.sin(np.pi * inside)) * self.length
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        return float(self.centre[0] + x * cos - y * sin), float(self.centre[1] + x * sin + y * cos)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf in its window of the image. Fields of shape (height, width) of that window."""

    outline: Outline
    box: tuple[int, int, int, int]  # the window: left, top, right, bottom
    p: Array  # along the midrib, 0..1 on the blade
    q: Array  # across, in leaf lengths
    v: Array  # across, -1..1 on the blade
    mask: Array  # 0..1, soft edge
    texture: Array  # fine clouds, 0..1
    light: int  # which half faces it: -1 or 1

    @property
    def height(self) -> int:
        return self.p.shape[0]

    @property
    def width(self) -> int:
        return self.p.shape[1]

    @property
    def length(self) -> float:
        return self.outline.length

    def place(self, along: float, across: float) -> tuple[float, float]:
        """Position in the window of a point given as p in 0..1 and v in -1..1."""
        x, y = self.outline.place(along, across)
        return x - self.box[0], y - self.box[1]


def grow(rng: Rng, width: int, height: int) -> Leaf:
    outline = Outline(
        centre=(width * rng.uniform(0.45, 0.55), height * rng.uniform(0.45, 0.55)),
        angle=float(np.deg2rad(rng.uniform(-42, 42)) + (np.pi if rng.random() < 0.35 else 0)),
        length=min(width, 1.33 * height) * rng.uniform(0.66, 0.82),
        wide=rng.uniform(0.22, 0.37),
        taper=rng.uniform(0.74, 0.95),
        bend=rng.uniform(-0.1, 0.1),
    )
    # The window: blade, stem, and room for the shadow.
    edge = [outline.place(along, side) for along in np.linspace(-0.17, 1.0, 40) for side in (-1.15, 1.15)]
    room = width / 16
    left, top = (max(0, int(min(c) - room)) for c in zip(*edge, strict=True))
    right, bottom = (
        min(full, int(max(c) + room)) for full, c in zip((width, height), zip(*edge, strict=True), strict=True)
    )
    w, h = right - left, bottom - top

    length, cos, sin = (np.float32(x) for x in (outline.length, np.cos(outline.angle), np.sin(outline.angle)))
    dx = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(outline.centre[0])
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(outline.centre[1])
    p = (dx * cos + dy * sin) / length + np.float32(0.5)
    inside = np.clip(p, 1e-4, 1 - 1e-4)
    q = (dy * cos - dx * sin) / length - np.float32(outline.bend) * np.sin(np.float32(np.pi) * inside)
    half = outline.half_width(inside)
    # Teeth: none, fine or coarse, leaning towards the tip.
    teeth, depth = np.float32(rng.uniform(11, 27)), rng.choice([0.0, 0.004, 0.007], p=[0.3, 0.4, 0.3])
    if depth:
        phase = inside * teeth + np.sign(q) * np.float32(0.2)
        half += np.float32(depth) * (phase - np.floor(phase) - np.float32(0.5)) * (half > 0.03)
    half += (noise(rng, w, h, (w // 5, w // 10)) - np.float32(0.5)) * np.float32(0.02)  # no two margins alike
    v = q / np.maximum(half, np.float32(1e-3))
    blade = np.clip((half - np.abs(q)) * length + np.float32(0.5), 0, 1) * ((p > 0) & (p < 1))
    return Leaf(
        outline=outline,
        box=(left, top, right, bottom),
        p=p,
        q=q,
        v=v,
        mask=blurred(blade, 0.8),
        texture=noise(rng, w, h, (32, 13, 5, 2), 0.62),
        light=int(rng.choice([-1, 1])),
    )


_GREENS = ((78, 134, 52), (58, 118, 58), (98, 146, 54), (64, 112, 44), (112, 150, 66), (52, 104, 66))


def paint_blade(rng: Rng, leaf: Leaf) -> Array:
    """A healthy blade: colour, light, veins."""
    a, b = (rgb(*_GREENS[i]) for i in rng.integers(0, len(_GREENS), 2))
    base = a + (b - a) * np.float32(rng.random())
    p, v, across = leaf.p, leaf.v, np.clip(np.abs(leaf.v), 0, 1.5)
    number, slope = int(rng.integers(7, 13)), np.float32(rng.uniform(0.6, 1.2))
    # Side veins lean and then curve towards the tip; often they leave the midrib in turns, left and right.
    turns = np.float32(0.5 * (rng.random() < 0.6))
    forward = slope * np.abs(leaf.q) + np.float32(rng.uniform(0.02, 0.1)) * across * across
    phase = (p - forward) * np.float32(number) + np.where(v > 0, turns, np.float32(0))
    offset = phase - np.round(phase)
    reach = np.clip(np.float32(1.02) - across, 0, 1)
    side = np.exp(-((offset * np.float32(170 / number)) ** 2)) * np.sqrt(reach) * ((p > 0.03) & (p < 0.97))
    middle = np.exp(-((leaf.q * np.float32(190) / (np.float32(1.35) - np.float32(0.9) * np.clip(p, 0, 1))) ** 2))
    mesh = noise(rng, leaf.width, leaf.height, (9, 4), 0.8)
    mesh = np.clip(1 - np.abs(mesh - np.float32(0.5)) * 15, 0, 1)
    # Between two veins the blade bulges: lit on the side that faces the light, dark in the groove.
    light = np.sin(offset * np.float32(2 * np.pi)) * reach * np.float32(0.07 * leaf.light)
    light += np.tanh(v * np.float32(2.2)) * np.float32(leaf.light * rng.uniform(0.06, 0.2))
    light += np.float32(0.16) * np.sqrt(np.clip(1 - across * across, 0, 1))
    light += leaf.texture * np.float32(0.42) + np.float32(0.65)
    colour = base * light
    # Old leaves turn yellow from the margin: a sign of nothing, on leaves of every kind.
    if rng.random() < 0.35:
        clouds = noise(rng, leaf.width, leaf.height, (90, 40))
        start, most = np.float32(rng.uniform(0.45, 0.8)), np.float32(rng.uniform(0.2, 0.55))
        aged = soft((across + np.float32(0.9) * (clouds - np.float32(0.5)) - start) * np.float32(2.2)) * most
        blend(colour, rgb(178, 172, 70) * light, aged)
    gloss = np.exp(-(((v * leaf.light - np.float32(0.42)) * np.float32(3.2)) ** 2))
    gloss *= np.clip(leaf.texture * np.float32(1.6) - np.float32(0.35), 0, 1)
    veins = side * np.float32(34) + mesh * np.float32(7)
    gloss *= np.float32(rng.uniform(4, 30))
    groove = 1 - np.float32(0.22) * np.roll(middle, (3, 3), (0, 1))
    for plane, tint in zip(colour, (0.9, 1.0, 0.55), strict=True):
        plane += gloss
        plane += veins * np.float32(tint)
        plane *= groove
    blend(colour, rgb(176, 196, 112), middle * np.float32(rng.uniform(0.55, 0.85)))
    return colour
