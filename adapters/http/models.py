"""The routes that say which models there are."""

from __future__ import annotations

import attrs

from adapters.http.visit import Visit
from adapters.wire.jsontext import render
from adapters.wire.openai.models import model_document
from application.list_models import ListModels


@attrs.frozen
class Models:
    """Lists and finds models."""

    list_models: ListModels

    async def every(self, visit: Visit) -> None:
        """`GET /v1/models`."""
        models = self.list_models(visit.known_caller(), visit.path_param("provider"))
        data = b",".join([render(model_document(model)) for model in models])
        await visit.answer(200, b'{"object":"list","data":[' + data + b"]}")

    async def one(self, visit: Visit) -> None:
        """`GET /v1/models/{id}`; ids may hold `/` and `:`."""
        model = self.list_models.find(visit.known_caller(), visit.path_param("model"), visit.path_param("provider"))
        await visit.answer(200, render(model_document(model)))
