/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output: every stored event once more to another log system, by a thread of
 * its own that reads the store behind a cursor of its own. At least once: the
 * cursor moves after the other side has taken a batch, so what was on the way
 * at a crash comes again. Never waited for by the ingest or by another output,
 * and holds one batch in memory.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "agent/base/log.h"

/* A line for the administrator: what is wrong and what to do. */
#define OUTPUT_PROBLEM_SIZE 320u

enum output_format {
	OUTPUT_JSON = 0, /* the event as it was stored, OCSF */
	OUTPUT_CEF,	 /* ArcSight's Common Event Format */
	OUTPUT_ECS,	 /* Elastic Common Schema */
};

struct output_config {
	const char *url; /* SCHEME://…, see output_sink.h */
	enum output_format format;
	const char *ca, *cert, *key; /* paths, "" none */
	const char *secret;	     /* path of password or token, "" none */
	const char *database, *dir;  /* as store_open() */
	const struct log *log;
};

/* How an output stands. */
struct output_status {
	const char *url;      /* the output's */
	int64_t cursor;	      /* id of the last event that was delivered */
	uint64_t delivered;   /* events since the start */
	uint64_t refused;     /* not taken for good, passed over */
	int64_t delivered_ms; /* wall clock of the last delivery; 0 none */
	bool is_failing;      /* `problem` stands now */
	char problem[OUTPUT_PROBLEM_SIZE]; /* the last one; "" none */
	char refusal[OUTPUT_PROBLEM_SIZE]; /* why the last was refused */
};

struct output;

/* "json", "cef", "ecs". 0; -EINVAL: another word (unchanged). */
int output_format_from_str(const char *text, enum output_format *ret_format)
	__attribute__((nonnull, warn_unused_result));

/*
 * Starts the thread; all texts are borrowed. 0 and *ret_output; -EINVAL: not a
 * URL that we speak, or not with these settings; or -errno of a file or of the
 * store. In every case but 0 ret_problem (OUTPUT_PROBLEM_SIZE) says why.
 */
int output_start(const struct output_config *config, char *ret_problem,
		 struct output **ret_output)
	__attribute__((nonnull, warn_unused_result));

/* Any thread, until output_stop(). */
void output_read_status(struct output *output, struct output_status *ret_status)
	__attribute__((nonnull));

/* Ends the thread where it is and frees. NULL is fine. */
void output_stop(struct output *output);
