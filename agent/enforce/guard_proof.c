/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-test. Attaching proves nothing (on stock Ubuntu LSM programs attach
 * and never run), so each layer must refuse an open of our own, and say that
 * it was the one.
 */
#include "agent/enforce/guard_proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "agent/base/cleanup.h"
#include "agent/enforce/guard_identity.h"
#include "agent/base/banned.h"

/* Opened by the self-test: always there, and of no use to anybody. */
static const char decoy_path[] = "/dev/null";
static const char ftrace_path[] = "/proc/sys/kernel/ftrace_enabled";
enum { DECOY_MAJOR = 1, DECOY_MINOR = 3 };

uint64_t guard_proof_count(const struct guard_set *set, uint32_t which)
{
	int cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *values = NULL;
	uint64_t sum = 0;

	if (cpus <= 0)
		return 0;
	values = calloc((size_t)cpus, sizeof(*values));
	if (!values ||
	    bpf_map_lookup_elem(guard_set_map(set, GUARD_MAP_COUNTERS), &which,
				values) < 0)
		return 0;
	for (int i = 0; i < cpus; i++)
		sum += values[i];
	return sum;
}

/* The deed that must be refused: opening the decoy, or writing what is there
 * already to the ftrace switch. 0 or -errno. */
static int try_deed(uint32_t hook)
{
	bool is_sysctl = hook == GUARD_HOOK_SYSCTL;
	_cleanup_close_ int fd = open(is_sysctl ? ftrace_path : decoy_path,
				      (is_sysctl ? O_RDWR : O_RDONLY) |
					      O_CLOEXEC);
	char text[8];
	ssize_t n;

	if (fd < 0 || !is_sysctl)
		return fd < 0 ? -errno : 0;
	n = read(fd, text, sizeof(text));
	if (n <= 0 || pwrite(fd, text, (size_t)n, 0) >= 0)
		return 0;
	return -errno;
}

/* Our own deed must fail with EPERM, and by this program. */
static bool is_refused_by(const struct guard_set *set, uint32_t hook)
{
	int fd = guard_set_map(set, GUARD_MAP_CONFIG);
	uint64_t before = guard_proof_count(set, GUARD_COUNT_PROBE);
	struct guard_config config;
	bool refused;

	if (guard_identity_read(fd, &config) < 0)
		return false;
	config.probe_key = hook == GUARD_HOOK_SYSCTL
				   ? 0
				   : GUARD_KEY(true, DECOY_MAJOR, DECOY_MINOR);
	config.probe_hook = hook;
	if (guard_identity_write(fd, &config) < 0)
		return false;

	refused = try_deed(hook) == -EPERM &&
		  guard_proof_count(set, GUARD_COUNT_PROBE) > before;

	config.probe_hook = GUARD_HOOK_NONE;
	config.probe_key = 0;
	return guard_identity_write(fd, &config) == 0 && refused;
}

/* A kernel without the switch has nothing to guard. */
static bool has_ftrace_switch(void)
{
	return access(ftrace_path, F_OK) == 0;
}

uint32_t guard_proof_layers(const struct guard_set *set)
{
	uint32_t groups = guard_set_groups(set);
	uint32_t layers = 0;

	if ((groups & GUARD_GROUP_CGROUP) &&
	    is_refused_by(set, GUARD_HOOK_CGROUP_DEV))
		layers |= BLOCK_GUARD_LAYER_CGROUP;
	if ((groups & GUARD_GROUP_HOOKS) &&
	    is_refused_by(set, GUARD_HOOK_FILE_OPEN))
		layers |= guard_set_variant(set) == GUARD_VARIANT_LSM
				  ? BLOCK_GUARD_LAYER_LSM
				  : BLOCK_GUARD_LAYER_FMOD;
	if (groups & GUARD_GROUP_DEVICES)
		layers |= BLOCK_GUARD_LAYER_DEVICES;
	if ((groups & GUARD_GROUP_SYSCTL) &&
	    (!has_ftrace_switch() || is_refused_by(set, GUARD_HOOK_SYSCTL)))
		layers |= BLOCK_GUARD_LAYER_SYSCTL;
	if (groups & GUARD_GROUP_TAMPER)
		layers |= BLOCK_GUARD_LAYER_TAMPER;
	return layers;
}

enum block_guard_tier guard_proof_tier(uint32_t layers)
{
	const uint32_t base = BLOCK_GUARD_LAYER_CGROUP |
			      BLOCK_GUARD_LAYER_DEVICES |
			      BLOCK_GUARD_LAYER_SYSCTL;

	/* Hooks alone come too late for a mount: no tier of their own. */
	if (!(layers & BLOCK_GUARD_LAYER_CGROUP))
		return BLOCK_GUARD_T4;
	if ((layers & base) == base && (layers & BLOCK_GUARD_LAYER_LSM))
		return BLOCK_GUARD_T1;
	if ((layers & base) == base && (layers & BLOCK_GUARD_LAYER_FMOD))
		return BLOCK_GUARD_T2;
	return BLOCK_GUARD_T3;
}

const char *guard_proof_reason(const struct block_guard_status *status)
{
	const uint32_t hooks = BLOCK_GUARD_LAYER_LSM | BLOCK_GUARD_LAYER_FMOD;

	if (status->tier == BLOCK_GUARD_T1)
		return "";
	if (!(status->layers & BLOCK_GUARD_LAYER_CGROUP))
		return "the cgroup device program does not refuse";
	if (!(status->layers & BLOCK_GUARD_LAYER_DEVICES))
		return "new devices cannot be watched inside the kernel";
	if (!(status->layers & hooks))
		return "no security hook refuses: neither LSM nor fmod_ret";
	if (!(status->layers & BLOCK_GUARD_LAYER_SYSCTL))
		return "kernel.ftrace_enabled is not guarded";
	return status->lsm_listed ? "the BPF LSM is listed but does not run"
				  : "`bpf` is not among the active LSMs";
}
