/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs sekimori-probe on a medium within the loop: a child with one read-only
 * descriptor and a pipe, a deadline, and an answer of a few lines. A child
 * that crashes, hangs or talks nonsense makes its medium denied.
 */
#pragma once

struct daemon;
struct medium_entry;
struct prober;

int prober_new(struct daemon *daemon, struct prober **ret_prober)
	__attribute__((nonnull, warn_unused_result));
/* Kills what still runs. NULL is fine. */
struct prober *prober_free(struct prober *prober);

/* 0: started, pipeline_probed() follows. -ENOENT: there is no probe program or
 * no node; -EBUSY: too many at once; other -errno: not started. */
int prober_start(struct prober *prober, const struct medium_entry *medium)
	__attribute__((nonnull, warn_unused_result));
