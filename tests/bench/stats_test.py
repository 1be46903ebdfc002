#!/usr/bin/env python3
"""The statistics of the overhead bench: they find a difference that is there, and claim none that is not."""
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'bench/overhead'))
import stats  # noqa: E402


def noisy_ratios(median, spread, count, seed):
    source = random.Random(seed)
    return [median * (1 + source.gauss(0, spread)) for _ in range(count)]


class Percentile(unittest.TestCase):
    def test_nearest_rank(self):
        values = list(range(1, 1001))
        random.Random(3).shuffle(values)
        self.assertEqual([500, 990, 999, 1000, 1], [stats.percentile(values, p) for p in (50, 99, 99.9, 100, 0)])
        self.assertEqual(7, stats.percentile([7], 99.9))
        with self.assertRaises(ValueError):
            stats.percentile([], 50)


class Pairing(unittest.TestCase):
    def test_only_rounds_that_both_have_and_the_mean_of_natives(self):
        self.assertEqual({'0': 2.0, '2': 0.5}, stats.paired_ratios({'0': [4], '1': [9], '2': [1], '3': []}, {'0': [1, 3], '2': [2], '3': [1]}))

    def test_a_native_that_took_no_time_gives_no_ratio(self):
        self.assertEqual({}, stats.paired_ratios({'0': [1]}, {'0': [0]}))


class Interval(unittest.TestCase):
    def test_holds_the_median_about_as_often_as_it_says(self):
        held = 0
        for seed in range(200):
            low, high = stats.interval(noisy_ratios(1.2, 0.1, 15, seed), resamples=400)
            held += low <= 1.2 <= high
        self.assertGreaterEqual(held, 180)
        self.assertLess(held, 200)

    def test_is_the_same_each_time_and_narrows_with_more_rounds(self):
        few, many = noisy_ratios(1.1, 0.05, 5, 1), noisy_ratios(1.1, 0.05, 60, 1)
        self.assertEqual(stats.interval(few), stats.interval(few))
        self.assertLess(stats.interval(many)[1] - stats.interval(many)[0], stats.interval(few)[1] - stats.interval(few)[0])

    def test_of_two_rounds_it_is_their_extremes(self):
        self.assertEqual((1.0, 1.5), stats.interval([1.5, 1.0]))
        with self.assertRaises(ValueError):
            stats.interval([])

    def test_one_wild_round_does_not_move_the_median(self):
        s = stats.summary([1.05, 1.06, 1.04, 1.05, 9.0, 1.05, 1.06])
        self.assertAlmostEqual(1.05, s['median'])
        self.assertEqual((1.04, 9.0), (s['min'], s['max']))


class Noise(unittest.TestCase):
    def test_a_spread_wider_than_the_difference_is_said(self):
        self.assertTrue(stats.summary([0.9, 1.02, 1.2, 0.95, 1.1])['noisy'])
        self.assertTrue(stats.summary([1.5])['noisy'])
        self.assertTrue(stats.summary([1.3, 1.9, 1.5, 1.2, 1.8, 1.4])['noisy'])
        self.assertFalse(stats.summary([1.50, 1.52, 1.49, 1.51, 1.5])['noisy'])

    def test_an_aim_is_open_while_the_interval_holds_it(self):
        figure = {'low': 1.02, 'high': 1.08, 'median': 1.05, 'rounds': 6}
        self.assertEqual(['met', 'open', 'missed'], [stats.meets(a, figure, False) for a in (1.10, 1.05, 1.01)])
        self.assertEqual(['missed', 'open', 'met'], [stats.meets(a, figure, True) for a in (1.10, 1.05, 1.01)])
        self.assertEqual('open', stats.meets(1.10, {**figure, 'rounds': 4}, False))


class Verdict(unittest.TestCase):
    def test_finds_what_became_dearer(self):
        before, after = stats.summary(noisy_ratios(1.10, 0.01, 12, 1)), stats.summary(noisy_ratios(1.25, 0.01, 12, 2))
        self.assertEqual('worse', stats.verdict(before, after))
        self.assertEqual('better', stats.verdict(after, before))
        self.assertEqual('better', stats.verdict(before, after, higher_is_better=True))

    def test_the_same_measured_twice_is_the_same(self):
        wrong = sum(stats.verdict(stats.summary(noisy_ratios(1.1, 0.05, 12, 2 * i)), stats.summary(noisy_ratios(1.1, 0.05, 12, 2 * i + 1))) != 'same'
                    for i in range(40))
        self.assertLessEqual(wrong, 2)

    def test_a_change_below_the_tolerance_is_none(self):
        a, b = ({'median': v, 'low': v, 'high': v, 'rounds': 9} for v in (1.100, 1.105))
        self.assertEqual('same', stats.verdict(a, b))
        self.assertEqual('worse', stats.verdict(a, b, tolerance=0.001))
        self.assertEqual('same', stats.verdict(a, {**b, 'rounds': 4}, tolerance=0.001))


if __name__ == '__main__':
    unittest.main()
