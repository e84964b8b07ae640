"""CPU seconds of the estimators of kanlab.sklearn at their defaults.

python benchmarks/estimator.py        500 rows of 8 features, five fits each; prints the least and the median
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from kanlab.sklearn import KANClassifier, KANRegressor, SplineKANClassifier, SplineKANRegressor

ROWS, FEATURES, FITS = 500, 8, 5


def main() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (ROWS, FEATURES))
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + X[:, 2] * X[:, 3] + 0.1 * rng.normal(size=ROWS)
    two, three = y > 0.5, np.digitize(y, [0.0, 0.7])
    for kind, target, words in (
        (KANRegressor, y, "a quantity"),
        (KANClassifier, two, "two classes"),
        (KANClassifier, three, "three classes"),
        (SplineKANRegressor, y, "a quantity"),
        (SplineKANClassifier, two, "two classes"),
    ):
        seconds = []
        for _ in range(FITS):
            began = time.process_time()
            kind().fit(X, target)
            seconds.append(time.process_time() - began)
        print(f"{kind.__name__}, {words}: {min(seconds):.2f} s, median {statistics.median(seconds):.2f} s", flush=True)


if __name__ == "__main__":
    main()
