/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimorictl against a fake agent on a private bus: what is printed, byte for
 * byte, is in tests/data/ctl/NAME.txt. After a wanted change,
 * SEKIMORI_GOLDEN=write build/tests/unit/ctl/test_ctl rewrites them; read the
 * difference before committing it.
 */
#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>

#include "agent/ctl/ctl.h"
#include "agent/ctl/text.h"
#include "policy/json_out.h"
#include "policy/utf8.h"
#include "tests/unit/ctl/fake_agent.h"

struct bus {
	pid_t pid;
	char address[512];
};

/* A private dbus-daemon; NULL state when this machine has none. */
static int start_bus(void **state)
{
	static struct bus bus;
	int out[2];

	setenv("TZ", "JST-9", 1);
	tzset();
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	if (pipe(out) < 0)
		return -1;
	bus.pid = fork();
	if (bus.pid == 0) {
		/* A test that dies must not leave a bus behind. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execlp("dbus-daemon", "dbus-daemon", "--session", "--nofork",
		       "--nopidfile", "--print-address", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	ssize_t n = read(out[0], bus.address, sizeof(bus.address) - 1);
	close(out[0]);
	if (n <= 0) {
		(void)waitpid(bus.pid, NULL, 0);
		return 0;
	}
	bus.address[strcspn(bus.address, "\n")] = '\0';
	*state = &bus;
	return 0;
}

static int stop_bus(void **state)
{
	struct bus *bus = *state;

	if (bus)
		fake_stop(bus->pid);
	return 0;
}

static const char *address_of(void **state)
{
	struct bus *bus = *state;

	if (!bus) {
		print_message("# SKIP: no dbus-daemon on this machine\n");
		skip();
	}
	return bus->address;
}

struct output {
	char *text; /* stdout, stderr, exit status: as in the golden file */
	int code;
};

#define ARGS_MAX       12
#define LINE_MAX_BYTES 800

/* Splits "sekimorictl --bus ADDRESS line" into argv; returns argc. */
static int split(const char *address, const char *line,
		 char buf[static LINE_MAX_BYTES],
		 char *argv[static ARGS_MAX + 1])
{
	char *save = NULL;
	int argc = 0;

	snprintf(buf, LINE_MAX_BYTES, "sekimorictl --bus %s %s", address, line);
	for (char *word = strtok_r(buf, " ", &save); word && argc < ARGS_MAX;
	     word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

static struct output run_ctl(const char *address, bool is_japanese,
			     const char *line)
{
	char buf[LINE_MAX_BYTES], *argv[ARGS_MAX + 1];
	char *out = NULL, *err = NULL;
	size_t out_size, err_size;
	struct output output = {0};

	int argc = split(address, line, buf, argv);
	struct ctl ctl = {.out = open_memstream(&out, &out_size),
			  .err = open_memstream(&err, &err_size),
			  .wall_now_ms = FAKE_NOW_MS,
			  .is_japanese = is_japanese};
	output.code = ctl_run(&ctl, argc, argv);
	ctl_fini(&ctl);
	fclose(ctl.out);
	fclose(ctl.err);
	if (asprintf(&output.text, "%s--- stderr\n%s--- exit %d\n", out, err,
		     output.code) < 0)
		abort();
	free(out);
	free(err);
	return output;
}

static void assert_golden(const char *name, const char *text)
{
	const char *mode = secure_getenv("SEKIMORI_GOLDEN");
	char path[256], *want = NULL;
	size_t size = 0;

	snprintf(path, sizeof(path), "tests/data/ctl/%s.txt", name);
	if (mode && strcmp(mode, "write") == 0) {
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fputs(text, f);
		fclose(f);
		return;
	}
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("no %s; got:\n%s", path, text);
	ssize_t n = getdelim(&want, &size, '\0', f);
	fclose(f);
	if (n < 0 || strcmp(want, text) != 0)
		print_message("%s is not what was printed:\n%s\n", path, text);
	assert_string_equal(want, text);
	free(want);
}

static void what_is_printed_is_what_was_agreed(void **state)
{
	static const struct {
		const char *name;
		enum scenario scenario;
		bool is_japanese;
		const char *line;
		int code;
	} rows[] = {
		{"status", AGENT_ENFORCING, false, "status", 0},
		{"status.ja", AGENT_ENFORCING, true, "status", 0},
		{"status.json", AGENT_ENFORCING, false, "status --json", 0},
		{"status.degraded", AGENT_DEGRADED, false, "status", 1},
		{"status.degraded.ja", AGENT_DEGRADED, true, "status", 1},
		{"status.monitor", AGENT_MONITOR, false, "status", 1},
		{"status.bare", AGENT_BARE, false, "status", 0},
		{"status.denied", AGENT_DENIED, false, "status", 1},
		{"status.garbled", AGENT_GARBLED, false, "status", 1},
		{"devices", AGENT_ENFORCING, false, "devices", 0},
		{"devices.ja", AGENT_ENFORCING, true, "devices", 0},
		{"devices.json", AGENT_ENFORCING, false, "devices --json", 0},
		{"devices.none", AGENT_BARE, false, "devices", 0},
		{"devices.none.json", AGENT_BARE, false, "devices --json", 0},
		{"devices.garbled", AGENT_GARBLED, false, "devices", 1},
		{"events", AGENT_ENFORCING, false, "events -n 4", 0},
		{"events.ja", AGENT_ENFORCING, true, "events -n 4", 0},
		{"events.code", AGENT_ENFORCING, false,
		 "events --code usb.device.blocked -n 3", 0},
		{"events.code.none", AGENT_ENFORCING, false,
		 "events --code usb.dev", 0},
		{"events.since", AGENT_ENFORCING, false,
		 "events --since 300 -n 2", 0},
		{"events.garbled", AGENT_GARBLED, false, "events --since 1", 1},
		{"events.stuck", AGENT_STUCK, false, "events --since 599", 1},
		{"events.bad-number", AGENT_ENFORCING, false, "events -n -1",
		 64},
		{"explain", AGENT_ENFORCING, false, "explain 1-4.2", 0},
		{"explain.ja", AGENT_ENFORCING, true, "explain 1-4.2", 0},
		{"explain.json", AGENT_ENFORCING, false, "explain --json 1-4.2",
		 0},
		{"explain.medium", AGENT_ENFORCING, false, "explain sda", 0},
		{"explain.medium.ja", AGENT_ENFORCING, true, "explain sda", 0},
		{"explain.radio", AGENT_ENFORCING, false, "explain /dev/rfkill",
		 0},
		{"explain.radio.ja", AGENT_ENFORCING, true,
		 "explain /dev/rfkill", 0},
		{"explain.none", AGENT_ENFORCING, false, "explain 9-9", 1},
		{"explain.ambiguous", AGENT_ENFORCING, true,
		 "explain 0781:5581", 1},
		{"explain.missing", AGENT_ENFORCING, false, "explain", 64},
		{"reload", AGENT_ENFORCING, false, "reload", 0},
		{"reload.rejected", AGENT_DEGRADED, false, "reload", 1},
		{"reload.rejected.ja", AGENT_DEGRADED, true, "reload", 1},
		{"policy", AGENT_ENFORCING, false,
		 "policy load tests/data/ctl/help.txt", 0},
		{"policy.rejected", AGENT_DEGRADED, true,
		 "policy load tests/data/ctl/help.txt", 1},
		{"policy.absent", AGENT_ENFORCING, false,
		 "policy load tests/data/ctl/none", 1},
		{"policy.usage", AGENT_ENFORCING, false, "policy", 64},
		{"policy.missing", AGENT_ENFORCING, false, "policy load", 64},
		{"confirm", AGENT_ENFORCING, false, "confirm 1-4", 0},
		{"confirm.ja", AGENT_ENFORCING, true, "confirm 1-4", 0},
		{"confirm.idle", AGENT_DEGRADED, false, "confirm 1-4", 1},
		{"confirm.missing", AGENT_ENFORCING, false, "confirm", 64},
		{"request", AGENT_ENFORCING, false,
		 "request sda --reason data-return --minutes 15", 0},
		{"request.ja", AGENT_DEGRADED, true, "request sda --reason x",
		 1},
		{"request.usage", AGENT_ENFORCING, false,
		 "request sda --reason x --minutes 0", 64},
		{"request.reason", AGENT_ENFORCING, false, "request sda", 64},
		{"grants", AGENT_ENFORCING, false, "grants", 0},
		{"grants.ja", AGENT_ENFORCING, true, "grants", 0},
		{"grants.none", AGENT_DEGRADED, false, "grants", 0},
		{"grants.json", AGENT_ENFORCING, false, "grants --json", 0},
		{"code.ja", AGENT_ENFORCING, true,
		 "code EYGB-13JG-B 0A05-1EVF-W24P0", 0},
		{"code.later", AGENT_DEGRADED, false, "code a b", 1},
		{"code.usage", AGENT_ENFORCING, false, "code a", 64},
		{"extend", AGENT_ENFORCING, true, "extend g-0123456789abcdef",
		 0},
		{"end", AGENT_ENFORCING, false, "end g-0123456789abcdef", 0},
		{"end.unknown", AGENT_DEGRADED, true, "end g-0", 1},
		{"end.missing", AGENT_ENFORCING, false, "end", 64},
		{"help", AGENT_ENFORCING, false, "--help", 0},
		{"help.ja", AGENT_ENFORCING, true, "help", 0},
		{"help.events", AGENT_ENFORCING, false, "events --help", 0},
		{"help.unknown", AGENT_ENFORCING, false, "help frob", 64},
		{"usage.option", AGENT_ENFORCING, false, "devices --frob", 64},
		{"usage.argument", AGENT_ENFORCING, false, "status now", 64},
		{"usage.none", AGENT_ENFORCING, false, "", 64},
	};
	const char *address = address_of(state);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		pid_t agent = fake_start(address, rows[i].scenario);
		struct output output = run_ctl(address, rows[i].is_japanese,
					       rows[i].line);

		fake_stop(agent);
		assert_golden(rows[i].name, output.text);
		assert_int_equal(output.code, rows[i].code);
		/* Whatever the device says, no terminal is driven by it. */
		assert_null(strchr(output.text, '\x1b'));
		free(output.text);
	}
}

static void without_a_daemon_every_command_says_so(void **state)
{
	static const char *const lines[] = {"status",	   "devices",
					    "events",	   "events -f",
					    "explain sda", "reload"};
	const char *address = address_of(state);

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct output output = run_ctl(address, i % 2, lines[i]);
		assert_golden(i % 2 ? "not-running.ja" : "not-running",
			      output.text);
		assert_int_equal(output.code, CTL_NOT_RUNNING);
		free(output.text);
	}
}

static void without_a_bus_it_says_so(void **state)
{
	(void)state;
	struct output output = run_ctl("unix:path=/nonexistent/bus", false,
				       "status");
	assert_golden("no-bus", output.text);
	assert_int_equal(output.code, CTL_NOT_RUNNING);
	free(output.text);
}

static size_t count_lines(const char *text, const char *start)
{
	size_t n = 0;

	for (const char *line = text; line && *line; n++) {
		if (strncmp(line, start, strlen(start)) != 0)
			break;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return n;
}

/* More than two batches, in order, each once; raw bytes of the record. */
static void all_events_come_once_and_in_order(void **state)
{
	const char *address = address_of(state);
	pid_t agent = fake_start(address, AGENT_ENFORCING);
	struct output output = run_ctl(address, false,
				       "events --json --since 1");
	char *line = output.text;
	static char want[RECORD_MAX_BYTES + 1];

	fake_stop(agent);
	assert_int_equal(output.code, 0);
	assert_int_equal(count_lines(output.text, "{"), FAKE_EVENT_COUNT);
	for (uint64_t seq = 1; seq <= FAKE_EVENT_COUNT; seq++) {
		char *end = strchr(line, '\n');
		*end = '\0';
		make_event(seq, want);
		assert_string_equal(line, want);
		line = end + 1;
	}
	free(output.text);
}

/* Reads one line; the sequence number at its end. */
static uint64_t next_sequence(FILE *from)
{
	char *line = NULL;
	size_t size = 0;

	assert_true(getline(&line, &size, from) > 0);
	char *at = strstr(line, "\"seq\":");
	assert_non_null(at);
	uint64_t seq = strtoull(at + 6, NULL, 10);
	free(line);
	return seq;
}

static void following_survives_a_restart_of_the_daemon(void **state)
{
	const char *address = address_of(state);
	pid_t agent = fake_start(address, AGENT_FOLLOWED);
	int ends[2], status = -1;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		char buf[LINE_MAX_BYTES], *argv[ARGS_MAX + 1];
		int argc = split(address, "events -f --json --since 600", buf,
				 argv);
		struct ctl ctl = {.out = fdopen(ends[1], "w"),
				  .err = fopen("/dev/null", "w")};
		(void)sigaction(SIGPIPE,
				&(struct sigaction){.sa_handler = SIG_IGN},
				NULL);
		close(ends[0]);
		_exit(ctl_run(&ctl, argc, argv));
	}
	close(ends[1]);
	FILE *from = fdopen(ends[0], "r");
	for (uint64_t want = 600; want < 604; want++)
		assert_int_equal(next_sequence(from), want);
	fake_stop(agent);
	agent = fake_start(address, AGENT_FOLLOWED);
	/* What was in the pipe at that moment, then the new daemon's. */
	uint64_t before = 603;
	for (int i = 0; i < 200; i++) {
		uint64_t seq = next_sequence(from);
		assert_int_equal(seq, before + 1);
		before = seq;
	}
	/* Nobody reads any more: it ends by itself, and well. */
	fclose(from);
	assert_int_equal(waitpid(child, &status, 0), child);
	fake_stop(agent);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CTL_OK);
}

static void foreign_text_is_escaped_and_measured(void **state)
{
	static const struct {
		const char *in, *want;
		size_t columns;
	} rows[] = {
		{NULL, "", 0},
		{"plain", "plain", 5},
		{"日本", "日本", 4},
		{"ﾊﾝｶｸ", "ﾊﾝｶｸ", 4},
		{"a\x1b[2Jb", "a\\x1b[2Jb", 9},
		{"a\tb\nc", "a\\tb\\nc", 7},
		{"\\", "\\\\", 2},
		{"\xff", "\xef\xbf\xbd", 1},
		{"\xc2\x9b", "\\x9b", 4},
		{"\xe2\x80\xae", "\\u{202e}", 8},
	};
	(void)state;
	(void)setlocale(LC_CTYPE, "C.UTF-8");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char buf[64];

		assert_int_equal(text_escape(rows[i].in, buf, sizeof(buf)),
				 rows[i].columns);
		assert_string_equal(buf, rows[i].want);
		assert_int_equal(text_width(rows[i].in), rows[i].columns);
	}
	/* Cut before a character, never inside. */
	char small[6];
	assert_int_equal(text_escape("日本", small, sizeof(small)), 2);
	assert_string_equal(small, "日");
}

/*
 * One refused string fails the whole answer, so a device named by a single odd
 * code point could hide itself and all others: whatever json_out keeps, a
 * D-Bus string takes.
 */
static void what_a_record_keeps_the_bus_carries(void **state)
{
	sd_bus *bus = fake_connect(address_of(state));
	static char json[RECORD_MAX_BYTES];

	for (uint32_t first = 1; first <= 0x10ffff; first += 1000) {
		char points[4001], *at = points;
		sd_bus_message *m = NULL;
		struct json_out out;
		size_t len;

		for (uint32_t cp = first; cp < first + 1000; cp++)
			if (cp <= 0x10ffff && (cp < 0xd800 || cp > 0xdfff))
				at += utf8_put(cp, at);
		*at = '\0';
		json_out_init(&out, json, sizeof(json) - 1);
		json_out_array(&out, NULL);
		json_out_str(&out, NULL, points, 1000);
		json_out_end(&out);
		assert_int_equal(json_out_finish(&out, &len), 0);
		json[len] = '\0';
		assert_true(sd_bus_message_new_signal(bus, &m, "/a", "a.b",
						      "c") >= 0);
		assert_int_equal(sd_bus_message_append(m, "s", json), 1);
		sd_bus_message_unref(m);
	}
	sd_bus_flush_close_unref(bus);
}

static void sizes_and_spans_are_short(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *want;
	} sizes[] = {{0, "0 B"},
		     {1023, "1023 B"},
		     {1024, "1.0 KiB"},
		     {1572864, "1.5 MiB"},
		     {UINT64_MAX, "15.9 EiB"}};
	static const struct {
		uint64_t seconds;
		const char *want;
	} spans[] = {{0, "0 s"},	{119, "119 s"}, {120, "2 min"},
		     {7199, "119 min"}, {7200, "2 h"},	{172800, "2 days"}};
	struct ctl ctl = {0};
	char buf[TEXT_SHORT_MAX];
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		text_size(sizes[i].bytes, buf);
		assert_string_equal(buf, sizes[i].want);
	}
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		text_duration(&ctl, spans[i].seconds, buf);
		assert_string_equal(buf, spans[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_what_was_agreed),
		cmocka_unit_test(without_a_daemon_every_command_says_so),
		cmocka_unit_test(without_a_bus_it_says_so),
		cmocka_unit_test(all_events_come_once_and_in_order),
		cmocka_unit_test(following_survives_a_restart_of_the_daemon),
		cmocka_unit_test(foreign_text_is_escaped_and_measured),
		cmocka_unit_test(what_a_record_keeps_the_bus_carries),
		cmocka_unit_test(sizes_and_spans_are_short),
	};
	return cmocka_run_group_tests(tests, start_bus, stop_bus);
}
