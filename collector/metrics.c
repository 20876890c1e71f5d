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
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "text/plain; version=0.0.4; charset=utf-8";
}
