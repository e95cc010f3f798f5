#!/usr/bin/env bash
# Builds the images and takes an order through them, on a machine without a Docker engine: buildah builds and runs them
# in a chroot, on a base image made of Debian's packages, against the PostgreSQL and the Valkey of .venv.
#
# Needs root, `make setup`, and `apt-get install buildah debootstrap`. Takes about six minutes and 5 GB in TMPDIR.
#   BASE_IMAGE=...      take this base image, from a registry, instead of making one
#   BUILD_OPTIONS=...   more options for `buildah build`; where pip needs a configuration of its own:
#                       BUILD_OPTIONS="--volume /path/to/pip.conf:/etc/pip.conf:ro"
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "check-images: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "has to be root, to make a base image and to run in it as another user"
for program in buildah debootstrap; do
    command -v "$program" >/dev/null || fail "$program is not installed: apt-get install $program"
done
[ -x .venv/bin/python ] || fail "there is no .venv: make setup"

work=$(mktemp -d)
export BUILDAH_ISOLATION=chroot CONTAINERS_STORAGE_CONF=$work/storage.conf
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/images"\nrunroot = "%s/run"\n' "$work" "$work" >"$CONTAINERS_STORAGE_CONF"
trap 'buildah umount --all >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

if [ -z "${BASE_IMAGE:-}" ]; then
    echo "== base image: Debian 12 and its Python 3.11, in place of python:3.11-slim-bookworm"
    BASE_IMAGE=localhost/onhand-base
    base=$(buildah from scratch)
    root=$(buildah mount "$base")
    debootstrap --variant=minbase --include=python3,python3-pip,python3-venv,python-is-python3,ca-certificates \
        bookworm "$root" >"$work/debootstrap.log" 2>&1 || { tail "$work/debootstrap.log" >&2; exit 1; }
    rm -rf "$root"/var/cache/apt/archives/*.deb
    buildah umount "$base" >/dev/null
    buildah commit --quiet --rm "$base" "$BASE_IMAGE" >/dev/null
fi

for image in gateway orders inventory cli; do
    echo "== onhand/$image"
    # shellcheck disable=SC2086  # several options
    buildah build --format docker --build-arg BASE_IMAGE="$BASE_IMAGE" ${BUILD_OPTIONS:-} \
        --tag "onhand/$image" --file "apps/$image/Dockerfile" . >"$work/build.log" 2>&1 ||
        { tail -n 20 "$work/build.log" >&2; exit 1; }
done
buildah images --format '{{.Name}} {{.Size}}'

echo "== an order through the images"
.venv/bin/python -m tests.images.order_through_images
