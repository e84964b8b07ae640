"""Errors a user can cause. Each message is one sentence: what is wrong, where, and what to do."""


class KanlabError(Exception):
    """Base of every error kanlab raises on purpose; its text is shown to users as it stands."""


class DatasetError(KanlabError):
    """A table that cannot be read or cannot carry a fit."""


class SpaceError(KanlabError):
    """A search space with impossible ranges, or one in which no cell is admissible."""


class StudyError(KanlabError):
    """A study that does not exist, already exists, or cannot do what was asked of it."""


class FitError(KanlabError):
    """Misuse of an engine. Numerical failure is not an error but a status of the fit."""
