"""Probabilities at a temperature: the same answers, less sure (T > 1) or more (T < 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TINY = 1e-12  # nothing is quite impossible


def tempered(p: NDArray[np.float64], temperature: float, is_multi: bool) -> NDArray[np.float64]:
    """p ** (1 / T), normalised: what the softmax or the sigmoid of logits / T would have been.

    p: (n, K), rows that sum to 1, or with is_multi each by itself; rows of NaN stay so. At 1 exactly as they are.
    """
    if temperature == 1.0:
        return p
    p = np.clip(p, TINY, 1.0)
    if is_multi:
        yes, no = p ** (1 / temperature), np.clip(1 - p, TINY, 1.0) ** (1 / temperature)
        return yes / (yes + no)
    logs = np.log(p) / temperature
    raised = np.exp(logs - logs.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
