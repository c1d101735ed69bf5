"""What a model call of n rows will cost, learned from the calls so far."""

from __future__ import annotations


class CostModel:
    """seconds(n) = overhead + slope x n, fitted by exponentially weighted least squares.

    `memory` is how many calls the average remembers. Before the first observation every call is expected to take
    `prior_seconds_per_row` for each row. Calls of one size do not tell the two terms apart: the slope then stays as it
    was when sizes differed, and makes up all of the time if they never did.
    """

    __slots__ = ("_apart", "_decay", "_n", "_nn", "_nt", "_t", "_weight", "overhead", "slope")

    def __init__(self, memory: int = 100, prior_seconds_per_row: float = 5e-5) -> None:
        self._decay = 1.0 - 1.0 / memory
        self._weight = self._n = self._t = self._nn = self._nt = 0.0
        self._apart = False
        self.overhead = 0.0
        self.slope = prior_seconds_per_row

    def observe(self, rows: int, seconds: float) -> None:
        """Learn from one call."""
        decay = self._decay
        self._weight = self._weight * decay + 1.0
        self._n = self._n * decay + rows
        self._t = self._t * decay + seconds
        self._nn = self._nn * decay + rows * rows
        self._nt = self._nt * decay + rows * seconds
        mean_n, mean_t = self._n / self._weight, self._t / self._weight
        variance = self._nn / self._weight - mean_n * mean_n
        if variance > 1e-3 * mean_n * mean_n:
            self.slope = (self._nt / self._weight - mean_n * mean_t) / variance
            self._apart = True
        elif not self._apart:
            self.slope = mean_t / mean_n
        self.slope = min(max(self.slope, 0.0), mean_t / mean_n)
        self.overhead = max(mean_t - self.slope * mean_n, 0.0)

    def seconds(self, rows: int, calls: int = 1) -> float:
        """Expected duration of `calls` calls, one after the other, that share `rows` rows."""
        return calls * self.overhead + self.slope * rows
