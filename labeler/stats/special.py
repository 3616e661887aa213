"""Functions of scipy.special, which is imported when the first of them is called.

Importing it takes 0.17 s (it imports numpy.f2py and numpy.testing too), a tenth of what a web process needs to start,
and most requests need no figure of it. Arguments and values are those of scipy.special: numbers or arrays.
"""

from __future__ import annotations

from typing import Any


def bdtr(k: Any, n: Any, p: Any) -> Any:
    """Chance of at most k successes in n trials of chance p each."""
    from scipy.special import bdtr as function

    return function(k, n, p)


def bdtrc(k: Any, n: Any, p: Any) -> Any:
    """Chance of more than k successes in n trials of chance p each."""
    from scipy.special import bdtrc as function

    return function(k, n, p)


def betaincinv(a: Any, b: Any, y: Any) -> Any:
    """The x in [0, 1] below which a beta distribution (a, b) has the share y."""
    from scipy.special import betaincinv as function

    return function(a, b, y)


def gammaln(x: Any) -> Any:
    """Logarithm of the gamma function's absolute value."""
    from scipy.special import gammaln as function

    return function(x)


def logsumexp(values: Any, axis: int | None = None, *, keepdims: bool = False) -> Any:
    """Logarithm of the sum of exponentials, without overflow."""
    from scipy.special import logsumexp as function

    return function(values, axis=axis, keepdims=keepdims)


def ndtr(z: Any) -> Any:
    """Share of a normal distribution below z."""
    from scipy.special import ndtr as function

    return function(z)


def stdtrit(freedom: Any, p: Any) -> Any:
    """The t below which Student's distribution of so many degrees of freedom has the share p."""
    from scipy.special import stdtrit as function

    return function(freedom, p)
