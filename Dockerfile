# One image for the API, the worker, Flower and the migrations; the command chooses.

FROM python:3.13-slim-trixie AS build

ARG UV_VERSION=0.13.9
RUN --mount=type=cache,target=/root/.cache/pip \
    pip install --root-user-action=ignore uv==${UV_VERSION}

ENV UV_PYTHON=/usr/local/bin/python3 \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_LINK_MODE=copy
WORKDIR /build
# The packages before the source: an edit of app/ does not install them again.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    uv sync --locked --no-dev --compile-bytecode

COPY app /app
# The root file system may be read-only: what is not compiled now is compiled at every start.
RUN python3 -m compileall -q /app


FROM python:3.13-slim-trixie

# No login, no home; a number, so that Kubernetes can see that it is not root.
RUN groupadd --gid 10001 taskbell \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin taskbell \
 && install --directory --owner=10001 --group=10001 /data

COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app

ENV PATH=/opt/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

USER 10001:10001
WORKDIR /app
EXPOSE 8001
STOPSIGNAL SIGTERM
# It reads gunicorn.conf.py. The worker: celery -A djangoNinja worker --loglevel=info -c 4
CMD ["gunicorn"]
