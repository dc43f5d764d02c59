"""Where log lines go: collected in memory, and written to a file descriptor many at a time."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import stat
import threading
import time
from collections.abc import Callable

import attrs

WRITE_AT_BYTES = 65_536
KEEP_BYTES = 4 * 2**20
WRITE_EVERY_S = 0.2
GRACE_S = 1.0
"""How long `close` waits for a reader who does not read."""

_GONE = frozenset({errno.EPIPE, errno.EBADF, errno.ECONNRESET})


@attrs.define(eq=False)
class Sink:
    """
    Writes lines in the order in which they came, and never makes the gateway wait for who reads them.

    Lines are written when 64 KiB have come together, a moment after the first one, when one is `urgent`, and at
    the end. While the reader does not read, they are kept up to `keep` bytes; those that come after that are dropped
    and counted, and a line from `tell_dropped` says so as soon as there is room. A reader who has gone is forgotten.
    """

    _descriptor: int
    _keep: int = KEEP_BYTES
    _tell_dropped: Callable[[int], bytes] | None = None
    on_dropped: Callable[[int], None] | None = None
    """Is told of each number of lines dropped."""
    _every_s: float = attrs.field(default=WRITE_EVERY_S, kw_only=True)
    _grace_s: float = attrs.field(default=GRACE_S, kw_only=True)
    dropped: int = attrs.field(default=0, init=False)
    """All lines dropped so far."""
    _untold: int = attrs.field(default=0, init=False)
    _buffer: bytearray = attrs.field(factory=bytearray, init=False, repr=False)
    _chunk: int = attrs.field(init=False, repr=False)
    _writing: threading.Lock = attrs.field(factory=threading.Lock, init=False, repr=False)
    _loop: asyncio.AbstractEventLoop | None = attrs.field(default=None, init=False, repr=False)
    _gone: bool = attrs.field(default=False, init=False)

    @_chunk.default
    def _chunk_for_descriptor(self) -> int:
        # A pipe or a terminal that is ready takes PIPE_BUF bytes without blocking; a file takes all.
        try:
            return KEEP_BYTES if stat.S_ISREG(os.fstat(self._descriptor).st_mode) else select.PIPE_BUF
        except OSError:
            return select.PIPE_BUF  # it was never open; the first write will find that out

    def append(self, line: bytes, *, urgent: bool = False) -> None:
        """Take one line, with the newline at its end. Any thread may call it."""
        # Only `extend` and `del` change the buffer, each in one step of the interpreter, so no lock is needed here.
        if self._gone or len(self._buffer) + len(line) > self._keep:
            self._drop(1)
            return
        self._buffer.extend(line)
        if urgent or len(self._buffer) >= WRITE_AT_BYTES:
            self.flush()
        elif self._loop is None or self._loop.is_closed():
            self._set_timer()

    def flush(self, wait_s: float = 0.0) -> None:
        """Write what the reader takes now, or within `wait_s` seconds."""
        if not self._writing.acquire(blocking=False):
            return  # another thread is at it, and takes these lines along
        try:
            self._write(time.monotonic() + wait_s)
        finally:
            self._writing.release()

    def close(self) -> None:
        """Write what is left; a reader who does not read gets a second for it."""
        self.flush(self._grace_s)

    def _write(self, deadline: float) -> None:
        while self._buffer and self._ready(deadline):
            try:
                written = os.write(self._descriptor, self._buffer[: self._whole_lines()])
            except BlockingIOError:
                return
            except OSError as error:
                self._failed(error)
                return
            del self._buffer[:written]
            if self._untold and not self._buffer:
                self._tell()

    def _whole_lines(self) -> int:
        # The system does not mix writes of this size from several processes, so their lines stay whole too.
        return self._buffer.rfind(b"\n", 0, self._chunk) + 1 or self._chunk

    def _ready(self, deadline: float) -> bool:
        try:
            return bool(select.select([], [self._descriptor], [], max(0.0, deadline - time.monotonic()))[1])
        except (OSError, ValueError) as error:
            # select cannot watch descriptors above 1023; one that it takes for closed is closed.
            self._failed(error if isinstance(error, OSError) else OSError(errno.EBADF, "not to be watched"))
            return False

    def _failed(self, error: OSError) -> None:
        if error.errno in _GONE:
            self._gone = True
            self._drop(self._buffer.count(b"\n"))
            self._buffer.clear()
        # Anything else, such as a full disk, may pass: the lines wait.

    def _drop(self, lines: int) -> None:
        self.dropped += lines
        self._untold += lines
        if self.on_dropped is not None and lines:
            self.on_dropped(lines)

    def _tell(self) -> None:
        untold, self._untold = self._untold, 0
        if self._tell_dropped is not None:
            self._buffer.extend(self._tell_dropped(untold))

    def _set_timer(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()  # before the loop runs, or in another thread, nobody would come back for the line
            return
        self._loop = loop
        loop.call_later(self._every_s, self._ring)

    def _ring(self) -> None:
        self._loop = None
        self.flush()
        if self._buffer:
            self._set_timer()
