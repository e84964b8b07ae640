"""Who may steer a study: everybody may look, whoever has its key may stop, change and delete it.

The storage keeps a hash of the key alone. A study without one, made on the command line or from Python, is everybody's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import optuna

from kanlab.study.optuna_adapter import study_id

OWNER = "owner"


def new_secret() -> str:
    """What a browser keeps, and derives the keys of its studies from."""
    return secrets.token_urlsafe(24)


def derived_key(secret: str, uid: str) -> str:
    """The key of one study; it does not tell the secret, so a link gives away one study and no other.

    Of its uid, since the next study may get the number of a deleted one.
    """
    return hmac.new(secret.encode(), uid.encode(), hashlib.sha256).hexdigest()[:32]


def earlier_key(secret: str, study: optuna.Study) -> str:
    """The key of a study that an earlier version made, which derived it from the number of the study."""
    return derived_key(secret, str(study_id(study)))


def own(study: optuna.Study, key: str) -> None:
    """Let whoever has this key steer the study, and nobody else."""
    study.set_user_attr(OWNER, _hash(key))


def is_owned(attributes: Mapping[str, Any]) -> bool:
    """Whether steering the study needs a key."""
    return bool(attributes.get(OWNER))


def may_steer(attributes: Mapping[str, Any], key: str | None) -> bool:
    """Whether this key, or none, is enough to steer the study."""
    return not is_owned(attributes) or (key is not None and hmac.compare_digest(attributes[OWNER], _hash(key)))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
