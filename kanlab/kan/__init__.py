"""The network itself: splines, layers, what it predicts, how many parameters it has, and which networks a search compares.

NumPy alone. `pykan_network` wraps stock pykan and is loaded by `FittedKan.to_pykan()` and by the engines that train
it, never by the other files. Nothing in this room fits a network.
"""
