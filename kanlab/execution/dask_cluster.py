"""How a Dask cluster is named and reached. The functions load Dask itself, which a study of one machine never does."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from kanlab import settings
from kanlab.errors import StudyError
from kanlab.language import say

if TYPE_CHECKING:
    from distributed import Client, Security
    from distributed.deploy import Cluster

CONNECT_SECONDS = 10.0  # for which a scheduler that does not answer is waited for

# the address of a scheduler, the path of its scheduler file, or a client or a cluster object of dask.distributed
Dask: TypeAlias = "str | os.PathLike[str] | Client | Cluster"


def chosen(dask: Dask | None) -> Dask | None:
    """The cluster that is named, by $KANLAB_DASK where nothing is said; None: this machine, as with ""."""
    named = settings.DASK() if dask is None else dask
    return None if isinstance(named, str) and not named.strip() else named


def connect(dask: Dask) -> Client:
    """A client of our own, whatever else the caller does with theirs. Close it. Raises StudyError, in one sentence."""
    try:
        from distributed import Client, Security
    except ImportError as error:
        raise StudyError(
            say("A Dask cluster needs the package distributed; install it with \"pip install 'kanlab[dask]'\".")
        ) from error
    address = address_of(dask)
    security = getattr(dask, "security", None) or Security()  # that of an object, or of Dask's own configuration
    _check(address, security)
    try:
        return Client(address, security=security, timeout=CONNECT_SECONDS, set_as_default=False, name="kanlab")
    except (OSError, ImportError) as error:  # of sockets and TLS; of a scheduler of another version
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise StudyError(
            say(
                "No Dask scheduler answers at {address} ({reason}). Start one with 'dask scheduler', or correct the address.",
                address=address,
                reason=reason,
            )
        ) from error


def _check(address: str, security: Security) -> None:
    """Refuse what a client could not even try."""
    from distributed.comm import get_address_host_port

    scheme = address.partition("://")[0]
    if scheme == "inproc":
        return
    try:
        get_address_host_port(address, strict=True)
    except ValueError as error:
        raise StudyError(
            say(
                "'{address}' is no address of a Dask scheduler; one looks like tcp://10.0.0.1:8786 or tls://10.0.0.1:8786.",
                address=address,
            )
        ) from error
    arguments = security.get_connection_args("client")
    if scheme == "tls" and arguments.get("ssl_context") is None:
        raise StudyError(
            say(
                "{address} needs a certificate; set Dask's variables for TLS, or give a client that has them.",
                address=address,
            )
        )
    if scheme == "tcp" and arguments.get("require_encryption"):
        raise StudyError(
            say(
                "Dask is set to require encryption, which {address} has not; give an address with tls://.",
                address=address,
            )
        )


def address_of(dask: Dask) -> str:
    """The address of the scheduler, such as tcp://10.0.0.1:8786. Raises StudyError for a scheduler file that is none."""
    if not isinstance(dask, str | os.PathLike):
        found = getattr(dask, "scheduler_address", None) or getattr(getattr(dask, "scheduler", None), "address", None)
        if found is None:
            raise StudyError(
                say("What is given as Dask cluster has no scheduler: give its address, a client or a cluster object.")
            )
        return str(found)
    text = os.fspath(dask).strip()
    if text.endswith(".json") or (os.sep in text and "://" not in text):
        return _of_file(Path(text))
    return text if "://" in text else f"tcp://{text}"


def _of_file(path: Path) -> str:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(
            say(
                "The scheduler file {path} cannot be read ({strerror}); 'dask scheduler --scheduler-file {path}' writes it.",
                path=path,
                strerror=error.strerror,
            )
        ) from error
    except ValueError:
        content = None
    if not isinstance(content, Mapping) or not isinstance(content.get("address"), str):
        raise StudyError(
            say("{path} is no scheduler file; 'dask scheduler --scheduler-file {path}' writes one.", path=path)
        )
    return str(content["address"])


def cluster_workers(dask: Dask | None) -> int | None:
    """How many fits a cluster can do at once, the threads of its workers; None for this machine.

    Raises StudyError where it is out of reach.
    """
    if dask is None:
        return None
    client = connect(dask)
    try:
        threads: dict[str, Any] = client.nthreads()
        return sum(threads.values())
    finally:
        client.close()
