# Three images, each of one compiled binary and the C library that it needs: no shell, no tools.
#
#     docker build --target api --build-arg COMMIT="$(git rev-parse --short=12 HEAD)" -t papa-leguas-api .
#
# BUN_IMAGE may be any image with glibc, bash, coreutils and this very version of Bun.
ARG BUN_IMAGE=oven/bun:1.4.5

FROM ${BUN_IMAGE} AS build
WORKDIR /src
COPY package.json bun.lock bunfig.toml ./
RUN bun install --frozen-lockfile --ignore-scripts --production --no-progress
COPY . .
ARG COMMIT=unknown
RUN COMMIT="$COMMIT" bun tests/build.ts
# What ldd lists, under the same paths: the loader and glibc. Bun looks up libc.so.6 by name as well,
# for the link's receive buffer. Names are resolved by glibc itself since 2.34, from the files that
# the container's runtime puts into /etc.
RUN mkdir -p /root-of/data /root-of/libraries \
 && ldd dist/api dist/worker dist/simulator | grep -o '/[^ )]*\.so[^ )]*' | sort -u \
  | xargs cp --dereference --parents --target-directory=/root-of/libraries

FROM scratch AS api
COPY --from=build /root-of/libraries /
COPY --from=build /src/dist/api /api
USER 65532:65532
EXPOSE 9999
HEALTHCHECK --interval=5s --timeout=3s --retries=3 CMD ["/api", "healthcheck"]
ENTRYPOINT ["/api"]

FROM scratch AS worker
COPY --from=build /root-of/libraries /
COPY --from=build /src/dist/worker /worker
COPY --from=build --chown=65532:65532 /root-of/data /data
# A volume that is put there is its user's, too.
COPY --from=build --chown=65532:65532 /root-of/data /backups
USER 65532:65532
ENV JOURNAL=sqlite:/data/payments.db
VOLUME /data
EXPOSE 9995 9996/udp
HEALTHCHECK --interval=5s --timeout=3s --retries=3 CMD ["/worker", "healthcheck"]
ENTRYPOINT ["/worker"]

FROM scratch AS simulator
COPY --from=build /root-of/libraries /
COPY --from=build /src/dist/simulator /simulator
USER 65532:65532
ENV PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=3s --retries=3 CMD ["/simulator", "healthcheck"]
ENTRYPOINT ["/simulator"]
