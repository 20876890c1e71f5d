/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_cef: jansson over the stored JSON, which is as untrusted as when it
 * came: every value is escaped, none is taken for another type.
 */
#include "collector/output_cef.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "agent/base/cleanup.h"

#include "agent/base/banned.h"

#define NAME_MAX_BYTES 1023u /* CEF's longest value of its own fields */
#define PATH_DEPTH     3u

DEFINE_CLEANUP(json, json_t *, json_decref);

/* Texts of the event that have a key of CEF, and the label it wants. */
static const struct mapping {
	const char *key, *label;
	const char *path[PATH_DEPTH];
} MAPPINGS[] = {
	{"msg", NULL, {"message"}},
	{"reason", NULL, {"status_detail"}},
	{"suser", NULL, {"actor", "user", "name"}},
	{"duser", NULL, {"user", "name"}},
	{"fname", NULL, {"file", "path"}},
	{"filePath", NULL, {"sekimori", "mount", "target"}},
	{"cs1", "serial", {"peripheral_device", "serial_number"}},
	{"cs4", "rule", {"sekimori", "decision", "rule"}},
	{"cs6", "policyVersion", {"policy", "version"}},
	{"dvc", NULL, {"device", "ip"}},
	{"deviceFacility", NULL, {"device", "org", "ou_name"}},
};

static const json_t *find(const json_t *at, const char *const *path)
{
	for (size_t i = 0; at && i < PATH_DEPTH && path[i]; i++)
		at = json_object_get(at, path[i]);
	return at;
}

/* A value with `special` and backslashes escaped and no control octets. */
static int put_value(struct buf *out, const char *text, char special)
{
	size_t len = strnlen(text, NAME_MAX_BYTES);
	int r = 0;

	/* Cut between characters; it is UTF-8 already. */
	while (text[len] != '\0' && len > 0 &&
	       ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	for (size_t i = 0; r == 0 && i < len; i++) {
		char c = (unsigned char)text[i] < 0x20 || text[i] == 0x7f
				 ? ' '
				 : text[i];

		if (c == special || c == '\\')
			r = buf_append(out, "\\", 1);
		if (r == 0)
			r = buf_append(out, &c, 1);
	}
	return r;
}

static int put_pair(struct buf *out, const char *key, const char *value)
{
	int r;

	if (!value || value[0] == '\0')
		return 0;
	r = buf_printf(out, " %s=", key);
	return r < 0 ? r : put_value(out, value, '=');
}

/* OCSF severity_id 0..6 on CEF's 0..10. */
static int severity_of(int severity)
{
	static const int severities[] = {0, 2, 3, 6, 7, 9, 10};

	return severity < 0 || severity >= (int)(sizeof(severities) /
						 sizeof(severities[0]))
		       ? 0
		       : severities[severity];
}

static int put_head(const struct store_row *row, const json_t *root,
		    struct buf *out)
{
	static const char *const path[PATH_DEPTH] = {"metadata", "product",
						     "version"};
	const char *version = json_string_value(find(root, path));
	int r = buf_append_text(out, "CEF:0|sekimori|sekimori-agent|");

	if (r == 0)
		r = put_value(out, version ? version : "", '|');
	if (r == 0)
		r = buf_printf(
			out, "|%" JSON_INTEGER_FORMAT "-%" JSON_INTEGER_FORMAT,
			json_integer_value(json_object_get(root, "class_uid")),
			json_integer_value(
				json_object_get(root, "activity_id")));
	if (r == 0)
		r = buf_append(out, "|", 1);
	if (r == 0)
		r = put_value(out,
			      row->code && row->code[0] ? row->code
							: "unreadable",
			      '|');
	return r < 0 ? r
		     : buf_printf(out, "|%d|rt=%" PRId64,
				  severity_of(row->severity), row->time_ms);
}

/* What the store itself says: enough to know one event from another. */
static int put_columns(const struct store_row *row, struct buf *out)
{
	static const char *const actions[] = {"", "allowed", "blocked",
					      "observed", "modified"};
	int r = put_pair(out, "deviceExternalId", row->host);

	if (r == 0)
		r = buf_printf(out, " externalId=%" PRIu64, row->seq);
	if (r == 0)
		r = put_pair(out, "flexString1", row->stream);
	if (r == 0)
		r = put_pair(out, "flexString1Label", "stream");
	if (r == 0 && row->action > 0 &&
	    row->action < (int)(sizeof(actions) / sizeof(actions[0])))
		r = put_pair(out, "act", actions[row->action]);
	return r;
}

static int put_mapping(const struct mapping *m, const json_t *root,
		       struct buf *out)
{
	const char *value = json_string_value(find(root, m->path));
	char key[24];
	int r = put_pair(out, m->key, value);

	if (r < 0 || !value || value[0] == '\0' || !m->label)
		return r;
	(void)snprintf(key, sizeof(key), "%sLabel", m->key); /* fits */
	return put_pair(out, key, m->label);
}

/* "0781:5581" of a USB device. */
static int put_usb_id(const json_t *root, struct buf *out)
{
	const json_t *device = json_object_get(root, "peripheral_device");
	const char *vendor = json_string_value(
		json_array_get(json_object_get(device, "vendor_id_list"), 0));
	const char *model = json_string_value(json_object_get(device, "model"));
	char text[64];
	int r;

	if (!vendor || !model)
		return 0;
	(void)snprintf(text, sizeof(text), "%.8s:%.8s", vendor,
		       model); /* both are four digits */
	r = put_pair(out, "cs2", text);
	return r < 0 ? r : put_pair(out, "cs2Label", "VID:PID");
}

int output_cef(const struct store_row *row, struct buf *out)
{
	_cleanup_(cleanup_json)
		json_t *root = json_loadb(row->body, row->body_len, 0, NULL);
	static const char *const hostname[PATH_DEPTH] = {"device", "hostname"};
	const char *host = json_string_value(find(root, hostname));
	json_int_t status =
		json_integer_value(json_object_get(root, "status_id"));
	int r = put_head(row, root, out);

	if (r == 0)
		r = put_columns(row, out);
	if (r == 0)
		r = put_pair(out, "dvchost", host);
	if (r == 0 && (status == 1 || status == 2))
		r = put_pair(out, "outcome",
			     status == 1 ? "success" : "failure");
	for (size_t i = 0; r == 0 && i < sizeof(MAPPINGS) / sizeof(MAPPINGS[0]);
	     i++)
		r = put_mapping(&MAPPINGS[i], root, out);
	return r < 0 ? r : put_usb_id(root, out);
}
