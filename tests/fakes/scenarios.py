"""
All that a double of an upstream can be told to do, by name.

The name works in `double.next(name)`, in `double.always(name)`, and behind `fault-` as the name of the model in a
request, so that a gateway in another process can be driven. Some names take a number: `cut-120` ends the connection
after 120 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from tests.fakes import changes
from tests.fakes.answers import BEFORE_HEAD, HALF, Delivery, Ending, Framing
from tests.fakes.changes import Change
from tests.fakes.dialect import Fault

PREFIX = "fault-"


@attrs.frozen
class Scenario:
    """What a double answers: one of its recorded answers or an error, changed in some ways, and delivered in one."""

    name: str
    says: str = "text"
    fault: Fault | None = None
    change: tuple[Change, ...] = ()
    delivery: Delivery = attrs.field(factory=Delivery)


TEXT = Scenario("text")


def error(status: int, retry_after: str | None = None, **more: Any) -> Scenario:
    """Return the scenario of an error; `more` are members of `Fault`."""
    return Scenario(str(status), fault=Fault(status, retry_after=retry_after, **more))


def named(name: str) -> Scenario:
    """Return a scenario by its name; raises `KeyError` where there is none."""
    if name in SCENARIOS:
        return SCENARIOS[name]
    match = re.fullmatch(r"(.*)-(\d+)", name)
    if match is None or match[1] not in NUMBERED:
        raise KeyError(f"There is no scenario {name!r}.")
    return Scenario(name, delivery=NUMBERED[match[1]](int(match[2])))


def scenario_of_model(model: str) -> Scenario | None:
    """Return the scenario that a model's name asks for; None where it asks for nothing."""
    return named(model.removeprefix(PREFIX).removesuffix(":latest")) if model.startswith(PREFIX) else None


NUMBERED: Mapping[str, Callable[[int], Delivery]] = {
    "cut": lambda count: Delivery(cut_at=count, ending=Ending.CLOSE),
    "reset": lambda count: Delivery(cut_at=count, ending=Ending.RESET),
    "eof-after": lambda count: Delivery(cut_after=count, ending=Ending.CLOSE),
    "reset-after": lambda count: Delivery(cut_after=count, ending=Ending.RESET),
    "silence-after": lambda count: Delivery(hold=count),
    "split": lambda size: Delivery(reframe=size),
    "write": lambda size: Delivery(rewrite=size),
    "slow": lambda milliseconds: Delivery(hold=BEFORE_HEAD, hold_s=milliseconds / 1000),
    "drip": lambda milliseconds: Delivery(drip_s=milliseconds / 1000),
}
"""Scenarios with a number: bytes on the wire, messages, bytes in a piece, or milliseconds."""

_SAYS = ["text", "tool", "tools", "reasoning", "choices", "length", "refusal"]
_USAGES = ["last-choice", "every-chunk", "final", "missing", "negative", "absurd", "words"]
_STATUSES = [400, 401, 402, 403, 404, 408, 409, 413, 422, 500, 502, 504, 529]

_ERRORS = {
    **{str(status): Fault(status) for status in _STATUSES},
    "429": Fault(429, retry_after="7"),
    "429-bare": Fault(429),
    "429-quota": Fault(429, code="insufficient_quota"),
    "429-date": Fault(429, retry_after="Wed, 21 Oct 2099 07:28:00 GMT"),
    "429-past": Fault(429, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    "429-year": Fault(429, retry_after="31536000"),
    "429-garbage": Fault(429, retry_after="soon"),
    "503": Fault(503, retry_after="3"),
    "400-context": Fault(400, code="context_length_exceeded"),
    "400-html": Fault(400, "html"),
    "500-html": Fault(500, "html"),
    "503-html": Fault(503, "html", retry_after="3"),
    "500-text": Fault(500, "text"),
    "500-empty": Fault(500, "empty"),
    "400-echo": Fault(400, echo=True),
    "401-echo": Fault(401, echo=True),
    "500-echo": Fault(500, echo=True),
}

_HOP_HEADERS = (
    ("Set-Cookie", "session=upstream-cookie-canary; Path=/"),
    ("Server", "upstream-server-canary"),
    ("Connection", "keep-alive, X-Hop"),
    ("X-Hop", "hop-canary"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Authenticate", "Basic realm=canary"),
    ("Openai-Organization", "org-canary"),
    ("OpenAI-Project", "proj_canary"),
    ("Via", "1.1 via-canary"),
)
_HTML = b"<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"

_CHANGED: dict[str, tuple[Change, ...]] = {
    **{f"usage-{variant}": (changes.usage_told(variant),) for variant in _USAGES},
    "odd-text": (changes.saying(changes.ODD_TEXT),),
    "long-line": (changes.saying(changes.LONG_TEXT),),
    # how the events of a stream are written
    "crlf": (changes.replaced(b"\n", b"\r\n"),),
    "cr": (changes.replaced(b"\n", b"\r"),),
    "comments": (changes.begun_with(b": OPENROUTER PROCESSING\n\n"), changes.prefixed(b": ping\n\n")),
    "no-space": (changes.replaced(b"data: ", b"data:"),),
    "fields": (changes.prefixed(b"event: message\nid: 7\nretry: 3000\n"),),
    "multi-data": (changes.replaced(b"data: {", b"data: {\ndata: "),),
    "bom": (changes.begun_with(b"\xef\xbb\xbf"),),
    "no-done": (changes.without_mark,),
    "after-done": (changes.after_the_end,),
    # what the chunks of a stream lack, or have too much
    "role-missing": (changes.values_changed(lambda values: [_without_role(value) for value in values]),),
    "ids-differ": (changes.values_changed(lambda values: [{**v, "id": f"id-{n}"} for n, v in enumerate(values)]),),
    "empty-choices": (changes.values_changed(lambda values: [values[0], {**values[0], "choices": []}, *values[1:]]),),
    "error-first": (changes.with_error(after=0),),
    "error-mid-stream": (changes.with_error(after=3),),
    # what is no answer
    "malformed": (changes.halved,),
    "empty": (changes.body_of(b""),),
    "html": (changes.body_of(_HTML, "text/html; charset=utf-8"),),
    "not-object": (changes.body_of(b'["an","array"]\n'),),
    "no-choices": (changes.body_of(b'{"id":"x","object":"chat.completion"}\n'),),
    "other-form": (changes.other_form,),
    "wrong-type": (changes.type_set("text/plain"),),
    "gzip": (changes.compressed,),
    "gzip-bomb": (changes.bomb,),
    "endless-stream": (changes.endless_pieces,),
    "endless-line": (changes.endless_text,),
    "endless-pings": (changes.endless(b": ping\n\n" * 1_000),),
    "endless-error": (changes.endless(changes.BLOCK), changes.status_set(500)),
    "huge-head": (changes.headers_added(("X-Huge", "h" * (1 << 20))),),
    "hop-headers": (changes.headers_added(*_HOP_HEADERS),),
    **{
        str(status): (changes.status_set(status), changes.headers_added(("Location", "{here}/elsewhere")))
        for status in (301, 302, 303, 307, 308)
    },
}

_DELIVERED = {
    "interim": Delivery(interim=b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"),
    "close-framed": Delivery(framing=Framing.CLOSE, ending=Ending.CLOSE),
    "open-after-done": Delivery(ending=Ending.OPEN),
    "stale": Delivery(stale=True),
    "early-eof": Delivery(cut_after=HALF, ending=Ending.CLOSE),
    "reset": Delivery(cut_after=HALF, ending=Ending.RESET),
    "close-early": Delivery(cut_at=0, ending=Ending.CLOSE),
    "reset-early": Delivery(cut_at=0, ending=Ending.RESET),
    "cut-head": Delivery(cut_at=20, ending=Ending.CLOSE),
    "slow": Delivery(hold=BEFORE_HEAD),
    "head-only": Delivery(hold=0),
    "silence": Delivery(hold=HALF),
    "drip": Delivery(reframe=1, drip_s=0.05),
}


def _without_role(value: Any) -> Any:
    """Return a chunk whose deltas do not say who speaks."""
    for choice in value.get("choices", []):
        choice.get("delta", {}).pop("role", None)
    return value


SCENARIOS: Mapping[str, Scenario] = {
    **{says: Scenario(says, says) for says in _SAYS},
    **{name: Scenario(name, fault=fault) for name, fault in _ERRORS.items()},
    **{name: Scenario(name, change=change) for name, change in _CHANGED.items()},
    **{name: Scenario(name, delivery=delivery) for name, delivery in _DELIVERED.items()},
    "413-unread": Scenario("413-unread", fault=Fault(413), delivery=Delivery(unread=True)),
    "split-utf8": Scenario("split-utf8", change=_CHANGED["odd-text"], delivery=Delivery(reframe=1)),
}
