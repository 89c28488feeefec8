"""Two programs judged on the same samples: the difference, its interval, and a test.

Intervals are of 95 %. All of this is symmetric in the order of samples, and what depends on chance
is drawn from a seed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["bootstrap", "difference", "mcnemar", "samples_needed", "wilson"]

Z = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""

Z_POWER = 0.8416212335729143
"""The 80 % quantile of the normal distribution."""

RESAMPLES = 2000

MOST_SAMPLES = 10**12
"""Nobody has more; an answer beyond is none."""


def wilson(right: int, samples: int) -> tuple[float, float]:
    """Return the interval of a proportion (Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    share, extra = right / samples, Z * Z / samples
    middle = (share + extra / 2) / (1 + extra)
    half = math.sqrt(share * (1 - share) * extra + extra * extra / 4) / (1 + extra)
    return max(min(middle - half, share), 0.0), min(max(middle + half, share), 1.0)


def difference(lost: int, gained: int, samples: int) -> tuple[float, float]:
    """Return the interval of the difference ``(lost - gained) / samples`` of paired proportions.

    Wald's interval with one pair added to each kind of disagreement (Bonett and Price, "Adjusted
    Wald confidence interval for a difference of binomial proportions based on paired data",
    J. Educ. Behav. Stat. 37, 2012), which Fagerland, Lydersen and Laake (Stat. Med. 33, 2014)
    recommend for its coverage in small samples, too.

    Args:
        lost: Samples that only the first program has right.
        gained: Samples that only the second has right.
        samples: All samples.
    """
    total = samples + 2
    middle = (lost - gained) / total
    spread = (lost + gained + 2) / total - middle * middle
    half = Z * math.sqrt(spread / total)
    return max(middle - half, -1.0), min(middle + half, 1.0)


def mcnemar(lost: int, gained: int) -> float:
    """Return the two-sided p-value of McNemar's exact test: 1 where nothing differs.

    Under the hypothesis that neither program is better, ``lost`` is binomial with one half
    (McNemar, Psychometrika 12, 1947; the exact form by Cochran, Biometrika 37, 1950).
    """
    total, fewer = lost + gained, min(lost, gained)
    tail = sum(math.exp(_log_choose(total, k) - total * math.log(2)) for k in range(fewer + 1))
    return min(2 * tail, 1.0)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def bootstrap(values: npt.NDArray[Any], seed: int) -> tuple[float, float]:
    """Return the percentile interval of the mean of ``values`` (n,).

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13. It is widened to
    hold the mean itself where very few samples would leave it out.
    """
    import numpy as np

    ordered = np.sort(values.astype(np.float64))
    generator = np.random.default_rng(seed)
    count = len(ordered)
    means = np.empty(RESAMPLES)
    rows = max(1, min(RESAMPLES, 2**20 // count))
    for at in range(0, RESAMPLES, rows):
        size = min(rows, RESAMPLES - at)
        drawn = generator.integers(0, count, (size, count))
        means[at : at + size] = ordered[drawn].mean(1)
    low, high = np.quantile(means, (0.025, 0.975))
    mean = ordered.mean()
    return float(min(low, mean)), float(max(high, mean))


def samples_needed(value: float, low: float, high: float, bound: float, samples: int) -> int | None:
    """Return how many samples would tell ``value`` from ``bound``, were it to stay where it is.

    The interval narrows with the square root of the number of samples. The answer leaves the
    interval clear of the bound in four of five repetitions (power 80 %): by the normal
    approximation n = (z_0.975 + z_0.8)² · s² / (value - bound)², where s is the standard
    deviation of one paired difference that the interval implies (for proportions: Connor,
    Biometrics 43, 1987).

    Args:
        value: The estimate.
        low: Lower end of its interval.
        high: Upper end of its interval.
        bound: The limit, in the same unit.
        samples: How many samples the interval is from.

    Returns:
        The number, or None if none would do: the estimate is on the limit, all but on it, or not
        finite.
    """
    half, distance = (high - low) / 2, abs(value - bound)
    if not (math.isfinite(half) and math.isfinite(distance) and distance > 0 and samples > 0):
        return None
    ratio = half * (1 + Z_POWER / Z) / distance
    needed = samples * ratio * ratio
    return math.ceil(needed) if needed <= MOST_SAMPLES else None
