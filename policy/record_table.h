/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_table: what each event code is in OCSF 1.8.0, and its sentence, as
 * data. Internal to record.c and record_parts.c; everybody else uses
 * policy/record.h. A new event code is a row here and nothing in the writer
 * unless it brings a new part.
 */
#pragma once

#include "policy/record.h"

/* Parts of struct record that a code cannot do without. */
enum record_needs {
	RECORD_NEEDS_USB = 1 << 0,
	RECORD_NEEDS_MEDIA = 1 << 1,
	RECORD_NEEDS_GUARD = 1 << 2,
	RECORD_NEEDS_DECISION = 1 << 3,
	RECORD_NEEDS_FILE = 1 << 4,
	RECORD_NEEDS_CHANNEL = 1 << 5,
};

/* Which member of the union, and which objects of the class, it has. */
enum record_part {
	RECORD_PART_NONE = 0,
	RECORD_PART_CHANGE,
	RECORD_PART_START,
	RECORD_PART_STOP,
	RECORD_PART_HEALTH,
	RECORD_PART_TAMPER,
	RECORD_PART_GAP,
	RECORD_PART_KEY,
	RECORD_PART_STEP,
	RECORD_PART_ORDER,
	RECORD_PART_SELFTEST,
	RECORD_PART_FILES,
	RECORD_PART_ENDING,
	RECORD_PART_LOGIN,
	RECORD_PART_GRANT,
};

/* OCSF class_uid; the category is its thousands. */
enum {
	OCSF_FILE_SYSTEM_ACTIVITY = 1001,
	OCSF_EVENT_LOG_ACTIVITY = 1008,
	OCSF_PERIPHERAL_ACTIVITY = 1010,
	OCSF_DETECTION_FINDING = 2004,
	OCSF_AUTHENTICATION = 3002,
	OCSF_ENTITY_MANAGEMENT = 3004,
	OCSF_INVENTORY_INFO = 5001,
	OCSF_CONFIG_STATE_CHANGE = 5019,
	OCSF_APPLICATION_LIFECYCLE = 6002,
};

/* OCSF action_id and disposition_id, those that we use. */
enum {
	OCSF_ACTION_NONE = 0, /* the class has no decision: left out */
	OCSF_ACTION_ALLOWED = 1,
	OCSF_ACTION_DENIED = 2,
	OCSF_ACTION_OBSERVED = 3,
	OCSF_ACTION_MODIFIED = 4,

	OCSF_DISPOSITION_ALLOWED = 1,
	OCSF_DISPOSITION_BLOCKED = 2,
	OCSF_DISPOSITION_CUSTOM = 7,
	OCSF_DISPOSITION_APPROVED = 8,
	OCSF_DISPOSITION_DETECTED = 15,
	OCSF_DISPOSITION_LOGGED = 17,
	OCSF_DISPOSITION_REVOKED = 24,
	OCSF_DISPOSITION_REJECTED = 25,
	OCSF_DISPOSITION_UNAUTHORIZED = 26,
	OCSF_DISPOSITION_OTHER = 99,
};

/*
 * In a sentence, %k is the USB device, %l the channel, %m the medium, %n the node, %t the
 * target, %f the file, %w the reason in Japanese, %h whom to call, %v the policy, %d the
 * detail of the part, %c its count, %g the time nobody looked, %i whether
 * enforcement went on, %u the person who logs in, %p the factors proven.
 */
struct record_row {
	const char *code;
	uint16_t class_uid;
	uint8_t activity_id;
	const char *activity;
	uint8_t severity_id;
	uint8_t status_id; /* 1 success (2004: new), 2 failure */
	uint8_t action_id;
	uint8_t disposition_id;
	const char *disposition; /* text for OCSF_DISPOSITION_OTHER */
	uint8_t needs;		 /* enum record_needs */
	uint8_t part;		 /* enum record_part */
	bool is_alert;
	const char *message;
	/* Not NULL: monitor mode only observes what this code stands for. */
	const char *monitor_message;
};

struct record_reason_row {
	const char *code;   /* status_code */
	const char *detail; /* English, status_detail */
	const char *japanese;
};

/* NULL for what is not a code. */
const struct record_row *record_row(enum record_code code);
/* Its rows of logins (record_login.c); NULL for other codes. */
const struct record_row *record_login_row(enum record_code code);

/* Its rows of grants (record_grant.c); NULL for other codes. */
const struct record_row *record_grant_row(enum record_code code);

/* Never NULL; all strings "" for RECORD_REASON_NONE and what is no reason. */
const struct record_reason_row *record_reason_row(enum record_reason reason)
	__attribute__((returns_nonnull));
