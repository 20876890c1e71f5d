/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line: the arguments of a pam_sekimori.so line.
 *   wrap factor=KIND[+KIND] MODULE [ARGUMENT…]
 *   gate [report]
 * Pure; the linter reads the same lines with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/mfa.h"

enum line_kind {
	LINE_INVALID = 0,
	LINE_WRAP,
	LINE_GATE,
};

struct line {
	enum line_kind kind;
	const char *error; /* LINE_INVALID: why, static storage */
	bool is_report;	   /* gate: this line refuses nobody */
	unsigned factors;  /* wrap: claimed */
	const char *module;
	const char *const *arguments; /* of the module */
	size_t argument_count;
};

/* Total. Everything in *ret_line is borrowed from argv. */
void line_parse(size_t argument_count, const char *const *arguments,
		struct line *ret_line) __attribute__((nonnull(3)));

/* The file name of a path. */
const char *line_base_name(const char *path)
	__attribute__((nonnull, returns_nonnull));
