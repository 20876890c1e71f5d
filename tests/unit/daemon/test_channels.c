/* SPDX-License-Identifier: Apache-2.0 */
/* What Status, ListDevices and Explain say of radios and ports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/daemon/control_channels.h"
#include "tests/fakes/machine.h"

#define HEAD "policy \"t\" serial 1 mode enforce\n"
#define WIFI "devices/pci0000:00/0000:00:14.3/ieee80211/phy0/rfkill0"

/* A message of a bus that nobody answers, and what it says as text. */
struct talk {
	struct machine machine;
	sd_bus *bus;
	int peer;
	struct answer answer;
	char *text;
};

static void renew(struct talk *talk)
{
	free(talk->text);
	talk->text = NULL;
	talk->answer.reply = sd_bus_message_unref(talk->answer.reply);
	assert_true(sd_bus_message_new_signal(talk->bus, &talk->answer.reply,
					      "/t", "t.t", "T") >= 0);
}

static int setup(void **state)
{
	static struct talk talk;
	int fds[2];

	talk = (struct talk){0};
	machine_init(&talk.machine);
	fake_text(&talk.machine.tree, "sys/" WIFI "/type", "wlan\n");
	fake_text(&talk.machine.tree, "sys/" WIFI "/name", "phy0\n");
	fake_text(&talk.machine.tree, "sys/" WIFI "/soft", "0\n");
	fake_link(&talk.machine.tree, "sys/class/rfkill/rfkill0",
		  "../../" WIFI);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	talk.peer = fds[1];
	assert_true(sd_bus_new(&talk.bus) >= 0);
	assert_true(sd_bus_set_fd(talk.bus, fds[0], fds[0]) >= 0);
	assert_true(sd_bus_start(talk.bus) >= 0);
	renew(&talk);
	*state = &talk;
	return 0;
}

static int teardown(void **state)
{
	struct talk *talk = *state;

	free(talk->text);
	(void)sd_bus_message_unref(talk->answer.reply);
	(void)sd_bus_close_unref(talk->bus);
	(void)close(talk->peer);
	machine_fini(&talk->machine);
	return 0;
}

static void start(struct talk *talk, const char *rules)
{
	machine_rules(&talk->machine, rules);
	assert_int_equal(machine_load(&talk->machine), 0);
	machine_start(&talk->machine);
}

static const char *said(struct talk *talk)
{
	size_t size;
	FILE *out = open_memstream(&talk->text, &size);

	assert_int_equal(talk->answer.error, 0);
	assert_true(sd_bus_message_seal(talk->answer.reply, 1, 0) >= 0);
	assert_true(sd_bus_message_dump(talk->answer.reply, out, 0) >= 0);
	(void)fclose(out);
	/* One blank where there were many: values stand below each other. */
	size_t used = 0;
	for (size_t i = 0; i < size; i++)
		if (!strchr(" \n\t", talk->text[i]) ||
		    (used && talk->text[used - 1] != ' '))
			talk->text[used++] = strchr("\n\t", talk->text[i])
						     ? ' '
						     : talk->text[i];
	talk->text[used] = '\0';
	return talk->text;
}

#define assert_says(text, wanted)                                              \
	do {                                                                   \
		if (!strstr(text, wanted))                                     \
			fail_msg("no '%s' in: %s", wanted, text);              \
	} while (0)
#define ROW(a, b, c) "STRING \"" a "\"; STRING \"" b "\"; STRING \"" c "\";"
#define PAIR(key, value)                                                       \
	"STRING \"" key "\"; VARIANT \"s\" { STRING \"" value "\"; };"

static void ask_status(struct talk *talk)
{
	answer_open(&talk->answer, "{sv}");
	control_channels_status(&talk->answer, &talk->machine.pipeline);
	answer_close(&talk->answer);
}

static bool ask_explain(struct talk *talk, const char *name)
{
	answer_open(&talk->answer, "{sv}");
	bool found = control_channels_explain(&talk->answer,
					      &talk->machine.pipeline, name);
	answer_close(&talk->answer);
	return found;
}

static void status_has_a_row_for_each_channel(void **state)
{
	struct talk *talk = *state;

	start(talk, HEAD "channel allow bluetooth\n");
	ask_status(talk);
	const char *text = said(talk);
	assert_says(text, "STRING \"channels\"; VARIANT \"a(sss)\"");
	assert_says(text, ROW("wifi", "blocked", "rfkill0"));
	assert_says(text, ROW("bluetooth", "authorised", ""));
	assert_says(text, ROW("thunderbolt", "blocked", ""));
}

static void a_radio_that_is_on_all_the_same_is_degraded(void **state)
{
	struct talk *talk = *state;

	start(talk, HEAD);
	talk->machine.pipeline.builtins[0].device.is_on = true;
	ask_status(talk);
	const char *text = said(talk);
	assert_says(text, ROW("wifi", "degraded", "rfkill0"));
	/* Nothing refuses a port where there is no guard. */
	assert_says(text, ROW("serial", "degraded", ""));
}

static void monitor_mode_blocks_nothing(void **state)
{
	struct talk *talk = *state;

	start(talk, "policy \"t\" serial 1 mode monitor\n");
	ask_status(talk);
	assert_says(said(talk), ROW("wifi", "monitor", "rfkill0"));
	renew(talk);
	control_channels_list(&talk->answer, &talk->machine.pipeline);
	assert_says(said(talk), PAIR("state", "authorised"));
}

static void a_radio_is_listed_with_its_rule(void **state)
{
	struct talk *talk = *state;

	start(talk, HEAD "channel deny wifi\n");
	control_channels_list(&talk->answer, &talk->machine.pipeline);
	const char *text = said(talk);
	assert_says(text, PAIR("id", "rfkill0"));
	assert_says(text, PAIR("kind", "channel"));
	assert_says(text, PAIR("name", "phy0"));
	assert_says(text, PAIR("state", "blocked"));
	assert_says(text, PAIR("rule", "channel deny wifi"));
}

static void names_are_explained(void **state)
{
	static const struct {
		const char *name;
		const char *id; /* NULL: nothing has that name */
		const char *layer;
	} rows[] = {
		{"rfkill0", "rfkill0", "radios"},
		{"wifi", "wifi", "radios"},
		{"/dev/rfkill", "bluetooth", "radios"},
		{"/dev/ttyS3", "serial", "ports"},
		{"lp0", "printer", "ports"},
		{"/dev/parport12", "printer", "ports"},
		{"thunderbolt", "thunderbolt", "thunderbolt"},
		{"rfkill1", NULL, NULL},
		{"ttyS", NULL, NULL},
		{"lp0x", NULL, NULL},
		{"tty1", NULL, NULL},
		{"", NULL, NULL},
	};
	struct talk *talk = *state;

	start(talk, HEAD "channel allow wifi\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char wanted[128];
		renew(talk);
		bool found = ask_explain(talk, rows[i].name);
		assert_int_equal(found, rows[i].id != NULL);
		if (!found)
			continue;
		const char *text = said(talk);
		(void)snprintf(wanted, sizeof(wanted), PAIR("id", "%s"),
			       rows[i].id);
		assert_says(text, wanted);
		(void)snprintf(wanted, sizeof(wanted), PAIR("layer", "%s"),
			       rows[i].layer);
		assert_says(text, wanted);
	}
}

static void what_no_line_names_is_explained_as_implicit(void **state)
{
	struct talk *talk = *state;

	start(talk, HEAD);
	assert_true(ask_explain(talk, "rfkill0"));
	const char *text = said(talk);
	assert_says(text, PAIR("rule", "implicit"));
	assert_says(text, PAIR("target", "block"));
	assert_says(text, PAIR("mode", "enforce"));
	assert_says(text, PAIR("ask", "use of this way out"));
	assert_says(text, "STRING \"decided\"");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(status_has_a_row_for_each_channel),
		TEST(a_radio_that_is_on_all_the_same_is_degraded),
		TEST(monitor_mode_blocks_nothing),
		TEST(a_radio_is_listed_with_its_rule),
		TEST(names_are_explained),
		TEST(what_no_line_names_is_explained_as_implicit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
