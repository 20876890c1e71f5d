/* SPDX-License-Identifier: Apache-2.0 */
/* A short list, oldest first; see notices.h. */
#include "agent/daemon/notices.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>

#include "agent/base/cleanup.h"
#include "agent/daemon/control_methods.h"
#include "policy/json_in.h"

#define NOTICE_PATH "/jp/sekimori/Agent1"
#define CODE_SIZE   64

DEFINE_CLEANUP(message, sd_bus_message *, sd_bus_message_unref);

static void drop(struct notices *notices, unsigned int at)
{
	notices->count--;
	memmove(&notices->rows[at], &notices->rows[at + 1],
		(notices->count - at) * sizeof(notices->rows[0]));
}

int notices_add(struct notices *notices, const char *name, uint32_t uid)
{
	unsigned int of_user = 0, oldest = 0;

	if (!name[0] || strlen(name) >= NOTICES_NAME_SIZE)
		return -EINVAL;
	for (unsigned int i = notices->count; i-- > 0;) {
		if (strcmp(notices->rows[i].name, name) == 0)
			return 0;
		if (notices->rows[i].uid != uid)
			continue;
		of_user++;
		oldest = i;
	}
	if (of_user >= NOTICES_OF_USER_MAX ||
	    (of_user > 0 && notices->count == NOTICES_MAX))
		drop(notices, oldest);
	if (notices->count == NOTICES_MAX)
		return -ENOBUFS;
	notices->rows[notices->count].uid = uid;
	(void)snprintf(notices->rows[notices->count].name, NOTICES_NAME_SIZE,
		       "%s", name);
	notices->count++;
	return 0;
}

bool notices_want(const char *json)
{
	static const char *const wanted[] = {"usb.",   "media.",   "mount.",
					     "block.", "channel.", "grant.",
					     "mfa."};
	char code[CODE_SIZE];
	struct span value;

	if (json_in_find(span_str(json), "metadata.event_code", &value) < 0 ||
	    json_in_str(value, code, sizeof(code)) < 0)
		return false;
	/* Names of files are for the ledger */
	if (strncmp(code, "media.file.", 11) == 0)
		return false;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (strncmp(code, wanted[i], strlen(wanted[i])) == 0)
			return true;
	return false;
}

/* In front of a seat now, whoever it was when they subscribed. */
static bool is_active(uint32_t uid)
{
	_cleanup_free_ char *state = NULL;

	if (uid == 0)
		return true;
	return sd_uid_get_state(uid, &state) >= 0 &&
	       strcmp(state, "active") == 0;
}

static int send_to(sd_bus *bus, const char *name, uint64_t seq,
		   const char *json)
{
	_cleanup_(cleanup_message) sd_bus_message *signal = NULL;

	int r = sd_bus_message_new_signal(bus, &signal, NOTICE_PATH,
					  CONTROL_BUS_NAME, "Notice");
	if (r >= 0)
		r = sd_bus_message_append(signal, "ts", seq, json);
	return r < 0 ? r : sd_bus_send_to(bus, signal, name, NULL);
}

void notices_send(const struct notices *notices, sd_bus *bus, uint64_t seq,
		  const char *json)
{
	if (notices->count == 0 || !notices_want(json))
		return;
	for (unsigned int i = 0; i < notices->count; i++)
		if (is_active(notices->rows[i].uid))
			/* Full queue: the bus drops us, and the program asks
			 * again when we are back */
			(void)send_to(bus, notices->rows[i].name, seq, json);
}
