/* SPDX-License-Identifier: Apache-2.0 */
/* org.freedesktop.login1(5), org.freedesktop.systemd1(5): method calls whose
 * answers are only read for their errors. */
#include "agent/enforce/lock.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/base/log.h"

#include "agent/base/banned.h"

#define LOGIN_NAME   "org.freedesktop.login1"
#define LOGIN_PATH   "/org/freedesktop/login1"
#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"

struct lock_real {
	sd_bus *bus;
	const struct log *log;
};

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error)
{
	struct lock_real *real = userdata;
	const sd_bus_error *refusal = sd_bus_message_get_error(reply);

	(void)error;
	if (refusal)
		log_error(real->log, "a session was not acted upon: %s",
			  refusal->message ? refusal->message : refusal->name);
	return 0;
}

static int ask_login(struct lock_real *real, const char *member,
		     const char *session)
{
	if (!real->bus)
		return -ENOTCONN;
	int r = sd_bus_call_method_async(real->bus, NULL, LOGIN_NAME,
					 LOGIN_PATH, LOGIN_NAME ".Manager",
					 member, on_answer, real, "s", session);
	return r < 0 ? r : 0;
}

static int ask_systemd(struct lock_real *real, const char *member,
		       const char *unit)
{
	if (!real->bus)
		return -ENOTCONN;
	int r = sd_bus_call_method_async(real->bus, NULL, SYSTEMD_NAME,
					 SYSTEMD_PATH, SYSTEMD_NAME ".Manager",
					 member, on_answer, real, "s", unit);
	return r < 0 ? r : 0;
}

static int real_lock(void *context, const char *session)
{
	return ask_login(context, "LockSession", session);
}

static int real_terminate(void *context, const char *session)
{
	return ask_login(context, "TerminateSession", session);
}

static int real_terminate_user(void *context, uint32_t uid)
{
	struct lock_real *real = context;

	if (!real->bus)
		return -ENOTCONN;
	int r = sd_bus_call_method_async(real->bus, NULL, LOGIN_NAME,
					 LOGIN_PATH, LOGIN_NAME ".Manager",
					 "TerminateUser", on_answer, real, "u",
					 uid);
	return r < 0 ? r : 0;
}

static int real_freeze(void *context, const char *scope)
{
	return ask_systemd(context, "FreezeUnit", scope);
}

static int real_thaw(void *context, const char *scope)
{
	return ask_systemd(context, "ThawUnit", scope);
}

static const struct lock_ops real_ops = {
	.lock = real_lock,
	.terminate = real_terminate,
	.terminate_user = real_terminate_user,
	.freeze = real_freeze,
	.thaw = real_thaw,
};

int lock_real_new(const struct log *log, struct lock_real **ret_real)
{
	struct lock_real *real = calloc(1, sizeof(*real));

	if (!real)
		return -ENOMEM;
	real->log = log;
	*ret_real = real;
	return 0;
}

struct lock_real *lock_real_free(struct lock_real *real)
{
	if (!real)
		return NULL;
	sd_bus_unref(real->bus);
	free(real);
	return NULL;
}

void lock_real_set_bus(struct lock_real *real, sd_bus *bus)
{
	sd_bus_unref(real->bus);
	real->bus = bus ? sd_bus_ref(bus) : NULL;
}

struct lock lock_real_ops(struct lock_real *real)
{
	return (struct lock){.ops = &real_ops, .context = real};
}
