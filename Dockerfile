# One image for the API, the worker, Flower and the migrations; the command chooses.
# The same commit and base make the same layers: see docs/howto/image.md.

FROM python:3.13-slim-trixie AS build

ARG UV_VERSION=0.13.9
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --root-user-action=ignore uv==${UV_VERSION}

ENV UV_PYTHON=/usr/local/bin/python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_LINK_MODE=copy \
    # The order of a set in a constant is that of its hashes.
    PYTHONHASHSEED=0
WORKDIR /build
# The packages before the source: an edit of app/ does not install them again. What only builds, checks or
# translates is left out. Compiled code is checked by the source's hash: no layer depends on when it was made,
# and a file that a layer above puts in its place counts.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    uv sync --locked --no-dev \
 && find /opt/venv -name '*.po' -delete -o -name '*.pyi' -delete -o -path '*/tornado/test/*' -delete \
 && python3 -m compileall -q --invalidation-mode checked-hash /opt/venv/lib \
 && mkdir -p /out/usr/share/doc/taskbell \
 && uv export --quiet --locked --no-dev --preview-features sbom-export --format cyclonedx1.5 >/tmp/sbom.json \
 && sed '/"serialNumber":/d; /"timestamp":/d' /tmp/sbom.json >/out/usr/share/doc/taskbell/sbom.cdx.json \
 && uv export --quiet --locked --no-dev --no-hashes --no-annotate --no-header \
        >/out/usr/share/doc/taskbell/constraints.txt

# No login, no home; a number, so that Kubernetes can see that it is not root. useradd would write down the day.
# Each file and directory gets one time, that of no build: times are in the layers, and so in their digests.
RUN mkdir /out/etc /out/opt \
 && { cat /etc/group && echo 'taskbell:x:10001:'; } >/out/etc/group \
 && { cat /etc/passwd && echo 'taskbell:x:10001:10001::/tmp:/usr/sbin/nologin'; } >/out/etc/passwd \
 && install --directory --owner=10001 --group=10001 /out/data \
 && mv /opt/venv /out/opt/venv \
 && find /out -exec touch --no-dereference --date=1980-01-01Z {} +

COPY app /app
# The root file system may be read-only: what is not compiled now is compiled at every start.
RUN chmod -R u=rwX,go=rX /app \
 && python3 -m compileall -q --invalidation-mode checked-hash /app \
 && mkdir /top && mv /app /top/ \
 && find /top -exec touch --no-dereference --date=1980-01-01Z {} +


FROM python:3.13-slim-trixie

# A copy gives the directories above the time of those that it copies; a RUN here would give them its own.
COPY --from=build /out /
COPY --from=build /top /

ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    LOG_FORMAT=json

USER 10001:10001
WORKDIR /app
EXPOSE 8001
STOPSIGNAL SIGTERM
# What is healthy depends on the command: docs/howto/probes.md has a probe for each.
HEALTHCHECK NONE
# It reads gunicorn.conf.py. The worker: celery -A djangoNinja worker --loglevel=info -c 4
CMD ["gunicorn"]

# Last, as they change with every commit and no layer does.
ARG VERSION=0.1.0
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="taskbell" \
      org.opencontainers.image.description="A background-task platform: one typed Python function becomes a durable, observable, autoscaled HTTP endpoint." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
