# The service alone: it predicts from trained bundles. Nothing here trains, and nothing here builds.
ARG BASE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE} AS build
ARG REQUIREMENTS=requirements-serve.txt
WORKDIR /src
RUN python3 -m venv /opt/reel
COPY ${REQUIREMENTS} ./requirements.txt
RUN /opt/reel/bin/python -m pip install --no-cache-dir --no-compile --require-hashes -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN /opt/reel/bin/python -m pip install --no-cache-dir --no-compile --no-deps . \
 && /opt/reel/bin/python -m pip uninstall --yes pip \
 && /opt/reel/bin/python3 -m compileall -q /opt/reel/lib

FROM ${BASE}
COPY --from=build /opt/reel /opt/reel
ENV PATH=/opt/reel/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    REEL_HOME=/data \
    REEL_DRIVER_API_HOST=0.0.0.0 \
    REEL_DRIVER_API_PORT=8000
RUN mkdir /data && chown 10001:10001 /data
VOLUME /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["python3", "-m", "reel_driver.web.probe"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["reel"]
CMD ["serve"]
