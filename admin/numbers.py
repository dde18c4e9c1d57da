"""Honest numbers: median and p90 with what they count, and a word when there is too little to say anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median, quantiles
from typing import Final

ENOUGH: Final = 5


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something takes, in the middle and for the slowest tenth. None: fewer than `ENOUGH` cases."""

    count: int
    middle: timedelta | None
    slow: timedelta | None


def spread(durations: Sequence[timedelta]) -> Spread:
    """Median and 90th percentile (inclusive method, linear interpolation) of durations; negative ones count as zero."""
    seconds = sorted(max(0.0, d.total_seconds()) for d in durations)
    if len(seconds) < ENOUGH:
        return Spread(len(seconds), None, None)
    slow = quantiles(seconds, n=10, method="inclusive")[-1]
    return Spread(len(seconds), timedelta(seconds=median(seconds)), timedelta(seconds=slow))


def share(part: int, whole: int) -> float | None:
    """A rate in 0..1, None when nothing was counted."""
    return part / whole if whole else None
