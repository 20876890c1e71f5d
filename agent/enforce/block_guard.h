/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User space of the kernel guard (agent/bpf): load or take over the programs,
 * seed the device map, prove that they run, and change entries. The only user
 * of libbpf. It never judges a device, and it keeps nobody out by itself: what
 * it enters is what the caller decided.
 *
 * Enforcement outlives this object and the process: links and maps are pinned
 * below the pin directory, in a folder named after a hash of the object code.
 * A restart finds the same hash and takes them over, with no window; another
 * hash (an upgrade) loads and attaches its own set before the old one goes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/bpf/guard.h"

enum { BLOCK_GUARD_FDS_MAX = 96, BLOCK_GUARD_FD_NAME_MAX = 64 };

/* DESIGN 3. 0 is "not known", which the caller treats as T4. */
enum block_guard_tier {
	BLOCK_GUARD_TIER_UNKNOWN,
	BLOCK_GUARD_T1, /* BPF LSM and cgroup/dev enforce */
	BLOCK_GUARD_T2, /* fmod_ret and cgroup/dev enforce */
	BLOCK_GUARD_T3, /* cgroup/dev only */
	BLOCK_GUARD_T4	/* nothing: USB authorisation alone */
};

/* Layers that were seen to work, as bits. */
enum {
	BLOCK_GUARD_LAYER_CGROUP = 1U << 0, /* self-test was refused by it */
	BLOCK_GUARD_LAYER_LSM = 1U << 1,
	BLOCK_GUARD_LAYER_FMOD = 1U << 2,
	BLOCK_GUARD_LAYER_DEVICES = 1U << 3, /* device_add/del attached */
	BLOCK_GUARD_LAYER_SYSCTL = 1U << 4,  /* ftrace switch is guarded */
	BLOCK_GUARD_LAYER_TAMPER = 1U << 5   /* can be switched on */
};

struct block_guard_options {
	const char *pin_dir;	/* NULL: /sys/fs/bpf/sekimori */
	const char *cgroup_dir; /* NULL: root of cgroup v2, found by itself */
	int sys_fd;		/* open on /sys, borrowed */
	int proc_fd;		/* open on /proc, borrowed; its ".." is / */
	bool enforce;		/* false: judge and tell only (monitor) */
	bool fixed_needs_entry; /* a fixed disk is a medium until allowed */
	bool no_lsm;		/* tests: do as if `bpf` were not in the list */
	bool no_trampoline;	/* tests: do as in tier T3 */
	bool no_task;		/* tests: do as on 5.15 */
	bool verbose;		/* let libbpf write to stderr */
};

struct block_guard_status {
	enum block_guard_tier tier;
	uint32_t layers; /* BLOCK_GUARD_LAYER_* */
	bool reused;	 /* a running set was taken over */
	/* A set is pinned whose daemon we are not and cannot become, because
	 * the service manager did not keep its descriptors: it goes on refusing
	 * until the next boot, whatever we enter. */
	bool is_locked_out;
	bool lsm_listed;  /* `bpf` in /sys/kernel/security/lsm */
	char set[32];	  /* folder below the pin directory */
	char reason[128]; /* why not T1, for people; "" at T1 */
};

struct block_guard_counters {
	uint64_t events_dropped;
	uint64_t denied;
	uint64_t devices_full;
};

/* Called by block_guard_dispatch; EVENT is valid during the call only. One of
 * GUARD_HOOK_WRITING is a whole struct guard_writing. */
typedef void (*block_guard_event_fn)(const struct guard_event *event,
				     void *userdata);

struct block_guard;

/*
 * Make the object; nothing is loaded yet. OPTIONS is copied, its strings are
 * borrowed for the object's life.
 */
int block_guard_new(const struct block_guard_options *options,
		    struct block_guard **ret_guard)
	__attribute__((nonnull, warn_unused_result));

/* Close our descriptors. Pinned programs go on enforcing. NULL is fine. */
struct block_guard *block_guard_free(struct block_guard *guard);

/*
 * Offer a descriptor that the service manager kept (FDSTORE) before
 * block_guard_start; NAME as in block_guard_store_fds. Takes over FD and
 * closes it if it is of no use (1 is returned then).
 */
int block_guard_adopt_fd(struct block_guard *guard, const char *name, int fd)
	__attribute__((nonnull, warn_unused_result));

/*
 * Take over the running set, or load, attach, seed and pin a new one; enter
 * this process as the exempt daemon; run the self-test. Returns 0 at any tier
 * from T1 to T3 and tells which in block_guard_status; -errno only when no
 * layer at all could be brought up (tier T4): the caller goes on without.
 * A layer that fails never takes another one down with it.
 */
int block_guard_start(struct block_guard *guard)
	__attribute__((nonnull, warn_unused_result));

/* Prove again that each layer refuses what it should; updates the status. */
int block_guard_self_test(struct block_guard *guard)
	__attribute__((nonnull, warn_unused_result));

/*
 * Something was taken away: bring up a whole set again beside what is left,
 * with the same entries, switches and daemon, and let go of the old one after
 * that. 0, or -errno: what is left goes on, the status tells what it is. The
 * descriptors of block_guard_store_fds are others then, that of
 * block_guard_event_fd is the same.
 */
int block_guard_restore(struct block_guard *guard)
	__attribute__((nonnull, warn_unused_result));

const struct block_guard_status *block_guard_status(
	const struct block_guard *guard) __attribute__((nonnull));

/* Enforce or only judge and tell; both take effect at once. */
int block_guard_set_enforce(struct block_guard *guard, bool enforce)
	__attribute__((nonnull, warn_unused_result));

/* Which nodes of what is built in are refused: GUARD_GATE_* as bits. */
int block_guard_set_gates(struct block_guard *guard, uint32_t gates)
	__attribute__((nonnull, warn_unused_result));

/*
 * Tamper protection on or off (block_guard_start leaves it as it was): while on,
 * root can neither signal, trace nor unpin. -EOPNOTSUPP: the layer is missing.
 * The caller must have its descriptors in the service manager's store first
 * (block_guard_store_fds): its successor may not open the pins otherwise.
 */
int block_guard_set_tamper(struct block_guard *guard, bool on)
	__attribute__((nonnull, warn_unused_result));

/* A fixed disk without an entry is refused (false: it is free). */
int block_guard_set_fixed(struct block_guard *guard, bool needs_entry)
	__attribute__((nonnull, warn_unused_result));

/* Tamper protection as the kernel has it; survives a restart of the daemon. */
struct block_guard_tamper {
	bool is_on;
	/* CLOCK_BOOTTIME until which it does not count; 0: it counts. */
	uint64_t boot_off_until_ns;
	/* The caller's, kept where root cannot write while it is on. */
	uint64_t order_serial;
	uint8_t anchor[GUARD_ANCHOR_BYTES];
};

/* 0, or -EBADF without programs. */
int block_guard_read_tamper(const struct block_guard *guard,
			    struct block_guard_tamper *ret_tamper)
	__attribute__((nonnull, warn_unused_result));
/* As block_guard_set_tamper(). */
int block_guard_write_tamper(struct block_guard *guard,
			     const struct block_guard_tamper *tamper)
	__attribute__((nonnull, warn_unused_result));

/* Whether this process may not open what is pinned: tamper protection is on,
 * and it is not its daemon. May be asked before block_guard_start(). */
bool block_guard_is_locked(const struct block_guard *guard)
	__attribute__((nonnull));

/*
 * Descriptor for the caller's event loop (readable = events wait), owned by
 * the guard. -EBADF before block_guard_start.
 */
int block_guard_event_fd(const struct block_guard *guard)
	__attribute__((nonnull));

/* Hand every waiting event to FN. Returns how many, or -errno. */
int block_guard_dispatch(struct block_guard *guard, block_guard_event_fn fn,
			 void *userdata)
	__attribute__((nonnull(1, 2), warn_unused_result));

/*
 * Key of a device number as stat(2) and sysfs "dev" give it. Pure.
 */
uint64_t block_guard_key(bool is_char, dev_t device);

/*
 * Enter the whole disk (or tape, or usbfs node) KEY with ACCESS for as long as
 * it keeps DISKSEQ (0 for character devices). Partitions inherit at once,
 * those that come later too. GUARD_DENY overrides a fixed disk's freedom,
 * never a system disk's. -ENOSPC: the map is full and nothing changed.
 */
int block_guard_set(struct block_guard *guard, uint64_t key,
		    enum guard_access access, uint64_t diskseq)
	__attribute__((nonnull, warn_unused_result));

/* Take the entry out. Not there is success. */
int block_guard_clear(struct block_guard *guard, uint64_t key)
	__attribute__((nonnull, warn_unused_result));

/*
 * What the guard knows of KEY: 0, or -ENOENT for a device it never saw (an
 * unknown block device is refused to everybody but the daemon).
 */
int block_guard_device(const struct block_guard *guard, uint64_t key,
		       struct guard_device *ret_device)
	__attribute__((nonnull, warn_unused_result));

/* The next key after *KEY (NULL: the first). -ENOENT at the end. */
int block_guard_next_device(const struct block_guard *guard,
			    const uint64_t *key, uint64_t *ret_key)
	__attribute__((nonnull(1, 3), warn_unused_result));

/* The keys of all entries, at most CAPACITY of them. */
int block_guard_entries(const struct block_guard *guard, uint64_t *ret_keys,
			size_t capacity, size_t *ret_count)
	__attribute__((nonnull, warn_unused_result));

/* The entry of KEY, or -ENOENT. */
int block_guard_entry(const struct block_guard *guard, uint64_t key,
		      struct guard_policy *ret_entry)
	__attribute__((nonnull, warn_unused_result));

/*
 * The file system on a medium with this number (block_guard_key() of a
 * block device's), be it mounted where nobody sees it. -ENOENT: none, or it was
 * mounted before the programs ran.
 */
int block_guard_mounted(const struct block_guard *guard, uint64_t file_system,
			struct guard_mounted *ret_mounted)
	__attribute__((nonnull, warn_unused_result));

/*
 * From now on, as long as it is the one of BORN_NS, files of it may be written
 * without GUARD_HOOK_WRITING. Read BORN_NS before the watch begins. 0: it is
 * watched no more; then it is told or, out of the daemon's sight, refused.
 */
int block_guard_watch(struct block_guard *guard, uint64_t file_system,
		      uint64_t born_ns)
	__attribute__((nonnull, warn_unused_result));

/*
 * Read sysfs again and enter devices that the guard does not know. Done by
 * block_guard_start; the caller repeats it on a block "add" uevent only where
 * BLOCK_GUARD_LAYER_DEVICES is missing.
 */
int block_guard_seed(struct block_guard *guard)
	__attribute__((nonnull, warn_unused_result));

int block_guard_read_counters(const struct block_guard *guard,
			      struct block_guard_counters *ret_counters)
	__attribute__((nonnull, warn_unused_result));

/* One descriptor for the service manager's store. Borrowed. */
struct block_guard_fd {
	char name[BLOCK_GUARD_FD_NAME_MAX];
	int fd;
};

/*
 * The map descriptors to keep over a restart: send each with FDSTORE=1,
 * FDNAME=name and FDPOLL=0 (a map polls as EPOLLERR and systemd would drop it
 * otherwise). Fills at most BLOCK_GUARD_FDS_MAX and returns how many.
 */
size_t block_guard_store_fds(const struct block_guard *guard,
			     struct block_guard_fd *ret_fds)
	__attribute__((nonnull));

/*
 * The names of adopted descriptors that are not in use: FDSTOREREMOVE=1 with
 * each, before the new ones are stored, lets old programs go. Fills at most
 * BLOCK_GUARD_FDS_MAX, returns how many.
 */
size_t block_guard_stale_fds(const struct block_guard *guard,
			     struct block_guard_fd *ret_fds)
	__attribute__((nonnull, warn_unused_result));

/*
 * Uninstall: detach and unpin every set below the pin directory. Kernels from
 * 6.8 on free links from a work queue: the last refusal may come a moment
 * after the return.
 */
int block_guard_unload(struct block_guard *guard)
	__attribute__((nonnull, warn_unused_result));
