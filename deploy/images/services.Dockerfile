# ingest, classifier and query: docker build -f deploy/images/services.Dockerfile --build-arg SERVICE=ingest .
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
COPY deploy/images/requirements/services.lock ./
RUN python -m venv --without-pip /venv \
    && /tools/bin/pip --python /venv/bin/python install --no-deps --require-hashes -r services.lock
RUN /tools/bin/cyclonedx-py environment /venv/bin/python --output-reproducible --of JSON -o /build/sbom.cdx.json

FROM packages AS code
ARG SERVICE
WORKDIR /app
COPY LICENSE deploy/images/health.py ./
COPY services/__init__.py services/
COPY services/contracts services/contracts
COPY services/platform services/platform
COPY services/${SERVICE} services/${SERVICE}
# The port of the service's settings, for the health check; and proof that what it imports is there.
RUN mv /build/sbom.cdx.json . \
    && /venv/bin/python -c "from services.${SERVICE}.settings import Settings; print(Settings().port, end='')" > port \
    && /venv/bin/python -c "import services.${SERVICE}.main" \
    && /venv/bin/python -m compileall -q services

FROM ${PYTHON_IMAGE}
ARG SERVICE
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="claimlens-${SERVICE}" \
      org.opencontainers.image.description="claimlens: ${SERVICE}" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 claimlens \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin claimlens \
    && install --directory --owner 10001 --group 10001 /data
COPY --from=packages /venv /venv
COPY --from=code /app /app
WORKDIR /app
# Nothing is written but to /data and /tmp, so the root file system can be read-only.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    SERVICE=${SERVICE} CLAIMLENS_HOST=0.0.0.0 CLAIMLENS_LOG_FORMAT=json CLAIMLENS_DATA_DIR=/data
USER 10001:10001
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "health.py", "CLAIMLENS_PORT", "port"]
CMD ["sh", "-c", "exec python -m services.${SERVICE}"]
