"""What can go wrong in the model loop, each as one plain sentence a person can act on.

Knows no HTTP status and no row: the caller decides what a failure means for a run.
"""

from __future__ import annotations

from typing import Any


class ModelError(Exception):
    """Base of all of them. `str(error)` is a sentence; `code` is stable and machine-readable."""

    code = "model_error"

    def __reduce__(self) -> tuple[Any, ...]:
        # from another process: an exception is otherwise made anew from its message, which is not what __init__ takes
        return _again, (type(self), self.args, dict(self.__dict__))


def _again(kind: type[ModelError], args: tuple[Any, ...], facts: dict[str, Any]) -> ModelError:
    made = kind.__new__(kind, *args)
    made.args = args
    made.__dict__.update(facts)
    return made


class ConfigError(ModelError):
    """The run's settings are not valid; `fields` maps a setting's name to what is wrong with it."""

    code = "bad_config"

    def __init__(self, fields: dict[str, list[str]]) -> None:
        self.fields = fields
        super().__init__(" ".join(f"{name}: {text}" for name, texts in fields.items() for text in texts))


class TooFewLabels(ModelError):
    """Not enough labeled images to train and to judge anything."""

    code = "too_few_labels"

    def __init__(self, have: int, need: int) -> None:
        super().__init__(f"There are {have} labeled images to train on; at least {need} are needed.")


class OneCategoryOnly(ModelError):
    """All training labels say the same: there is nothing to tell apart."""

    code = "one_category_only"


class LossNotFinite(ModelError):
    """The loss became NaN or infinite: the weights are worthless from there on."""

    code = "loss_not_finite"


class OutOfMemory(ModelError):
    """Even a batch of one image does not fit into memory."""

    code = "out_of_memory"


class WeightsMissing(ModelError):
    """A backbone's pretrained weights are not installed or are not the published file."""

    code = "weights_missing"


class CheckpointDamaged(ModelError):
    """A checkpoint cannot be used: missing, truncated, altered, or of another version."""

    code = "checkpoint_damaged"


class ImageUnreadable(ModelError):
    """One image cannot be decoded; the message is the reason shown beside its name."""

    code = "image_unreadable"


class DecodersDied(ModelError):
    """The processes that read images end on any image, also on one that is fine: no image is to blame."""

    code = "decoders_died"


class DiskFull(ModelError):
    """What is to be written would not leave enough room on the disk, or finds none."""

    code = "disk_full"
