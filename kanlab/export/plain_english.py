"""What stands for kanlab.language in the predict.py of a bundle, which has no catalogues."""

from __future__ import annotations


def say(message: str, /, **values: object) -> str:
    """A sentence with its values put in."""
    return message.format(**values) if values else message


def marked(message: str) -> str:
    """A sentence that is a constant."""
    return message
