"""Lines are collected, written in order, and never stand in the gateway's way."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import threading
from contextlib import suppress
from pathlib import Path

from adapters.telemetry.sink import WRITE_AT_BYTES, Sink
from tests.adapters.telemetry.records import Written


def drained(descriptor: int) -> bytes:
    """Return what lies in a pipe."""
    os.set_blocking(descriptor, False)
    content = b""
    while True:
        try:
            piece = os.read(descriptor, 65_536)
        except BlockingIOError:
            return content
        if not piece:
            return content
        content += piece


async def turns_of_the_loop() -> None:
    """Let timers that are due ring."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_in_a_running_loop_lines_wait_for_one_another(written: Written) -> None:
    """A line alone is not worth a system call; flushing writes it."""
    written.sink.append(b"one\n")
    written.sink.append(b"two\n")

    assert written.path.read_bytes() == b""
    assert written.bytes() == b"one\ntwo\n"


async def test_a_moment_later_the_lines_are_written(written: Written) -> None:
    """Nobody has to flush: the first line of a batch sets a timer."""
    sink = Sink(written.sink._descriptor, every_s=0.0)
    sink.append(b"one\n")
    assert written.path.read_bytes() == b""

    await turns_of_the_loop()

    assert written.path.read_bytes() == b"one\n"


async def test_a_reader_who_pauses_is_come_back_to() -> None:
    """What could not be written at once is tried again by the timer."""
    reader, writer = os.pipe()
    sink = Sink(writer, every_s=0.0)
    for _ in range(40):
        sink.append(b"x" * 4095 + b"\n")

    came = b""
    for _ in range(5):
        came += drained(reader)
        await turns_of_the_loop()

    assert len(came) == 40 * 4096


async def test_an_urgent_line_takes_all_before_it_along(written: Written) -> None:
    """An error is written at once, after what came before it."""
    written.sink.append(b"one\n")
    written.sink.append(b"error\n", urgent=True)

    assert written.path.read_bytes() == b"one\nerror\n"


async def test_many_lines_are_written_at_once(written: Written) -> None:
    """When 64 KiB have come together, they go."""
    line = b"x" * 1023 + b"\n"
    for _ in range(WRITE_AT_BYTES // len(line)):
        written.sink.append(line)

    assert written.path.stat().st_size == WRITE_AT_BYTES


def test_without_a_loop_lines_are_written_at_once(written: Written) -> None:
    """Before the loop runs and after it has ended, nobody would come back for them."""
    written.sink.append(b"starting\n")

    assert written.path.read_bytes() == b"starting\n"


def test_a_loop_that_has_ended_is_not_waited_for(written: Written) -> None:
    """Lines after the end of a loop do not wait for its timer."""

    async def live() -> None:
        written.sink.append(b"living\n")

    asyncio.run(live())
    written.sink.append(b"after\n")

    assert written.path.read_bytes() == b"living\nafter\n"


async def test_closing_writes_the_rest(written: Written) -> None:
    """Nothing is lost at the end."""
    written.sink.append(b"last\n")

    written.sink.close()

    assert written.path.read_bytes() == b"last\n"


def test_a_reader_who_does_not_read_blocks_nobody() -> None:
    """Lines are kept up to the bound, in order, then dropped and counted; a last one tells how many."""
    reader, writer = os.pipe()
    told: list[int] = []
    sink = Sink(writer, keep=100_000, tell_dropped=lambda lines: b"dropped %d\n" % lines, on_dropped=told.append)

    for number in range(20_000):
        sink.append(b"line %06d\n" % number)
    came = b""
    while not came.endswith(b"\n") or b"dropped" not in came:
        came += drained(reader)
        sink.flush()
        came += drained(reader)

    kept = came.splitlines()[:-1]
    assert kept == [b"line %06d" % number for number in range(len(kept))]
    assert came.splitlines()[-1] == b"dropped %d" % sink.dropped
    assert sink.dropped == sum(told) == 20_000 - len(kept)
    assert 0 < sink.dropped < 20_000


def test_closing_waits_a_bounded_time_for_the_reader() -> None:
    """A reader who never reads does not keep the process from ending."""
    _, writer = os.pipe()
    sink = Sink(writer, grace_s=0.01)
    for _ in range(100):
        sink.append(b"x" * 4095 + b"\n")

    sink.close()

    assert len(sink._buffer) > 0


def test_a_reader_who_has_gone_is_forgotten() -> None:
    """A broken pipe raises nothing, and nothing piles up."""
    reader, writer = os.pipe()
    sink = Sink(writer)
    os.close(reader)

    for _ in range(3):
        sink.append(b"into the void\n")

    assert sink.dropped == 3
    assert not sink._buffer


def test_a_closed_descriptor_is_forgotten(tmp_path: Path) -> None:
    """A process may be started without stdout."""
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.close(descriptor)
    sink = Sink(descriptor)

    sink.append(b"into the void\n")

    assert sink.dropped == 1


def test_a_full_disk_may_pass(tmp_path: Path) -> None:
    """Lines that could not be written are kept for another try."""
    descriptor = os.open("/dev/full", os.O_WRONLY)
    sink = Sink(descriptor)
    sink.append(b"one\n")
    os.dup2(os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT), descriptor)

    sink.append(b"two\n")

    assert (tmp_path / "log").read_bytes() == b"one\ntwo\n"


def test_a_reader_that_blocks_not_but_refuses_is_tried_again() -> None:
    """A pipe that somebody made non-blocking is full for a while, not for ever."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    sink = Sink(writer, keep=10 * 2**20)
    for _ in range(100):
        sink.append(b"x" * 4095 + b"\n")
    came = drained(reader)
    while sink._buffer:
        sink.flush()
        came += drained(reader)

    assert len(came) == 100 * 4096


def test_what_is_written_at_a_time_is_whole_lines() -> None:
    """Workers share one stdout: the system does not mix writes of this size, and so no line ends within another's."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # keeps apart what was written apart
    sink = Sink(writer.fileno())
    for number in range(500):
        sink._buffer.extend(b"x" * (number % 300) + b" %d\n" % number)

    written = []
    while sink._buffer:
        sink.flush()
        reader.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                written.append(reader.recv(65_536))

    assert len(b"".join(written).splitlines()) == 500
    assert all(piece.endswith(b"\n") and len(piece) <= select.PIPE_BUF for piece in written)
    reader.close()
    writer.close()


def test_threads_may_append(written: Written) -> None:
    """Each thread's lines are all there, whole and in its order."""

    def write(name: bytes) -> None:
        for number in range(2_000):
            written.sink.append(b"%s %d\n" % (name, number))

    threads = [threading.Thread(target=write, args=(name,)) for name in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = written.bytes().splitlines()
    assert [[line for line in lines if line.startswith(name)] for name in (b"a", b"b", b"c")] == [
        [b"%s %d" % (name, number) for number in range(2_000)] for name in (b"a", b"b", b"c")
    ]
