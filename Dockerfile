# docker build -t ai-gateway .
# docker run -p 127.0.0.1:8000:8000 -v ai-gateway-data:/data ai-gateway

FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements/ requirements/
RUN python -m pip install --no-cache-dir --disable-pip-version-check --root-user-action ignore \
        --require-hashes -r requirements/build.txt \
    && uv venv /app \
    && uv pip install --no-cache --compile-bytecode --python /app/bin/python --require-hashes -r requirements/run.txt
COPY pyproject.toml LICENSE README.md* ./
COPY domain/ domain/
COPY application/ application/
COPY adapters/ adapters/
COPY entrypoints/ entrypoints/
RUN python -m hatchling build -t wheel -d dist \
    && uv pip install --no-cache --compile-bytecode --python /app/bin/python --no-deps --no-index dist/*.whl

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -g gateway -m 0700 /data \
    && install -d /config
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SERVICE_HOST=0.0.0.0 \
    DATA_DIR=/data
# A gateway.toml mounted into /config is read at the start.
WORKDIR /config
VOLUME /data
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["python", "-c", "\
import http.client, os, sys; \
probe = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('SERVICE_PORT') or 8000), timeout=3); \
probe.request('GET', '/livez'); \
sys.exit(probe.getresponse().status != 200)"]
ENTRYPOINT ["ai-gateway"]
CMD ["serve"]
