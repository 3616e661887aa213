"""What the training loop takes and what it tells: a network that can hand out and take back what is trained, an epoch.

Knows tensors and figures. Does not know the loop (ml/candidates/finetune.py), nor how a killed one goes on
(ml/candidates/resume.py): both stand on this.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


class Trainable(nn.Module):
    """What fit() trains: pixels or inner activations to logits (n, K), and its trained part as tensors and back."""

    divided = True  # several processes (ml/distributed/process_group.py) each take a part of every batch

    def state(self) -> dict[str, Tensor]:
        """A copy on the CPU of everything that training changes."""
        raise NotImplementedError

    def load_state(self, state: dict[str, Tensor]) -> None:
        raise NotImplementedError


@dataclass(slots=True)
class Epoch:
    """One line of the training curve; validation figures are None without validation images."""

    epoch: int  # from 1
    train_loss: float
    train_accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None
