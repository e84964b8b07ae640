"""Model families that stand beside the KAN, scored by the same criterion on the same rows.

A family is a function `fit(X, y, seed) -> FamilyFit`; `registry` names them. The linear ones are fitted with every study, the
others load scikit-learn and are fitted when the finalists are validated. docs/families.md shows how to add one.
"""
