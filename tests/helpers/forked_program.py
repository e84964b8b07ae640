"""A program of the fork server as a process of whoever wants it: `forked_program.py ADDRESS MODULE ARGUMENTS...`.

It has the same standard input, output and error, ends when the program does and in the same way, and ends it with itself.
Standard library only, and little of it, so that it starts at once.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys


def main(address: str, module: str, *arguments: str) -> None:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.connect(address)
    request = {"module": module, "arguments": arguments, "environment": dict(os.environ), "folder": os.getcwd()}
    socket.send_fds(server, [json.dumps(request).encode()], [0, 1, 2])
    server.recv(99)  # its number
    for mine in (0, 1, 2):  # else a pipe would stay open that the program closes
        os.close(mine)
    code = int(server.recv(99) or 1)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
