"""
Other gateways that package registries hold, as their users run them: one process, their own defaults.

Versions are pinned, so that two runs compare the same things. What a peer does not do (auth, a log line for each
request) is said in its line of the report: it is then measured doing less than the others.
"""

from __future__ import annotations

from functools import partial

from bench.targets.fetch import fetch_node, fetch_python, folder
from bench.targets.target import AUTHORIZATION, KEY, Launch, Site, Target, free_port

LITELLM = "1.108.7"  # never 1.82.7 or 1.82.8, which somebody else published
PORTKEY = "1.15.2"
VLLM_ROUTER = "0.1.17"
SMG = "1.13.0"

LITELLM_CONFIG = """\
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock-upstream
      api_base: http://{upstream}/v1
      api_key: sk-upstream
general_settings:
  master_key: {key}
"""
STREAMS = 4  # with the others' 64, which it cannot keep up with, hardly a stream would end in time
MOST_CELLS = frozenset({"plain-1", "plain-32", "plain-256", "large-32", "first-1", "paced-64", "flood-32"})


def litellm() -> Target:
    """Return LiteLLM's proxy."""
    return Target(
        "litellm",
        f"LiteLLM proxy: master key, alias, an access line a request; no database, one worker; {STREAMS} streams",
        lambda: LITELLM,
        _launch_litellm,
        partial(fetch_python, "litellm", LITELLM, f"litellm[proxy]=={LITELLM}"),
        start_s=90.0,
        starts=1,
        cells=MOST_CELLS,
        most_streams=STREAMS,
    )


def _launch_litellm(site: Site) -> Launch:
    config = site.folder / "config.yaml"
    config.write_text(LITELLM_CONFIG.format(upstream=site.upstream, key=KEY), encoding="utf-8")
    program = str(folder("litellm", LITELLM) / "bin" / "litellm")
    arguments = ("--config", str(config), "--host", "127.0.0.1", "--port", str(site.port), "--telemetry", "False")
    return Launch((program, *arguments), {"LITELLM_LOCAL_MODEL_COST_MAP": "True"})


def portkey() -> Target:
    """Return Portkey's gateway; it learns of its upstream by headers of each request."""
    where = ("x-portkey-provider: openai", "x-portkey-custom-host: http://{upstream}/v1")
    # With the newest @hono/node-server that it accepts, every stream of this release ends in a 500.
    overrides = {"@hono/node-server": "1.13.8"}
    return Target(
        "portkey",
        "Portkey gateway: no auth of its own (the upstream's key is passed on), no line a request",
        lambda: PORTKEY,
        _launch_portkey,
        partial(fetch_node, "portkey", PORTKEY, "@portkey-ai/gateway", overrides),
        headers=(AUTHORIZATION, *where),
    )


def _launch_portkey(site: Site) -> Launch:
    program = folder("portkey", PORTKEY) / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    return Launch(("node", str(program), f"--port={site.port}", "--headless"), {"NODE_ENV": "production"})


def vllm_router() -> Target:
    """Return vLLM's router."""
    return Target(
        "vllm-router",
        "vLLM's router: no auth of its own, no line a request; policy round_robin",
        lambda: VLLM_ROUTER,
        partial(_launch_router, (str(folder("vllm-router", VLLM_ROUTER) / "bin" / "vllm-router"),)),
        partial(fetch_python, "vllm-router", VLLM_ROUTER, f"vllm-router=={VLLM_ROUTER}"),
    )


def smg() -> Target:
    """Return the Shepherd Model Gateway; it knows models by their upstream names only."""
    return Target(
        "smg",
        "Shepherd Model Gateway: API key, two lines a request; policy round_robin",
        lambda: SMG,
        partial(_launch_router, (str(folder("smg", SMG) / "bin" / "smg"), "launch")),
        partial(fetch_python, "smg", SMG, f"smg=={SMG}"),
        model="mock-upstream",
    )


def _launch_router(program: tuple[str, ...], site: Site) -> Launch:
    """Start one of the two routers, which share their command line."""
    upstream = ("--worker-urls", f"http://{site.upstream}", "--policy", "round_robin", "--api-key", KEY)
    metrics = ("--prometheus-host", "127.0.0.1", "--prometheus-port", str(free_port()))
    return Launch((*program, "--host", "127.0.0.1", "--port", str(site.port), *upstream, *metrics))
