# The exporter as an image: docker build -t bkmonitor-flow-exporter .
# It runs as nobody in particular, keeps its ledger in /data, and has what requirements/run.lock says and nothing else.
ARG PYTHON=python:3.13.9-slim-bookworm

FROM ${PYTHON} AS wheel
WORKDIR /build
COPY requirements/dev.lock requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/dev.lock
COPY pyproject.toml README.md ./
COPY exporter exporter
COPY grafana grafana
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheel .

FROM ${PYTHON} AS venv
COPY requirements/run.lock /
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes -r /run.lock
COPY --from=wheel /wheel /wheel
RUN /venv/bin/pip install --no-cache-dir --no-deps /wheel/*.whl && /venv/bin/pip uninstall --yes pip

FROM ${PYTHON}
COPY --from=venv /venv /venv
RUN install --directory --owner=65532 --group=65532 /data
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 10845
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:10845/-/healthy', timeout=4)"]
ENTRYPOINT ["bkmonitor-flow-exporter"]
CMD ["serve", "--config.file=/etc/bkmonitor-flow-exporter/config.yaml"]
