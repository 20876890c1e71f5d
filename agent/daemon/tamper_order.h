/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a text to an order that counts on this terminal now: signature, terms,
 * serial, in this order, so that nothing of a text is looked at before it is
 * known whose it is. Pure but for the allocation; does nothing about it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "agent/wire/jws.h"
#include "agent/wire/order.h"
#include "agent/wire/trust.h"

struct ruleset;

/* `role` of a key line of the policy that may sign orders; its `public` is
 * base64url of a point of P-256 (SEC 1). */
#define TAMPER_ORDER_ROLE "order"

struct tamper_order_terms {
	const struct trust *trust;
	const struct ruleset *ruleset; /* may be NULL */
	const char *terminal;
	uint64_t serial_floor; /* the highest that ever counted here */
	uint64_t wall_now_s;
};

/* What is known of an order, refused or not. */
struct tamper_order {
	enum order_action action;
	uint64_t serial;
	uint64_t wall_until_s;
	char signer[JWS_KEY_ID_CHARS + 1];
	char issuer[ORDER_ISSUER_MAX + 1];
};

/* 0; 1 and *ret_why, a static sentence; or -ENOMEM. *ret_order is set to what
 * is known in every case. */
int tamper_order_judge(struct span text, const struct tamper_order_terms *terms,
		       struct tamper_order *ret_order, const char **ret_why)
	__attribute__((nonnull, warn_unused_result));
