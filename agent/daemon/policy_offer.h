/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways in which a signed policy reaches the daemon: a file handed over
 * on the bus, and the inbox that the shipper writes. Both are proven by the
 * pipeline in the same way; neither is believed.
 */
#pragma once

struct daemon;

/* A file of the caller of LoadPolicy; borrowed. Returns what
 * pipeline_offer_policy() did, or -errno with bundle.error set. */
int policy_offer_fd(struct daemon *daemon, int fd)
	__attribute__((nonnull, warn_unused_result));

/* Looks into the inbox now. What comes of it is told by events; returns it, or
 * -ENOENT: nothing there, or no anchor that anything could be proven with. */
int policy_offer_inbox(struct daemon *daemon) __attribute__((nonnull));

/* /var is there: what could not be read at the start is read, and the inbox is
 * watched from now on. Called once. */
void policy_offer_start(struct daemon *daemon) __attribute__((nonnull));
