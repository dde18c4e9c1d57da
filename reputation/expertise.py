"""How sure we are that somebody's answers are good: a Beta posterior, its lower bound, and what time does to it."""

import math
from datetime import datetime, timedelta

HALF_LIFE = timedelta(days=365)
PRIOR_WEIGHT = 4.0  # how many answers of an average member a newcomer is thought to have given
Z_90 = 1.2816  # one-sided 90% quantile of the standard normal distribution


def weight(at: datetime, now: datetime) -> float:
    """What an answer counts after a time: 1 when new, halved each year (exponential decay). Returns 0..1."""
    age = max(0.0, (now - at) / HALF_LIFE)
    return float(0.5**age)


def lower_bound(good: float, total: float, community_rate: float) -> float:
    """Lower bound of the Beta posterior at 90%, by the normal approximation (Joesang & Ismail 2002 for the Beta model).

    `good` of `total` answers (weighted) were good; the prior is `PRIOR_WEIGHT` answers at the community's own rate,
    so that one lucky answer proves little. Returns a rate in 0..1.
    """
    rate = min(max(community_rate, 0.01), 0.99)
    alpha = good + PRIOR_WEIGHT * rate
    beta = max(total - good, 0.0) + PRIOR_WEIGHT * (1 - rate)
    mean = alpha / (alpha + beta)
    deviation = math.sqrt(alpha * beta / ((alpha + beta) ** 2 * (alpha + beta + 1)))
    return max(0.0, mean - Z_90 * deviation)
