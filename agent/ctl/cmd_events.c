/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events: what happened, newest last, and on request what happens next. The
 * daemon is asked in small pieces by sequence number, so nothing is lost or
 * doubled between two of them, nor when the daemon restarts while we follow.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/dict.h"
#include "agent/ctl/event_line.h"

#define BATCH_COUNT   256u /* events to a call; the daemon's limit is 1000 */
#define COUNT_DEFAULT 20u
#define COUNT_MAX     100000u
/* With --code, how far back is looked for events of that code. */
#define SCAN_COUNT 20000u
/* Follow: the signal wakes us at once; without it (not root) this does. */
#define POLL_US UINT64_C(1000000)

struct options {
	const char *code;
	uint64_t since; /* 0: by count */
	size_t count;
	bool is_follow, is_json, has_count;
};

/* The newest `cap` events seen so far, in a ring. */
struct ring {
	char **lines; /* owned, as are the strings */
	size_t cap, used, next;
};

struct run {
	struct ctl *ctl;
	struct options options;
	struct ring ring;  /* cap 0: print at once */
	uint64_t after;	   /* newest sequence received */
	uint64_t received; /* in the newest call */
	uint64_t printed;
	bool was_absent; /* the daemon, at the newest call */
};

static void ring_fini(struct ring *ring)
{
	for (size_t i = 0; i < ring->used; i++)
		free(ring->lines[i]);
	free(ring->lines);
	*ring = (struct ring){0};
}

static int ring_add(struct ring *ring, const char *json)
{
	char *copy = strdup(json);
	if (!copy)
		return -ENOMEM;
	free(ring->lines[ring->next]);
	ring->lines[ring->next] = copy;
	ring->next = (ring->next + 1) % ring->cap;
	if (ring->used < ring->cap)
		ring->used++;
	return 0;
}

static void print_one(struct run *run, const char *json)
{
	if (run->options.is_json)
		fprintf(run->ctl->out, "%s\n", json);
	else
		event_line_print(run->ctl, json);
	run->printed++;
}

/* Oldest first. */
static void ring_print(struct run *run)
{
	struct ring *ring = &run->ring;
	size_t first = ring->used < ring->cap ? 0 : ring->next;

	for (size_t i = 0; i < ring->used; i++)
		print_one(run, ring->lines[(first + i) % ring->cap]);
}

static bool is_enough(const struct run *run)
{
	return run->ring.cap == 0 && !run->options.is_follow &&
	       run->options.has_count && run->printed >= run->options.count;
}

static int take_one(struct run *run, uint64_t seq, const char *json)
{
	run->received++;
	if (seq <= run->after)
		return 0; /* seen; a daemon that goes on so is told of */
	run->after = seq;
	if (is_enough(run) || !event_line_has_code(json, run->options.code))
		return 0;
	if (run->ring.cap > 0)
		return ring_add(&run->ring, json);
	print_one(run, json);
	return 0;
}

/* a(ts); 0 or -errno. */
static int take_batch(struct run *run, sd_bus_message *reply)
{
	const char *json;
	uint64_t seq;

	run->received = 0;
	int r = sd_bus_message_enter_container(reply, 'a', "(ts)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(reply, "(ts)", &seq, &json)) > 0) {
		r = take_one(run, seq, json);
		if (r < 0)
			return r;
	}
	return r;
}

/*
 * One call; the ctl_exit. While we follow, a daemon that is being restarted is
 * told of once, not every second.
 */
static int fetch(struct run *run)
{
	_cleanup_message_ sd_bus_message *call = NULL;
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

	int r = bus_new_call(run->ctl, "Events", &call);
	if (r >= 0)
		r = sd_bus_message_append(call, "tu", run->after, BATCH_COUNT);
	if (r >= 0)
		r = bus_send(run->ctl, call, &reply, &error);
	bool is_absent = r < 0 &&
			 (bus_is_absent(&error) ||
			  sd_bus_error_has_name(&error, SD_BUS_ERROR_NO_REPLY));
	bool is_news = !is_absent || !run->was_absent;
	run->was_absent = is_absent;
	if (r < 0) {
		int code = is_news ? bus_tell(run->ctl, &error, r) : CTL_FAILED;
		return is_absent ? CTL_NOT_RUNNING : code;
	}

	uint64_t before = run->after;
	r = take_batch(run, reply);
	if (r < 0 || (run->received > 0 && run->after == before))
		return bus_tell_garbled(run->ctl);
	return CTL_OK;
}

/* Everything there is. */
static int fetch_all(struct run *run)
{
	do {
		int r = fetch(run);
		if (r != CTL_OK)
			return r;
	} while (run->received > 0 && !is_enough(run));
	return CTL_OK;
}

/* Where to begin: at --since, or far enough before the newest. */
static int seek(struct run *run)
{
	_cleanup_message_ sd_bus_message *reply = NULL;
	_cleanup_dict_ struct dict status = {0};
	const struct ctl *ctl = run->ctl;

	if (run->options.since > 0) {
		run->after = run->options.since - 1;
		return CTL_OK;
	}
	int r = bus_call(run->ctl, "Status", &reply, NULL);
	if (r != CTL_OK)
		return r;
	if (dict_read(reply, &status) < 0)
		return bus_tell_garbled(run->ctl);

	uint64_t last = dict_u64(&status, "spool-last");
	uint64_t back = run->options.code ? SCAN_COUNT : run->options.count;
	if (run->options.count == 0)
		back = 0;
	run->after = last > back ? last - back : 0;
	if (back == 0)
		return CTL_OK;
	run->ring.lines = calloc(run->options.count, sizeof(char *));
	if (!run->ring.lines) {
		fprintf(ctl->err, _("Out of memory.\n"));
		return CTL_FAILED;
	}
	run->ring.cap = run->options.count;
	return CTL_OK;
}

/* Only wakes: what it carries is fetched by sequence number as ever. */
static void ask_for_signals(struct ctl *ctl)
{
	(void)sd_bus_match_signal(ctl->bus, NULL, BUS_NAME, BUS_PATH,
				  BUS_INTERFACE, "Event", NULL,
				  NULL); /* else: POLL_US */
}

/* Until something is signalled or a second has passed; drops the signals. */
static int wait_for_more(struct run *run)
{
	struct ctl *ctl = run->ctl;

	int r = sd_bus_wait(ctl->bus, POLL_US);
	while (r >= 0) {
		r = sd_bus_process(ctl->bus, NULL);
		if (r == 0)
			return CTL_OK;
	}
	/* The bus itself went away (it was restarted): begin anew. */
	ctl->bus = sd_bus_flush_close_unref(ctl->bus);
	r = bus_open(ctl);
	if (r == CTL_OK)
		ask_for_signals(ctl);
	return r;
}

/* Ends with an error, or when nobody reads us any more. */
static int follow(struct run *run)
{
	struct ctl *ctl = run->ctl;

	ask_for_signals(ctl);
	for (;;) {
		int r = fetch(run);
		if (r != CTL_OK && r != CTL_NOT_RUNNING)
			return r;
		if (fflush(ctl->out) != 0)
			return CTL_OK;
		if (r == CTL_OK && run->received > 0)
			continue;
		r = wait_for_more(run);
		if (r != CTL_OK)
			return r;
	}
}

static bool read_number(const char *text, uint64_t max, uint64_t *ret_value)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno || *end || value > max)
		return false;
	*ret_value = value;
	return true;
}

/* An option with a value, argv[*at]; moves *at on to the value. */
static int take_value(const struct ctl *ctl, int argc, char **argv, int *at,
		      struct options *options)
{
	const char *name = argv[*at];
	uint64_t number = 0;

	if (*at + 1 == argc)
		return ctl_usage(ctl, argv[0], _("'%s' needs a value"), name);
	const char *value = argv[++*at];
	if (strcmp(name, "--code") == 0) {
		options->code = value;
		return CTL_OK;
	}
	bool is_count = strcmp(name, "-n") == 0;
	if (!read_number(value, is_count ? COUNT_MAX : INT64_MAX, &number))
		return ctl_usage(ctl, argv[0],
				 _("'%s' is not a number that %s takes"), value,
				 name);
	if (is_count) {
		options->count = number;
		options->has_count = true;
	} else {
		options->since = number ? number : 1;
	}
	return CTL_OK;
}

static int take_options(const struct ctl *ctl, int argc, char **argv,
			struct options *options)
{
	for (int i = 1; i < argc; i++) {
		int r = CTL_OK;

		if (strcmp(argv[i], "-f") == 0 ||
		    strcmp(argv[i], "--follow") == 0)
			options->is_follow = true;
		else if (strcmp(argv[i], "--json") == 0)
			options->is_json = true;
		else if (strcmp(argv[i], "-n") == 0 ||
			 strcmp(argv[i], "--code") == 0 ||
			 strcmp(argv[i], "--since") == 0)
			r = take_value(ctl, argc, argv, &i, options);
		else if (argv[i][0] == '-')
			return ctl_usage(ctl, argv[0],
					 _("there is no option '%s'"), argv[i]);
		else
			return ctl_usage(ctl, argv[0],
					 _("unexpected argument '%s'"),
					 argv[i]);
		if (r != CTL_OK)
			return r;
	}
	return CTL_OK;
}

static int run_events(struct run *run)
{
	int r = bus_open(run->ctl);
	if (r == CTL_OK)
		r = seek(run);
	if (r == CTL_OK)
		r = fetch_all(run);
	if (r != CTL_OK)
		return r;
	ring_print(run);
	if (!run->options.is_follow)
		return CTL_OK;
	ring_fini(&run->ring); /* from now on, each as it comes */
	return follow(run);
}

int cmd_events(struct ctl *ctl, int argc, char **argv)
{
	struct run run = {.ctl = ctl, .options.count = COUNT_DEFAULT};

	int r = take_options(ctl, argc, argv, &run.options);
	if (r == CTL_OK)
		r = run_events(&run);
	ring_fini(&run.ring);
	return r;
}
