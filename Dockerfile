# The exporter as an image: `make image`, or `docker build -t bkmonitor-flow-exporter .`
# It runs as nobody in particular, writes to /data only, where its ledger is, and has what requirements/run.lock says and
# nothing else. PYTHON may be any image with Python 3.11 or newer and its venv; PIP_INDEX_URL and PIP_CERT are for whoever
# reaches PyPI by a mirror or a proxy of their own.
ARG PYTHON=python:3.13.9-slim-bookworm

FROM ${PYTHON} AS build
ARG PIP_INDEX_URL=https://pypi.org/simple
ARG PIP_CERT=
WORKDIR /build
# /venv is what the image gets; the pip that fills it stays behind, in another.
RUN python3 -m venv pip && python3 -m venv --without-pip /venv
COPY requirements/build.lock requirements/run.lock requirements/
RUN pip/bin/pip install --no-cache-dir --no-compile --require-hashes -r requirements/build.lock \
    && pip/bin/pip --python /venv install --no-cache-dir --no-compile --require-hashes -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
COPY grafana grafana
# Byte code is made here, or each start would compile anew what it cannot write down. By hash it does not depend on the hour.
RUN pip/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel . \
    && pip/bin/pip --python /venv install --no-cache-dir --no-compile --no-deps /wheel/*.whl \
    && /venv/bin/python -m compileall -q --invalidation-mode unchecked-hash /venv/lib

FROM ${PYTHON}
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="bkmonitor-flow-exporter" \
    org.opencontainers.image.description="Prometheus exporter for the event flow records of BlueKing Monitor" \
    org.opencontainers.image.licenses="MIT" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
COPY --from=build /venv /venv
RUN install --directory --owner=65532 --group=65532 --mode=0700 /data
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 10845
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-I", "-m", "exporter.healthcheck", "127.0.0.1:10845"]
ENTRYPOINT ["bkmonitor-flow-exporter"]
CMD ["serve", "--config.file=/etc/bkmonitor-flow-exporter/config.yaml"]
