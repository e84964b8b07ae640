"""The parts of a search, which workers do side by side."""

GROWTH, NETWORKS = "growth", "networks"
PARTS = (GROWTH, NETWORKS)
