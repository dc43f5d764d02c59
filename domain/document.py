"""A JSON object kept as the text of its members, so that nothing in it is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

NULL = b"null"


@attrs.frozen
class Document:
    """
    A JSON object whose members are carried as the JSON text they came with.

    The gateway reads the few members that it decides on and carries the rest: big integers, number
    text, string escapes and unknown members leave as they came. `members` maps a decoded name to the
    UTF-8 JSON text of its value, in the order of arrival. The text is known to be valid JSON.
    """

    members: Mapping[str, bytes]

    def get(self, name: str) -> bytes | None:
        """Return the JSON text of a member, or None where it is absent or `null`: they mean the same."""
        text = self.members.get(name)
        return None if text is None or text == NULL else text

    def having(self, changes: Mapping[str, bytes]) -> Document:
        """Return a copy in which the given members hold the given JSON text."""
        return Document({**self.members, **changes})

    def defaulting(self, defaults: Mapping[str, bytes]) -> Document:
        """Return a copy in which the given members are filled in where they are absent or `null`."""
        return self.having({name: text for name, text in defaults.items() if self.get(name) is None})

    def without(self, *names: str) -> Document:
        """Return a copy that lacks the given members."""
        return Document({name: text for name, text in self.members.items() if name not in names})
