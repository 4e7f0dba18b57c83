# The operator's image, for amd64 and arm64: docker buildx build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --target /app --requirement requirements.lock
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY vmagent_operator vmagent_operator
# Bytecode that is trusted unread, since nothing can change the files; and YAML's C loader must have come along.
RUN pip install --no-cache-dir --no-deps --target /app . \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /app \
    && PYTHONPATH=/app python -c "import yaml; yaml.CSafeLoader" \
    && PYTHONPATH=/app python -m vmagent_operator --version

FROM python:${PYTHON}-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vmagent-operator" \
      org.opencontainers.image.description="Kubernetes operator for VictoriaMetrics VMAgent" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN pip uninstall --yes --root-user-action ignore pip
COPY --from=build /app /app
ENV PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 65532:65532
# exec form: the operator is process 1 and gets the signals
ENTRYPOINT ["python", "-m", "vmagent_operator"]
