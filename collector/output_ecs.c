/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_ecs: two tables, one of the event codes' categories and one of the
 * fields. The stored JSON is as untrusted as when it came: a value goes over
 * only with the type that the field has in ECS.
 */
#include "collector/output_ecs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "collector/output_raw.h"
#include "collector/output_text.h"

#include "agent/base/banned.h"

#define PATH_MAX_BYTES 64u
#define ECS_VERSION    "8.11.0"
#define FINDING_CLASS  2004 /* OCSF Detection Finding */

DEFINE_CLEANUP(json, json_t *, json_decref);

/* The first that the event code begins with. */
static const struct category {
	const char *code;
	const char *categories[2];
	const char *types[2];
} CATEGORIES[] = {
	{"usb.device.blocked", {"host"}, {"device", "denied"}},
	{"usb.device.removed", {"host"}, {"device", "end"}},
	{"usb.device.held", {"host"}, {"device", "info"}},
	{"usb.keyboard.cut", {"intrusion_detection"}, {"device", "denied"}},
	{"usb.", {"host"}, {"device", "start"}},
	{"lifeline.", {"host"}, {"device", "start"}},
	{"mount.readonly", {"host", "file"}, {"access", "change"}},
	{"mount.", {"host", "file"}, {"access", "denied"}},
	{"media.denied", {"host", "file"}, {"access", "denied"}},
	{"media.readonly", {"host", "file"}, {"access", "change"}},
	{"media.removed", {"host"}, {"device", "end"}},
	{"media.end", {"host"}, {"device", "end"}},
	{"media.file.written", {"file"}, {"change"}},
	{"media.file.deleted", {"file"}, {"deletion"}},
	{"media.file.renamed", {"file"}, {"change"}},
	{"media.file.", {"file"}, {"info"}},
	{"media.", {"host", "file"}, {"access", "allowed"}},
	{"block.", {"host", "file"}, {"access", "denied"}},
	{"sysfs.", {"host"}, {"change", "denied"}},
	{"exception.requested", {"configuration", "iam"}, {"creation"}},
	{"exception.granted", {"configuration", "iam"}, {"change"}},
	{"exception.activated", {"configuration", "iam"}, {"change"}},
	{"exception.expired", {"configuration", "iam"}, {"deletion"}},
	{"exception.revoked", {"configuration", "iam"}, {"deletion"}},
	{"exception.", {"configuration", "iam"}, {"info"}},
	{"order.accepted", {"configuration", "iam"}, {"change"}},
	{"order.", {"configuration", "iam"}, {"change", "denied"}},
	{"mfa.session.ok", {"authentication"}, {"start"}},
	{"mfa.session.locked", {"authentication"}, {"end"}},
	{"mfa.session.ended", {"authentication"}, {"end"}},
	{"mfa.", {"authentication"}, {"info"}},
	{"login.", {"authentication"}, {"info"}},
	{"policy.", {"configuration"}, {"change", "info"}},
	{"agent.start", {"process"}, {"start"}},
	{"agent.stop", {"process"}, {"end"}},
	{"agent.tamper", {"intrusion_detection"}, {"info"}},
	{"channel.blocked", {"network", "host"}, {"denied"}},
	{"channel.", {"network", "host"}, {"allowed"}},
	{"network.", {"network", "host"}, {"info"}},
	{"", {"host"}, {"info"}},
};

enum kind {
	KIND_TEXT = 0,
	KIND_NUMBER,
	KIND_OBJECT,
};

/* ECS field ← OCSF field. The first that is there wins. */
static const struct mapping {
	const char *to, *from;
	enum kind kind;
} MAPPINGS[] = {
	{"message", "message", KIND_TEXT},
	{"event.reason", "status_detail", KIND_TEXT},
	{"error.code", "status_code", KIND_TEXT},
	{"host.hostname", "device.hostname", KIND_TEXT},
	{"host.name", "device.hostname", KIND_TEXT},
	{"host.ip", "device.ip", KIND_TEXT},
	{"host.os.name", "device.os.name", KIND_TEXT},
	{"host.os.version", "device.os.version", KIND_TEXT},
	{"host.os.kernel", "device.os.kernel_release", KIND_TEXT},
	{"host.boot.id", "device.boot_uid", KIND_TEXT},
	{"organization.id", "metadata.tenant_uid", KIND_TEXT},
	{"organization.name", "device.org.name", KIND_TEXT},
	{"user.name", "actor.user.name", KIND_TEXT},
	{"user.name", "user.name", KIND_TEXT},
	{"user.id", "actor.user.uid", KIND_TEXT},
	{"user.id", "user.uid", KIND_TEXT},
	{"process.pid", "actor.process.pid", KIND_NUMBER},
	{"process.name", "actor.process.name", KIND_TEXT},
	{"process.executable", "actor.process.file.path", KIND_TEXT},
	{"file.path", "file.path", KIND_TEXT},
	{"file.name", "file.name", KIND_TEXT},
	{"file.size", "file.size", KIND_NUMBER},
	{"volume.mount_name", "sekimori.mount.target", KIND_TEXT},
	{"volume.file_system_type", "sekimori.mount.fs", KIND_TEXT},
	{"device.id", "peripheral_device.uid", KIND_TEXT},
	{"device.type", "peripheral_device.type", KIND_TEXT},
	{"device.vendor.name", "peripheral_device.vendor_name", KIND_TEXT},
	{"device.product.id", "peripheral_device.model", KIND_TEXT},
	{"device.product.name", "peripheral_device.name", KIND_TEXT},
	{"device.serial_number", "peripheral_device.serial_number", KIND_TEXT},
	{"rule.name", "sekimori.decision.rule", KIND_TEXT},
	{"rule.ruleset", "policy.name", KIND_TEXT},
	{"rule.version", "policy.version", KIND_TEXT},
	{"observer.version", "metadata.product.version", KIND_TEXT},
	{"sekimori", "sekimori", KIND_OBJECT},
};

/* ---- paths ---------------------------------------------------------------- */

/* The next word of a path with dots; false: it was the last. */
static bool next_word(const char **at, char ret_word[PATH_MAX_BYTES])
{
	size_t len = strcspn(*at, ".");

	(void)snprintf(ret_word, PATH_MAX_BYTES, "%.*s", (int)len,
		       *at); /* all paths are ours, and short */
	*at += len;
	if (**at == '\0')
		return false;
	(*at)++;
	return true;
}

static json_t *find(json_t *at, const char *path)
{
	char word[PATH_MAX_BYTES];
	bool is_more = true;

	while (at && is_more) {
		is_more = next_word(&path, word);
		at = json_object_get(at, word);
	}
	return at;
}

/*
 * Sets `path` of `root` to `value`, whose reference it takes; what is there
 * already stays, NULL is nothing to set. 0 or -ENOMEM.
 */
static int put(json_t *root, const char *path, json_t *value)
{
	_cleanup_(cleanup_json) json_t *owned = value;
	char word[PATH_MAX_BYTES];
	json_t *next;

	while (next_word(&path, word)) {
		next = json_object_get(root, word);
		if (!next && json_object_set_new(root, word, json_object()) < 0)
			return -ENOMEM;
		root = json_object_get(root, word);
	}
	if (!value || json_object_get(root, word))
		return 0;
	return json_object_set(root, word, value) < 0 ? -ENOMEM : 0;
}

/* As put(), of a value that must not be missing for want of memory. */
static int put_new(json_t *root, const char *path, json_t *value)
{
	return value ? put(root, path, value) : -ENOMEM;
}

static int put_text(json_t *root, const char *path, const char *text)
{
	json_t *value = json_string(text);

	/* Not UTF-8 (or no memory, which the next one tells). */
	return put_new(root, path, value ? value : json_string("?"));
}

/* ---- the parts ------------------------------------------------------------ */

static int put_words(json_t *root, const char *path, const char *const *words)
{
	json_t *array = json_array();

	for (size_t i = 0; array && i < 2 && words[i]; i++)
		if (json_array_append_new(array, json_string(words[i])) < 0) {
			json_decref(array);
			array = NULL;
		}
	return put_new(root, path, array);
}

static const struct category *find_category(const char *code)
{
	const struct category *category = CATEGORIES;

	while (strncmp(code, category->code, strlen(category->code)) != 0)
		category++; /* the last fits all */
	return category;
}

/* "usb-blocked" of usb.device.blocked. */
static int put_action(json_t *root, const char *code)
{
	char action[LIMIT_CODE_BYTES + 1];
	size_t size = 0;

	for (const char *at = code; *at && size < LIMIT_CODE_BYTES; at++) {
		if (strncmp(at, ".device.", 8) == 0)
			at += 7;
		action[size++] = *at == '.' ? '-' : *at;
	}
	action[size] = '\0';
	return put_text(root, "event.action", action);
}

static const char *outcome_of(json_t *event)
{
	json_int_t status =
		json_integer_value(json_object_get(event, "status_id"));

	/* The finding classes give the number another meaning. */
	if (json_integer_value(json_object_get(event, "class_uid")) ==
	    FINDING_CLASS)
		return "unknown";
	return status == 1 ? "success" : status == 2 ? "failure" : "unknown";
}

static bool is_alert(json_t *event)
{
	return json_integer_value(json_object_get(event, "class_uid")) ==
		       FINDING_CLASS ||
	       json_is_true(json_object_get(event, "is_alert"));
}

static int put_event(json_t *root, const struct store_row *row, json_t *event)
{
	const char *code = row->code && row->code[0] ? row->code : "unreadable";
	const struct category *category = find_category(code);
	char id[2 * LIMIT_TEXT_BYTES];
	int r;

	(void)snprintf(id, sizeof(id), "%.40s-%" PRIu64, row->stream,
		       row->seq); /* fits */
	r = put_text(root, "event.kind", is_alert(event) ? "alert" : "event");
	if (r == 0)
		r = put_words(root, "event.category", category->categories);
	if (r == 0)
		r = put_words(root, "event.type", category->types);
	if (r == 0)
		r = put_text(root, "event.code", code);
	if (r == 0)
		r = put_action(root, code);
	if (r == 0)
		r = put_text(root, "event.outcome", outcome_of(event));
	if (r == 0)
		r = put_text(root, "event.id", id);
	if (r == 0)
		r = put_new(root, "event.sequence",
			    json_integer((json_int_t)row->seq));
	return r < 0 ? r
		     : put_new(root, "event.severity",
			       json_integer(row->severity));
}

/* What does not depend on the event's own JSON. */
static int put_columns(json_t *root, const struct store_row *row)
{
	char when[OUTPUT_TIME_SIZE];
	int r = put_text(root, "ecs.version", ECS_VERSION);

	/* Without a year of four digits: when it was received. */
	output_text_time(row->time_ms, when);
	if (when[0] == '-')
		output_text_time(row->recv_ms, when);
	if (r == 0)
		r = put_text(root, "@timestamp", when);
	output_text_time(row->recv_ms, when);
	if (r == 0)
		r = put_text(root, "event.created", when);
	if (r == 0)
		r = put_text(root, "event.module", "sekimori");
	if (r == 0)
		r = put_text(root, "observer.vendor", "sekimori");
	if (r == 0)
		r = put_text(root, "observer.product", "sekimori-agent");
	if (r == 0)
		r = put_text(root, "host.id", row->host);
	if (r == 0 && row->unit && row->unit[0])
		r = put_text(root, "labels.unit", row->unit);
	return r < 0 ? r : put_text(root, "labels.stream", row->stream);
}

static int put_mappings(json_t *root, json_t *event)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(MAPPINGS) / sizeof(*MAPPINGS);
	     i++) {
		const struct mapping *m = &MAPPINGS[i];
		json_t *value = find(event, m->from);
		bool is_right = m->kind == KIND_TEXT ? json_is_string(value)
				: m->kind == KIND_NUMBER
					? json_is_integer(value)
					: json_is_object(value);

		if (is_right)
			r = put(root, m->to, json_incref(value));
	}
	return r;
}

/* Fields that are not one of the event's fields as it is. */
static int put_made(json_t *root, const struct store_row *row, json_t *event)
{
	const char *code = row->code ? row->code : "";
	json_t *vendor = json_array_get(
		find(event, "peripheral_device.vendor_id_list"), 0);
	json_t *path = find(event, "file.path");
	int r = 0;

	if (json_is_string(vendor))
		r = put(root, "device.vendor.id", json_incref(vendor));
	if (r == 0 && strncmp(code, "mount.", 6) == 0 && json_is_string(path))
		r = put(root, "volume.device_name", json_incref(path));
	if (r == 0 && (strcmp(code, "mount.readonly") == 0 ||
		       strcmp(code, "media.readonly") == 0))
		r = put_new(root, "volume.writable", json_false());
	return r;
}

static int put_original(json_t *root, const struct store_row *row)
{
	_cleanup_buf_ struct buf text = BUF_INIT(2 * OUTPUT_RAW_MAX);
	int r = output_raw(row, &text);

	return r < 0 ? r : put_text(root, "event.original", buf_text(&text));
}

/* ---- the whole ------------------------------------------------------------ */

int output_ecs(const struct store_row *row, struct buf *out)
{
	_cleanup_(cleanup_json)
		json_t *event = json_loadb(row->body, row->body_len, 0, NULL);
	_cleanup_(cleanup_json) json_t *root = json_object();
	_cleanup_free_ char *text = NULL;
	int r = root ? put_columns(root, row) : -ENOMEM;

	if (r == 0)
		r = put_event(root, row, event);
	if (r == 0 && json_is_object(event)) {
		r = put_mappings(root, event);
		if (r == 0)
			r = put_made(root, row, event);
	} else if (r == 0) {
		r = put_original(root, row);
	}
	if (r < 0)
		return r;
	text = json_dumps(root, JSON_COMPACT);
	return text ? buf_append_text(out, text) : -ENOMEM;
}
