"""Sessions of a running app without a browser: what a browser says and hears on Streamlit's websocket, many in one process."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg


@dataclass
class Session:
    """One page open in a browser, which polls where the page asks for it.

    runs: of the script that have ended, whole or of a fragment. problems: what the page showed as an exception.
    received: bytes. interval: seconds between two polls, 0 while the page asks for none.
    """

    port: int
    page: str = ""
    query: str = ""
    runs: int = 0
    received: int = 0
    interval: float = 0.0
    problems: list[str] = field(default_factory=list)
    buttons: dict[str, str] = field(default_factory=dict)  # their ids by their labels
    _hashes: list[str] = field(default_factory=list)
    _pressed: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    _polls: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def live(self, until: asyncio.Event) -> None:
        """Open the page and stay on it."""
        own = f"127.0.0.1:{self.port}"
        async with websockets.connect(
            f"ws://{own}/_stcore/stream",
            subprotocols=[websockets.Subprotocol("streamlit")],
            origin=websockets.Origin(f"http://{own}"),
            max_size=None,
            open_timeout=120,
            ping_timeout=None,
        ) as socket:
            await self._ask(socket)
            listening = asyncio.create_task(self._listen(socket))
            pressing = asyncio.create_task(self._press(socket))
            leaving = asyncio.create_task(until.wait())
            await asyncio.wait([listening, leaving], return_when=asyncio.FIRST_COMPLETED)
            for task in (listening, pressing, leaving, *self._polls.values()):
                task.cancel()
            if listening.done() and not listening.cancelled() and (error := listening.exception()):
                self.problems.append(f"{type(error).__name__}: {error}")

    def press(self, label: str) -> None:
        """A button of the page."""
        self._pressed.put_nowait(self.buttons[label])

    def rerun(self) -> None:
        """The whole page."""
        self._pressed.put_nowait("")

    async def _press(self, socket: websockets.ClientConnection) -> None:
        while True:
            await self._ask(socket, pressed=await self._pressed.get())

    async def _ask(self, socket: websockets.ClientConnection, fragment: str = "", pressed: str = "") -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_name = self.query, self.page
        state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
        state.cached_message_hashes.extend(self._hashes)
        if pressed:
            state.widget_states.widgets.add(id=pressed, trigger_value=True)
        await socket.send(message.SerializeToString())

    async def _poll(self, socket: websockets.ClientConnection, fragment: str, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self._ask(socket, fragment)

    async def _listen(self, socket: websockets.ClientConnection) -> None:
        async for content in socket:
            assert isinstance(content, bytes)
            self.received += len(content)
            message = ForwardMsg()
            message.ParseFromString(content)
            kind = message.WhichOneof("type")
            if message.metadata.cacheable and message.hash not in self._hashes:
                self._hashes = [*self._hashes[-99:], message.hash]
            if kind == "new_session" and not message.metadata.run.fragment_ids:
                for task in self._polls.values():
                    task.cancel()
                self._polls, self.interval = {}, 0.0
            elif kind == "auto_rerun":
                fragment, self.interval = message.auto_rerun.fragment_id, message.auto_rerun.interval
                if fragment in self._polls:
                    self._polls[fragment].cancel()
                self._polls[fragment] = asyncio.create_task(self._poll(socket, fragment, self.interval))
            elif kind == "script_finished":
                self.runs += 1
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "button":
                self.buttons[message.delta.new_element.button.label] = message.delta.new_element.button.id
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "exception":
                self.problems.append(message.delta.new_element.exception.message)


async def open_all(sessions: list[Session], seconds: float) -> None:
    """Open them at once: until each has been drawn, then for so many seconds more."""
    until = asyncio.Event()
    tasks = [asyncio.create_task(session.live(until)) for session in sessions]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(120):
            while not all(s.runs or s.problems for s in sessions):
                await asyncio.sleep(0.05)
    await asyncio.sleep(seconds)
    until.set()
    await asyncio.gather(*tasks)
