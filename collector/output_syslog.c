/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_syslog: syslog over TLS and RELP. Syslog over TLS acknowledges nothing
 * (RFC 5425 §4.4), so each batch has a connection of its own, and the peer's
 * orderly close after ours says that its program has read all of it. RELP
 * answers each message. Either way a batch is delivered whole or comes again.
 */
#include "collector/output_sink.h"

#include <errno.h>

#include "collector/output_link.h"
#include "collector/output_relp.h"
#include "collector/output_text.h"

#include "agent/base/banned.h"

struct syslog {
	struct output_sink sink;
	bool is_relp;
	struct output_target target;
	struct output_gate gate;
	struct buf message;
};

static bool takes(enum output_format format)
{
	(void)format; /* any text */
	return true;
}

static int add(struct output_sink *sink, const struct store_row *row,
	       const struct buf *body)
{
	struct syslog *s = (struct syslog *)sink;
	struct buf *message = &s->message;
	int r;

	buf_clear(message);
	r = output_text_syslog(row, body, message);
	if (r < 0)
		return r;
	if (s->is_relp)
		return output_relp_add(&sink->batch.text, sink->batch.count,
				       message->data, message->size);
	/* RFC 5425 §4.3: MSG-LEN SP SYSLOG-MSG */
	r = buf_printf(&sink->batch.text, "%zu ", message->size);
	return r < 0 ? r
		     : buf_append(&sink->batch.text, message->data,
				  message->size);
}

static int talk(struct syslog *s, struct output_link *link)
{
	const struct output_batch *batch = &s->sink.batch;
	int r;

	if (s->is_relp)
		return output_relp_deliver(link, &batch->text, batch->count);
	r = output_link_write(link, batch->text.data, batch->text.size);
	return r < 0 ? r : output_link_finish(link);
}

/* What to do about it, where there is something. */
static void explain(struct syslog *s, int r)
{
	if (r == -EKEYREJECTED)
		output_sink_problem(
			&s->sink,
			"%s: the certificate of %.100s is not signed by "
			"output_ca or does not name it",
			errno_text(r), s->target.host);
	else if (r == -ENOENT)
		output_sink_problem(&s->sink,
				    "output_ca, output_cert or output_key "
				    "cannot be used: not there, not readable, "
				    "not PEM, or no pair");
}

static int deliver(struct output_sink *sink)
{
	struct syslog *s = (struct syslog *)sink;
	struct output_link link;
	int r = output_link_open(&s->target, &s->gate, &link);

	if (r == 0) {
		r = talk(s, &link);
		output_link_close(&link);
	}
	if (r < 0) {
		explain(s, r);
		return r;
	}
	for (size_t i = 0; i < sink->batch.count; i++)
		output_batch_done(&sink->batch, i);
	return 0;
}

static void cancel(struct output_sink *sink)
{
	output_gate_close(&((struct syslog *)sink)->gate);
}

static void close_sink(struct output_sink *sink)
{
	struct syslog *s = (struct syslog *)sink;

	/* Our own mutex: cannot fail. */
	(void)pthread_mutex_destroy(&s->gate.lock);
	buf_fini(&s->message);
	output_batch_fini(&sink->batch);
	free(s);
}

static int open_sink(const struct output_config *config, const char *where,
		     char *ret_problem, struct output_sink **ret_sink)
{
	struct syslog *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->target = (struct output_target){
		.ca = config->ca,
		.cert = config->cert,
		.key = config->key,
	};
	r = output_target_parse(where, &s->target);
	if (r < 0) {
		(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
			       "HOST:PORT must follow, [ADDRESS]:PORT for "
			       "IPv6"); /* fits */
		free(s);
		return r;
	}
	s->gate.fd = -1;
	/* glibc: cannot fail. */
	(void)pthread_mutex_init(&s->gate.lock, NULL);
	s->message = (struct buf)BUF_INIT(OUTPUT_TEXT_MAX);
	output_batch_init(&s->sink.batch);
	*ret_sink = &s->sink;
	return 0;
}

static int open_tls(const struct output_config *config, const char *where,
		    char *ret_problem, struct output_sink **ret_sink)
{
	int r = open_sink(config, where, ret_problem, ret_sink);

	if (r == 0)
		((struct syslog *)*ret_sink)->target.is_tls = true;
	return r;
}

static int open_relp(const struct output_config *config, const char *where,
		     char *ret_problem, struct output_sink **ret_sink)
{
	int r = open_sink(config, where, ret_problem, ret_sink);

	if (r == 0)
		((struct syslog *)*ret_sink)->is_relp = true;
	return r;
}

static int open_relp_tls(const struct output_config *config, const char *where,
			 char *ret_problem, struct output_sink **ret_sink)
{
	int r = open_tls(config, where, ret_problem, ret_sink);

	if (r == 0)
		((struct syslog *)*ret_sink)->is_relp = true;
	return r;
}

#define SINK(open_)                                                            \
	{                                                                      \
		.takes = takes, .open = (open_), .close = close_sink,          \
		.add = add, .deliver = deliver, .cancel = cancel,              \
	}
const struct output_sink_ops OUTPUT_SYSLOG_TLS = SINK(open_tls);
const struct output_sink_ops OUTPUT_RELP_TLS = SINK(open_relp_tls);
const struct output_sink_ops OUTPUT_RELP = SINK(open_relp);
