"""A table made ready for fitting: what its columns are, how they become numbers, which rows are held out.

`Dataset` is what all fits work on; `Recipe` is how it was made, and runs again on new rows. Everything that is learned of the
data is learned here, on the training rows alone. `data.reading` below turns bytes into the typed table this starts from.
"""
