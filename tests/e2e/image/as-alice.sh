#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command as alice in an active desktop-like session on seat0, so that
# polkit and udisks treat her as the person sitting there.
#   as-alice COMMAND
exec systemd-run --quiet --pipe --wait --collect \
	-p PAMName=login -p User=alice -p TTYPath=/dev/tty1 \
	-p Environment='XDG_SEAT=seat0 XDG_VTNR=1 XDG_SESSION_TYPE=tty XDG_SESSION_CLASS=user' \
	sh -c "$1"
