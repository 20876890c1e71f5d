/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recorded event back to what was judged: the fact, the moment, the person,
 * and what came of it. An event says less than the daemon knew (each interface
 * triple once, no groups); what it does not say is absent or false.
 */
#pragma once

#include "policy/decide.h"
#include "policy/record.h"

#define EVENT_TEXT_MAX 512u /* bytes of a name in UTF-8 */

struct event_fact {
	enum record_code code;
	bool is_media;
	struct usb_fact usb; /* has 0: a medium on no USB device */
	struct media_fact media;
	struct decide_context context; /* user points into this struct */
	enum usb_target target;	       /* as it was judged */
	enum media_access access;
	char user[EVENT_TEXT_MAX];
	char unit[EVENT_TEXT_MAX];     /* 課; "" not known */
	char terminal[EVENT_TEXT_MAX]; /* its id */
	char uid[EVENT_TEXT_MAX];      /* "usb:0781:5581:SERIAL" */
	char name[EVENT_TEXT_MAX];
};

enum event_fact_outcome {
	EVENT_FACT_OTHER = 1, /* an event of something else than a judgement */
	EVENT_FACT_GARBLED,   /* not an event of ours */
};

/* Reads one record of policy/record.h. Returns 0 or an outcome; *ret_fact is
 * undefined on those. */
int event_fact_read(struct span json, struct event_fact *ret_fact)
	__attribute__((nonnull, warn_unused_result));
