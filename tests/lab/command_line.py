"""The fault proxy as a command."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence

from tests.lab.faults import Cut, Idle, Plan, Way
from tests.lab.link import Link
from tests.lab.proxy import FaultProxy
from tests.lab.sockets import BLOCK, Address


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the proxy until it is told to end; says where it listens and what each connection was, as lines of JSON."""
    options = _parser().parse_args(arguments)
    asyncio.run(_serve(options))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    planned, plain = _plan(options), Plan()
    over = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    proxy = FaultProxy(options.to, listen=options.listen, buffer=options.buffer, ended=_report)
    proxy.plan = lambda number: planned if options.only in {None, number} else plain
    async with proxy:
        host, port = proxy.address
        _say({"listening": f"{host}:{port}"})
        await over.wait()


def _plan(options: argparse.Namespace) -> Plan:
    rate = options.rate
    answer = Way.at_rate(rate) if rate else Way(piece=options.piece, interval_s=options.interval)
    answer = Way(options.delay, answer.piece, answer.interval_s, options.cut_at, options.cut, options.corrupt_at)
    request = Way(cut_at=options.cut_request_at, cut=options.cut)
    return Plan(options.connect_delay, request, answer, options.idle, options.idle_at)


def _report(link: Link) -> None:
    left = link.left_by.value if link.left_by else None
    _say({"connection": link.number, "asked": link.asked, "answered": link.answered, "left": left})


def _say(record: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(record) + "\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab.proxy", description="A TCP proxy that does to connections what bad networks do."
    )
    add = parser.add_argument
    add("--to", type=_address, required=True, metavar="HOST:PORT", help="the upstream")
    add("--listen", type=_address, default=("127.0.0.1", 0), metavar="HOST:PORT", help="default: a free port")
    add("--only", type=int, metavar="N", help="spare all connections but number N, counted from 1")
    add("--connect-delay", type=float, default=0.0, metavar="S", help="seconds before the upstream is dialled")
    add("--delay", type=float, default=0.0, metavar="S", help="seconds before the first byte of the answer")
    add("--piece", type=int, default=BLOCK, metavar="BYTES", help="pass the answer on in pieces of at most so much")
    add("--interval", type=float, default=0.0, metavar="S", help="seconds after each piece")
    add("--rate", type=float, metavar="BYTES", help="bytes of the answer in a second, instead of pieces")
    add("--cut-at", type=int, metavar="N", help="cut the answer in place of its byte N, counted from 0")
    add("--cut-request-at", type=int, metavar="N", help="cut the request in place of its byte N")
    add("--cut", type=Cut, default=Cut.END, metavar=_names(Cut), help="how; default: end")
    add("--rst", dest="cut", action="store_const", const=Cut.RESET, help="the same as --cut reset")
    add("--corrupt-at", type=int, metavar="N", help="turn all bits of the answer's byte N")
    add("--idle", type=Idle, metavar=_names(Idle), help="close a kept connection as its next request comes, and so")
    add("--idle-at", type=int, default=2, metavar="N", help="the number of that request; default: 2")
    add("--buffer", type=int, metavar="BYTES", help="what the system may hold for each socket")
    return parser


def _names(choices: type[Cut | Idle]) -> str:
    return "|".join(each.value for each in choices)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host or "127.0.0.1", int(port)
