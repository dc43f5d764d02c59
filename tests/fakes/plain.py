"""The gateway's command line, served by one of uvicorn's own protocols: `python -m tests.fakes.plain h11 serve …`."""

from __future__ import annotations

import sys
from functools import partial
from typing import cast

from entrypoints import cli, server

if __name__ == "__main__":
    server.serve = partial(server.serve, http=cast(server.Http, sys.argv[1]))
    cli.main(sys.argv[2:])
