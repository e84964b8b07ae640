"""What can be taken away: the bundle that predicts with NumPy alone, the model as JSON, the report as one page of HTML.

Whatever is read back is read with suspicion: sizes bounded, numbers checked, nothing unpickled. Names of columns are
data: never a path, never markup.
"""
