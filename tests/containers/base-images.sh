#!/usr/bin/env bash
# Stand-ins for the base images, for machines on which nothing can be pulled:
#
#     tests/containers/base-images.sh PATH_OF_BUN
#     export BUN_IMAGE=papa-leguas-stand-in/bun HAPROXY_IMAGE=papa-leguas-stand-in/haproxy
#     export POSTGRES_IMAGE=papa-leguas-stand-in/postgres
#
# They are made of this machine's own files: a shell, the few tools that the Dockerfile calls, Bun and
# the packages that the lockfile names, so that the build needs no network; HAProxy; and PostgreSQL 15, where Debian's
# package is installed. They
# prove that the images build and run, not that the published base images are what they should be.
# DOCKER names the docker command.
set -euo pipefail
bun="$1"
project="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
docker="${DOCKER:-docker}"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# make_root NAME COMMAND...: a file system with these commands and the libraries that they need.
make_root() {
  local root="$work/$1"
  shift
  mkdir -p "$root"/usr/{bin,lib,lib64,sbin,local} "$root"/{etc,tmp,root}
  ln -s usr/bin usr/lib usr/lib64 usr/sbin "$root"
  chmod 1777 "$root/tmp"
  local command path
  for command in "$@"; do
    path="$(readlink -f "$(command -v "$command")")"
    cp "$path" "$root/usr/bin/$(basename "$command")"
    { ldd "$path" 2>/dev/null || true; } | { grep -o '/[^ )]*\.so[^ )]*' || true; } |
      xargs --no-run-if-empty cp --dereference --parents --target-directory="$root"
  done
}

# import_root NAME CHANGE...
import_root() {
  local name="$1" change changes=()
  shift
  for change in "$@"; do changes+=(--change "$change"); done
  tar --directory "$work/$name" --create . |
    "$docker" import "${changes[@]}" - "papa-leguas-stand-in/$name" >/dev/null
  echo "papa-leguas-stand-in/$name"
}

make_root bun "$bun" bash sh mkdir cp sort grep xargs ldd
mv "$work/bun/usr/bin/$(basename "$bun")" "$work/bun/usr/bin/bun" 2>/dev/null || true
mkdir "$work/packages"
cp "$project"/{package.json,bun.lock,bunfig.toml} "$work/packages"
cache="$work/bun/root/.bun/install/cache"
(
  cd "$work/packages"
  BUN_INSTALL_CACHE_DIR="$cache" "$bun" install --frozen-lockfile --ignore-scripts --production --silent ||
    cp --archive "$("$bun" pm cache)/." "$cache"
)
import_root bun 'ENV PATH=/usr/bin HOME=/root' 'WORKDIR /root'

make_root haproxy haproxy
import_root haproxy 'ENV PATH=/usr/bin' 'USER 99:99'

# PostgreSQL as the published image is used here: its user, password and database from the environment, its
# data at the same path, and tools in PATH.
postgresql=/usr/lib/postgresql/15
[ -d "$postgresql" ] || exit 0
PATH="$postgresql/bin:$PATH" make_root postgres bash sh cat postgres initdb pg_isready
root="$work/postgres"
# The server finds its files by the place of its program.
mkdir -p "$root$postgresql"/{bin,lib} "$root"/var/{lib/postgresql/data,run/postgresql} "$root"/usr/share/{postgresql,zoneinfo/Etc}
for program in postgres initdb; do mv "$root/usr/bin/$program" "$root$postgresql/bin"; done
cp --recursive /usr/share/postgresql/15 "$root/usr/share/postgresql"
cp "$postgresql"/lib/{plpgsql,dict_snowball,euc2004_sjis2004}.so "$root$postgresql/lib"
for zone in UTC Etc/UTC; do cp --dereference "/usr/share/zoneinfo/$zone" "$root/usr/share/zoneinfo/$zone"; done
echo 'postgres:x:70:70::/var/lib/postgresql:/bin/sh' >"$root/etc/passwd"
cat >"$root/usr/bin/serve" <<'SCRIPT'
#!/bin/bash
set -euo pipefail
export PGDATA=/var/lib/postgresql/data
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  initdb --username "$POSTGRES_USER" --pwfile <(echo "$POSTGRES_PASSWORD") --auth-host scram-sha-256 --auth-local trust \
    --locale C --encoding UTF8
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA" postgres
fi
exec postgres -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql
SCRIPT
chmod +x "$root/usr/bin/serve"
chown -R 70:70 "$root"/var/{lib,run}/postgresql
import_root postgres "ENV PATH=$postgresql/bin:/usr/bin" 'USER 70:70' 'VOLUME /var/lib/postgresql/data' 'ENTRYPOINT ["serve"]'
