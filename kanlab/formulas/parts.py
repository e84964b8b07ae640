"""The parts of a search, which workers do side by side."""

NETWORKS = "networks"
PARTS = (NETWORKS,)
