/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output_kafka: the output to Apache Kafka, a module of its own (see
 * output_module.h), so that the collector does not depend on librdkafka. An
 * idempotent producer with acks of all replicas; the key is the stream, so one
 * stream's events stay in order in one partition. An event counts as delivered
 * at its delivery report. librdkafka tries without end by itself, so an event is
 * given to it once and comes again only after a crash or a fatal error.
 */
#include "collector/output_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "collector/output_module.h"

#include "agent/base/banned.h"

#define SECRET_MAX  4096u
#define TOPIC_MAX   249u /* Kafka's own */
#define BROKERS_MAX 1024u
/* How long one deliver() waits for reports, and at a time. */
#define ROUND_NS (1 * NS_PER_S)
#define POLL_MS	 100

struct kafka {
	struct output_sink sink;
	const struct output_config *config;
	bool is_tls;
	char brokers[BROKERS_MAX];
	char topic[TOPIC_MAX + 1];
	rd_kafka_t *rk; /* NULL: not yet, or after a fatal error */
	bool is_sent[OUTPUT_BATCH_ROWS]; /* librdkafka has it */
	size_t sent;
	/* Of the callbacks, which run in rd_kafka_poll() */
	char problem[OUTPUT_PROBLEM_SIZE]; /* since the last report */
	bool is_too_large;		   /* a request was */
	atomic_bool is_cancelled;
};

static bool takes(enum output_format format)
{
	(void)format; /* any octets */
	return true;
}

/* "STREAM TERMINAL\n" and the body. */
static int add(struct output_sink *sink, const struct store_row *row,
	       const struct buf *body)
{
	int r = buf_printf(&sink->batch.text, "%s %s\n", row->stream,
			   row->host);

	return r < 0 ? r
		     : buf_append(&sink->batch.text, body->data, body->size);
}

/* ---- what librdkafka tells ------------------------------------------------ */

static const char *advice_for(rd_kafka_resp_err_t error)
{
	switch ((int)error) {
	case RD_KAFKA_RESP_ERR__AUTHENTICATION:
	case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
		return "check USER:PASSWORD in output_secret (SCRAM-SHA-512)";
	case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
	case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
		return "allow the user to write to the topic, idempotently";
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
		return "make the topic";
	case RD_KAFKA_RESP_ERR__SSL:
		return "check output_ca and that the brokers' certificates "
		       "name them";
	case RD_KAFKA_RESP_ERR__RESOLVE:
		return "the broker's name has no address";
	default:
		return "check that the brokers run and can be reached";
	}
}

static void keep_problem(struct kafka *k, rd_kafka_resp_err_t error)
{
	(void)snprintf(k->problem, sizeof(k->problem), "%s: %s",
		       rd_kafka_err2str(error),
		       advice_for(error)); /* cut is fine */
}

static void on_error(rd_kafka_t *rk, int error, const char *reason, void *ctx)
{
	(void)rk, (void)reason; /* it names sockets, new each time */
	keep_problem(ctx, (rd_kafka_resp_err_t)error);
}

static void on_log(const rd_kafka_t *rk, int level, const char *facility,
		   const char *text)
{
	(void)rk, (void)level, (void)facility, (void)text; /* on_error() */
}

static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message,
		      void *ctx)
{
	struct kafka *k = ctx;
	size_t index = (size_t)(uintptr_t)message->_private;

	(void)rk;
	k->is_sent[index] = false;
	k->sent--;
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		output_batch_done(&k->sink.batch, index);
		k->problem[0] = '\0';
	} else if (message->err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
		/* Of the request, which may hold many. */
		k->is_too_large = true;
		if (k->sink.batch.part == 1)
			output_sink_refuse(&k->sink, index,
					   "larger than max.message.bytes of "
					   "the topic");
	} else {
		keep_problem(k, message->err);
	}
}

/* ---- the producer --------------------------------------------------------- */

/* USER:PASSWORD of the secret's first line. */
static int set_login(struct kafka *k, rd_kafka_conf_t *conf)
{
	_cleanup_free_ char *text = NULL;
	char *password = NULL;
	size_t size = 0;
	int r = read_small_file(AT_FDCWD, k->config->secret, SECRET_MAX, &text,
				&size);

	if (r == 0) {
		text[strcspn(text, "\r\n")] = '\0';
		password = strchr(text, ':');
		r = password ? 0 : -ENODATA;
	}
	if (r < 0) {
		output_sink_problem(&k->sink,
				    "output_secret '%.150s' cannot be used "
				    "(%s): its first line must be "
				    "USER:PASSWORD, readable for the service",
				    k->config->secret, errno_text(r));
		return r;
	}
	*password++ = '\0';
	if (rd_kafka_conf_set(conf, "sasl.username", text, NULL, 0) !=
		    RD_KAFKA_CONF_OK ||
	    rd_kafka_conf_set(conf, "sasl.password", password, NULL, 0) !=
		    RD_KAFKA_CONF_OK ||
	    rd_kafka_conf_set(conf, "sasl.mechanism", "SCRAM-SHA-512", NULL,
			      0) != RD_KAFKA_CONF_OK)
		r = -EINVAL;
	explicit_bzero(text, size);
	return r;
}

static int set_all(struct kafka *k, rd_kafka_conf_t *conf, char *ret_reason,
		   size_t size)
{
	const struct output_config *config = k->config;
	const char *protocol = !k->is_tls	   ? "plaintext"
			       : config->secret[0] ? "sasl_ssl"
						   : "ssl";
	const struct {
		const char *key, *value;
	} settings[] = {
		{"bootstrap.servers", k->brokers},
		{"client.id", "sekimori-collector"},
		{"security.protocol", protocol},
		{"enable.idempotence", "true"},
		{"message.timeout.ms", "0"}, /* without end */
		{"linger.ms", "5"},
		{"compression.codec", "lz4"},
		/* As the Java clients: the same partition for a key. */
		{"partitioner", "murmur2_random"},
		{"ssl.ca.location", config->ca},
		{"ssl.certificate.location", config->cert},
		{"ssl.key.location", config->key},
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (settings[i].value[0] &&
		    rd_kafka_conf_set(conf, settings[i].key, settings[i].value,
				      ret_reason, size) != RD_KAFKA_CONF_OK)
			return -EINVAL;
	/* Of a property of topics it is set even where all went well. */
	ret_reason[0] = '\0';
	return config->secret[0] ? set_login(k, conf) : 0;
}

static int start_producer(struct kafka *k)
{
	char reason[OUTPUT_PROBLEM_SIZE / 2] = "";
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	int r = conf ? set_all(k, conf, reason, sizeof(reason)) : -ENOMEM;

	if (r == 0) {
		rd_kafka_conf_set_opaque(conf, k);
		rd_kafka_conf_set_error_cb(conf, on_error);
		rd_kafka_conf_set_log_cb(conf, on_log);
		rd_kafka_conf_set_dr_msg_cb(conf, on_report);
		k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason,
				     sizeof(reason));
		r = k->rk ? 0 : -EINVAL;
	}
	if (r == 0)
		return 0;
	if (reason[0])
		output_sink_problem(&k->sink,
				    "%s: check output_ca, output_cert and "
				    "output_key",
				    reason);
	if (conf)
		rd_kafka_conf_destroy(conf);
	return r;
}

/* What it had and did not report is sent again by the next one. */
static void stop_producer(struct kafka *k)
{
	if (k->rk) {
		/* Or it is gone with the producer. */
		(void)rd_kafka_purge(k->rk, RD_KAFKA_PURGE_F_QUEUE |
						    RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_destroy(k->rk);
	}
	k->rk = NULL;
	memset(k->is_sent, 0, sizeof(k->is_sent));
	k->sent = 0;
}

/* ---- delivering ----------------------------------------------------------- */

static rd_kafka_resp_err_t produce(struct kafka *k, size_t index)
{
	size_t size;
	const char *item = output_batch_item(&k->sink.batch, index, &size);
	const char *terminal = (const char *)memchr(item, ' ', size) + 1;
	const char *body = (const char *)memchr(item, '\n', size) + 1;
	size_t key_len = (size_t)(terminal - 1 - item);
	size_t body_len = size - (size_t)(body - item);
	ssize_t terminal_len = body - 1 - terminal;

	/* The library takes the value as not constant, and copies it. */
	return rd_kafka_producev(
		k->rk, RD_KAFKA_V_TOPIC(k->topic),
		RD_KAFKA_V_KEY(item, key_len),
		RD_KAFKA_V_VALUE((void *)(uintptr_t)body,
				 body_len), /* NOLINT */
		RD_KAFKA_V_HEADER("terminal", terminal, terminal_len),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		RD_KAFKA_V_OPAQUE((void *)(uintptr_t)index), RD_KAFKA_V_END);
}

static int produce_part(struct kafka *k)
{
	struct output_batch *batch = &k->sink.batch;

	for (size_t i = 0; i < batch->count && k->sent < batch->part; i++) {
		rd_kafka_resp_err_t error;

		if (batch->is_done[i] || k->is_sent[i])
			continue;
		error = produce(k, i);
		if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
			output_sink_refuse(&k->sink, i, "too large for Kafka");
			continue;
		}
		if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL)
			break;
		if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
			keep_problem(k, error);
			return -EIO;
		}
		k->is_sent[i] = true;
		k->sent++;
	}
	return 0;
}

/* Waits for reports, for a round at most. */
static void wait_for_reports(struct kafka *k)
{
	uint64_t end_ns = clock_mono_ns() + ROUND_NS;

	do
		(void)rd_kafka_poll(k->rk, POLL_MS); /* their number */
	while (k->sent > 0 && clock_mono_ns() < end_ns &&
	       !atomic_load(&k->is_cancelled));
}

/* What one round came to, where something is left. */
static int judge(struct kafka *k)
{
	char reason[OUTPUT_PROBLEM_SIZE / 2] = "";

	if (atomic_load(&k->is_cancelled))
		return -ECANCELED;
	if (rd_kafka_fatal_error(k->rk, reason, sizeof(reason)) !=
	    RD_KAFKA_RESP_ERR_NO_ERROR) {
		output_sink_problem(&k->sink, "%s: begun anew", reason);
		stop_producer(k);
		return -EIO;
	}
	if (k->problem[0]) {
		output_sink_problem(&k->sink, "%s", k->problem);
		return -EIO;
	}
	return k->sent > 0 ? OUTPUT_SINK_LATER : 0;
}

static int deliver(struct output_sink *sink)
{
	struct kafka *k = (struct kafka *)sink;
	int r = k->rk ? 0 : start_producer(k);

	while (r == 0 && sink->batch.left > 0) {
		if (k->is_too_large && k->sent == 0) {
			k->is_too_large = false;
			sink->batch.part = (sink->batch.part + 1) / 2;
		}
		r = produce_part(k);
		if (r == 0)
			wait_for_reports(k);
		if (sink->batch.left > 0)
			r = judge(k);
	}
	return r;
}

/* ---- life ----------------------------------------------------------------- */

static void cancel(struct output_sink *sink)
{
	atomic_store(&((struct kafka *)sink)->is_cancelled, true);
}

static void close_sink(struct output_sink *sink)
{
	stop_producer((struct kafka *)sink);
	output_batch_fini(&sink->batch);
	free(sink);
}

/* HOST:PORT[,HOST:PORT…]/TOPIC */
static int split(struct kafka *k, const char *where)
{
	const char *slash = strchr(where, '/');
	const char *topic = slash ? slash + 1 : "";
	size_t topic_len = strlen(topic);
	size_t brokers_len = slash ? (size_t)(slash - where) : 0;

	if (topic_len == 0 || topic_len > TOPIC_MAX || brokers_len == 0 ||
	    brokers_len >= BROKERS_MAX ||
	    strspn(topic, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			  "0123456789._-") != topic_len ||
	    memchr(where, '@', brokers_len) || memchr(where, ' ', brokers_len))
		return -EINVAL;
	memcpy(k->brokers, where, brokers_len);
	memcpy(k->topic, topic, topic_len + 1);
	return 0;
}

static int open_sink(const struct output_config *config, const char *where,
		     char *ret_problem, struct output_sink **ret_sink)
{
	_cleanup_free_ struct kafka *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	k->config = config;
	k->is_tls = strncmp(config->url, "kafka+tls:", 10) == 0;
	r = split(k, where);
	if (r < 0 || (config->secret[0] && !k->is_tls)) {
		(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
			       "HOST:PORT,HOST:PORT/TOPIC must follow, and "
			       "output_secret is for kafka+tls:// only");
		return -EINVAL;
	}
	output_batch_init(&k->sink.batch);
	k->sink.ops = &output_module_ops;
	*ret_sink = &TAKE_PTR(k)->sink;
	return 0;
}

const char output_module_version[] = SEKIMORI_VERSION;
const struct output_sink_ops output_module_ops = {
	.takes = takes,
	.is_json_only = true,
	.open = open_sink,
	.close = close_sink,
	.add = add,
	.deliver = deliver,
	.cancel = cancel,
};
