"""A link that shows one study to whoever has it: made and revoked by the owner; the storage keeps a hash of it alone."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from typing import Any

import optuna

SHARED = "shared"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def share(study: optuna.Study) -> str:
    """Make a link: what it must hold. An earlier one opens nothing any more."""
    token = secrets.token_urlsafe(32)
    study.set_user_attr(SHARED, _hash(token))
    return token


def revoke(study: optuna.Study) -> None:
    """Let the link open nothing."""
    study.set_user_attr(SHARED, "")


def is_shared(attributes: Mapping[str, Any]) -> bool:
    """Whether there is a link."""
    return bool(attributes.get(SHARED))


def opens(attributes: Mapping[str, Any], token: str) -> bool:
    """Whether a text is the link of this study, compared in constant time.

    >>> opens({}, ""), opens({SHARED: ""}, ""), opens({SHARED: _hash("a" * 43)}, "a" * 43)
    (False, False, True)
    """
    kept = attributes.get(SHARED)
    return isinstance(kept, str) and bool(_TOKEN.fullmatch(token)) and hmac.compare_digest(kept, _hash(token))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
