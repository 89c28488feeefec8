"""95 % intervals of estimates from samples, a paired test, and the required number of samples.

All results are independent of the order of the samples; the bootstrap depends on its seed.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.random import Generator

    from prunepack.stages.contract.arrays import Array

__all__ = [
    "bootstrap",
    "compute_mcnemar",
    "count_required_samples",
    "enclose",
    "estimate_difference",
    "estimate_mean",
    "estimate_proportion",
    "resample_sums",
]

Interval = tuple[float, float]
K = TypeVar("K", bound=str)

Z = NormalDist().inv_cdf(0.975)
Z_POWER = NormalDist().inv_cdf(0.8)

RESAMPLES = 2000

BATCH_ITEMS = 2**20
"""Items that the bootstrap draws at once, which bounds its memory."""

MAX_SAMPLES = 10**12
"""Larger answers are useless, so they are not given."""


def estimate_proportion(successes: int, samples: int) -> Interval:
    """Return Wilson's interval of a proportion (J. Am. Stat. Assoc. 22, 1927)."""
    from scipy import stats

    interval = stats.binomtest(successes, samples).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def estimate_difference(lost: int, gained: int, samples: int) -> Interval:
    """Return the interval of the difference ``(lost - gained) / samples`` of paired proportions.

    Wald's interval with one pair added to each kind of disagreement (Bonett and Price, "Adjusted
    Wald confidence interval for a difference of binomial proportions based on paired data",
    J. Educ. Behav. Stat. 37, 2012). Fagerland, Lydersen and Laake (Stat. Med. 33, 2014) recommend
    it for its coverage, also in small samples. SciPy does not have it.

    Args:
        lost: The number of samples that only the first form answers correctly.
        gained: The number of samples that only the second form answers correctly.
        samples: The number of all samples.
    """
    total = samples + 2
    middle = (lost - gained) / total
    spread = (lost + gained + 2) / total - middle * middle
    half = Z * math.sqrt(spread / total)
    return max(middle - half, -1.0), min(middle + half, 1.0)


def compute_mcnemar(lost: int, gained: int) -> float:
    """Return the two-sided p-value of McNemar's exact test, which is 1 without a disagreement.

    If neither form is better, ``lost`` follows a binomial distribution with probability one half
    (McNemar, Psychometrika 12, 1947; the exact form by Cochran, Biometrika 37, 1950).
    """
    from scipy import stats

    total = lost + gained
    return float(stats.binomtest(min(lost, gained), total).pvalue) if total else 1.0


def estimate_mean(values: Array, seed: int) -> Interval:
    """Return the bootstrap's percentile interval of the mean of ``values`` (n,).

    Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13. The interval always
    contains the mean itself, also for very few samples. It is NaN if a value is NaN.
    """
    import numpy as np

    ordered = np.sort(values.astype(np.float64))
    mean = float(ordered.mean())
    if math.isnan(mean) or len(ordered) == 1:
        return mean, mean
    return bootstrap(ordered, np.mean, seed)


def bootstrap(
    values: Array, statistic: Callable[..., Any], seed: int, level: float = 0.95
) -> Interval:
    """Return the percentile interval of a statistic of ``values`` (n,), with the statistic in it.

    Args:
        values: Independent values, two at least.
        statistic: A function of numpy with an ``axis``.
        seed: Seed of the resampling.
        level: The probability of the interval.
    """
    import numpy as np
    from scipy import stats

    interval = stats.bootstrap(
        (values,),
        statistic,
        n_resamples=RESAMPLES,
        batch=max(1, min(RESAMPLES, BATCH_ITEMS // len(values))),
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    value = float(statistic(values))
    return min(float(interval.low), value), max(float(interval.high), value)


def resample_sums(
    sums: Mapping[K, Array], reduce: Callable[[Array, int], Array], seed: int
) -> dict[K, Array]:
    """Return values of ``RESAMPLES`` bootstrap samples for each entry of ``sums``.

    All entries are resampled alike, so that their differences are paired. SciPy's bootstrap has
    one entry and all samples at once.

    Args:
        sums: Arrays (n, k), or sparse ones.
        reduce: The function from added sums (…, k) and the number of samples to values.
        seed: Seed of the resampling.
    """
    import numpy as np

    generator = np.random.default_rng(seed)
    count = next(iter(sums.values())).shape[0]
    size = max(1, min(RESAMPLES, BATCH_ITEMS // count))
    values: dict[K, list[Array]] = {name: [] for name in sums}
    for start in range(0, RESAMPLES, size):
        rows = min(size, RESAMPLES - start)
        weights = _draw_weights(generator, rows, count)
        for name, each in sums.items():
            values[name].append(reduce((each.T @ weights.T.astype(np.float64)).T, count))
    return {name: np.concatenate(parts) for name, parts in values.items()}


def _draw_weights(generator: Generator, rows: int, count: int) -> Array:
    """Return how often each of ``rows`` bootstrap samples contains each of ``count`` items."""
    import numpy as np

    drawn = generator.integers(0, count, (rows, count))
    drawn += np.arange(rows)[:, None] * count
    return np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count)


def enclose(values: Array, value: float) -> Interval:
    """Return the percentile interval of bootstrap values; it contains ``value`` itself.

    Resamples without a value, such as a correlation of equal targets, are left out.
    """
    import numpy as np

    known = values[~np.isnan(values)]
    if math.isnan(value) or not len(known):
        return value, value
    low, high = np.percentile(known, (2.5, 97.5))
    return min(float(low), value), max(float(high), value)


def count_required_samples(
    value: float, low: float, high: float, threshold: float, samples: int
) -> int | None:
    """Return the number of samples that would separate ``value`` from ``threshold``.

    The estimate is assumed to stay the same, and the interval to narrow with the square root of
    the number of samples. The answer leaves the interval clear of the threshold in four of five
    repetitions (power 80 %). By the normal approximation, n = (z_0.975 + z_0.8)² · s² /
    (value - threshold)², where s is the standard deviation of a single paired difference that the
    interval implies (for proportions: Connor, Biometrics 43, 1987).

    Args:
        value: The estimate.
        low: Lower end of its interval.
        high: Upper end of its interval.
        threshold: The limit's value, in the same unit.
        samples: The number of samples behind the interval.

    Returns:
        The number, or None if no number would suffice: the estimate equals the threshold, almost
        equals it, or is not finite.
    """
    half, distance = (high - low) / 2, abs(value - threshold)
    if not (math.isfinite(half) and math.isfinite(distance) and distance > 0 and samples > 0):
        return None
    ratio = half * (1 + Z_POWER / Z) / distance
    required = samples * ratio * ratio
    return math.ceil(required) if required <= MAX_SAMPLES else None
