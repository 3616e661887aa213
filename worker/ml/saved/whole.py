"""All of a model that draws, also what it left as it was published: one network, and one file of its weights.

A checkpoint holds what was trained; the rest it takes from the published network (checkpoint.py). Whoever loads the
weights elsewhere may not have that. Knows checkpoints and networks, not where files go.
"""

from __future__ import annotations

from safetensors.torch import save as save_tensors

from worker.ml.detection.network import Network
from worker.ml.errors import CheckpointDamaged
from worker.ml.networks import backbones
from worker.ml.saved.checkpoint import Checkpoint, header_of
from worker.ml.segmentation.network import PixelNetwork


def network_of(made: Checkpoint) -> Network:
    """The network of a checkpoint with all stages of its trunk as they are trained, on the CPU: no fast form of them.

    Its state dict is all that the model computes with: `trunk.` as published or trained further, and `heads.`. Raises
    CheckpointDamaged where the tensors do not fit.
    """
    recipe, trunk = made.recipe, backbones.load(backbones.get(made.backbone))
    stride, n_classes = recipe["canvas"]["stride"], recipe["n_classes"]
    network: Network
    if recipe["kind"] == "segmenter":
        mirrored = recipe.get("mirrored", False)
        network = PixelNetwork(trunk, None, 0, n_classes, stride=stride, fcn=recipe["fcn"], mirrored=mirrored)
    else:
        network = Network(
            trunk, None, 0, n_classes, stride=stride, masks=recipe["masks"], two_stage=recipe["two_stage"],
            twice=bool(recipe["canvas"].get("large")), room=recipe.get("mask_room", 0.0),
        )  # fmt: skip
    published = {name for name in network.state_dict() if name.startswith("trunk.")}
    lacking, unexpected = network.load_state_dict(made.weights, strict=False)
    if unexpected or not set(lacking) <= published:
        raise CheckpointDamaged("The model's tensors are not those of its network.")
    return network.eval().requires_grad_(False)


def weights_of(made: Checkpoint) -> bytes:
    """A safetensors file of that state dict; its header says classes, canvas and thresholds (checkpoint.header_of)."""
    tensors = {name: tensor.contiguous() for name, tensor in network_of(made).state_dict().items()}
    return save_tensors(tensors, metadata=header_of(made))
