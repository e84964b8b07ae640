"""A model or a formula as code of other languages: C, JavaScript, SQL, Excel.

`program` is what they have in common, steps of plain arithmetic on the columns of a table; `lowering` makes it of a model or a
formula; each language writes it down in a module of its own. The same model gives the same text.
"""
