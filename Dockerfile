# The image of driftd: `make image`, or plainly `docker build --tag driftd .`
# What is in it, how its base is bumped, and how it is built without a registry: docs/image.md

# The base of every stage: the virtual environment runs on the interpreter that it was made with. A tag with a digest
# behind it (docs/image.md) pins the base to the byte.
ARG PYTHON_IMAGE=python:3.12-slim-bookworm
# Where the stages that build need another base: it must have the same interpreter at the same path.
ARG BUILD_IMAGE=${PYTHON_IMAGE}
# rust: events are read by the compiled kernel. python: no compiler is needed, same results, slower.
ARG KERNEL=rust


FROM ${BUILD_IMAGE} AS toolchain-python

FROM toolchain-python AS toolchain-rust
# Debian keeps this cargo current for the sake of web browsers; the one named cargo is too old for the kernel.
# Versions are not pinned: Debian's mirrors drop the old ones, and nothing of this stage gets into the image.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends cargo-web gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*


# A stage of this file has no tag.
# hadolint ignore=DL3006
FROM toolchain-${KERNEL} AS dependencies
# For those who have an index of their own. The values stay in this stage; see docs/image.md about passwords in them.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
WORKDIR /build
# One environment to build with, and the one that is shipped, which never has pip.
RUN python3 -m venv /opt/tools && python3 -m venv --without-pip /opt/driftd
# Made of pyproject.toml alone, so that this layer is built again only when that changes.
COPY pyproject.toml ./
RUN python3 -c "import tomllib; project = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
        print(*project['dependencies'], sep='\n')" > requirements.txt \
 && /opt/tools/bin/pip --python /opt/driftd/bin/python install --no-cache-dir --requirement requirements.txt


FROM dependencies AS project
ARG KERNEL
# With rust, the build fails where the kernel does not compile, and so does the version below where it does not load.
ENV DRIFTD_KERNEL=${KERNEL} \
    PYO3_PYTHON=/opt/driftd/bin/python
COPY . ./
RUN /opt/tools/bin/pip wheel --no-cache-dir --no-deps --wheel-dir dist . \
 && /opt/tools/bin/pip --python /opt/driftd/bin/python install --no-cache-dir --no-deps --no-index --prefix /project \
        dist/*.whl \
 && cp -a /project/. /opt/driftd/ \
 && /opt/driftd/bin/driftd version


FROM ${PYTHON_IMAGE} AS image
# The base's own pip would be of no use here, except to somebody who got in. The official image of Python keeps it in
# /usr/local.
RUN rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip \
 && groupadd --gid 10001 driftd \
 && useradd --uid 10001 --gid driftd --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
        driftd \
 && install --directory /etc/driftd/references \
 && install --directory --owner=driftd --group=driftd --mode=0750 /var/lib/driftd

# Two layers: a new driftd on the same dependencies is a small download. pip has compiled both to byte code.
COPY --from=dependencies /opt/driftd /opt/driftd
COPY --from=project /project /opt/driftd

ENV PATH=/opt/driftd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DRIFTD_CONFIG=/etc/driftd/driftd.yaml

ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="driftd" \
      org.opencontainers.image.description="Watches the events of models in production and pages when their data drift" \
      org.opencontainers.image.url="https://github.com/driftd/driftd" \
      org.opencontainers.image.source="https://github.com/driftd/driftd" \
      org.opencontainers.image.documentation="https://github.com/driftd/driftd/blob/main/docs/image.md" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# Numbers, not names: Kubernetes checks runAsNonRoot by them.
USER 10001:10001
# The only place that driftd writes to.
VOLUME /var/lib/driftd
EXPOSE 9108
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["driftd", "probe"]
ENTRYPOINT ["driftd"]
CMD ["run"]
