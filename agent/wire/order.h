/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order: what an administrator signs to make one terminal do one thing now, so
 * far only to let go of tamper protection for a while. Lines in a fixed order,
 * as in a parcel. PURE; knows nothing of signatures, clocks or terminals.
 *
 *	sekimori-order 1
 *	serial 1795132800
 *	action tamper-off
 *	terminal 00112233445566778899aabbccddeeff
 *	issuer 情報政策課		(may be absent)
 *	not-before 1795132800		(may be absent)
 *	not-after 1795140000
 *	end
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/span.h"

#define ORDER_TYP	     "sekimori-order" /* "typ" of the JWS */
#define ORDER_TERMINAL_CHARS 32u
#define ORDER_ISSUER_MAX     128u
#define ORDER_SERIAL_MAX     INT64_MAX
#define ORDER_MAX_BYTES	     1024u
/* From now, or from not-before: nobody needs an open gate for longer. */
#define ORDER_TERM_MAX_S (7u * 24 * 3600)

enum order_action {
	ORDER_NONE = 0,
	ORDER_TAMPER_OFF, /* until not-after, at most until switched off */
	ORDER_TAMPER_ON,  /* ends that */
	ORDER_ACTION_COUNT,
};

/* Spans are borrowed from the text read, or from who writes. */
struct order {
	enum order_action action;
	uint64_t serial;      /* 1 … ORDER_SERIAL_MAX, rises per terminal */
	struct span terminal; /* 32 lower hex digits */
	struct span issuer;   /* empty: none named */
	uint64_t wall_not_before_s; /* Unix time; 0: none */
	uint64_t wall_not_after_s;  /* never 0 */
};

enum order_outcome { ORDER_MALFORMED = 1 };

/* "tamper-off", "tamper-on"; "none" for anything else. */
const char *order_action_to_str(enum order_action action)
	__attribute__((returns_nonnull));
/* 0 and *ret_action, or -ENOENT. */
int order_action_from_str(struct span text, enum order_action *ret_action)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads an order. Returns 0, or ORDER_MALFORMED and *ret_why, a static
 * sentence; *ret_order is undefined then.
 */
int order_read(struct span text, struct order *ret_order, const char **ret_why)
	__attribute__((nonnull, warn_unused_result));

/*
 * Writes an order into `cap` bytes (ORDER_MAX_BYTES are enough). Returns 0 and
 * *ret_len, -ENOBUFS, or ORDER_MALFORMED for what could not be read back.
 */
int order_write(const struct order *order, char *buf, size_t cap,
		size_t *ret_len) __attribute__((nonnull, warn_unused_result));
