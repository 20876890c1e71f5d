/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load: plays simulated terminals against a collector that runs already and
 * prints what came of it, a line a figure. tests/bench/storm.py starts the
 * collector; by hand: load --dir FOLDER --port N [--terminals N] … ; an unknown
 * option lists them all. The time to an acknowledgement is of the terminal's
 * side, from the request to its answer. At the end it says `done` and waits for
 * its standard input to close, so that the collector can be looked at with the
 * connections still open.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/clock.h"
#include "tests/bench/terminals/check.h"
#include "tests/bench/terminals/fleet.h"

struct options {
	const char *dir;
	uint64_t port, terminals, events, batch, bytes, connections, window_s,
		seconds, spread_days, lose, repeat, seed, ahead, hold;
};

static const struct option LONG[] = {
	{"dir", required_argument, NULL, 0},
	{"port", required_argument, NULL, 1},
	{"terminals", required_argument, NULL, 2},
	{"events", required_argument, NULL, 3},
	{"batch", required_argument, NULL, 4},
	{"bytes", required_argument, NULL, 5},
	{"connections", required_argument, NULL, 6},
	{"window", required_argument, NULL, 7},
	{"seconds", required_argument, NULL, 8},
	{"spread-days", required_argument, NULL, 9},
	{"lose", required_argument, NULL, 10},
	{"repeat", required_argument, NULL, 11},
	{"seed", required_argument, NULL, 12},
	{"ahead", required_argument, NULL, 13},
	{"hold", required_argument, NULL, 14},
	{0},
};

static void read_options(int argc, char *argv[], struct options *o)
{
	uint64_t *const numbers[] = {
		NULL,	     &o->port,	      &o->terminals,   &o->events,
		&o->batch,   &o->bytes,	      &o->connections, &o->window_s,
		&o->seconds, &o->spread_days, &o->lose,	       &o->repeat,
		&o->seed,    &o->ahead,	      &o->hold};
	int which;

	while ((which = getopt_long(argc, argv, "", LONG, NULL)) >= 0) {
		if (which == '?') {
			for (const struct option *l = LONG; l->name; l++)
				fprintf(stderr, "--%s VALUE\n", l->name);
			exit(2);
		}
		if (which == 0)
			o->dir = optarg;
		else
			*numbers[which] = strtoull(optarg, NULL, 10);
	}
	CHECK(o->dir && o->port && o->batch <= TERMINAL_BATCH_MAX &&
	      o->batch > 0 && o->bytes <= TERMINAL_EVENT_MAX / 2);
}

static void print_times(const char *name, const uint64_t *list, size_t count)
{
	if (count == 0)
		return;
	printf("%s_p50 %.2f ms\n", name, (double)list[count / 2] / NS_PER_MS);
	printf("%s_p99 %.2f ms\n", name,
	       (double)list[count * 99 / 100] / NS_PER_MS);
}

static void print_result(const struct fleet_result *r, void *ctx)
{
	double seconds = (double)r->took_ns / NS_PER_S;
	struct timespec used;
	char c;

	(void)ctx;
	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
	printf("seconds %.2f s\n", seconds);
	printf("events %" PRIu64 " ev\n", r->acked);
	printf("rate %.0f ev/s\n", (double)r->acked / seconds);
	print_times("ack", r->ack_ns, r->ack_count);
	print_times("connect", r->connect_ns, r->connect_count);
	print_times("whole", r->whole_ns, r->whole_count);
	printf("requests %" PRIu64 " answers\n", r->requests);
	printf("sent %.1f MB\n", (double)r->bytes / 1e6);
	printf("acks_lost %" PRIu64 " requests\n", r->lost);
	printf("repeated %" PRIu64 " requests\n", r->repeated);
	printf("refused %" PRIu64 " answers\n", r->refused);
	printf("rewound %" PRIu64 " answers\n", r->rewound);
	printf("broken %" PRIu64 " connections\n", r->broken);
	printf("open %zu connections\n", r->open);
	printf("done\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

int main(int argc, char *argv[])
{
	struct options o = {.terminals = 64,
			    .events = 20,
			    .batch = 20,
			    .bytes = 645,
			    .connections = 1000,
			    .seed = 1};
	struct rlimit files = {1 << 20, 1 << 20};
	struct authority ca;
	struct fleet_result result;

	signal(SIGPIPE, SIG_IGN);
	read_options(argc, argv, &o);
	if (setrlimit(RLIMIT_NOFILE, &files) < 0) {
		getrlimit(RLIMIT_NOFILE, &files);
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	authority_read(o.dir, &ca);
	const struct fleet_config config = {
		.ca = &ca,
		.load = {.events = o.events,
			 .batch = (unsigned int)o.batch,
			 .event_bytes = (unsigned int)o.bytes,
			 .newest_ns = clock_wall_ns(),
			 .spread_ns = o.spread_days * 86400 * NS_PER_S},
		.seed = o.seed,
		.terminals = o.terminals,
		.under_way = o.connections,
		.window_ns = o.window_s * NS_PER_S,
		.limit_ns = o.seconds * NS_PER_S,
		.is_ahead = o.ahead != 0,
		.hold = o.hold,
		.lose = (unsigned int)o.lose,
		.repeat = (unsigned int)o.repeat,
		.port = (uint16_t)o.port,
	};
	fleet_play(&config, print_result, NULL, &result);
	free(result.ack_ns);
	free(result.connect_ns);
	free(result.whole_ns);
	authority_fini(&ca);
	return 0;
}
