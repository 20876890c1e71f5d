/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard's life: take over or bring up a set of programs, make this process
 * its daemon, prove that it refuses, and change entries. Which programs there
 * are and how they attach is guard_set.c's; what is there already is
 * guard_seed.c's and guard_system.c's.
 */
#include "agent/enforce/block_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/enforce/guard_identity.h"
#include "agent/enforce/guard_proof.h"
#include "agent/enforce/guard_seed.h"
#include "agent/enforce/guard_set.h"
#include "agent/enforce/guard_system.h"
#include "agent/enforce/guard_object.h"
#include "agent/base/banned.h"

static const char default_pin_dir[] = "/sys/fs/bpf/sekimori";

static int be_quiet(enum libbpf_print_level level, const char *format,
		    va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

int block_guard_new(const struct block_guard_options *options,
		    struct block_guard **ret_guard)
{
	struct block_guard *guard = calloc(1, sizeof(*guard));

	if (!guard)
		return -ENOMEM;
	guard->options = *options;
	if (!guard->options.pin_dir)
		guard->options.pin_dir = default_pin_dir;
	guard->place = (struct guard_place){
		.cgroup_dir = options->cgroup_dir,
		.sys_fd = options->sys_fd,
		.proc_fd = options->proc_fd,
	};
	guard->events = -1;
	guard->status.tier = BLOCK_GUARD_T4;
	if (!options->verbose)
		libbpf_set_print(be_quiet);
	*ret_guard = guard;
	return 0;
}

struct block_guard *block_guard_free(struct block_guard *guard)
{
	if (!guard)
		return NULL;
	ring_buffer__free(guard->ring);
	guard_set_free(guard->set);
	if (guard->events >= 0)
		(void)close(guard->events);
	guard_kept_fini(&guard->kept);
	free(guard);
	return NULL;
}

int block_guard_adopt_fd(struct block_guard *guard, const char *name, int fd)
{
	return guard_kept_add(&guard->kept, name, fd) ? 0 : 1;
}

/* ---- who we are -------------------------------------------------------- */

static int fill_config(const struct block_guard *guard, int cgroup_fd,
		       struct guard_config *ret_config)
{
	int r = guard_identity_fill(&guard->place, cgroup_fd, ret_config);

	if (r < 0)
		return r;
	if (guard->options.enforce)
		ret_config->flags |= GUARD_ENFORCE;
	if (guard->options.fixed_needs_entry)
		ret_config->flags |= GUARD_FIXED_NEEDS_ENTRY;
	return 0;
}

/* Noting who asks needs the programs that do it. */
static uint32_t noted_flag(const struct guard_set *set)
{
	return guard_set_is_taskless(set) &&
			       (guard_set_groups(set) & GUARD_GROUP_DEVICES)
		       ? GUARD_TASK_IS_NOTED
		       : 0;
}

/* What of the running set's configuration is not this process's to choose. */
static void inherit_config(struct block_guard *guard,
			   struct guard_config *config)
{
	const uint32_t lasting = GUARD_TAMPER | GUARD_FIXED_NEEDS_ENTRY;
	_cleanup_close_ int pinned = -1;
	struct guard_config old;
	int fd = guard_kept_find(&guard->kept, NULL, "config");

	if (fd < 0) {
		pinned = guard_set_open_pinned(guard->options.pin_dir,
					       GUARD_MAP_CONFIG, 0);
		fd = pinned;
	}
	if (fd < 0 || guard_identity_read_old(fd, &old) < 0)
		return;
	config->flags |= old.flags & lasting;
	config->tamper_off_until_ns = old.tamper_off_until_ns;
	config->order_serial = old.order_serial;
	memcpy(config->anchor, old.anchor, sizeof(config->anchor));
}

/* ---- seeding ----------------------------------------------------------- */

struct seed {
	int devices;
	const struct guard_system *system;
};

/* What the kernel half entered meanwhile is newer: BPF_NOEXIST. Only an entry
 * that outlived its disk is replaced: with it the old disk's access would count
 * for the new one. The mark of a system disk stays, lest the machine stand. */
static int seed_one(uint64_t key, const struct guard_device *device,
		    void *userdata)
{
	const struct seed *seed = userdata;
	struct guard_device entry = *device;
	struct guard_device kept;

	if (guard_system_has(seed->system, device->disk))
		entry.flags |= GUARD_DEVICE_SYSTEM;
	if (bpf_map_update_elem(seed->devices, &key, &entry, BPF_NOEXIST) == 0)
		return 0;
	if (errno != EEXIST)
		return -errno;
	if (bpf_map_lookup_elem(seed->devices, &key, &kept) < 0 ||
	    !guard_seed_is_later(&kept, &entry))
		return 0;
	entry.flags |= kept.flags & GUARD_DEVICE_SYSTEM;
	return bpf_map_update_elem(seed->devices, &key, &entry, BPF_ANY) < 0
		       ? -errno
		       : 0;
}

/* Entry by entry from a set of the version before; the first error ends it. */
static void copy_map(int from, int to, void *value)
{
	uint64_t key;
	bool first = true;

	while (bpf_map_get_next_key(from, first ? NULL : &key, &key) == 0) {
		first = false;
		if (bpf_map_lookup_elem(from, &key, value) == 0 &&
		    bpf_map_update_elem(to, &key, value, BPF_NOEXIST) < 0 &&
		    errno != EEXIST)
			return;
	}
}

static bool has_value_size(int fd, uint32_t size)
{
	struct bpf_map_info info = {0};
	uint32_t info_size = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &info_size) == 0 &&
	       info.value_size == size;
}

/* A map of the set before, whose pins may have been taken away. */
static int open_old(const struct block_guard *guard, enum guard_map map,
		    uint32_t value_size)
{
	struct guard_kept kept = guard->kept;
	int fd = guard_kept_find(&kept, NULL, guard_set_map_name(map));

	if (fd >= 0 && has_value_size(fd, value_size))
		return fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return guard_set_open_pinned(guard->options.pin_dir, map, value_size);
}

/* What a new set takes over. What is watched only a successor in the same
 * process can know. */
static const struct heirloom {
	enum guard_map map;
	uint32_t size;
	bool is_needed;
	bool is_ours;
} heirlooms[] = {
	{GUARD_MAP_DEVICES, sizeof(struct guard_device), true, false},
	{GUARD_MAP_POLICY, sizeof(struct guard_policy), true, false},
	{GUARD_MAP_MOUNTED, sizeof(struct guard_mounted), false, false},
	{GUARD_MAP_WATCHED, sizeof(uint64_t), false, true},
};
enum { HEIRLOOM_COUNT = sizeof(heirlooms) / sizeof(heirlooms[0]) };

static int open_heirloom(const struct block_guard *guard,
			 const struct heirloom *heirloom)
{
	if (guard->set) /* its own successor: block_guard_restore */
		return fcntl(guard_set_map(guard->set, heirloom->map),
			     F_DUPFD_CLOEXEC, 3);
	if (heirloom->is_ours)
		return -ENOENT;
	return open_old(guard, heirloom->map, heirloom->size);
}

/*
 * An upgrade inherits what the running set knows, the mark of system disks
 * above all: mounts of today, made under an earlier grant, must not earn it.
 */
static bool inherit(const struct block_guard *guard,
		    const struct guard_set *set)
{
	union {
		struct guard_device device;
		struct guard_policy entry;
		struct guard_mounted mounted;
		uint64_t born_ns;
	} value;

	int from[HEIRLOOM_COUNT];
	bool is_whole = true;

	for (int i = 0; i < HEIRLOOM_COUNT; i++) {
		from[i] = open_heirloom(guard, &heirlooms[i]);
		is_whole &= from[i] >= 0 || !heirlooms[i].is_needed;
	}
	for (int i = 0; i < HEIRLOOM_COUNT; i++) {
		if (is_whole && from[i] >= 0)
			copy_map(from[i], guard_set_map(set, heirlooms[i].map),
				 &value);
		cleanup_close(&from[i]);
	}
	return is_whole;
}

static int seed_set(const struct block_guard *guard,
		    const struct guard_set *set, bool mark_system)
{
	struct guard_system system = {.count = 0};
	struct seed seed = {.devices = guard_set_map(set, GUARD_MAP_DEVICES),
			    .system = &system};
	int r;

	if (mark_system) {
		_cleanup_close_ int root_fd =
			open_below(guard->options.proc_fd, "..",
				   O_RDONLY | O_DIRECTORY, 0);

		if (root_fd < 0)
			return root_fd;
		r = guard_system_read(guard->options.sys_fd,
				      guard->options.proc_fd, root_fd, &system);
		if (r < 0)
			return r;
	}
	return guard_seed_scan(guard->options.sys_fd, seed_one, &seed);
}

int block_guard_seed(struct block_guard *guard)
{
	if (!guard->set)
		return -EBADF;
	return seed_set(guard, guard->set, false);
}

static void update_status(struct block_guard *guard, uint32_t layers)
{
	struct block_guard_status *status = &guard->status;

	status->layers = layers;
	status->tier = guard_proof_tier(layers);
	(void)snprintf(status->set, sizeof(status->set), "%s",
		       guard->set ? guard_set_name(guard->set) : "");
	(void)snprintf(status->reason, sizeof(status->reason), "%s",
		       guard_proof_reason(status));
}

/* Beside the tier's own reason, which comes first. */
static void explain(struct block_guard *guard, const char *what, int error)
{
	char *reason = guard->status.reason;

	if (*reason == '\0')
		(void)snprintf(reason, sizeof(guard->status.reason), "%s: %s",
			       what, strerror(-error));
}

int block_guard_self_test(struct block_guard *guard)
{
	if (!guard->set)
		return -EBADF;
	guard_set_check_pins(guard->set, guard->options.pin_dir);
	update_status(guard, guard_proof_layers(guard->set));
	return guard->status.tier == BLOCK_GUARD_T4 ? -EPERM : 0;
}

/* ---- start ------------------------------------------------------------- */

static bool is_lsm_listed(int sys_fd)
{
	char text[256];
	char *save = NULL;

	if (read_line_file(sys_fd, "kernel/security/lsm", text, sizeof(text)) <
	    0)
		return false;
	for (char *name = strtok_r(text, ",", &save); name;
	     name = strtok_r(NULL, ",", &save)) {
		if (strcmp(name, "bpf") == 0)
			return true;
	}
	return false;
}

static struct guard_set_want want(const struct block_guard *guard,
				  enum guard_variant variant)
{
	return (struct guard_set_want){
		.variant = variant,
		.groups = guard->options.no_trampoline
				  ? GUARD_GROUP_CGROUP | GUARD_GROUP_SYSCTL
				  : GUARD_GROUP_ALL,
		.is_taskless = guard->options.no_task,
	};
}

/*
 * Watch new devices, then enter those that are there, then refuse: in this
 * order nothing is missed, and the system disk is known before any refusal.
 */
static int bring_up(const struct block_guard *guard, enum guard_variant variant,
		    const struct guard_config *own, int cgroup_fd,
		    struct guard_set **ret_set)
{
	const struct guard_set_want wanted = want(guard, variant);
	struct guard_config config = *own;
	struct guard_set *set;
	int r = guard_set_load(&wanted, &set);

	if (r < 0)
		return r;
	guard_set_attach(set, GUARD_GROUP_DEVICES, -1);
	r = seed_set(guard, set, !inherit(guard, set));
	if (r == 0) {
		config.flags |= noted_flag(set);
		r = guard_identity_write(guard_set_map(set, GUARD_MAP_CONFIG),
					 &config);
	}
	if (r < 0) {
		guard_set_free(set);
		return r;
	}
	guard_set_attach(set, GUARD_GROUP_ALL & ~GUARD_GROUP_DEVICES,
			 cgroup_fd);
	*ret_set = set;
	return 0;
}

/*
 * Attaching proves nothing: on stock Ubuntu LSM programs attach and never run.
 * So the self-test chooses, and the set that goes is the second to go.
 */
static int bring_up_best(struct block_guard *guard,
			 const struct guard_config *own, int cgroup_fd)
{
	const uint32_t hooks = BLOCK_GUARD_LAYER_LSM | BLOCK_GUARD_LAYER_FMOD;
	struct guard_set *lsm = NULL;
	struct guard_set *fmod = NULL;
	uint32_t layers = 0;
	int r = -ENOENT;

	if (guard->status.lsm_listed)
		r = bring_up(guard, GUARD_VARIANT_LSM, own, cgroup_fd, &lsm);
	if (lsm)
		layers = guard_proof_layers(lsm);
	if (!(layers & hooks)) {
		r = bring_up(guard, GUARD_VARIANT_FMOD, own, cgroup_fd, &fmod);
		if (r == 0) {
			guard_set_free(lsm);
			lsm = NULL;
			layers = guard_proof_layers(fmod);
		}
	}
	guard->set = fmod ? fmod : lsm;
	if (!guard->set)
		return r;
	update_status(guard, layers);
	return 0;
}

static int take_over(struct block_guard *guard, const struct guard_config *own)
{
	const struct guard_set_want lsm = want(guard, GUARD_VARIANT_LSM);
	const struct guard_set_want fmod = want(guard, GUARD_VARIANT_FMOD);
	const char *pin_dir = guard->options.pin_dir;
	struct guard_config config = *own;
	struct guard_set *set;
	int r = -ENOENT;

	if (guard->status.lsm_listed)
		r = guard_set_reuse(pin_dir, &lsm, &set);
	if (r < 0)
		r = guard_set_reuse(pin_dir, &fmod, &set);
	if (r < 0)
		return r;

	config.flags |= noted_flag(set);
	r = guard_identity_write(guard_set_map(set, GUARD_MAP_CONFIG), &config);
	if (r == 0)
		r = seed_set(guard, set, false);
	if (r < 0) {
		guard_set_free(set);
		return r;
	}
	guard->set = set;
	guard->status.reused = true;
	update_status(guard, guard_proof_layers(set));
	return 0;
}

/* The pins' file system, by which the tamper programs know it. */
static int note_pin_dev(struct block_guard *guard)
{
	int fd = guard_set_map(guard->set, GUARD_MAP_CONFIG);
	struct guard_config config;
	struct stat st;
	int r;

	if (stat(guard->options.pin_dir, &st) < 0)
		return -errno;
	r = guard_identity_read(fd, &config);
	if (r < 0)
		return r;
	config.pin_dev = (uint32_t)block_guard_key(false, st.st_dev);
	return guard_identity_write(fd, &config);
}

static int on_ring_event(void *context, void *data, size_t size)
{
	struct block_guard *guard = context;

	const struct guard_event *event = data;

	if (size < sizeof(*event) || !guard->fn ||
	    (event->hook == GUARD_HOOK_WRITING &&
	     size < sizeof(struct guard_writing)))
		return 0;
	guard->fn(event, guard->userdata);
	return 0;
}

/* The caller's loop waits on one descriptor whatever ring is behind it. */
static int open_ring(struct block_guard *guard)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct ring_buffer *ring;

	if (guard->events < 0)
		guard->events = epoll_create1(EPOLL_CLOEXEC);
	if (guard->events < 0)
		return -errno;
	ring = ring_buffer__new(guard_set_map(guard->set, GUARD_MAP_EVENTS),
				on_ring_event, guard, NULL);
	if (!ring)
		return -errno;
	if (epoll_ctl(guard->events, EPOLL_CTL_ADD, ring_buffer__epoll_fd(ring),
		      &event) < 0) {
		ring_buffer__free(ring);
		return -errno;
	}
	ring_buffer__free(guard->ring); /* closed: out of the epoll, too */
	guard->ring = ring;
	return 0;
}

/* Pin what was brought up and tidy up around it; none of it takes it down. */
static void settle(struct block_guard *guard, bool is_new)
{
	int r = 0;

	if (is_new)
		r = guard_set_pin(guard->set, guard->options.pin_dir);
	if (r < 0)
		explain(guard, "not pinned, ends with the daemon", r);
	/* An old set that stays refuses only what is refused anyway. */
	r = guard_set_drop_others(guard->options.pin_dir, guard->set);
	if (r < 0)
		explain(guard, "an older set is still pinned", r);
	r = note_pin_dev(guard);
	if (r < 0)
		explain(guard, "the pins cannot be protected", r);
}

int block_guard_restore(struct block_guard *guard)
{
	_cleanup_close_ int cgroup_fd =
		guard_identity_open_cgroup(&guard->place);
	const struct block_guard_status before = guard->status;
	struct guard_set *old = guard->set;
	struct guard_config config;
	int r;

	if (!old)
		return -EBADF;
	r = guard_identity_read(guard_set_map(old, GUARD_MAP_CONFIG), &config);
	if (r < 0)
		return r;
	config.flags &= ~(uint32_t)GUARD_TASK_IS_NOTED; /* the new set's own */
	r = bring_up_best(guard, &config, cgroup_fd);
	if (r == 0 && guard->status.tier >= before.tier &&
	    !(guard->status.layers & ~before.layers)) {
		guard_set_free(guard->set); /* no better than what is left */
		r = -EOPNOTSUPP;
	}
	if (r < 0) {
		guard->set = old;
		guard->status = before;
		return r;
	}
	guard->status.reused = false;
	settle(guard, true);
	guard_set_free(old);
	return open_ring(guard);
}

int block_guard_start(struct block_guard *guard)
{
	_cleanup_close_ int cgroup_fd =
		guard_identity_open_cgroup(&guard->place);
	struct guard_config own;
	int r;

	if (guard->set)
		return -EALREADY;
	guard->status.lsm_listed = !guard->options.no_lsm &&
				   is_lsm_listed(guard->options.sys_fd);
	r = fill_config(guard, cgroup_fd, &own);
	if (r < 0)
		return r;

	guard_kept_claim(&guard->kept, &own);
	guard->status.is_locked_out =
		guard_set_is_locked(guard->options.pin_dir);
	inherit_config(guard, &own);
	r = take_over(guard, &own);
	if (r < 0) {
		r = bring_up_best(guard, &own, cgroup_fd);
		if (r < 0) {
			update_status(guard, 0);
			return r;
		}
	}
	settle(guard, !guard->status.reused);
	block_guard_watch_none(guard);
	/* Their maps are the set's by now, or those of one that is gone */
	guard_kept_close(&guard->kept);
	return open_ring(guard);
}

int block_guard_unload(struct block_guard *guard)
{
	ring_buffer__free(guard->ring);
	guard->ring = NULL;
	guard->set = guard_set_free(guard->set);
	update_status(guard, 0);
	return guard_set_drop_others(guard->options.pin_dir, NULL);
}

const struct block_guard_status *block_guard_status(
	const struct block_guard *guard)
{
	return &guard->status;
}

/* ---- events ------------------------------------------------------------ */

int block_guard_event_fd(const struct block_guard *guard)
{
	return guard->ring ? guard->events : -EBADF;
}

int block_guard_dispatch(struct block_guard *guard, block_guard_event_fn fn,
			 void *userdata)
{
	int r;

	if (!guard->ring)
		return -EBADF;
	guard->fn = fn;
	guard->userdata = userdata;
	r = ring_buffer__consume(guard->ring);
	guard->fn = NULL;
	return r;
}

int block_guard_read_counters(const struct block_guard *guard,
			      struct block_guard_counters *ret_counters)
{
	if (!guard->set)
		return -EBADF;
	*ret_counters = (struct block_guard_counters){
		.events_dropped = guard_proof_count(guard->set,
						    GUARD_COUNT_DROPPED),
		.denied = guard_proof_count(guard->set, GUARD_COUNT_DENIED),
		.devices_full = guard_proof_count(guard->set,
						  GUARD_COUNT_DEVICES_FULL),
	};
	return 0;
}

size_t block_guard_store_fds(const struct block_guard *guard,
			     struct block_guard_fd *ret_fds)
{
	size_t count = 0;

	if (!guard->set)
		return 0;
	for (int i = 0; i < GUARD_MAP_COUNT; i++) {
		enum guard_map map = (enum guard_map)i;

		ret_fds[count].fd = guard_set_map(guard->set, map);
		guard_kept_name(ret_fds[count++].name,
				guard_set_name(guard->set),
				guard_set_map_name(map));
	}
	return count;
}

size_t block_guard_stale_fds(const struct block_guard *guard,
			     struct block_guard_fd *ret_fds)
{
	const struct guard_kept *kept = &guard->kept;
	size_t count = 0;
	size_t len;

	if (!guard->set)
		return 0;
	len = strlen(guard_set_name(guard->set));
	for (size_t i = 0; i < kept->count; i++) {
		const char *name = kept->list[i].name;
		if (strncmp(name, guard_set_name(guard->set), len) == 0 &&
		    name[len] == '.')
			continue;
		memcpy(ret_fds[count].name, name, GUARD_KEPT_NAME_MAX);
		ret_fds[count++].fd = -1;
	}
	return count;
}
