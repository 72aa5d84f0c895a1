#!/usr/bin/env bash
# Stand-ins for the two base images, for machines on which nothing can be pulled:
#
#     tests/containers/base-images.sh PATH_OF_BUN
#     export BUN_IMAGE=papa-leguas-stand-in/bun HAPROXY_IMAGE=papa-leguas-stand-in/haproxy
#
# They are made of this machine's own files: a shell, the few tools that the Dockerfile calls, Bun and
# the packages that the lockfile names, so that the build needs no network; and HAProxy. They
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
