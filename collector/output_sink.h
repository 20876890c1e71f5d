/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_sink: what one kind of other log system is to an output: it takes
 * events into a batch, and delivers the batch. A sink knows its protocol and
 * nothing of the store, the cursor or the waiting between attempts. It belongs
 * to the output's thread; only `cancel` may be called by another.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/output.h"
#include "collector/output_batch.h"
#include "collector/store.h"

struct output_sink_ops;

/* Embedded first by each sink. */
struct output_sink {
	const struct output_sink_ops *ops;
	struct output_batch batch;
	/* Of the last failure, "": its errno says it. */
	char problem[OUTPUT_PROBLEM_SIZE];
	unsigned int retry_after_s;	   /* what the other side asked for */
	uint64_t refused;		   /* events it will never take */
	char refusal[OUTPUT_PROBLEM_SIZE]; /* why, of the last one */
};

enum output_sink_outcome {
	OUTPUT_SINK_LATER = 1,
};

struct output_sink_ops {
	/*
	 * Can it carry this format? And must a body be JSON: then what cannot
	 * be read is wrapped (output_body.h).
	 */
	bool (*takes)(enum output_format format);
	bool is_json_only;

	/*
	 * `where` is what follows "://" of the URL; `config` outlives the sink.
	 * 0 and *ret_sink, whose `ops` are these unless it has others; or
	 * -errno with ret_problem set.
	 */
	int (*open)(const struct output_config *config, const char *where,
		    char *ret_problem, struct output_sink **ret_sink);
	void (*close)(struct output_sink *sink);

	/* Appends one event to batch.text, framed. 0 or as buf_append(). */
	int (*add)(struct output_sink *sink, const struct store_row *row,
		   const struct buf *body);

	/*
	 * Delivers what is left of the batch. 0: nothing is left;
	 * OUTPUT_SINK_LATER: all is sent, ask again in a second whether it was
	 * taken; -errno: what is left stays and is tried again; -ECANCELED
	 * after cancel().
	 */
	int (*deliver)(struct output_sink *sink);

	/* Ends a deliver() that waits, and every later one. Any thread. */
	void (*cancel)(struct output_sink *sink);
};

/* Sets sink->problem. */
void output_sink_problem(struct output_sink *sink, const char *format, ...)
	__attribute__((nonnull, format(printf, 2, 3)));

/* Counts item `index` of the batch as never to be taken, with the reason. */
void output_sink_refuse(struct output_sink *sink, size_t index,
			const char *format, ...)
	__attribute__((nonnull, format(printf, 3, 4)));

extern const struct output_sink_ops OUTPUT_SYSLOG_TLS, OUTPUT_RELP_TLS,
	OUTPUT_RELP;
extern const struct output_sink_ops OUTPUT_BULK_HTTPS, OUTPUT_BULK_HTTP;
extern const struct output_sink_ops OUTPUT_HEC_HTTPS, OUTPUT_HEC_HTTP;
extern const struct output_sink_ops OUTPUT_KAFKA;
