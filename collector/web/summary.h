/* SPDX-License-Identifier: Apache-2.0 */
/*
 * summary: the few texts of a record that a person reads first. A full JSON
 * read, so for a page of events, not for the hot path.
 */
#pragma once

#include <stddef.h>

#define SUMMARY_TEXT_SIZE 512u

struct summary {
	char message[SUMMARY_TEXT_SIZE]; /* in Japanese, written by the agent */
	char device[SUMMARY_TEXT_SIZE];	 /* name, ids, serial or node */
	char user[SUMMARY_TEXT_SIZE];
	char hostname[SUMMARY_TEXT_SIZE];
	char rule[SUMMARY_TEXT_SIZE];
	char reason[SUMMARY_TEXT_SIZE]; /* status_code and status_detail */
};

/* The same JSON with a line a member, for the caller to free; NULL: it is none,
 * or there is no memory. */
char *summary_pretty(const char *json, size_t len) __attribute__((nonnull));

/* Fills *ret_summary; what is not there or not text is "". */
void summary_read(const char *json, size_t len, struct summary *ret_summary)
	__attribute__((nonnull));
