# The service, `giftcard serve`, from the versions in uv.lock.
#
#   docker build --tag giftcard-tender .
#   giftcard certs certificates   # once: a development authority, and its certificates
#   chown -R 10001 certificates   # the user that the image runs as
#   docker run --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#       --pids-limit 1024 --stop-timeout 30 \
#       --volume giftcard:/var/lib/giftcard --volume "$PWD/certificates:$PWD/certificates:ro" \
#       --publish 127.0.0.1:50051:50051 --publish 127.0.0.1:9464:9464 \
#       --env GIFTCARD_CONFIG="$PWD/certificates/giftcard.toml" --env GIFTCARD_HTTP_TLS=true \
#       --env GIFTCARD_MAIL=none giftcard-tender   # or how cards are mailed: docs/email.md
#
# It writes to /var/lib/giftcard (the embedded database and its keys) and, with several workers,
# to /tmp (their counters), and nowhere else.
#
# Both stages use the same image, since an environment names the path of its Python.

FROM python:3.13-slim-trixie AS build
# Bytecode makes the start faster. Copies, because the cache stays in this stage.
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PROJECT_ENVIRONMENT=/opt/giftcard \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /source
COPY pyproject.toml uv.lock ./
COPY client/pyproject.toml client/
# The version of uv is that of pyproject.toml. The dependencies come before the
# sources, so that a change of the sources does not install them again.
RUN sed -n 's/^ *"\(uv==[0-9.]*\)".*/\1/p' pyproject.toml > uv.txt \
    && pip install --no-cache-dir --requirement uv.txt \
    && uv sync --frozen --no-default-groups --extra postgres --extra redis --extra otel --no-install-workspace
COPY protos protos
COPY rules rules
COPY storage storage
COPY server server
COPY client client
RUN uv sync --frozen --no-default-groups --extra postgres --extra redis --extra otel --no-editable

FROM python:3.13-slim-trixie
LABEL org.opencontainers.image.title="giftcard-tender" \
      org.opencontainers.image.description="Gift cards as a payment method, over gRPC"
# Without pip nothing in the image can install packages into a running container.
RUN pip uninstall --yes --root-user-action=ignore pip \
    && useradd --system --uid 10001 --user-group --no-create-home giftcard \
    && install --directory --owner=giftcard --group=giftcard --mode=0700 /var/lib/giftcard
COPY --from=build /opt/giftcard /opt/giftcard
# No client outside of the container could reach loopback. So the server listens on every
# address, and refuses to start without certificates unless settings allow that
# (GIFTCARD_ALLOW_...; see docs/operator.md).
# GRPC_VERBOSITY: the core of gRPC would write lines to standard error that are not JSON.
ENV PATH=/opt/giftcard/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GRPC_VERBOSITY=NONE \
    GIFTCARD_DATABASE_URL=sqlite:////var/lib/giftcard/giftcard.db \
    GIFTCARD_GRPC_LISTEN=0.0.0.0:50051 \
    GIFTCARD_HTTP_LISTEN=0.0.0.0:9464
# By number, so that Kubernetes can check that it is not root.
USER 10001:10001
WORKDIR /var/lib/giftcard
VOLUME /var/lib/giftcard
EXPOSE 50051 9464
# Over HTTP, since under load the limit of concurrent calls would refuse the gRPC health check.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
    CMD ["python", "-m", "giftcard_server.liveness"]
ENTRYPOINT ["giftcard"]
CMD ["serve"]
