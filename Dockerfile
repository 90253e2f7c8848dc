# One image for every process: worker, API, migrations, simulator. It runs as an ordinary user.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
RUN python -m venv /app/.venv
COPY requirements.lock .
RUN /app/.venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /app --shell /usr/sbin/nologin perennial \
    && install --directory --owner perennial --group perennial /data
WORKDIR /app
COPY --from=build /app/.venv /app/.venv
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
