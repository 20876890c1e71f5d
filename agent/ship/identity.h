/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity: what enrolment left in the state directory: client.key, client.crt
 * and ca.crt. The certificate is written last, so its presence means enrolled.
 */
#pragma once

#include <stdbool.h>

#include "agent/base/hex.h"
#include "agent/ship/pki.h"
#include "agent/wire/frame.h"

#define IDENTITY_CERT "client.crt"
#define IDENTITY_KEY  "client.key"
#define IDENTITY_CA   "ca.crt"

struct identity {
	char *ca_pem;
	char *cert_pem;
	char *key_pem;
	char uri[PKI_URI_SIZE];
	struct pki_life life;
};

void identity_fini(struct identity *identity) __attribute__((nonnull));
#define _cleanup_identity_ _cleanup_(identity_fini)

/* Loads all three. 0; -ENOENT: not enrolled; -EBADMSG: damaged, or key and
 * certificate do not belong together; -errno. */
int identity_load(int state_fd, struct identity *ret_identity)
	__attribute__((nonnull, warn_unused_result));

/* The terminal's id, 32 hex. 0, -ENOENT: the daemon has not run; -EBADMSG. */
int identity_host_id(int root_fd, char ret_id[HEX_SIZE(FRAME_ID_SIZE)])
	__attribute__((nonnull, warn_unused_result));

/* Whether the certificate is this terminal's: its URI ends in the id. */
bool identity_is_of(const struct identity *identity, const char *host_id)
	__attribute__((nonnull));

/* When renewal is due: two thirds into the life. Unix time. */
int64_t identity_renew_at_s(const struct identity *identity)
	__attribute__((nonnull));

/* Between which times this terminal can live: from its certificate's beginning,
 * less a day, to its end and the grace in which it may still be renewed. */
struct pki_life identity_clock(const struct identity *identity)
	__attribute__((nonnull));
bool identity_clock_is_plausible(const struct identity *identity, int64_t now_s)
	__attribute__((nonnull));
