"""Heat of hardening of cement (Woods, Steinour & Starke 1932), the first worked example of Burnham & Anderson 2002.

RESULTS: their table of AICc over subsets of the four ingredients, as (ingredients, K, sigma2, AICc, delta, weight); K
counts the coefficients, the intercept and sigma2, and AICc leaves out the constant n (1 + ln 2 pi), as kanlab does.
"""

import numpy as np

INGREDIENTS = np.array(
    [
        [7, 1, 11, 11, 7, 11, 3, 1, 2, 21, 1, 11, 10],
        [26, 29, 56, 31, 52, 55, 71, 31, 54, 47, 40, 66, 68],
        [6, 15, 8, 8, 6, 9, 17, 22, 18, 4, 23, 9, 8],
        [60, 52, 20, 47, 33, 22, 6, 44, 22, 26, 34, 12, 12],
    ],
    dtype=float,
).T
HEAT = np.array([78.5, 74.3, 104.3, 87.6, 95.9, 109.2, 102.7, 72.5, 93.1, 115.9, 83.8, 113.3, 109.4])

RESULTS = [
    ((1, 2), 4, 4.45, 32.41, 0.00, 0.567),
    ((1, 2, 4), 5, 3.69, 35.53, 3.12, 0.119),
    ((1, 2, 3), 5, 3.70, 35.58, 3.16, 0.117),
    ((1, 4), 4, 5.75, 35.74, 3.33, 0.107),
    ((1, 3, 4), 5, 3.91, 36.30, 3.89, 0.081),
    ((2, 3, 4), 5, 5.68, 41.15, 8.74, 0.007),
]
