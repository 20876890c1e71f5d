#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Builds the Debian packages from a copy of the tree: build.sh BUILD VERSION.
# The copy keeps its objects, so that a second call compiles what changed only;
# nothing is done when no source is newer than the packages.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1 version=$2
out=$build/deb src=$build/deb/src
mkdir -p "$src"

# What git knows or would take; of an unpacked archive all but what make made.
list() {
	if git ls-files --error-unmatch Makefile >/dev/null 2>&1; then
		git ls-files -z --cached --others --exclude-standard -- . ':!tests' ':!pkg/deb'
	else
		find . -mindepth 1 \( -path './build*' -o -path ./tests -o \
			-path ./pkg/deb -o -name '.git*' \) -prune -o -type f -printf '%P\0'
	fi
}
stamp=$({
	list | xargs -0 cat 2>/dev/null
	cat pkg/deb/*
} | sha256sum)
if [ "$(cat "$out/stamp" 2>/dev/null)" = "$stamp" ] && ls "$out"/*.deb >/dev/null 2>&1; then
	exit 0
fi

echo "  DEB     $out"
# Sources that are gone must not be packaged; objects may stay.
find "$src" -path "$src/build" -prune -o -type f -print0 | xargs -0r rm -f
list | while IFS= read -r -d '' f; do
	[ -e "$f" ] && printf '%s\0' "$f"
done | xargs -0 cp -a --parents -t "$src"
rm -rf "$src/debian"
cp -a pkg/deb "$src/debian"
sed "s/@VERSION@/$version/" pkg/deb/changelog.in >"$src/debian/changelog"
rm -f "$src/debian/changelog.in" "$src/debian/build.sh" "$out"/*.deb

log=$out/build.log
if ! (cd "$src" && DEB_BUILD_OPTIONS="parallel=2 noautodbgsym" \
	dpkg-buildpackage -b -nc -us -uc --no-check-builddeps) >"$log" 2>&1; then
	tail -n 40 "$log" >&2
	echo "deb: failed; whole log: $log" >&2
	exit 1
fi
ls "$out"/*.deb
printf '%s' "$stamp" >"$out/stamp"
