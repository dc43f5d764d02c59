"""nginx, which passes everything through: the limit of what a gateway in user space can reach."""

from __future__ import annotations

import re
import shutil
import subprocess

from bench.targets.target import KEY, Launch, Site, Target
from bench.trouble import Missing

CONFIG = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
    log_format line '$remote_addr $time_iso8601 "$request" $status $body_bytes_sent $request_time '
                    '$upstream_response_time $request_id';
    access_log {folder}/access.log line buffer=64k flush=1s;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 64k;
    client_max_body_size 10m;
    keepalive_requests 1000000;
    server_tokens off;
    map $http_authorization $refused {{ default 1; "Bearer {key}" 0; }}
    upstream mock {{ server {upstream}; keepalive 512; keepalive_requests 1000000; }}
    server {{
        listen 127.0.0.1:{port} backlog=2048;
        location / {{
            if ($refused) {{ return 401; }}
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Request-Id $request_id;
            proxy_buffering off;
        }}
    }}
}}
"""


def nginx() -> Target:
    """Return the target."""
    return Target("nginx", "passes through; auth by a map, one log line a request", _version, _launch, _install)


def _program() -> str:
    found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if found is None:
        raise Missing("nginx", "apt-get install nginx-light")
    return found


def _install() -> None:
    _program()


def _version() -> str:
    told = subprocess.run([_program(), "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/(\S+)", told)
    return found[1] if found else told.strip()


def _launch(site: Site) -> Launch:
    config = site.folder / "nginx.conf"
    text = CONFIG.format(folder=site.folder, port=site.port, upstream=site.upstream, key=KEY)
    config.write_text(text, encoding="utf-8")
    return Launch((_program(), "-e", f"{site.folder}/error.log", "-c", str(config)))
