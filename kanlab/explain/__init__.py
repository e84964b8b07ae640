"""A chosen model seen from outside and from within: predictions, effects of features, edges as formulas, its diagram.

Networks and data go in, numbers, formulas and SVG come out. What a study recommends is decided in `kanlab.selection`;
here it is fitted once more and shown. Nothing depends on a user interface.
"""
