# pubsub.azure.eventgrid: docker build -f deploy/images/component.Dockerfile .
# The base is pinned by tag, no digest being known here; Dependabot proposes one. It is the Python of the tests.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
# A mirror of PyPI, if you have one; no final stage has it.
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# The same in every Dockerfile, so that the layer is built once.
COPY deploy/images/requirements/tools.lock ./
RUN python -m venv /tools && /tools/bin/pip install --no-deps --require-hashes -r tools.lock
COPY deploy/images/requirements/component.lock ./
RUN python -m venv --without-pip /venv \
    && /tools/bin/pip --python /venv/bin/python install --no-deps --require-hashes -r component.lock
COPY components/eventgrid_pubsub source
RUN cd source && /tools/bin/python -m hatchling build -t wheel -d /build/wheel \
    && /tools/bin/pip --python /venv/bin/python install --no-deps --no-index /build/wheel/*.whl \
    && /venv/bin/dapr-eventgrid-pubsub --version
RUN /tools/bin/cyclonedx-py environment /venv/bin/python --output-reproducible --of JSON -o /build/sbom.cdx.json

FROM ${PYTHON_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dapr-eventgrid-pubsub" \
      org.opencontainers.image.description="pubsub.azure.eventgrid, a pluggable component for Dapr" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The folder where Dapr looks for sockets. A volume mounted there for the first time takes over its owner.
RUN groupadd --gid 10001 claimlens \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin claimlens \
    && install --directory --owner 10001 --group 10001 /tmp/dapr-components-sockets
COPY --from=packages /venv /venv
WORKDIR /app
COPY LICENSE deploy/images/health.py deploy/images/start.py ./
COPY --from=packages /build/sbom.cdx.json ./
# daprd runs as another user (65532), in a container of its own: it must be able to write to the socket.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    EVENTGRID_PUBSUB_SOCKET_MODE=0666 EVENTGRID_PUBSUB_HTTP_HOST=0.0.0.0 EVENTGRID_PUBSUB_HTTP_PORT=10030 \
    EVENTGRID_PUBSUB_LOG_FORMAT=json
USER 10001:10001
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "health.py", "EVENTGRID_PUBSUB_HTTP_PORT", "/dev/null"]
CMD ["python", "start.py"]
