/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of failures. Reading it should answer "what if …?" for every line
 * of the daemon that can fail.
 */
#include "agent/daemon/failure.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct failure_row rows[] = {
	[FAILURE_DESCRIPTOR] = {"descriptor", FAILURE_DENY,
				"a device could not be read"},
	[FAILURE_USB_WRITE] = {"usb_write", FAILURE_DENY,
			       "the kernel refused a USB authorisation"},
	[FAILURE_MEDIA_WRITE] = {"media_write", FAILURE_DENY,
				 "a medium could not be opened as decided"},
	[FAILURE_CHANNEL_WRITE] = {"channel_write", FAILURE_DENY,
				   "a radio or a port is not as decided"},
	[FAILURE_PROBE] = {"probe", FAILURE_DENY, "the medium probe failed"},
	[FAILURE_DEVICES_FULL] = {"devices_full", FAILURE_DENY,
				  "too many devices"},
	[FAILURE_UEVENT_LOST] = {"uevent_lost", FAILURE_OBSERVE,
				 "kernel events were lost, scanned again"},
	[FAILURE_GUARD_ABSENT] = {"guard_absent", FAILURE_DEGRADE,
				  "the kernel guard is not running"},
	[FAILURE_GUARD_LOST] = {"guard_lost", FAILURE_DEGRADE,
				"a layer of the kernel guard stopped working"},
	[FAILURE_GUARD_DROPPED] = {"guard_dropped", FAILURE_OBSERVE,
				   "guard events were lost"},
	[FAILURE_TAMPER] = {"tamper", FAILURE_DEGRADE,
			    "tamper protection is not possible here"},
	[FAILURE_TIER_FLOOR] = {"tier_floor", FAILURE_DEGRADE,
				"the tier is below what policy demands"},
	[FAILURE_USB_DEFAULT] = {"usb_default", FAILURE_DEGRADE,
				 "authorized_default could not be set"},
	[FAILURE_SYSFS] = {"sysfs", FAILURE_DEGRADE, "sysfs cannot be read"},
	[FAILURE_POLICY_REJECTED] = {"policy_rejected", FAILURE_OBSERVE,
				     "the newest policy has an error"},
	[FAILURE_POLICY_NONE] = {"policy_none", FAILURE_DEGRADE,
				 "there is no readable policy"},
	[FAILURE_CONFIG] = {"config", FAILURE_OBSERVE,
			    "agent.conf has an error"},
	[FAILURE_SPOOL_ABSENT] = {"spool_absent", FAILURE_OBSERVE,
				  "the spool is not open yet"},
	[FAILURE_SPOOL_WRITE] = {"spool_write", FAILURE_DEGRADE,
				 "events cannot be written"},
	[FAILURE_RECORD_DROPPED] = {"record_dropped", FAILURE_OBSERVE,
				    "events were lost"},
	[FAILURE_BUS] = {"bus", FAILURE_OBSERVE, "D-Bus is not connected"},
	[FAILURE_LOGIN_POLICY] = {"login_policy", FAILURE_DEGRADE,
				  "the login rules are not in force"},
	[FAILURE_CARDS] = {"cards", FAILURE_DEGRADE,
			   "a pulled card would not be seen"},
	[FAILURE_LOOP] = {"loop", FAILURE_EXIT, "the event loop failed"},
};
static_assert(sizeof(rows) / sizeof(rows[0]) == FAILURE_KIND_COUNT_,
	      "one row for each condition");

static const char *const reactions[] = {
	[FAILURE_DENY] = "deny",
	[FAILURE_OBSERVE] = "observe",
	[FAILURE_DEGRADE] = "degrade",
	[FAILURE_EXIT] = "exit",
};
static_assert(sizeof(reactions) / sizeof(reactions[0]) ==
		      FAILURE_REACTION_COUNT_,
	      "one name for each reaction");

const struct failure_row *failure_row(enum failure_kind kind)
{
	assert((unsigned int)kind < FAILURE_KIND_COUNT_);
	return &rows[kind];
}

const char *failure_reaction_to_str(enum failure_reaction reaction)
{
	if ((unsigned int)reaction >= FAILURE_REACTION_COUNT_)
		return reactions[FAILURE_DENY];
	return reactions[reaction];
}

enum failure_reaction failure_count(struct failures *failures,
				    enum failure_kind kind)
{
	failures->counts[kind]++;
	return failure_row(kind)->reaction;
}

enum failure_reaction failure_raise(struct failures *failures,
				    enum failure_kind kind, const char *detail)
{
	char *kept = failures->detail[kind];
	bool is_same = failures->active[kind] &&
		       (!detail || strcmp(kept, detail) == 0);

	if (!failures->active[kind])
		failures->counts[kind]++;
	failures->active[kind] = true;
	(void)snprintf(kept, FAILURE_DETAIL_MAX, "%s", detail ? detail : "");
	if (!is_same)
		failures->has_changed = true;
	return failure_row(kind)->reaction;
}

void failure_clear(struct failures *failures, enum failure_kind kind)
{
	if (!failures->active[kind])
		return;
	failures->active[kind] = false;
	failures->detail[kind][0] = '\0';
	failures->has_changed = true;
}

bool failure_is_degraded(const struct failures *failures, const char **ret_why)
{
	*ret_why = "";
	for (unsigned int i = 0; i < FAILURE_KIND_COUNT_; i++) {
		if (!failures->active[i] || rows[i].reaction != FAILURE_DEGRADE)
			continue;
		*ret_why = failures->detail[i][0] ? failures->detail[i]
						  : rows[i].text;
		return true;
	}
	return false;
}

bool failure_take_change(struct failures *failures)
{
	bool changed = failures->has_changed;

	failures->has_changed = false;
	return changed;
}
