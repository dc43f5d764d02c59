"""What a model said, in Ollama's words → OpenAI's: shared by whole answers and streams."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import msgspec

from adapters.wire.jsontext import NotJson, parse_object, render, text_of
from adapters.wire.ollama.errors import raise_error
from adapters.wire.ollama.times import seconds_of
from domain.document import NULL, Document
from domain.errors import Malformed
from domain.usage import Usage

_MOST_TOKENS = 1 << 40
_EMPTY = b'""'
_NATIVE = frozenset(
    {
        *("model", "created_at", "message", "done", "done_reason", "error", "logprobs"),
        *("prompt_eval_count", "eval_count"),
        # OpenAI's names have OpenAI's meaning here.
        *("id", "object", "created", "system_fingerprint", "choices", "usage"),
    }
)
_SPOKEN = frozenset({"role", "content", "thinking", "tool_calls"})

_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_integer = msgspec.json.Decoder(int).decode
_text = msgspec.json.Decoder(str).decode


@attrs.frozen
class Naming:
    """What Ollama does not give an answer: a name, here 128 random bits in UUID form, and the time if it has none."""

    uuid: str
    now: int

    def fixed(self, native: Document, kind: str) -> dict[str, bytes]:
        """Return the members that all pieces of an answer share."""
        return {
            "id": text_of(f"chatcmpl-{self.uuid}"),
            "object": text_of(kind),
            "created": text_of(seconds_of(native.get("created_at"), self.now)),
            "model": native.get("model") or _EMPTY,
            "system_fingerprint": b'"fp_ollama"',  # what Ollama's own OpenAI surface says
        }


@attrs.define
class Calls:
    """Writes the tool calls of one answer, numbered from its beginning to its end; names those that Ollama did not."""

    _naming: Naming
    made: int = 0

    def write(self, text: bytes, *, indexed: bool) -> bytes:
        """Return tool calls as OpenAI has them: the arguments as a string that holds the text of Ollama's object."""
        try:
            calls = _objects(text)
            return b"[" + b",".join([self._call(call, indexed=indexed) for call in calls]) + b"]"
        except msgspec.DecodeError:
            raise Malformed("tool calls that make no sense") from None

    def _call(self, call: Mapping[str, msgspec.Raw], *, indexed: bool) -> bytes:
        function = {name: bytes(raw) for name, raw in _object(call.get("function", b"")).items() if name != "index"}
        arguments = function.get("arguments", NULL)
        if not arguments.startswith(b'"'):
            arguments = text_of("{}" if arguments == NULL else arguments.decode())
        given = {name: bytes(raw) for name, raw in call.items()}
        members = {"index": text_of(self.made)} if indexed else {}
        members["id"] = text_of(self._name()) if given.get("id", NULL) in {NULL, _EMPTY} else given["id"]
        members["type"] = b'"function"'
        members["function"] = render(Document({**function, "arguments": arguments}))
        self.made += 1
        return render(Document({**members, **{name: text for name, text in given.items() if name not in members}}))

    def _name(self) -> str:
        """Return an id as short as OpenAI's may be: 40 characters."""
        return f"call_{self._naming.uuid.replace('-', '')[:24]}_{self.made}"


def native_of(text: bytes) -> Document:
    """Read one object of an answer; raises `Malformed` where it is none, and the failure that it tells of."""
    try:
        native = parse_object(text, unique=False)
    except NotJson:
        raise Malformed("something that is no JSON object") from None
    raise_error(native)
    return native


def spoken(native: Document, calls: Calls, *, indexed: bool) -> dict[str, bytes]:
    """
    Return what the message of an object says, as OpenAI's members: `content`, and those of the others that are there.

    Members that OpenAI does not have stay as they are.
    """
    message = _message(native)
    said = {"content": _string(message, "content")}
    thinking = _string(message, "thinking")
    if thinking != _EMPTY:
        said["reasoning"] = thinking
    before = calls.made
    called = message.get("tool_calls")
    if called is not None:
        written = calls.write(called, indexed=indexed)
        if calls.made > before:
            said["tool_calls"] = written
            said["content"] = NULL if said["content"] == _EMPTY else said["content"]
    for name, text in message.members.items():
        if name not in _SPOKEN:
            said.setdefault(name, text)
    return said


def others(native: Document) -> dict[str, bytes]:
    """Return the members that OpenAI has no place for: durations and what Ollama may add; they stay as they came."""
    return {name: text for name, text in native.members.items() if name not in _NATIVE}


def logprobs_of(native: Document) -> bytes:
    """Return OpenAI's `logprobs`, `null` where there are none; what clients rely on and Ollama leaves out is added."""
    text = native.get("logprobs")
    if text is None:
        return NULL
    try:
        tokens = [
            _token({"bytes": msgspec.Raw(NULL), "top_logprobs": msgspec.Raw(b"[]"), **token})
            for token in _objects(text)
        ]
    except msgspec.DecodeError:
        raise Malformed("logprobs that make no sense") from None
    return b'{"content":' + text_of(tokens) + b',"refusal":null}' if tokens else NULL


def finish_reason(native: Document, calls: Calls) -> str:
    """Return why an answer ended, in OpenAI's words: Ollama says `stop` for calls too, and `load` for no question."""
    if calls.made:
        return "tool_calls"
    return "length" if native.get("done_reason") == b'"length"' else "stop"


def usage_of(native: Document) -> Usage | None:
    """
    Return the tokens of a finished answer; None where it tells none, or some that make no sense.

    Ollama leaves out a count that is zero, as that of a prompt which it still had in its cache.
    """
    counts = (_count(native.get("prompt_eval_count")), _count(native.get("eval_count")))
    if not any(counts) or any(not 0 <= count <= _MOST_TOKENS for count in counts):
        return None
    return Usage(*counts)


def usage_member(usage: Usage | None) -> dict[str, bytes]:
    """Return OpenAI's `usage`, without the details that Ollama does not tell; nothing where there is none to tell."""
    if usage is None:
        return {}
    counts = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    return {"usage": text_of(counts)}


def _message(native: Document) -> Document:
    text = native.get("message")
    if text is None and native.get("done") == b"true":
        return Document({})
    try:
        return Document({name: bytes(raw) for name, raw in _object(text or b"").items()})
    except msgspec.DecodeError:
        raise Malformed("a piece of an answer without a message") from None


def _string(message: Document, name: str) -> bytes:
    text = message.get(name) or _EMPTY
    if not text.startswith(b'"'):
        raise Malformed(f"a message whose {name} is no text")
    return text


def _token(token: dict[str, msgspec.Raw]) -> dict[str, object]:
    likely = [{"bytes": msgspec.Raw(NULL), **other} for other in _objects(token["top_logprobs"])]
    return {**token, "top_logprobs": likely}


def _count(text: bytes | None) -> int:
    try:
        return _integer(text or b"0")
    except msgspec.DecodeError:
        return -1
