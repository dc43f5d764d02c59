"""Ollama's names of models."""

from __future__ import annotations


def with_default_tag(name: str) -> str:
    """
    Return a model's full name: Ollama takes one without a tag for its tag `latest`.

    A colon before the last slash belongs to a registry's port: https://github.com/ollama/ollama/blob/main/types/model/name.go
    """
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
