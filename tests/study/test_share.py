"""Read-only links: what opens a study, and what no longer does."""

from __future__ import annotations

import optuna
import pytest

from kanlab.study import share


def test_a_link_opens_its_study_until_it_is_revoked() -> None:
    study, other = optuna.create_study(), optuna.create_study()
    token = share.share(study)
    assert token not in str(study.user_attrs)  # the storage holds a hash
    assert share.is_shared(study.user_attrs)
    assert share.opens(study.user_attrs, token)
    assert not share.opens(other.user_attrs, token)
    second = share.share(study)
    assert second != token
    assert (share.opens(study.user_attrs, token), share.opens(study.user_attrs, second)) == (False, True)
    share.revoke(study)
    assert not share.is_shared(study.user_attrs)
    assert not share.opens(study.user_attrs, second)


@pytest.mark.parametrize("text", ["", "a" * 42, "ä" * 43, " " * 43, "a" * 44, "a" * 42 + "\n"])
def test_what_is_no_link_opens_nothing(text: str) -> None:
    study = optuna.create_study()
    share.share(study)
    assert not share.opens(study.user_attrs, text)
    assert not share.opens(study.user_attrs, study.user_attrs[share.SHARED])  # nor does the hash itself
