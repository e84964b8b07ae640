"""Formulas of a table: expressions, the fit of their constants, and the search for a short one that predicts well.

Arrays go in, expressions with scores come out (NumPy and SciPy alone). The same rows and settings give the same formulas;
the search ends at a number of evaluations, not of seconds. What a column is called, and how a formula is printed, is for
`kanlab.explain` to say.
"""
