/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parcel: what a signed policy carries, sekimori.bundle(5): rules files by
 * name, and the terms on which they count. A text of lines in a fixed order,
 * files length-prefixed, so that one set of files and terms has one spelling
 * and a person can read it. PURE; knows nothing of signatures or rules.
 *
 *	sekimori-policy 1
 *	serial 12
 *	zone mynumber			(zone to not-after: may be absent)
 *	issuer 情報政策課
 *	not-before 1795132800
 *	not-after 1826668800
 *	file 00-header.rules 57
 *	…57 bytes, and a newline that is not counted…
 *	end
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "policy/limits.h"
#include "policy/span.h"

#define PARCEL_TYP	     "sekimori-policy" /* "typ" of the JWS */
#define PARCEL_ZONE_MAX	     64u
#define PARCEL_ISSUER_MAX    128u
#define PARCEL_NAME_MAX	     128u
#define PARCEL_SERIAL_MAX    INT64_MAX
#define PARCEL_FILES_MAX     RULES_TEXTS_MAX
#define PARCEL_FRAME_MAX     1024u /* all lines but those of files */
#define PARCEL_FILE_LINE_MAX (PARCEL_NAME_MAX + 32u)

struct parcel_file {
	struct span name; /* [A-Za-z0-9._-]+, ends in ".rules" */
	struct span text;
};

/* Spans are borrowed from the text read, or from who writes. */
struct parcel {
	uint64_t serial;	    /* 1 … PARCEL_SERIAL_MAX */
	struct span zone;	    /* [A-Za-z0-9._-]*, empty: none named */
	struct span issuer;	    /* empty: none named */
	uint64_t wall_not_before_s; /* Unix time; 0: none */
	uint64_t wall_not_after_s;  /* 0: none */
	struct parcel_file files[PARCEL_FILES_MAX]; /* by name, ascending */
	size_t count;
};

enum parcel_outcome { PARCEL_MALFORMED = 1 };

/*
 * Reads a parcel. Returns 0, or PARCEL_MALFORMED and *ret_why, a static
 * sentence; *ret_parcel is undefined then.
 */
int parcel_read(struct span text, struct parcel *ret_parcel,
		const char **ret_why)
	__attribute__((nonnull, warn_unused_result));

/*
 * Writes a parcel into `cap` bytes (PARCEL_FRAME_MAX, and for each file its
 * size and PARCEL_FILE_LINE_MAX are enough). Returns 0 and *ret_len, -ENOBUFS,
 * or PARCEL_MALFORMED for what could not be read back.
 */
int parcel_write(const struct parcel *parcel, char *buf, size_t cap,
		 size_t *ret_len) __attribute__((nonnull, warn_unused_result));
