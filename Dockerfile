# The operator's image, for amd64 and arm64: an interpreter and what the operator imports, without shell or distribution. What it
# is taken from must be named by digest, so that what was looked at is what is built of:
#   docker buildx imagetools inspect python:3.13-slim --format '{{.Manifest.Digest}}'
#   docker buildx build --build-arg BASE=python:3.13-slim@sha256:... --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) .
ARG BASE

FROM ${BASE} AS build
ARG BASE
RUN case "${BASE}" in *@sha256:*) ;; *) echo "BASE=${BASE}: name it by digest, see Dockerfile" >&2; exit 1 ;; esac
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: --no-deps --requirement requirements-build.lock \
    && pip install --no-cache-dir --require-hashes --only-binary :all: --no-deps --target /app --requirement requirements.lock
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY vmagent_operator vmagent_operator
COPY image/tree.py image/
# A tree that runs by itself: it is tried where nothing else is there, and YAML's C loader must have come along.
RUN pip install --no-cache-dir --no-deps --no-index --no-build-isolation --target /app . \
    && python image/tree.py /app /tree \
    && chroot /tree /usr/local/bin/python -c "import sys; sys.path.insert(0, '/app'); import yaml; yaml.CSafeLoader" \
    && PYTHONPATH=/app chroot /tree /usr/local/bin/python -m vmagent_operator --version

FROM scratch
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="vmagent-operator" \
      org.opencontainers.image.description="Kubernetes operator for VictoriaMetrics VMAgent" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=build /tree /
ENV PATH=/usr/local/bin PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /tmp
USER 65532:65532
# exec form: the operator is process 1 and gets the signals
ENTRYPOINT ["python", "-m", "vmagent_operator"]
