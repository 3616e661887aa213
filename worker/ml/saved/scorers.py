"""From features or pixels to logits, for each kind of trained model.

Knows the forms in which candidates are kept (Trained.recipe and its tensors). Does not know files, temperature or where
images come from (predict.py). One more kind of candidate is one more scorer here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from worker.ml.candidates import ensemble, learners, logistic
from worker.ml.candidates.from_scratch import network_input, shrunk
from worker.ml.candidates.inputs import INPUTS
from worker.ml.candidates.logistic import scale_features
from worker.ml.candidates.scratch_networks import ScratchNetwork, of_recipe
from worker.ml.device import to_device, with_smaller_batches
from worker.ml.errors import CheckpointDamaged
from worker.ml.evaluation import calibration
from worker.ml.images.augmented_views import plain_pixels
from worker.ml.images.tensors import CACHE_SIDE
from worker.ml.networks import backbones
from worker.ml.networks.backbones import Backbone
from worker.ml.networks.frozen import Frozen, freeze
from worker.ml.networks.network import Staged

Array = NDArray[Any]  # of any number type
Tensors = dict[str, torch.Tensor]


@dataclass
class Batch:
    """Some images in the forms that scorers ask for; what is missing is computed when asked for, and once.

    pixels: uint8 (n, side, side, 3), side 256 or the network's. Without pixels only `features` can be asked for.
    """

    backbone: Backbone
    device: torch.device
    size: int  # side of the network's input
    features_given: Array | None = None
    pixels: NDArray[np.uint8] | None = None
    measured_given: dict[str, dict[str, Array]] = field(default_factory=dict)  # by input

    def __len__(self) -> int:
        given = self.features_given if self.features_given is not None else self.pixels
        return 0 if given is None else len(given)

    def by_parts(self, look: Callable[[NDArray[np.uint8]], torch.Tensor]) -> NDArray[np.float32]:
        """What `look` says of the pixels, in batches as large as memory allows."""
        assert self.pixels is not None
        pixels = self.pixels

        def run(n: int) -> NDArray[np.float32]:
            return np.concatenate([look(pixels[at : at + n]).cpu().numpy() for at in range(0, len(pixels), n)])

        return with_smaller_batches(run, len(pixels))[0]

    def through(self, network: Frozen) -> NDArray[np.float32]:
        """Features of a network."""

        def look(pixels: NDArray[np.uint8]) -> torch.Tensor:
            return network.run(plain_pixels(torch.from_numpy(pixels).to(self.device), self.backbone, self.size))

        return self.by_parts(look)

    @cached_property
    def features(self) -> Array:
        """Of the backbone as it came, (n, d)."""
        if self.features_given is not None:
            return self.features_given
        return self.through(backbones.frozen(self.backbone, self.device))

    def measured(self, source: str) -> dict[str, Array]:
        """What a classical method's input (ml/candidates/inputs.py) measures, once for all that ask."""
        measure = INPUTS[source].measure
        if measure is None:
            return {"rows": scale_features(self.features)}
        if source not in self.measured_given:
            assert self.pixels is not None and self.pixels.shape[1] == CACHE_SIDE
            self.measured_given[source] = measure(self.pixels)
        return self.measured_given[source]


class Scorer(Protocol):
    """`needs`: "features" (of the backbone as it came), "square" (pixels of the network's size), "cache" (256)."""

    needs: frozenset[str]

    def logits(self, batch: Batch) -> Array: ...


class LinearHead:
    """Regression on the backbone's features."""

    needs = frozenset({"features"})

    def __init__(self, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> None:
        self.weight, self.bias = weight, bias

    def of_features(self, features: Array) -> Array:
        return scale_features(features) @ self.weight.T + self.bias

    def logits(self, batch: Batch) -> Array:
        return self.of_features(batch.features)


class TunedNetwork(LinearHead):
    """The same on the features of a network whose last stages are the model's own."""

    needs = frozenset({"square"})

    def __init__(
        self, weight: Array, bias: Array, backbone: Backbone, own: Tensors, first_stage: int, device: torch.device
    ) -> None:
        super().__init__(weight, bias)
        self._backbone, self._own, self._first_stage, self._device = backbone, own, first_stage, device

    @cached_property
    def network(self) -> Frozen:
        """The backbone with the model's own stages, in its fast form. Raises CheckpointDamaged."""
        return freeze(self.plain(), self._device)

    def plain(self) -> Staged:
        """The same as it is trained, on the CPU. Raises CheckpointDamaged."""
        network = copy.deepcopy(backbones.load(self._backbone))
        _, unexpected = network.load_state_dict(self._own, strict=False)
        expected = {
            f"{name}.{key}"
            for stage in range(self._first_stage, network.n_stages)
            for name, module in network.stage_modules(stage).items()
            for key in module.state_dict()
        }
        if unexpected or expected != self._own.keys():
            raise CheckpointDamaged("The model's layers do not fit its backbone.")
        return network

    def logits(self, batch: Batch) -> Array:
        return self.of_features(batch.through(self.network))


class Learned:
    """A classical method (ml/candidates/learners.py) and its calibration."""

    def __init__(self, recipe: dict[str, Any], weights: Tensors, task: str) -> None:
        if recipe["learner"] not in learners.LEARNERS:
            raise CheckpointDamaged(f"The model was learned by {recipe['learner']}, which is not known here.")
        if recipe["input"] not in INPUTS:
            raise CheckpointDamaged(f"The model learned from {recipe['input']}, which is not known here.")
        self._source = recipe["input"]
        self.needs = frozenset({"features" if INPUTS[self._source].measure is None else "cache"})
        self._learner, self._task = recipe["learner"], task
        self._input = {key: tensor.numpy() for key, tensor in _below(weights, "input.").items()}
        self._arrays = {key: tensor.numpy() for key, tensor in _below(weights, "learned.").items()}
        self._calibration = calibration.Calibration(recipe["factor"], weights["calibration.shift"].numpy())

    def logits(self, batch: Batch) -> Array:
        rows = INPUTS[self._source].rows(batch.measured(self._source), self._input)
        return self._calibration.apply(learners.scores(self._learner, self._arrays, rows, self._task))


class Scratch:
    """A network of the project's own."""

    needs = frozenset({"cache"})

    def __init__(self, recipe: dict[str, Any], weights: Tensors, n_categories: int, device: torch.device) -> None:
        network = of_recipe(recipe, n_categories)
        try:
            network.load_state(_below(weights, "scratch."))
        except RuntimeError as error:
            raise CheckpointDamaged("The model's network does not fit its description.") from error
        self.size: int = recipe["size"]  # side of the network's input
        self.network: ScratchNetwork = to_device(network.eval(), device)
        self._device = device

    def shrunk(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """uint8 (n, 256, 256, 3) to uint8 (n, size, size, 3)."""
        return shrunk(torch.from_numpy(pixels).to(self._device), self.size)

    def network_input(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """uint8 (n, 256, 256, 3) to what the network takes."""
        return network_input(self.shrunk(pixels))

    @torch.inference_mode()
    def logits(self, batch: Batch) -> Array:
        return batch.by_parts(lambda pixels: self.network(self.network_input(pixels)).float())


class Together:
    """Several of them as one (ml/candidates/ensemble.py)."""

    def __init__(self, recipe: dict[str, Any], weights: Tensors, members: list[Scorer], task: str) -> None:
        self._members, self._task = members, task
        self.needs = frozenset().union(*(member.needs for member in members))
        self._calibrations = [
            calibration.Calibration(member["factor"], weights[f"{place}.ensemble.shift"].numpy())
            for place, member in enumerate(recipe["members"])
        ]
        self._stack = None
        if recipe["kind"] == "stack":
            self._stack = logistic.Linear(weights["stack.weight"].numpy(), weights["stack.bias"].numpy())

    def logits(self, batch: Batch) -> Array:
        said = [logistic.to_probabilities(member.logits(batch), self._task) for member in self._members]
        if self._stack is not None:
            return self._stack.logits(ensemble.stack_rows(said, self._task))
        p = np.clip(ensemble.mean_of(said, self._calibrations, self._task), 1e-12, 1 - 1e-12)
        return np.log(p) if self._task == "single" else np.log(p) - np.log1p(-p)


def _below(weights: Tensors, prefix: str) -> Tensors:
    return {key.removeprefix(prefix): tensor for key, tensor in weights.items() if key.startswith(prefix)}


def build(
    recipe: dict[str, Any],
    weights: Tensors,
    *,
    backbone: Backbone,
    first_stage: int | None,
    n_categories: int,
    task: str,
    device: torch.device,
) -> Scorer:
    """The scorer of a trained candidate. An empty recipe: a linear head, on trained stages where there is a first one.

    Raises CheckpointDamaged when the tensors do not fit.
    """
    kind = recipe.get("kind", "linear")
    try:
        if kind == "learned":
            return Learned(recipe, weights, task)
        if kind == "scratch":
            return Scratch(recipe, weights, n_categories, device)
        if kind in ("mean", "stack"):
            members = [
                build(
                    member["recipe"], _below(weights, f"{place}."), backbone=backbone,
                    first_stage=member["first_stage"], n_categories=n_categories, task=task, device=device,
                )
                for place, member in enumerate(recipe["members"])
            ]  # fmt: skip
            return Together(recipe, weights, members, task)
        if kind != "linear":
            raise CheckpointDamaged(f"The model is of the kind {kind}, which is not known here.")
    except KeyError as error:
        raise CheckpointDamaged(f"The model lacks {error}.") from error
    try:
        weight, bias = weights["head.weight"].float().numpy(), weights["head.bias"].float().numpy()
    except KeyError as error:
        raise CheckpointDamaged("The model has no head.") from error
    if weight.shape != (n_categories, backbone.n_features) or bias.shape != (n_categories,):
        raise CheckpointDamaged("The model's head does not fit its categories and backbone.")
    if first_stage is None:
        return LinearHead(weight, bias)
    return TunedNetwork(weight, bias, backbone, _below(weights, "network."), first_stage, device)
