/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_parts: the OCSF objects of a record, one function each, and its
 * sentence. Internal to record.c; everybody else uses policy/record.h. Every
 * function writes members into the object that is open in `out`, and nothing
 * where the record does not know.
 */
#pragma once

#include "policy/json_out.h"
#include "policy/record_table.h"

#define RECORD_PRODUCT "sekimori-agent"
#define RECORD_VENDOR  "sekimori"

/* True when monitor mode only observes what this code stands for. */
bool record_is_observed(const struct record *rec, const struct record_row *row)
	__attribute__((nonnull));

/* .usb, else the USB parent of .media, else NULL. */
const struct usb_fact *record_usb(const struct record *rec)
	__attribute__((nonnull));

/* "message": the sentence in Japanese (record_text.c). */
void record_put_message(struct json_out *out, const struct record *rec,
			const struct record_row *row) __attribute__((nonnull));

/* Objects "device", "actor", "policy" (record_parts.c). */
void record_put_terminal(struct json_out *out, const struct record *rec,
			 const struct record_row *row) __attribute__((nonnull));
void record_put_actor(struct json_out *out, const struct record *rec)
	__attribute__((nonnull));
void record_put_policy(struct json_out *out, const struct record *rec,
		       const struct record_row *row) __attribute__((nonnull));

/* Objects "peripheral_device" and "file" (record_media.c). */
/* record_channel.c: members of peripheral_device; the object
 * `sekimori.channel`; its name in a sentence. */
void record_put_channel_peripheral(struct json_out *out,
				   const struct record_channel *channel)
	__attribute__((nonnull));
void record_put_channel(struct json_out *out,
			const struct record_channel *channel)
	__attribute__((nonnull));
void record_put_channel_text(struct json_out *out,
			     const struct record_channel *channel)
	__attribute__((nonnull));
void record_put_peripheral(struct json_out *out, const struct record *rec)
	__attribute__((nonnull));
void record_put_file(struct json_out *out, const struct record *rec,
		     const struct record_row *row) __attribute__((nonnull));

/* The object "sekimori", our extension (record_own.c). */
void record_put_own(struct json_out *out, const struct record *rec,
		    const struct record_row *row) __attribute__((nonnull));

/* Object "process" (record_parts.c); nothing when no pid is known. */
void record_put_process(struct json_out *out,
			const struct record_process *process)
	__attribute__((nonnull(1)));

/* What class Authentication has, "sekimori.mfa", and the kinds in a sentence
 * (record_login.c). */
void record_put_login(struct json_out *out, const struct record *rec)
	__attribute__((nonnull));
void record_put_own_login(struct json_out *out,
			  const struct record_login *login)
	__attribute__((nonnull));
void record_put_factors_text(struct json_out *out, unsigned int factors)
	__attribute__((nonnull));

/* What class Entity Management has, "sekimori.grant", and the grant in a
 * sentence (record_grant.c). */
void record_put_grant(struct json_out *out, const struct record *rec,
		      const struct record_row *row) __attribute__((nonnull));
void record_put_own_grant(struct json_out *out,
			  const struct record_grant *grant)
	__attribute__((nonnull));
void record_put_grant_text(struct json_out *out,
			   const struct record_grant *grant)
	__attribute__((nonnull));

/* "8:17" as member `key`. */
void record_put_devno(struct json_out *out, const char *key, uint32_t major,
		      uint32_t minor) __attribute__((nonnull));

/* Our state of a layer: "ok", "degraded", "absent". */
const char *record_layer_state_to_str(enum record_layer_state state)
	__attribute__((returns_nonnull));
