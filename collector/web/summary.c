/* SPDX-License-Identifier: Apache-2.0 */
/* summary: picks fields; cuts them; never fails, since a page must be shown. */
#include "collector/web/summary.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "agent/base/cleanup.h"

#include "agent/base/banned.h"

DEFINE_CLEANUP(json, json_t *, json_decref);

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* Cut between characters: an octet that continues one is never the first lost. */
static void copy(char out[SUMMARY_TEXT_SIZE], const char *text)
{
	size_t len = strnlen(text, SUMMARY_TEXT_SIZE - 1);

	while (text[len] != '\0' && len > 0 &&
	       ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	memcpy(out, text, len);
	out[len] = '\0';
}

static void read_device(const json_t *root, struct summary *summary)
{
	const json_t *device = json_object_get(root, "peripheral_device");
	const json_t *file = json_object_get(root, "file");
	const char *vendor = json_string_value(
		json_array_get(json_object_get(device, "vendor_id_list"), 0));
	char line[2 * SUMMARY_TEXT_SIZE];

	if (!device) {
		copy(summary->device, text_of(file, "path"));
		return;
	}
	(void)snprintf(line, sizeof(line), "%.200s %.8s%s%.8s %.200s",
		       text_of(device, "name"), vendor ? vendor : "",
		       vendor ? ":" : "", text_of(device, "model"),
		       text_of(device, "serial_number")); /* cut is fine */
	copy(summary->device, line);
}

void summary_read(const char *json, size_t len, struct summary *ret_summary)
{
	_cleanup_(cleanup_json) json_t *root =
		json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *actor = json_object_get(root, "actor");
	const json_t *ours = json_object_get(root, "sekimori");
	char reason[SUMMARY_TEXT_SIZE];

	*ret_summary = (struct summary){0};
	if (!root)
		return;
	copy(ret_summary->message, text_of(root, "message"));
	copy(ret_summary->user,
	     text_of(json_object_get(actor, "user"), "name"));
	copy(ret_summary->hostname,
	     text_of(json_object_get(root, "device"), "hostname"));
	copy(ret_summary->rule,
	     text_of(json_object_get(ours, "decision"), "rule"));
	(void)snprintf(reason, sizeof(reason), "%.40s %.400s",
		       text_of(root, "status_code"),
		       text_of(root, "status_detail")); /* cut is fine */
	copy(ret_summary->reason, reason[0] == ' ' ? reason + 1 : reason);
	read_device(root, ret_summary);
}

char *summary_pretty(const char *json, size_t len)
{
	_cleanup_(cleanup_json) json_t *root =
		json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);

	return root ? json_dumps(root, JSON_INDENT(2) | JSON_PRESERVE_ORDER)
		    : NULL;
}
