"""Errors a user can cause. Each message is one sentence: what is wrong, where, and what to do."""

from kanlab.retelling import retold


class KanlabError(Exception):
    """Base of every error kanlab raises on purpose; its text is shown to users as it stands, in the active language.

    Examples
    --------
    >>> issubclass(DatasetError, KanlabError)
    True
    """

    def __str__(self) -> str:  # what another process refused is told in English
        return retold(super().__str__())


class DatasetError(KanlabError):
    """A table that cannot be read or cannot carry a fit.

    Raised by `read_table`, `Dataset.from_frame` and predictions on new rows.
    """


class SpaceError(KanlabError):
    """A search space with impossible ranges, or one in which no cell is admissible.

    Raised by `SearchSpace`, and by `tune` where AICc is not defined for any network of the space.
    """


class StudyError(KanlabError):
    """A study that does not exist, already exists, or cannot do what was asked of it.

    Raised by `StudySpec`, `tune`, `open_study` and the methods of `Study`.
    """


class FitError(KanlabError):
    """Misuse of an engine. Numerical failure is not an error but a status of the fit (kanlab.kan.network.FitStatus).

    Raised by `fit`, `KanSpec`, `FittedKan` and `KANWrapper`.
    """
