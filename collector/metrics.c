/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics: GET /metrics in the Prometheus text format. Counters of this process
 * only; what is stored is asked of the API.
 */
#include "collector/console.h"

#include <errno.h>

#include "agent/base/clock.h"

#include "agent/base/banned.h"

struct metric {
	const char *name;
	const char *type;
	const char *help;
	double value;
};

static int append(struct buf *out, const struct metric *metric)
{
	return buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n",
			  metric->name, metric->help, metric->name,
			  metric->type, metric->name, metric->value);
}

/* One line of an output: its URL is the label. */
static int append_sample(struct buf *out, const char *name, const char *url,
			 double value)
{
	int r = buf_printf(out, "%s{output=\"", name);

	for (; r == 0 && *url; url++) {
		if (*url == '"' || *url == '\\')
			r = buf_append(out, "\\", 1);
		if (r == 0)
			r = buf_append(out, url, 1);
	}
	return r < 0 ? r : buf_printf(out, "\"} %.15g\n", value);
}

/* A metric of each output; the samples of one stand together. */
static int append_outputs(struct buf *out, const struct metric *metric,
			  const struct output_status *states,
			  const double *values)
{
	int r = buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name,
			   metric->help, metric->name, metric->type);

	for (size_t i = 0; r == 0 && i < CONFIG_OUTPUTS; i++)
		if (states[i].url)
			r = append_sample(out, metric->name, states[i].url,
					  values[i]);
	return r;
}

static int append_all_outputs(struct console *console, struct buf *out)
{
	static const struct metric metrics[] = {
		{"sekimori_output_delivered_total", "counter",
		 "Events that another log system has taken.", 0},
		{"sekimori_output_refused_total", "counter",
		 "Events that it refused for good, passed over.", 0},
		{"sekimori_output_lag_events", "gauge",
		 "Events that are stored and not delivered.", 0},
		{"sekimori_output_failing", "gauge",
		 "1 while the last attempt has failed.", 0},
	};
	const size_t count = sizeof(metrics) / sizeof(metrics[0]);
	struct output_status states[CONFIG_OUTPUTS] = {0};
	double values[4][CONFIG_OUTPUTS] = {0};
	int64_t newest = 0;
	int r = console_newest(console, &newest);

	for (size_t i = 0; i < CONFIG_OUTPUTS; i++) {
		if (!console->service->outputs[i])
			continue;
		output_read_status(console->service->outputs[i], &states[i]);
		values[0][i] = (double)states[i].delivered;
		values[1][i] = (double)states[i].refused;
		values[2][i] = (double)(newest - states[i].cursor);
		values[3][i] = states[i].is_failing;
	}
	for (size_t i = 0; r == 0 && i < count; i++)
		r = append_outputs(out, &metrics[i], states, values[i]);
	return r;
}

void metrics_reply(struct console_request *request)
{
	const struct service *service = request->console->service;
	const struct counters *c = &service->counters;
	struct writer_stats stats;

	writer_read_stats(service->writer, &stats);
	const struct metric metrics[] = {
		{"sekimori_requests_total", "counter", "Requests of terminals.",
		 (double)atomic_load(&c->requests)},
		{"sekimori_requests_refused_total", "counter",
		 "Refused before their body was read.",
		 (double)atomic_load(&c->refused)},
		{"sekimori_requests_overload_total", "counter", "Answered 429.",
		 (double)atomic_load(&c->overload)},
		{"sekimori_events_stored_total", "counter", "Events stored.",
		 (double)atomic_load(&c->events)},
		{"sekimori_events_duplicate_total", "counter",
		 "Events that were stored already.",
		 (double)atomic_load(&c->duplicates)},
		{"sekimori_events_quarantined_total", "counter",
		 "Events stored as they came, not readable.",
		 (double)atomic_load(&c->quarantined)},
		{"sekimori_gaps_total", "counter", "Batches with a gap before.",
		 (double)atomic_load(&c->gaps)},
		{"sekimori_chain_mismatch_total", "counter",
		 "Batches whose history differs.",
		 (double)atomic_load(&c->mismatches)},
		{"sekimori_enrolled_total", "counter", "Certificates issued.",
		 (double)atomic_load(&c->enrolled)},
		{"sekimori_commits_total", "counter", "Transactions committed.",
		 (double)stats.commits},
		{"sekimori_commit_failures_total", "counter",
		 "Transactions that failed.", (double)stats.failures},
		{"sekimori_commit_seconds_total", "counter",
		 "Time spent in transactions.",
		 (double)stats.commit_ns / (double)NS_PER_S},
		{"sekimori_queue_events", "gauge", "Events waiting.",
		 (double)stats.waiting},
		{"sekimori_held_bytes", "gauge", "Bodies held in memory.",
		 (double)atomic_load(&service->held_bytes)},
	};
	int r = 0;

	buf_clear(&request->reply.body);
	for (size_t i = 0; r == 0 && i < sizeof(metrics) / sizeof(metrics[0]);
	     i++)
		r = append(&request->reply.body, &metrics[i]);
	if (r == 0)
		r = append_all_outputs(request->console, &request->reply.body);
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "text/plain; version=0.0.4; charset=utf-8";
}
