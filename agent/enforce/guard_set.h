/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One set of guard programs and their maps: loaded from the object code inside
 * this program, attached, pinned, or taken over from pins. Internal to
 * agent/enforce; block_guard.h is what others use. It knows nothing of
 * devices, of the daemon or of verdicts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/bpf/guard.h"

enum guard_variant { GUARD_VARIANT_LSM, GUARD_VARIANT_FMOD };

enum guard_map {
	GUARD_MAP_DEVICES,
	GUARD_MAP_POLICY,
	GUARD_MAP_COUNTERS,
	GUARD_MAP_EVENTS,
	GUARD_MAP_MOUNTED,
	GUARD_MAP_WATCHED,
	/* Pinned last: where it is, the set is whole. */
	GUARD_MAP_CONFIG,
	GUARD_MAP_COUNT
};

/* Groups of programs that succeed or fail together, as bits. */
enum {
	GUARD_GROUP_CGROUP = 1U << 0,
	GUARD_GROUP_SYSCTL = 1U << 1,
	GUARD_GROUP_DEVICES = 1U << 2,
	GUARD_GROUP_HOOKS = 1U << 3,
	GUARD_GROUP_TAMPER = 1U << 4,
	GUARD_GROUP_ALL = (1U << 5) - 1
};

enum { GUARD_SET_NAME_MAX = 32, GUARD_PROGRAMS_MAX = 32 };

/* What to bring up. */
struct guard_set_want {
	enum guard_variant variant;
	uint32_t groups;  /* GUARD_GROUP_* */
	bool is_taskless; /* tests: the cgroup program of 5.15 */
};

struct guard_set;

/*
 * Load the programs of the wanted groups that this kernel has the functions for. When the
 * kernel refuses the object, tamper protection is left out, then the hooks,
 * then the device programs:
 * guard_set_groups tells what is left. Nothing runs yet. -errno when not even
 * the cgroup programs load.
 */
int guard_set_load(const struct guard_set_want *want,
		   struct guard_set **ret_set)
	__attribute__((nonnull, warn_unused_result));

/*
 * The pinned set of this very object code below PIN_DIR. -ENOENT: none, or not
 * whole: a crash while pinning, or a wanted link that is missing (removed
 * by hand, or it could not be attached then; loading anew tries it again).
 */
int guard_set_reuse(const char *pin_dir, const struct guard_set_want *want,
		    struct guard_set **ret_set)
	__attribute__((nonnull, warn_unused_result));

/* Unless pinned, this detaches what was attached. NULL is fine. */
struct guard_set *guard_set_free(struct guard_set *set);

/*
 * Attach the programs of GROUPS. Goes on over one that fails; a group of which
 * a needed program did is no longer in guard_set_groups. CGROUP_FD: open
 * directory of the root cgroup v2, or -1 where GROUPS needs none.
 */
void guard_set_attach(struct guard_set *set, uint32_t groups, int cgroup_fd)
	__attribute__((nonnull));

/* Pin below PIN_DIR/NAME. -errno: nothing stays pinned, all stays attached. */
int guard_set_pin(struct guard_set *set, const char *pin_dir)
	__attribute__((nonnull, warn_unused_result));

/*
 * Look at the pins again: a group of which a needed link is no longer pinned
 * is no longer in guard_set_groups. A set that is not pinned stays as it is.
 */
void guard_set_check_pins(struct guard_set *set, const char *pin_dir)
	__attribute__((nonnull));

/* Unpin every other set below PIN_DIR; KEEP may be NULL: all of them. */
int guard_set_drop_others(const char *pin_dir, const struct guard_set *keep)
	__attribute__((nonnull(1), warn_unused_result));

/*
 * Map WHICH of some set that is pinned below PIN_DIR, whole or not, provided
 * its values have SIZE bytes (0: any): a descriptor owned by the caller, or
 * -ENOENT.
 */
int guard_set_open_pinned(const char *pin_dir, enum guard_map which,
			  uint32_t size)
	__attribute__((nonnull, warn_unused_result));

/* Whether some set below PIN_DIR may not be opened by this process. */
bool guard_set_is_locked(const char *pin_dir) __attribute__((nonnull));

uint32_t guard_set_groups(const struct guard_set *set) __attribute__((nonnull));
/* The cgroup program cannot see the process (5.15). */
bool guard_set_is_taskless(const struct guard_set *set)
	__attribute__((nonnull));
enum guard_variant guard_set_variant(const struct guard_set *set)
	__attribute__((nonnull));
const char *guard_set_name(const struct guard_set *set)
	__attribute__((nonnull));
/* Its file's name below a pin. */
const char *guard_set_map_name(enum guard_map which)
	__attribute__((returns_nonnull));
/* Borrowed. */
int guard_set_map(const struct guard_set *set, enum guard_map which)
	__attribute__((nonnull));
