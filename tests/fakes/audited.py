"""
`ai-gateway`, with note taken of everything by which a process can run code that is not its own.

Each such event goes into the file that `AUDITED_INTO` names, as a line of JSON: its kind, what it was about, and the
modules through which it came to pass, the innermost first. Processes that this one spawns do the same.
"""

from __future__ import annotations

import json
import os
import sys
from types import CodeType, FrameType

FILE_VARIABLE = "AUDITED_INTO"
KINDS = frozenset({
    "builtins.breakpoint", "code.__new__", "compile", "cpython.run_command", "cpython.run_file", "cpython.run_module",
    "cpython.run_string", "ctypes.dlopen", "exec", "import", "marshal.load", "marshal.loads", "os.exec", "os.fork",
    "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system", "pickle.find_class", "pty.spawn",
    "subprocess.Popen",
})  # fmt: skip
"""Of the events that CPython raises: https://docs.python.org/3/library/audit_events.html."""
MAX_FRAMES = 60


def note(event: str, arguments: tuple[object, ...]) -> None:
    """Take note of one event; raises nothing."""
    if event not in KINDS:
        return
    about = arguments[0] if arguments else ""
    if event == "compile":
        about = arguments[1]
    if isinstance(about, CodeType):
        about = f"{about.co_name} of {about.co_filename}"
    line = {"event": event, "about": str(about)[:200], "through": _modules(sys._getframe(1))}
    os.write(_file, json.dumps(line).encode() + b"\n")


def _modules(frame: FrameType | None) -> list[str]:
    found: list[str] = []
    while frame is not None and len(found) < MAX_FRAMES:
        name = str(frame.f_globals.get("__name__", "?"))
        if found[-1:] != [name]:
            found.append(name)
        frame = frame.f_back
    return found


_path = os.environ.get(FILE_VARIABLE)  # noqa: TID251 - it is no setting of the gateway
_file = -1
if _path is not None:
    _file = os.open(_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    sys.addaudithook(note)

if __name__ == "__main__":
    from entrypoints.cli import main

    main()
