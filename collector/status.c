/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status: jansson over events of our own agents, which are still untrusted:
 * duplicates are refused, texts are cut, numbers become decimal text.
 */
#include "collector/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "agent/base/cleanup.h"

#include "agent/base/banned.h"

DEFINE_CLEANUP(json, json_t *, json_decref);

bool status_is_told_by(struct event_text code)
{
	static const char *const codes[] = {
		"agent.heartbeat", "agent.start",   "agent.degraded",
		"agent.recovered", "policy.loaded",
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strlen(codes[i]) == code.len &&
		    memcmp(codes[i], code.at, code.len) == 0)
			return true;
	return false;
}

/* Cut between characters; jansson has proved that it is UTF-8. */
static void take_text(const json_t *value, char out[LIMIT_TEXT_BYTES])
{
	const char *text = json_string_value(value);
	size_t len;

	if (!text || text[0] == '\0')
		return;
	len = strnlen(text, LIMIT_TEXT_BYTES);
	if (len == LIMIT_TEXT_BYTES) {
		len--;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
	}
	memcpy(out, text, len);
	out[len] = '\0';
}

static void take_number(const json_t *value, char out[LIMIT_TEXT_BYTES])
{
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		(void)snprintf(out, LIMIT_TEXT_BYTES, "%" JSON_INTEGER_FORMAT,
			       json_integer_value(value)); /* fits */
}

void status_read(const char *json, size_t len, struct store_status *status)
{
	_cleanup_(cleanup_json) json_t *root =
		json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *ours = json_object_get(root, "sekimori");
	const json_t *health = json_object_get(ours, "health");
	const json_t *decision = json_object_get(ours, "decision");
	const json_t *product =
		json_object_get(json_object_get(root, "metadata"), "product");

	if (!root)
		return;
	take_text(json_object_get(health, "tier"), status->tier);
	take_text(json_object_get(decision, "mode"), status->mode);
	take_text(json_object_get(health, "mode"), status->mode);
	take_number(json_object_get(ours, "policy_serial"), status->policy);
	take_text(json_object_get(product, "version"), status->version);
	status->is_set = true;
}
