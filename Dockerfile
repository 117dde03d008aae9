# Everything is installed in the first stage; the second has Python, Hookline, and nothing to build with.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/build && python -m venv --without-pip /opt/hookline
COPY requirements-build.lock requirements-run.lock ./
RUN /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
 && /opt/build/bin/pip --python /opt/hookline/bin/python install --no-cache-dir --no-compile \
      --require-hashes -r requirements-run.lock
COPY . .
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/hookline/bin/python install --no-cache-dir --no-deps \
      --no-index /wheels/*.whl

FROM python:3.13-slim
# A number, so that an orchestrator can see that it is not root.
RUN useradd --uid 10001 --no-create-home --home-dir /var/lib/hookline hookline \
 && install -d -o 10001 -g 10001 /var/lib/hookline
COPY --from=build /opt/hookline /opt/hookline
ENV PATH=/opt/hookline/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOOKLINE_HEALTH_HOST=0.0.0.0 \
    HOOKLINE_HEALTH_PORT=9090 \
    HOOKLINE_GATEWAY_HOST=0.0.0.0 \
    HOOKLINE_ENTITY_HOST=0.0.0.0
USER 10001
WORKDIR /var/lib/hookline
EXPOSE 8080 8081 9090
# Ready, not just alive: a service without its broker is not asked to work.
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9090/health/ready', timeout=3)"]
CMD ["hookline", "--help"]
