"""Functions of scipy.special, which is imported when the first of them is called.

Importing it takes 0.17 s (it imports numpy.f2py and numpy.testing too), a tenth of what a web process needs to start,
and most requests need no figure of it. Arguments and values are those of scipy.special: numbers or arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def _imported_when_called(name: str) -> Callable[..., Any]:
    def function(*values: Any, **options: Any) -> Any:
        return getattr(import_module("scipy.special"), name)(*values, **options)

    return function


bdtr = _imported_when_called("bdtr")  # k, n, p: chance of at most k successes in n trials of chance p each
bdtrc = _imported_when_called("bdtrc")  # k, n, p: chance of more than k
betaincinv = _imported_when_called("betaincinv")  # a, b, y: below which a beta distribution (a, b) has the share y
gammaln = _imported_when_called("gammaln")  # x: logarithm of the gamma function's absolute value
logsumexp = _imported_when_called("logsumexp")  # values, axis, keepdims: log of the sum of exponentials, no overflow
ndtr = _imported_when_called("ndtr")  # z: share of a normal distribution below z
stdtrit = _imported_when_called("stdtrit")  # freedom, p: below which Student's distribution has the share p
