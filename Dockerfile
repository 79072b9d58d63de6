# Build: everything from hashed locks, into one folder that the second stage copies.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/build && python -m venv --without-pip /opt/vzcover \
 && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
 && /opt/build/bin/pip --python /opt/vzcover install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY exporter exporter
COPY report report
COPY simulator simulator
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/build/bin/pip --python /opt/vzcover install --no-cache-dir --no-deps /wheels/*.whl

FROM python:3.11-slim-bookworm
COPY --from=build /opt/vzcover /opt/vzcover
# a fixed id, so that volumes can be prepared for it; state and reports are all that is ever written
RUN useradd --system --uid 10977 --user-group --no-create-home --shell /usr/sbin/nologin vzcover \
 && install --directory --owner=vzcover --group=vzcover /var/lib/vzcover /var/lib/vzcover/reports /etc/vzcover
ENV PATH=/opt/vzcover/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 10977:10977
VOLUME ["/var/lib/vzcover", "/var/lib/vzcover/reports"]
EXPOSE 10977
HEALTHCHECK --interval=30s --timeout=8s --start-period=30s CMD ["python", "-m", "exporter.healthcheck"]
ENTRYPOINT ["vzcover"]
CMD ["serve"]
