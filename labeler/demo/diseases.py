"""What can be wrong with a leaf, painted onto its blade. DISEASES names the brush for each kind."""

from collections.abc import Callable
from functools import partial

import numpy as np

from labeler.demo.leaf import Leaf
from labeler.demo.painting import Array, Rng, blend, enlarged, noise, rgb, soft


def _somewhere(rng: Rng, clusters: list[tuple[float, float]] | None = None) -> tuple[float, float]:
    """A place on the blade as (p, v); near one of the clusters, if there are any."""
    if clusters and rng.random() < 0.72:
        along, across = clusters[rng.integers(len(clusters))]
        along, across = along + rng.normal(0, 0.09), across + rng.normal(0, 0.2)
    else:
        along, across = rng.uniform(0.1, 0.92), rng.uniform(-0.86, 0.86)
    return float(np.clip(along, 0.06, 0.95)), float(np.clip(across, -0.88, 0.88))


def _around(leaf: Leaf, x: float, y: float, reach: float) -> tuple[slice, slice, Array, Array]:
    """The rows and columns of the leaf within `reach` pixels of a place, and how far each column and row is from it."""
    left, right = max(0, int(x - reach)), min(leaf.width, int(x + reach) + 1)
    top, bottom = max(0, int(y - reach)), min(leaf.height, int(y + reach) + 1)
    dx = np.arange(left, right, dtype=np.float32)[None, :] - np.float32(x)
    dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
    return slice(top, bottom), slice(left, right), dx, dy


def _spots(
    rng: Rng,
    leaf: Leaf,
    colour: Array,
    *,
    count: tuple[int, int],
    radii: tuple[float, float],
    core: tuple[float, float, float],
    halo: tuple[float, float, float],
    halo_share: float,
    wobble: float,
    centre: tuple[float, float, float] | None = None,
    raised: float = 0.0,
    clustered: bool = True,
    margin: bool = False,
) -> None:
    """Spots with a halo, each in a window of its own.

    count: at least, and fewer than. radii: in thousandths of the leaf's length. wobble: how ragged. centre: a paler
    middle with a dark ring, as old lesions have. raised: light and shade of a pustule.
    """
    number = int(rng.uniform(*count))
    ragged = noise(rng, leaf.width, leaf.height, (18, 8, 3), 0.75) - np.float32(0.5)
    clusters = [_somewhere(rng) for _ in range(rng.integers(2, 5))] if clustered else None
    core_colour, halo_colour, centre_colour = rgb(*core), rgb(*halo), rgb(*(centre or core))
    for _ in range(number):
        along, across = _somewhere(rng, clusters)
        if margin:
            across = float(np.sign(across) * rng.uniform(0.72, 0.98))
        x, y = leaf.place(along, across)
        radius = leaf.length / 1000 * rng.uniform(*radii) * (1.5 if rng.random() < 0.2 else 1.0)
        rows, columns, dx, dy = _around(leaf, x, y, radius * 2.4 + 4)
        if not (dx.size and dy.size):
            continue
        window = colour[:, rows, columns]
        grain = np.float32(0.72) + np.float32(0.56) * leaf.texture[rows, columns]
        d = np.sqrt(dx * dx + dy * dy) * (1 + np.float32(wobble) * ragged[rows, columns])
        glow = np.exp(-((np.maximum(d - radius, 0) / np.float32(radius * 0.7 + 1.5)) ** 2)) * np.float32(halo_share)
        blend(window, halo_colour * grain, glow)
        inner = np.clip((radius - d) / np.float32(0.18 * radius + 0.8), 0, 1)
        tone = core_colour * np.float32(rng.uniform(0.82, 1.18)) * grain
        if raised:
            tone = tone + np.clip((-dx - dy) / np.float32(radius), -1, 1) * np.float32(26 * raised)
        blend(window, tone, inner)
        if centre is not None and radius > 4:
            rings = 0.5 + 0.5 * np.cos(d / np.float32(radius) * np.float32(rng.uniform(7, 11)))
            paler = soft((np.float32(0.62 * radius) - d) / np.float32(0.4 * radius)) * rings * np.float32(0.8)
            blend(window, centre_colour * grain, paler)


def _powder(rng: Rng, leaf: Leaf, colour: Array, *, amount: tuple[float, float], opacity: tuple[float, float]) -> None:
    """White colonies that grow into each other; veins shimmer through."""
    w, h = leaf.width // 2, leaf.height // 2
    clouds = noise(rng, w, h, (48, 20, 8, 3), 0.66)
    x, y = np.arange(w, dtype=np.float32)[None, :], np.arange(h, dtype=np.float32)[:, None]
    field = np.zeros((h, w), np.float32)
    for _ in range(int(rng.uniform(4, 10))):
        at_x, at_y = (np.float32(c / 2) for c in leaf.place(*_somewhere(rng)))
        radius = np.float32(leaf.length * rng.uniform(0.03, 0.12) / 2)
        field = np.maximum(field, np.exp(-(((x - at_x) ** 2 + (y - at_y) ** 2) / radius**2)))
    cover = soft((field * np.float32(rng.uniform(*amount)) + (clouds - np.float32(0.5)) * 1.9 - 0.12) * 1.9)
    grain = noise(rng, leaf.width, leaf.height, (4, 2), 0.9)
    powder = enlarged(cover, leaf.width, leaf.height) * (np.float32(0.62) + np.float32(0.6) * grain)
    powder = np.clip(powder, 0, 1) * np.float32(rng.uniform(*opacity))
    blend(colour, rgb(224, 228, 218) * (np.float32(0.82) + np.float32(0.3) * leaf.texture), powder)


def _blight(rng: Rng, leaf: Leaf, colour: Array) -> None:
    """Dead tissue that eats its way in from the margin and the tip, with a yellow front."""
    clouds = noise(rng, leaf.width, leaf.height, (100, 45, 18, 6), 0.6)
    field = clouds + np.abs(leaf.v) * np.float32(0.4) + leaf.p * np.float32(rng.uniform(0.2, 0.6))
    field += np.clip(leaf.v * np.float32(rng.choice([-1, 1])), -0.4, 1) * np.float32(rng.uniform(0.1, 0.5))
    # The share of the blade that is dead is drawn, and the threshold looked up: from a corner to nearly all
    # of it.
    blade = field[::7, ::7][leaf.mask[::7, ::7] > 0.9]
    threshold = np.quantile(blade, 1 - rng.uniform(0.16, 0.6)) if blade.size else 1.0
    inward = (field - np.float32(threshold)) * np.float32(9)
    yellow = np.exp(-((inward / np.float32(1.1)) ** 2)) * np.float32(0.6)
    blend(colour, rgb(186, 170, 72) * (np.float32(0.8) + np.float32(0.4) * leaf.texture), yellow)
    zones = np.float32(0.92) + np.float32(0.12) * np.sin(inward * np.float32(rng.uniform(2.2, 4)))
    brown = rgb(126, 92, 56) if rng.random() < 0.6 else rgb(98, 80, 62)
    dead = soft(inward + np.float32(0.5)) * np.float32(0.94)
    blend(colour, brown * ((np.float32(0.52) + np.float32(0.85) * leaf.texture) * zones), dead)


def _healthy(rng: Rng, leaf: Leaf, colour: Array) -> None:
    """Nothing, or the bite of an insect."""
    if rng.random() < 0.2:
        _spots(
            rng, leaf, colour, count=(1, 3), radii=(8, 16), core=(34, 38, 26), halo=(150, 150, 80), halo_share=0.25,
            wobble=0.7, clustered=False,
        )  # fmt: skip


DISEASES: dict[str, Callable[[Rng, Leaf, Array], None]] = {
    "Rust": partial(
        _spots, count=(40, 150), radii=(3.5, 8.5), core=(186, 88, 22), halo=(190, 164, 58), halo_share=0.6, wobble=0.6,
        raised=1.0,
    ),
    "Leaf spot": partial(
        _spots, count=(6, 20), radii=(17, 38), core=(66, 46, 32), halo=(172, 160, 66), halo_share=0.62, wobble=1.3,
        centre=(150, 122, 88),
    ),
    "Mildew": partial(_powder, amount=(0.75, 1.15), opacity=(0.62, 0.9)),
    "Blight": _blight,
    "Healthy": _healthy,
    "Rust or leaf spot": partial(
        _spots, count=(18, 38), radii=(8, 16), core=(124, 66, 28), halo=(182, 160, 62), halo_share=0.6, wobble=1.0,
        raised=0.4,
    ),
    # A haze that may be mildew, dust or the light.
    "Mildew or healthy": partial(_powder, amount=(0.45, 0.8), opacity=(0.16, 0.34)),
    # Large blotches at the margin: late leaf spot, or early blight.
    "Blight or leaf spot": partial(
        _spots, count=(3, 7), radii=(38, 66), core=(106, 78, 50), halo=(180, 166, 72), halo_share=0.6, wobble=1.6,
        margin=True, clustered=False, centre=(132, 104, 70),
    ),
    # A few pale flecks: the beginning of rust, or sun and insects.
    "Rust or healthy": partial(
        _spots, count=(4, 12), radii=(3, 6), core=(164, 122, 52), halo=(168, 166, 70), halo_share=0.45, wobble=0.8
    ),
}  # fmt: skip


def add_drops(rng: Rng, leaf: Leaf, colour: Array) -> None:
    """Dew: bright below, dark above, a point of light."""
    for _ in range(rng.integers(3, 12)):
        x, y = leaf.place(*_somewhere(rng))
        radius = leaf.length / 1000 * rng.uniform(5, 14)
        rows, columns, dx, dy = _around(leaf, x, y, radius + 2)
        if not (dx.size and dy.size):
            continue
        dx, dy = dx / np.float32(radius), dy / np.float32(radius)
        d = np.sqrt(dx * dx + dy * dy)
        inside = np.clip((1 - d) * np.float32(radius), 0, 1)
        window = colour[:, rows, columns]
        window *= 1 + inside * np.float32(0.42) * (dx + dy) * d
        window += inside * np.exp(-(((dx + 0.36) ** 2 + (dy + 0.36) ** 2) * 22)) * np.float32(150)
