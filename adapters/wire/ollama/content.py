"""The content of a message: OpenAI's string or parts → Ollama's one string and its images."""

from __future__ import annotations

import re

from adapters.wire.jsontext import text_of
from adapters.wire.ollama.reading import an_object, objects, string, string_text
from domain.document import Document
from domain.errors import InvalidRequest

# The types that Ollama's own OpenAI surface takes: https://github.com/ollama/ollama/blob/main/openai/openai.go
_DATA_URL = re.compile(r"data:(?:image/(?:jpeg|jpg|png|webp))?;base64,", re.IGNORECASE)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def content_of(text: bytes, path: str) -> dict[str, bytes]:
    """
    Return the members `content` and, where there are some, `images`.

    Texts are joined line by line, their escapes as they came; where an image stood among them is lost, for Ollama has
    no place to say it.
    """
    if text.startswith(b'"'):
        return {"content": text}
    texts, images = [], []
    for number, part in enumerate(objects(text, path)):
        place = f"{path}[{number}]"
        kind = string(part.get("type"), f"{place}.type")
        if kind in {"text", "refusal"}:
            texts.append(string_text(part.get(kind), f"{place}.{kind}")[1:-1])
        elif kind == "image_url":
            images.append(_image(part, f"{place}.image_url"))
        else:
            message = f"Invalid value for '{place}.type': Ollama takes text and images, and no {kind[:64]!r}."
            raise InvalidRequest(message, f"{place}.type", "invalid_value")
    found = {"content": b'"' + rb"\n".join(texts) + b'"'}
    return {**found, "images": b"[" + b",".join(images) + b"]"} if images else found


def _image(part: Document, path: str) -> bytes:
    """Return the base64 text of an image, as a JSON string."""
    text = part.get("image_url")
    if text is None or not text.startswith(b'"'):
        text, path = an_object(text, path).get("url"), f"{path}.url"
    url = string(text, path)
    if url[:8].lower().startswith(("http://", "https://")):
        raise _refused(path, "Ollama fetches no images. Send the image itself, as 'data:image/png;base64,…'")
    scheme = _DATA_URL.match(url)
    if scheme is None:
        raise _refused(path, "Ollama takes JPEG, PNG and WebP images as base64, as in 'data:image/png;base64,…'")
    data = url[scheme.end() :]
    if not data or not _BASE64.fullmatch(data):
        raise _refused(path, "the image is not valid base64")
    return text_of(data)


def _refused(path: str, reason: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid value for '{path}': {reason}.", path, "invalid_value")
