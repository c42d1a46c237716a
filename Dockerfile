# syntax=docker/dockerfile:1

FROM rust:1-slim-bookworm AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential cmake \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src ./src
COPY rules ./rules
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --profile dist --bin noren \
    && install -D target/dist/noren /out/noren

FROM debian:bookworm-slim
# Shops' certificates are verified against the system's authorities; /healthz is asked by curl.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 noren \
    && useradd --system --uid 10001 --gid noren --home-dir /data --shell /usr/sbin/nologin noren \
    && install --directory --owner noren --group noren /rules /certs /data
COPY --from=build /out/noren /usr/local/bin/noren
USER 10001:10001
# The root file system may be read-only (`docker run --read-only`): everything that is written goes to /data.
VOLUME ["/rules", "/certs", "/data"]
EXPOSE 8080 8443 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD curl --fail --silent --output /dev/null http://127.0.0.1:9090/readyz || exit 1
ENTRYPOINT ["/usr/local/bin/noren"]
CMD ["serve", "--rules", "/rules", "--certs", "/certs", "--data", "/data", "--listen", "0.0.0.0:8080", "--ops", "127.0.0.1:9090"]
