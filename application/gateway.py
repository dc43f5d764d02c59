"""The driving port: all that can be asked of the gateway, whoever asks – HTTP, a test, a worker, a script."""

from __future__ import annotations

import attrs

from application.authenticate import Authenticate
from application.complete_chat import CompleteChat
from application.complete_text import CompleteText
from application.embed import Embed
from application.list_models import ListModels
from application.refresh_models import RefreshModels
from application.stream_chat import StreamChat
from application.stream_text import StreamText


@attrs.frozen
class Gateway:
    """All use cases as one value."""

    authenticate: Authenticate
    complete_chat: CompleteChat
    stream_chat: StreamChat
    complete_text: CompleteText
    stream_text: StreamText
    embed: Embed
    list_models: ListModels
    refresh_models: RefreshModels
