/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who this terminal is: the random id made at the first start and never
 * changed, the key that signs its spool, the one that agrees with desks on the
 * keys of codes, and the lines of its description that
 * stand in every event. Knows no device and no policy.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <openssl/types.h>

#include "agent/base/hex.h"
#include "agent/daemon/config.h"
#include "agent/wire/frame.h"
#include "agent/wire/jws.h"
#include "policy/record.h"

#define IDENTITY_TEXT_MAX 128

struct identity {
	uint8_t host_id[FRAME_ID_SIZE];
	char host_id_hex[HEX_SIZE(FRAME_ID_SIZE)];
	EVP_PKEY *key;	    /* Ed25519 */
	EVP_PKEY *code_key; /* P-256: sekimori.code(7) */
	char code_point[JWS_POINT_CHARS + 1];
	bool is_first; /* made just now */
};

/* Reads terminal.id, host.key and code.key below STATE_FD, making what is
 * missing (the .pub too). 0; -EROFS, -ENOSPC … while the file system is not ready;
 * -EBADMSG when a file has a content that is not ours: it is left alone, for
 * an id must never change by itself. *ret_identity unchanged on failure. */
int identity_load(int state_fd, struct identity *ret_identity)
	__attribute__((nonnull, warn_unused_result));
void identity_fini(struct identity *identity) __attribute__((nonnull));

#define HOST_PUBLIC "host.pub"

/* For rotation.c: the public half of a key under a name; both halves as the
 * host's key, the public one first. 0 or -errno. */
int identity_save_public(int state_fd, const char *name, EVP_PKEY *key)
	__attribute__((nonnull, warn_unused_result));
int identity_save_host_key(int state_fd, EVP_PKEY *key)
	__attribute__((nonnull, warn_unused_result));

/* The description of this machine, from uname, os-release and the config. */
struct terminal {
	struct record_terminal record; /* points into the rest */
	const struct config *config;
	char uid[HEX_SIZE(FRAME_ID_SIZE)];
	char hostname[IDENTITY_TEXT_MAX];
	char kernel[IDENTITY_TEXT_MAX];
	char boot_uid[40];
	char os_name[IDENTITY_TEXT_MAX];
	char os_version[IDENTITY_TEXT_MAX];
	char zone[IDENTITY_TEXT_MAX];
};

/* Fills everything but the id (all zeros until identity_load succeeds).
 * CONFIG is borrowed for the terminal's life. Nothing fails: what cannot be
 * read is "unknown". The object must not be moved afterwards. */
void terminal_init(struct terminal *terminal, int root_fd,
		   const struct config *config) __attribute__((nonnull));
void terminal_set_id(struct terminal *terminal, const struct identity *identity)
	__attribute__((nonnull));
/* Takes over texts that a reload may have changed. */
void terminal_set_zone(struct terminal *terminal, const char *zone)
	__attribute__((nonnull));
