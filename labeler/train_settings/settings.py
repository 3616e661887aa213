"""Every setting of a training run, one line each: name, type, default, limits, help.

The texts are plain English; pages translate them. Limits are inclusive. Each setting is explained in docs/model.md.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from dataclasses import asdict, dataclass, field
from typing import Any

# In the order in which they compete: what is made of others comes last.
CANDIDATES = {
    "frozen": "Regression on the network's features: always there, seconds",
    "finetuned": "The network trained further: minutes on a CPU, pays from some hundred labels on",
    "scratch": "A network from nothing: for drawings, signs and whatever looks like no photograph",
    "l1": "Regression on few of the features (L1): seconds",
    "bagging": "Twenty regressions on random samples of the images (bagging): seconds",
    "svm": "Support vector machines on the features: seconds",
    "knn": "The most similar labeled images vote: seconds",
    "forest": "Random forest on the features: seconds",
    "boosting": "Gradient boosting on the features: slow",
    "dbn": "Deep belief network on the features: slow",
    "classic.logistic": "Regression on colours, edges and texture: for who must explain it",
    "classic.svm": "Support vector machines on colours, edges and texture",
    "classic.knn": "Similar images by colours, edges and texture",
    "classic.forest": "Random forest on colours, edges and texture",
    "classic.boosting": "Gradient boosting on colours, edges and texture: slow",
    "classic.dbn": "Deep belief network on colours, edges and texture: slow",
    "sift.logistic": "Regression on how often each of 512 small shapes occurs (SIFT, a bag of visual words)",
    "sift.svm": "Support vector machines on the same visual words",
    "sift.knn": "Similar images by the same visual words",
    "sift.forest": "Random forest on the same visual words",
    "ensemble": "The mean of the three best of those above",
    "stacking": "The same, weighed by a regression",
}
LEARNERS = ("l1", "bagging", "svm", "knn", "forest", "boosting", "dbn")
CLASSIC = tuple(name for name in CANDIDATES if "." in name)  # without the backbone's features: what of, and how
ENSEMBLES = ("ensemble", "stacking")  # made of those before them
DEFAULT_CANDIDATES = ("frozen", "finetuned")

# The fastest first. What each costs is in docs/model.md; the weights are worker/ml/networks/backbones.py's.
BACKBONES = {
    "efficientnet_lite0": "EfficientNet-Lite0: the fastest, comes with Labeler",
    "efficientnet_lite1": "EfficientNet-Lite1: a little slower",
    "efficientnet_lite2": "EfficientNet-Lite2: slower, sees finer detail",
    "mobilenet_v3_large": "MobileNetV3-Large: fast",
    "resnet18": "ResNet-18: for comparison with others",
    "resnet50": "ResNet-50: large, wants a GPU",
    "densenet121": "DenseNet-121: many layers, few parameters; slow on a CPU",
    "vgg16": "VGG-16: for comparison with older work; very slow on a CPU",
    "inception_v3": "Inception-v3: sees 299 px; wants a GPU",
    "vit_small_patch16_224": "ViT-S/16, a transformer: wants a GPU",
}

SMALL = "small"  # the network of 0.3 M parameters that "scratch" trains unless another is named

# Of models that draw, in the order in which they compete.
DRAWN_CANDIDATES = {
    "heatmap": "One stage, as SSD and YOLO, on the network as published: the fastest",
    "heatmap.finetuned": "One stage, the network trained further: minutes on a CPU",
    "two_stage": "Two stages, as Faster R-CNN: what the first stage proposes is looked at again",
}
PIXEL_CANDIDATES = {
    "fcn": "FCN: the scores of maps of four sizes added up, on the network as published: the fastest",
    "unet": "U-Net: maps of four sizes decoded together",
    "unet.finetuned": "U-Net, the network trained further: minutes on a CPU",
}
WISHES = {
    "balanced": "Misses and inventions weigh alike",
    "few_misses": "Few misses: more is drawn, and more of it has to be deleted",
    "few_inventions": "Few inventions: less is drawn, and more has to be added",
}
# The probability from which on objects of a class are shown where, below it, fewer than one in eight would be right.
HIDDEN_FROM = 0.975

IMBALANCE = {
    "none": "As the images come: honest percentages",
    "auto": "Let the run find out, on the labels it learns from",
    "weights": "Rare classes count more",
    "oversample": "Rare classes are shown more often",
    "undersample": "Frequent classes are shown less often",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known about one setting."""

    path: str  # "finetune.batch": settings are nested objects
    kind: type  # int, float, bool, str or tuple
    default: Any
    help: str
    low: float = 0
    high: float = 1
    multiple_of: int = 1
    options: tuple[str, ...] = ()  # of a text, or of each item of a list


def _setting(default: Any, low: float, high: float, help: str, multiple_of: int = 1) -> Any:
    return field(default=default, metadata={"low": low, "high": high, "help": help, "multiple_of": multiple_of})


def _switch(default: bool, help: str) -> Any:
    return field(default=default, metadata={"help": help})


def _choice(default: str | tuple[str, ...], options: typing.Iterable[str], help: str) -> Any:
    return field(default=default, metadata={"options": tuple(options), "help": help})


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How training images are varied. Shares of the side, degrees, and factors around 1."""

    flip: bool = _switch(True, "Mirror left and right. Off where that carries meaning: letters, digits, signs.")
    flip_vertical: bool = _switch(False, "Turn upside down. On where nothing is up or down: cells, views from above.")
    zoom: float = _setting(0.35, 0, 0.9, "Random crops have (1 - zoom) to 1 of the side.")
    stretch: float = _setting(0.15, 0, 1, "Aspect ratio within 1 / (1 + stretch) and 1 + stretch.")
    rotate_degrees: float = _setting(12.0, 0, 180, "Rotation either way.")
    shift: float = _setting(0.05, 0, 0.5, "Share of the side.")
    shear_degrees: float = _setting(4.0, 0, 45, "Slant either way.")
    brightness: float = _setting(0.25, 0, 1, "Factor within 1 ± this.")
    contrast: float = _setting(0.25, 0, 1, "Factor within 1 ± this.")
    saturation: float = _setting(0.25, 0, 1, "Factor within 1 ± this.")
    grey_share: float = _setting(0.05, 0, 1, "Share of the images shown without colour.")
    noise: float = _setting(0.02, 0, 0.5, "Standard deviation, as a share of the full range.")


@dataclass(frozen=True, slots=True)
class Finetune:
    """Settings of the candidate "finetuned". None: chosen from the labels and the time there is."""

    network: str = _choice(
        SMALL, (SMALL, *BACKBONES), "Which network; the large ones want a GPU, larger images and smaller steps."
    )
    min_labels: int = _setting(100, 4, 10**6, "It competes from so many labels on.")
    epochs: int | None = _setting(None, 1, 500, "Passes over the training images.")
    first_stage: int | None = _setting(None, 0, 100, "First stage of the backbone that is trained.")
    views: int | None = _setting(None, 0, 32, "Augmented views kept per image; 0: fresh ones for every batch.")
    batch: int = _setting(32, 1, 4096, "Images per step; halved when memory is short.")
    learning_rate: float = _setting(1e-3, 1e-7, 1.0, "Highest step size.")
    weight_decay: float = _setting(0.05, 0, 10, "Pull of the weights towards 0.")
    label_smoothing: float = _setting(0.02, 0, 0.5, "Share of each target that is spread over all classes.")
    dropout: float = _setting(0.2, 0, 0.9, "Share of the features left out in each step.")
    patience: int = _setting(5, 1, 500, "Epochs without a smaller validation loss before it stops.")
    stop_share: float = _setting(0.12, 0, 0.5, "Share of the training images that only decide when to stop.")


@dataclass(frozen=True, slots=True)
class Scratch:
    """Settings of the candidate "scratch"."""

    network: str = _choice(
        SMALL, (SMALL, *BACKBONES), "Which network; the large ones want a GPU, larger images and smaller steps."
    )
    min_labels: int = _setting(100, 4, 10**6, "It competes from so many labels on.")
    size: int = _setting(64, 32, 256, "Side of what the network sees, in pixels, a multiple of 16.", multiple_of=16)
    epochs: int | None = _setting(None, 1, 500, "null: as many as fit into the time limit.")
    batch: int = _setting(32, 2, 4096, "Images per step.")
    learning_rate: float = _setting(3e-3, 1e-7, 1.0, "Highest step size.")
    weight_decay: float = _setting(0.05, 0, 10, "Pull of the weights towards 0.")
    label_smoothing: float = _setting(0.05, 0, 0.5, "Share of each target that is spread over all classes.")
    dropout: float = _setting(0.1, 0, 0.9, "Share of the features left out in each step.")


@dataclass(frozen=True, slots=True)
class Drawing:
    """Settings where people draw objects."""

    candidates: tuple[str, ...] = _choice(
        tuple(DRAWN_CANDIDATES), DRAWN_CANDIDATES,
        "The best one on images that it has not learned from is kept; the others are shown in a table.",
    )  # fmt: skip
    pixel_candidates: tuple[str, ...] = _choice(
        tuple(PIXEL_CANDIDATES), PIXEL_CANDIDATES, "The same where every pixel gets a class."
    )
    size: int = _setting(
        0, 0, 2048, "Long side of what the network sees, in pixels; 0: as the objects need it.", multiple_of=32
    )
    # Drawing what was missed takes a person ten times as long as deleting what was invented (decision 0022).
    wish: str = _choice("few_misses", WISHES, "Decides from which probability on an object is shown.")
    outline_tolerance: float = _setting(
        1.0, 0, 100, "Pixels by which the outline of a polygon may leave out corners of what was found."
    )


@dataclass(frozen=True, slots=True)
class Search:
    """How long candidates try settings of their own, inside the images they learn from."""

    settings: int = _setting(3, 1, 20, "1: none is looked for.")  # of classical candidates; the most sensible first
    network_settings: int = _setting(0, 0, 9, "0 or 1: only the one given. Each more costs a short training per part.")
    # of each candidate
    time_limit_s: float = _setting(20.0, 0, 86_400, "The first setting of a classical method is always tried.")


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that decides a run. The same config, labels and seed give the same model on a CPU."""

    candidates: tuple[str, ...] = _choice(
        DEFAULT_CANDIDATES, CANDIDATES,
        "The best one by cross-validation is kept; the others are shown in a table. Each one more costs its time, "
        "and has to be better by more to win.",
    )  # fmt: skip
    backbone: str = _choice("efficientnet_lite0", BACKBONES, "Pretrained network.")
    image_size: int = _setting(
        224, 32, 1024, "A multiple of 32. Larger: finer detail; time grows with the square.", multiple_of=32
    )
    folds: int = _setting(5, 2, 20, "More: a little more honest with few labels, and so many times the work.")
    seed: int = _setting(0, 0, 2**31 - 1, "The same labels, settings and seed give the same model on a CPU.")
    min_labels: int = _setting(20, 4, 10**6, "Fewer: an earlier and weaker first model.")
    # of each candidate that trains a network
    time_limit_s: float | None = _setting(None, 0, 7 * 86_400, "null: 120 on a CPU, 600 on a GPU.")
    imbalance: str = _choice(
        "none", IMBALANCE,
        "Balancing finds more of the rare ones, and calls more images so by mistake; percentages get less honest.",
    )  # fmt: skip
    soft_labels: bool = _switch(
        False, "An image that people differ on then teaches less. Off: each consensus counts alike."
    )
    # C of the regression, small = strong
    penalties: tuple[float, ...] = _setting((0.003, 0.01, 0.03, 0.1, 0.3, 1.0), 1e-8, 1e8, "In rising order.")
    augmentation: Augmentation = field(default_factory=Augmentation)
    finetune: Finetune = field(default_factory=Finetune)
    scratch: Scratch = field(default_factory=Scratch)
    search: Search = field(default_factory=Search)
    drawing: Drawing = field(default_factory=Drawing)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON that `read` turns into an equal config."""
        drawing = asdict(self.drawing)
        drawing |= {name: list(drawing[name]) for name in ("candidates", "pixel_candidates")}
        lists = {"candidates": list(self.candidates), "penalties": list(self.penalties), "drawing": drawing}
        return asdict(self) | lists


GROUPS: dict[str, type] = {
    "augmentation": Augmentation, "finetune": Finetune, "scratch": Scratch, "search": Search, "drawing": Drawing,
}  # fmt: skip


def _listed(cls: type, prefix: str = "") -> dict[str, Setting]:
    hints = typing.get_type_hints(cls)
    listed: dict[str, Setting] = {}
    for one in dataclasses.fields(cls):
        if one.name in GROUPS and not prefix:
            listed |= _listed(GROUPS[one.name], f"{one.name}.")
            continue
        hint = hints[one.name]
        if isinstance(hint, types.UnionType):  # int | None
            hint = typing.get_args(hint)[0]
        path, kind = prefix + one.name, typing.get_origin(hint) or hint
        listed[path] = Setting(path=path, kind=kind, default=one.default, **one.metadata)
    return listed


SETTINGS: dict[str, Setting] = _listed(TrainConfig)  # by path
