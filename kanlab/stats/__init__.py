"""Arrays in, numbers out: information criteria, likelihoods, scores of predictions, Pareto fronts, degrees of freedom.

Knows nothing of tables, networks or studies, and imports NumPy and SciPy alone. Every function here can be checked against
a textbook, and is (tests/stats).
"""
