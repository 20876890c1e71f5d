/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notice: what a person at the terminal is told about one event, as plain text
 * in their language: what, why, the receipt number, whom to call. Reads the
 * record (record_write()) and nothing else; must not show anything, nor decide
 * how often.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/span.h"

#define NOTICE_EVENT_MAX_BYTES 65536 /* a longer one is no event of ours */
#define NOTICE_NAME_SIZE       192
#define NOTICE_TITLE_SIZE      320
#define NOTICE_BODY_SIZE       1024
#define NOTICE_REF_SIZE	       32
#define NOTICE_GROUP_SIZE      96
#define NOTICE_FILES_MAX       4 /* open files that are named */

enum notice_kind {
	NOTICE_NONE = 0, /* of no interest to the person */
	NOTICE_BLOCKED,
	NOTICE_WAITS, /* a keyboard to be confirmed */
	NOTICE_REQUESTED,
	NOTICE_GRANTED,
	NOTICE_REFUSED,
	NOTICE_ENDING, /* counting down */
	NOTICE_ENDED,
	NOTICE_SUSPENDED,
	NOTICE_RESUMED,
	NOTICE_LOGIN,
};

struct notice {
	enum notice_kind kind;
	bool can_request; /* a button is of use */
	/* What belongs together: the port of a dock, the disk, the grant */
	char group[NOTICE_GROUP_SIZE];
	char name[NOTICE_NAME_SIZE];   /* of the device, "" */
	char device[NOTICE_NAME_SIZE]; /* as ListDevices has it: "1-4.2" */
	char ref[NOTICE_REF_SIZE];     /* 受付番号, "" */
	char title[NOTICE_TITLE_SIZE];
	char body[NOTICE_BODY_SIZE];
};

/*
 * The notice of one event. `contact`: whom to call, NULL or "" where nobody
 * knows. Unknown events, allowed devices and monitor mode are NOTICE_NONE, as
 * is what is no record. Texts are cut between characters. Names are what a
 * device says of itself: whoever shows them must escape markup.
 */
void notice_make(struct span event, const char *contact,
		 struct notice *ret_notice) __attribute__((nonnull(3)));
