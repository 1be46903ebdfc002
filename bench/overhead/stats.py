"""The statistics of the overhead bench: ratios of paired rounds, their confidence interval, and what a comparison may say of two.

Must stay true: pure functions of their arguments; the same input gives the same output, as the random numbers are seeded.
"""
import random
import statistics

CONFIDENCE = 0.95
RESAMPLES = 2000
DECISIVE = 5  # rounds below which an interval is no ground for a verdict: of four values the extremes miss the median once in eight times


def percentile(values, p):
    """The p-th percentile (0 to 100) by the nearest rank: always one of the values."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError('no values to take a percentile of')
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * p // 100) - 1).__int__())]


def paired_ratios(mode, native):
    """{round: ratio} of the rounds that both have; each argument is {round: [values]}, the mean of a round's values counts."""
    return {r: statistics.fmean(v) / statistics.fmean(native[r]) for r, v in mode.items() if v and native.get(r) and statistics.fmean(native[r]) > 0}


def interval(values, confidence=CONFIDENCE, resamples=RESAMPLES):
    """The bootstrap interval (low, high) of the median of these values; with fewer than three nothing can be said: the extremes."""
    if not values:
        raise ValueError('no values to take an interval of')
    if len(values) < 3:
        return min(values), max(values)
    source = random.Random(1)
    medians = sorted(statistics.median(source.choices(values, k=len(values))) for _ in range(resamples))
    tail = (1 - confidence) / 2
    return medians[int(tail * resamples)], medians[min(resamples - 1, int((1 - tail) * resamples))]


def summary(ratios):
    """What is said of the ratios of one workload, mode and measure."""
    low, high = interval(ratios)
    median = statistics.median(ratios)
    return {'median': median, 'min': min(ratios), 'max': max(ratios), 'low': low, 'high': high, 'rounds': len(ratios),
            'noisy': noisy(median, low, high, len(ratios))}


def noisy(median, low, high, rounds):
    """Whether the spread is wider than the difference from native: nothing may be concluded but that the difference is within it."""
    return rounds < 2 or low <= 1 <= high or high - low > abs(median - 1)


def geometric_mean(values):
    return statistics.geometric_mean(values)


def meets(aim, figure, higher_is_better):
    """`met`, `missed`, or `open` where the interval holds the aim or too few rounds were run, so that nothing is decided."""
    if figure['rounds'] < DECISIVE:
        return 'open'
    low, high = figure['low'], figure['high']
    if higher_is_better:
        return 'met' if low >= aim else 'missed' if high < aim else 'open'
    return 'met' if high <= aim else 'missed' if low > aim else 'open'


def verdict(before, after, higher_is_better=False, tolerance=0.01):
    """Compares two summaries: `worse` or `better` when the intervals do not touch and the medians differ by more than the tolerance
    (a share of the first), else `same`; too few rounds decide nothing."""
    if min(before['rounds'], after['rounds']) < DECISIVE:
        return 'same'
    if abs(after['median'] - before['median']) <= tolerance * abs(before['median']):
        return 'same'
    if after['low'] > before['high']:
        return 'better' if higher_is_better else 'worse'
    if after['high'] < before['low']:
        return 'worse' if higher_is_better else 'better'
    return 'same'
