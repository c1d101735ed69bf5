"""How many threads training uses, and why not all."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager

from threadpoolctl import threadpool_limits


def booster_threads() -> int:
    """One fewer than the cores that this process may use, at least one.

    XGBoost's threads spin while they wait for each other. With as many threads as cores, whatever else runs stops one
    and all spin: 200 000 rows took 18 s with two threads on two shared cores and 6 s with one; 4 s and 4 s when idle.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores - 1)


def one_blas_thread() -> AbstractContextManager[object]:
    """Numpy's and scikit-learn's linear algebra in this thread alone while the context is open.

    The products are small and many: with two threads on two shared cores a bootstrap took 2.9 to 4.0 s, with one 0.5 s.
    """
    limits: AbstractContextManager[object] = threadpool_limits(limits=1)
    return limits
