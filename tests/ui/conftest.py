"""The pages' workers and readers, for which each test would else wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.fork_server import use_it


@pytest.fixture(scope="package", autouse=True)
def forked_programs() -> Iterator[None]:
    """kanlab's programs come from the fork server, but for those that a test starts by a command of its own."""
    with pytest.MonkeyPatch.context() as patch:
        use_it(patch.setattr)
        yield
