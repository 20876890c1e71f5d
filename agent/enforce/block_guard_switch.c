/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switches of a guard that is up: one value in its map "config".
 */
#include <errno.h>
#include <string.h>

#include "agent/enforce/guard_object.h"
#include "agent/base/banned.h"

static int change_flags(struct block_guard *guard, uint32_t mask,
			uint32_t flags)
{
	struct guard_config config;
	int fd;
	int r;

	if (!guard->set)
		return -EBADF;
	fd = guard_set_map(guard->set, GUARD_MAP_CONFIG);
	r = guard_identity_read(fd, &config);
	if (r < 0)
		return r;
	config.flags = (config.flags & ~mask) | (flags & mask);
	return guard_identity_write(fd, &config);
}

static int change_flag(struct block_guard *guard, uint32_t flag, bool on)
{
	return change_flags(guard, flag, on ? flag : 0);
}

int block_guard_set_enforce(struct block_guard *guard, bool enforce)
{
	return change_flag(guard, GUARD_ENFORCE, enforce);
}

int block_guard_set_tamper(struct block_guard *guard, bool on)
{
	if (on && !(guard->status.layers & BLOCK_GUARD_LAYER_TAMPER))
		return -EOPNOTSUPP;
	return change_flag(guard, GUARD_TAMPER, on);
}

int block_guard_set_fixed(struct block_guard *guard, bool needs_entry)
{
	return change_flag(guard, GUARD_FIXED_NEEDS_ENTRY, needs_entry);
}

int block_guard_read_tamper(const struct block_guard *guard,
			    struct block_guard_tamper *ret_tamper)
{
	struct guard_config config;
	int r;

	if (!guard->set)
		return -EBADF;
	r = guard_identity_read(guard_set_map(guard->set, GUARD_MAP_CONFIG),
				&config);
	if (r < 0)
		return r;
	*ret_tamper = (struct block_guard_tamper){
		.is_on = (config.flags & GUARD_TAMPER) != 0,
		.boot_off_until_ns = config.tamper_off_until_ns,
		.order_serial = config.order_serial,
	};
	memcpy(ret_tamper->anchor, config.anchor, sizeof(ret_tamper->anchor));
	return 0;
}

int block_guard_write_tamper(struct block_guard *guard,
			     const struct block_guard_tamper *tamper)
{
	struct guard_config config;
	int fd;
	int r;

	if (!guard->set)
		return -EBADF;
	if (tamper->is_on && !(guard->status.layers & BLOCK_GUARD_LAYER_TAMPER))
		return -EOPNOTSUPP;
	fd = guard_set_map(guard->set, GUARD_MAP_CONFIG);
	r = guard_identity_read(fd, &config);
	if (r < 0)
		return r;
	config.flags &= ~(__u32)GUARD_TAMPER;
	if (tamper->is_on)
		config.flags |= GUARD_TAMPER;
	config.tamper_off_until_ns = tamper->boot_off_until_ns;
	config.order_serial = tamper->order_serial;
	memcpy(config.anchor, tamper->anchor, sizeof(config.anchor));
	return guard_identity_write(fd, &config);
}

bool block_guard_is_locked(const struct block_guard *guard)
{
	return guard_set_is_locked(guard->options.pin_dir);
}

int block_guard_set_gates(struct block_guard *guard, uint32_t gates)
{
	return change_flags(guard, GUARD_GATE_ALL, gates);
}
