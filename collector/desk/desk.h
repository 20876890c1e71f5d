/* SPDX-License-Identifier: Apache-2.0 */
/*
 * desk: sekimori-desk, the grant desk on the command line. It shows what was
 * asked for, and signs what the person decides with the person's own key; the
 * collector only carries it. Nothing here is trusted by a terminal but that
 * signature, and the terminal holds the key to its limits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"

enum desk_exit { DESK_OK = 0, DESK_FAILED = 1, DESK_USAGE = 2 };

DEFINE_CLEANUP(json, json_t *, json_decref);
#define _cleanup_json_ _cleanup_(cleanup_json)

struct client;

struct desk {
	bool is_japanese;
	/* Of the options, the environment of the command */
	const char *collector; /* https://HOST:PORT of the console */
	const char *ca;	       /* PEM file */
	const char *user;
	const char *token_file; /* its first line is the password */
	const char *key;	/* PEM file or pkcs11: URI */
	const char *module;
	const char *access;
	const char *terminal; /* of a code */
	const char *note;
	const char *issuer_ticket;
	uint64_t minutes;
	uint64_t uses;
	uint64_t valid_hours;
	uint64_t report_hours; /* 0: no 事後報告 asked for */
	bool has_minutes;
	bool has_uses;
	bool is_json;
	bool is_all;
	bool is_approver;      /* whose key makes the code */
	struct client *client; /* owned */
};

/* The text in the person's language. */
const char *desk_say(const struct desk *desk, const char *ja, const char *en)
	__attribute__((nonnull, returns_nonnull, format_arg(2), format_arg(3)));
/* What a terminal must not be driven by is left out. NULL prints "-". */
void desk_print(const char *text);
/* Text member of an object, or "". Borrowed. */
const char *desk_text(const json_t *object, const char *key)
	__attribute__((nonnull(2), returns_nonnull));
uint64_t desk_number(const json_t *object, const char *key)
	__attribute__((nonnull(2)));

/* client.c: one request. 0 and *ret_json (GET), or an exit code, told. */
int client_open(struct desk *desk) __attribute__((nonnull, warn_unused_result));
struct client *client_free(struct client *client);
int client_get(struct desk *desk, const char *path, json_t **ret_json)
	__attribute__((nonnull, warn_unused_result));
int client_post_jose(struct desk *desk, const char *path, const char *text)
	__attribute__((nonnull, warn_unused_result));

/* list.c */
int cmd_list(struct desk *desk) __attribute__((nonnull));
int cmd_show(struct desk *desk, const char *id) __attribute__((nonnull));
int cmd_watch(struct desk *desk) __attribute__((nonnull));
/* The request of that id as the collector has it. 0, or an exit code, told. */
int desk_find(struct desk *desk, const char *id, json_t **ret_row)
	__attribute__((nonnull, warn_unused_result));

/* sign.c */
int cmd_approve(struct desk *desk, const char *id) __attribute__((nonnull));
int cmd_deny(struct desk *desk, const char *id) __attribute__((nonnull));
int cmd_revoke(struct desk *desk, const char *id) __attribute__((nonnull));

/* code.c: the code that answers a receipt number read out on the telephone. */
int cmd_code(struct desk *desk, const char *receipt) __attribute__((nonnull));
