"""Arrays in, a fitted network out: variable projection and Levenberg-Marquardt in float64 NumPy, SciPy and numba.

`fit` is what the other rooms call. No table, study or torch is known here; an expected numerical failure is a status of the
fit, not an exception. docs/engine.md derives what each file does.
"""
