"""`ai-gateway models` and `ai-gateway doctor`: what the providers say of themselves."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from domain.keys import Caller
from entrypoints.container import running_gateway
from entrypoints.settings import Settings

OPERATOR = Caller("operator", "operator")


@attrs.frozen
class Finding:
    """What was found of one provider; durations in milliseconds."""

    provider: str
    kind: str
    works: bool
    models: str
    took_ms: int
    note: str = ""


async def list_models(settings: Settings) -> list[str]:
    """Return the names of the models that callers can ask for, as the providers list them now."""
    async with running_gateway(settings) as running:
        await running.gateway.refresh_models()
        return [model.id for model in running.gateway.list_models(OPERATOR)]


async def examine(settings: Settings) -> Sequence[Finding]:
    """Ask every provider for its models; those that cannot list any are not asked."""
    async with running_gateway(settings) as running:
        refresh = running.gateway.refresh_models
        reports = {report.provider: report for report in await refresh.ask(refresh.providers.models)}
    findings = []
    for name, provider in sorted(settings.providers.items()):
        report = reports.get(name)
        if report is None:
            findings.append(Finding(name, provider.kind, works=True, models="-", took_ms=0, note="lists no models"))
            continue
        note = "" if report.failure is None else str(report.failure)
        models = "-" if report.failure is not None else str(len(report.models))
        findings.append(Finding(name, provider.kind, not note, models, round(report.took_s * 1000), note))
    return findings


def table(findings: Sequence[Finding]) -> str:
    """Return the findings as lines of aligned columns."""
    head = ("PROVIDER", "KIND", "WORKS", "MODELS", "MS", "NOTE")
    rows = [
        head,
        *[(f.provider, f.kind, "yes" if f.works else "NO", f.models, str(f.took_ms), f.note) for f in findings],
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
