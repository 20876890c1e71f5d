/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_agent: a daemon that serves jp.sekimori.Agent1 with made-up answers, on
 * a private bus, in a process of its own. Included once, by test_ctl.c.
 */
#pragma once

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "policy/record.h"

enum scenario {
	AGENT_ENFORCING,
	AGENT_DEGRADED,
	AGENT_MONITOR,
	AGENT_BARE,	/* knows nothing but that it runs */
	AGENT_DENIED,	/* polkit says no to everything */
	AGENT_GARBLED,	/* answers of the wrong shape */
	AGENT_STUCK,	/* Events never gets past what was asked for */
	AGENT_FOLLOWED, /* another event each time somebody has seen all */
};

#define FAKE_NOW_MS	 INT64_C(1764572475000) /* 2025-12-01 16:01:15 +09:00 */
#define FAKE_EVENT_COUNT 600u

struct fake {
	enum scenario scenario;
	uint64_t last; /* newest sequence */
};

static int put_str(sd_bus_message *m, const char *key, const char *value)
{
	return sd_bus_message_append(m, "{sv}", key, "s", value);
}

static int put_u64(sd_bus_message *m, const char *key, uint64_t value)
{
	return sd_bus_message_append(m, "{sv}", key, "t", value);
}

static void put_layers(sd_bus_message *m, enum scenario scenario)
{
	if (scenario == AGENT_DEGRADED)
		sd_bus_message_append(
			m, "{sv}", "layers", "a(sss)", 4, "usb_authorize", "ok",
			"", "lsm", "absent",
			"bpf is not in /sys/kernel/security/lsm", "fmod_ret",
			"ok", "", "spool", "degraded",
			"the disk is full: allowed events are folded");
	else
		sd_bus_message_append(m, "{sv}", "layers", "a(sss)", 3,
				      "usb_authorize", "ok", "", "lsm", "ok",
				      "", "future", "ok", "");
}

static void put_channels(sd_bus_message *m, enum scenario scenario)
{
	sd_bus_message_append(m, "{sv}", "channels", "a(sss)", 4, "wifi",
			      scenario == AGENT_DEGRADED  ? "degraded"
			      : scenario == AGENT_MONITOR ? "monitor"
							  : "blocked",
			      "rfkill0 rfkill2", "bluetooth", "authorised", "",
			      "serial", "blocked", "", "future", "blocked", "");
}

static void put_status(sd_bus_message *m, enum scenario scenario)
{
	bool is_degraded = scenario == AGENT_DEGRADED;

	put_str(m, "state",
		is_degraded		    ? "degraded"
		: scenario == AGENT_MONITOR ? "monitor"
					    : "enforcing");
	if (scenario == AGENT_BARE)
		return;
	put_str(m, "version", "0.1.0");
	put_str(m, "hostname", "kz-shimin-014");
	put_str(m, "terminal", "3f0e9a546f0c4a4e9d1c5b0b6c1f7a21");
	put_str(m, "tier", is_degraded ? "T2" : "T1");
	put_str(m, "floor", "T1");
	put_str(m, "mode", scenario == AGENT_MONITOR ? "monitor" : "enforce");
	put_str(m, "policy-name", "マイナンバー系 標準");
	put_u64(m, "policy-serial", 118);
	put_u64(m, "policy-loaded", (uint64_t)FAKE_NOW_MS - 3600000);
	sd_bus_message_append(m, "{sv}", "policy-rules", "u", 42);
	sd_bus_message_append(m, "{sv}", "policy-anchored", "b",
			      scenario != AGENT_ENFORCING);
	if (scenario == AGENT_MONITOR) {
		put_str(m, "policy-signer",
			"oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U");
		put_u64(m, "policy-until", (uint64_t)FAKE_NOW_MS + 86400000);
	}
	put_u64(m, "spool-last", FAKE_EVENT_COUNT);
	put_u64(m, "spool-acked", is_degraded ? 588 : FAKE_EVENT_COUNT);
	put_u64(m, "spool-bytes", 1572864);
	put_str(m, "collector", "https://collector.example.lg.jp:8443");
	put_u64(m, "contact-last", (uint64_t)FAKE_NOW_MS - 14000);
	put_str(m, "contact", "情報政策課 内線 2345");
	sd_bus_message_append(m, "{sv}", "devices-authorised", "u", 7);
	sd_bus_message_append(m, "{sv}", "devices-blocked", "u", 1);
	put_layers(m, scenario);
	put_channels(m, scenario);
	/* Of a daemon newer than us. */
	sd_bus_message_append(m, "{sv}", "future", "(xd)", INT64_C(1), 1.0);
	if (!is_degraded)
		return;
	put_str(m, "state-why", "tier T2 is below the policy's floor T1");
	put_str(m, "policy-error", "20-allow.rules:7:12: expected a value");
	put_u64(m, "spool-oldest", (uint64_t)FAKE_NOW_MS - 9000000);
	put_str(m, "contact-error", "connection refused \x1b[31m");
}

static void put_stick(sd_bus_message *m)
{
	put_str(m, "id", "1-4.2");
	put_str(m, "kind", "usb");
	put_str(m, "state", "blocked");
	put_str(m, "port", "1-4.2");
	put_str(m, "vid-pid", "0781:5581");
	put_str(m, "manufacturer", "SanDisk");
	/* Clears the screen, and reads backwards, on a careless terminal. */
	put_str(m, "name", "Ultra\x1b[2J\u202egpj\\");
	put_str(m, "serial", "4C530001260524115055");
	sd_bus_message_append(m, "{sv}", "channels", "as", 2, "storage", "hid");
	sd_bus_message_append(m, "{sv}", "interfaces", "as", 2, "08:06:50",
			      "03:01:01");
	put_str(m, "rule", "implicit");
}

static void put_reader(sd_bus_message *m)
{
	put_str(m, "id", "1-1");
	put_str(m, "kind", "usb");
	put_str(m, "state", "authorised");
	put_str(m, "port", "1-1");
	put_str(m, "vid-pid", "054c:0dc9");
	put_str(m, "name", "職員証リーダー");
	sd_bus_message_append(m, "{sv}", "channels", "as", 1, "smartcard");
	put_str(m, "rule", "allow-reader");
	sd_bus_message_append(m, "{sv}", "lifeline", "b", 1);
}

static void put_medium(sd_bus_message *m)
{
	put_str(m, "id", "sda");
	put_str(m, "kind", "medium");
	put_str(m, "state", "authorised");
	put_str(m, "access", "read-only");
	put_str(m, "fs-type", "exfat");
	put_str(m, "rule", "office-ro");
}

static void put_radio(sd_bus_message *m)
{
	put_str(m, "id", "rfkill0");
	put_str(m, "kind", "channel");
	put_str(m, "state", "blocked");
	put_str(m, "name", "phy0");
	sd_bus_message_append(m, "{sv}", "channels", "as", 1, "wifi");
	put_str(m, "rule", "channel deny wifi");
}

static void put_list(sd_bus_message *m, enum scenario scenario)
{
	void (*const devices[])(sd_bus_message *) = {put_reader, put_stick,
						     put_medium, put_radio};

	sd_bus_message_open_container(m, 'a', "a{sv}");
	for (size_t i = 0; scenario != AGENT_BARE && i < 4; i++) {
		sd_bus_message_open_container(m, 'a', "{sv}");
		devices[i](m);
		sd_bus_message_close_container(m);
	}
	sd_bus_message_close_container(m);
}

static void put_explanation(sd_bus_message *m)
{
	put_stick(m);
	put_u64(m, "decided", (uint64_t)FAKE_NOW_MS - 300000);
	put_str(m, "mode", "enforce");
	put_str(m, "layer", "usb_authorize");
	put_str(m, "target", "block");
	put_str(m, "reason", "default-deny: no rule matched");
	put_str(m, "reason-code", "SKM-D-0102");
	put_str(m, "near-rule", "office-sticks");
	put_str(m, "near-file", "20-allow.rules");
	sd_bus_message_append(m, "{sv}", "near-line", "u", 3);
	put_str(m, "near-text", "allow id 0781:5581 serial \"A1\"");
	put_str(m, "near-why", "serial");
	put_str(m, "ask", "use of this device");
	put_str(m, "contact", "情報政策課 内線 2345");
}

static void put_medium_explanation(sd_bus_message *m)
{
	put_str(m, "id", "sda");
	put_str(m, "kind", "medium");
	put_str(m, "state", "authorised");
	put_str(m, "access", "read-only");
	put_str(m, "mode", "monitor");
	put_str(m, "layer", "media");
	put_str(m, "rule", "30-media.rules:12"); /* it has no id */
	put_str(m, "rule-file", "30-media.rules");
	sd_bus_message_append(m, "{sv}", "rule-line", "u", 12);
	put_str(m, "rule-text", "media read-only sticker \"USB-0142\"");
	put_str(m, "reason", "a rule says so");
	sd_bus_message_append(m, "{sv}", "lifeline", "b", 1);
}

static void put_radio_explanation(sd_bus_message *m)
{
	put_radio(m);
	put_u64(m, "decided", (uint64_t)FAKE_NOW_MS - 300000);
	put_str(m, "mode", "enforce");
	put_str(m, "layer", "radios");
	put_str(m, "target", "block");
	put_str(m, "reason", "a rule says so");
	put_str(m, "reason-code", "SKM-D-0101");
	put_str(m, "ask", "use of this way out");
	put_str(m, "contact", "情報政策課 内線 2345");
}

static enum record_code event_code(uint64_t seq)
{
	switch (seq) {
	case 598:
		return RECORD_AGENT_START;
	case 599:
		return RECORD_POLICY_LOADED;
	default:
		return seq % 100 == 0 ? RECORD_USB_DEVICE_BLOCKED
				      : RECORD_USB_DEVICE_ALLOWED;
	}
}

/* A real record, so that what is tested is what is kept. */
static void make_event(uint64_t seq, char buf[static RECORD_MAX_BYTES + 1])
{
	static const struct record_terminal terminal = {
		.uid = "3f0e9a546f0c4a4e9d1c5b0b6c1f7a21",
		.hostname = "kz-shimin-014",
		.os_name = "Debian",
		.version = "0.1.0",
		.contact = "情報政策課 内線 2345"};
	static const struct record_policy policy = {
		.name = "標準", .serial = 118, .mode = RECORD_MODE_ENFORCE};
	static const struct usb_fact usb = {.channels = USB_CHANNEL_BIT(
						    USB_CHANNEL_STORAGE),
					    .vendor_id = 0x0781,
					    .product_id = 0x5581,
					    .name = "Ultra",
					    .manufacturer = "SanDisk",
					    .via_port = "1-4.2"};
	struct record rec = {
		.code = event_code(seq),
		.wall_time_ms = FAKE_NOW_MS - 600000 + (int64_t)seq * 1000,
		.sequence = seq,
		.stream = "000102030405060708090a0b0c0d0e0f",
		.count = seq == 500 ? 3 : 1,
		.terminal = &terminal,
		.policy = &policy,
		.usb = &usb,
		.decision = {.layer = "usb_authorize",
			     .reason = seq % 100 == 0 ? RECORD_REASON_DEFAULT
						      : RECORD_REASON_RULE},
	};
	size_t len = 0;

	if (seq == 598 || seq == 599) {
		rec.usb = NULL;
		rec.decision.reason = RECORD_REASON_NONE;
	}
	if (rec.code == RECORD_POLICY_LOADED)
		rec.u.change = (struct record_change){.name = "標準",
						      .serial = 118,
						      .rule_count = 42};
	if (rec.code == RECORD_AGENT_START)
		rec.u.agent = (struct record_agent){.prev_stop = "crash"};
	if (record_write(&rec, buf, RECORD_MAX_BYTES, &len) < 0)
		abort();
	buf[len] = '\0';
}

static int reply_events(struct fake *fake, sd_bus_message *call,
			sd_bus_message *m)
{
	static char json[RECORD_MAX_BYTES + 1];
	uint64_t after, first;
	uint32_t max;

	int r = sd_bus_message_read(call, "tu", &after, &max);
	if (r < 0)
		return r;
	if (max == 0 || max > 1000)
		return -EINVAL;
	first = fake->scenario == AGENT_STUCK ? after : after + 1;
	sd_bus_message_open_container(m, 'a', "(ts)");
	for (uint64_t seq = first; seq <= fake->last && max > 0; seq++) {
		make_event(seq, json);
		sd_bus_message_append(m, "(ts)", seq, json);
		max--;
	}
	sd_bus_message_close_container(m);
	if (fake->scenario == AGENT_FOLLOWED && after >= fake->last) {
		fake->last = after + 1;
		make_event(fake->last, json);
		(void)sd_bus_emit_signal(sd_bus_message_get_bus(call),
					 "/jp/sekimori/Agent1",
					 "jp.sekimori.Agent1", "Event", "ts",
					 fake->last, json);
	}
	return 0;
}

static int put_garbage(sd_bus_message *m)
{
	int r = sd_bus_message_append(m, "s", "no dictionary");
	return r < 0 ? r : 0;
}

/* 1: nothing more is to be sent. */
static int refuse(sd_bus_message *call, const char *name, const char *text)
{
	int r = sd_bus_reply_method_errorf(call, name, "%s", text);
	return r < 0 ? r : 1;
}

static int reply_explain(sd_bus_message *call, sd_bus_message *m)
{
	const char *device;

	int r = sd_bus_message_read(call, "s", &device);
	if (r < 0)
		return r;
	if (strcmp(device, "0781:5581") == 0)
		return refuse(call, "jp.sekimori.Agent1.Error.Ambiguous",
			      "0781:5581 names 1-4.2 and 1-4.3");
	if (strcmp(device, "sda") == 0) {
		sd_bus_message_open_container(m, 'a', "{sv}");
		put_medium_explanation(m);
		sd_bus_message_close_container(m);
		return 0;
	}
	if (strcmp(device, "/dev/rfkill") == 0) {
		sd_bus_message_open_container(m, 'a', "{sv}");
		put_radio_explanation(m);
		sd_bus_message_close_container(m);
		return 0;
	}
	if (strcmp(device, "1-4.2") != 0)
		return refuse(call, "jp.sekimori.Agent1.Error.NoSuchDevice",
			      "Nothing that is present is called '9-9\x1b[m'.");
	sd_bus_message_open_container(m, 'a', "{sv}");
	put_explanation(m);
	sd_bus_message_close_container(m);
	return 0;
}

/* The file must have come open and at its beginning. */
static int take_policy(struct fake *fake, sd_bus_message *call)
{
	char text[6];
	int fd;

	int r = sd_bus_message_read(call, "h", &fd);
	if (r < 0)
		return r;
	if (read(fd, text, sizeof(text)) != sizeof(text) ||
	    memcmp(text, "Usage:", sizeof(text)) != 0)
		return -EBADF;
	return fake->scenario == AGENT_DEGRADED
		       ? refuse(call, "jp.sekimori.Agent1.Error.PolicyRejected",
				"signed policy: serial 3 does not rise above 7")
		       : 0;
}

/* 1: an error was sent already. */
static void put_grants(sd_bus_message *m, enum scenario scenario)
{
	sd_bus_message_open_container(m, 'a', "a{sv}");
	if (scenario == AGENT_ENFORCING) {
		sd_bus_message_open_container(m, 'a', "{sv}");
		put_str(m, "id", "g-0123456789abcdef");
		put_str(m, "state", "active");
		put_str(m, "user", "s012345");
		put_str(m, "device", "usb:q0WZk+Abc/=");
		put_str(m, "access", "read-only");
		put_str(m, "reason", "data-return\x1b[2J");
		sd_bus_message_append(m, "{sv}", "minutes", "u", 30);
		sd_bus_message_append(m, "{sv}", "uses", "u", 2);
		sd_bus_message_append(m, "{sv}", "use-count", "u", 1);
		put_u64(m, "left", 1200);
		sd_bus_message_close_container(m);
	}
	sd_bus_message_close_container(m);
}

static int reply(struct fake *fake, sd_bus_message *call, sd_bus_message *m)
{
	const char *member = sd_bus_message_get_member(call);

	if (fake->scenario == AGENT_DENIED)
		return refuse(call,
			      SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
			      "Interactive authentication required.");
	if (fake->scenario == AGENT_GARBLED)
		return put_garbage(m);
	if (strcmp(member, "Status") == 0) {
		sd_bus_message_open_container(m, 'a', "{sv}");
		put_status(m, fake->scenario);
		sd_bus_message_close_container(m);
		return 0;
	}
	if (strcmp(member, "ListDevices") == 0) {
		put_list(m, fake->scenario);
		return 0;
	}
	if (strcmp(member, "Explain") == 0)
		return reply_explain(call, m);
	if (strcmp(member, "Events") == 0)
		return reply_events(fake, call, m);
	if (strcmp(member, "Reload") == 0)
		return fake->scenario == AGENT_DEGRADED
			       ? refuse(call,
					"jp.sekimori.Agent1.Error."
					"PolicyRejected",
					"10-usb.rules:7:12: error: expected "
					"id\n"
					"20-allow.rules:1:1: error: no target")
			       : 0;
	if (strcmp(member, "ConfirmKeyboard") == 0)
		return fake->scenario == AGENT_ENFORCING
			       ? 0
			       : refuse(call,
					"jp.sekimori.Agent1.Error.NotHeld",
					"'1-4' does not wait for anybody");
	if (strcmp(member, "LoadPolicy") == 0)
		return take_policy(fake, call);
	if (strcmp(member, "ListGrants") == 0) {
		put_grants(m, fake->scenario);
		return 0;
	}
	if (strcmp(member, "Request") == 0 || strcmp(member, "Extend") == 0) {
		if (fake->scenario != AGENT_ENFORCING)
			return refuse(call,
				      "jp.sekimori.Agent1.Error.NotAtWork",
				      "only who sits at this terminal can ask");
		(void)sd_bus_message_append(m, "s", "g-0123456789abcdef");
		return 0;
	}
	if (strcmp(member, "UseCode") == 0) {
		if (fake->scenario != AGENT_ENFORCING)
			return refuse(call, "jp.sekimori.Agent1.Error.Later",
				      "too many wrong codes: the next one in "
				      "60 s");
		sd_bus_message_open_container(m, 'a', "{sv}");
		put_str(m, "access", "read-only");
		sd_bus_message_append(m, "{sv}", "minutes", "u", 30);
		sd_bus_message_append(m, "{sv}", "uses", "u", 1);
		sd_bus_message_close_container(m);
		return 0;
	}
	if (strcmp(member, "EndGrant") == 0)
		return fake->scenario == AGENT_ENFORCING
			       ? 0
			       : refuse(call,
					"jp.sekimori.Agent1.Error.NoSuchGrant",
					"there is no such grant of yours");
	return -ENOSYS;
}

static int on_call(sd_bus_message *call, void *userdata, sd_bus_error *error)
{
	sd_bus_message *m = NULL;
	(void)error;

	if (!sd_bus_message_is_method_call(call, "jp.sekimori.Agent1", NULL))
		return 0;
	int r = sd_bus_message_new_method_return(call, &m);
	if (r >= 0)
		r = reply(userdata, call, m);
	if (r == 0)
		r = sd_bus_send(NULL, m, NULL);
	sd_bus_message_unref(m);
	return r < 0 ? r : 1;
}

static sd_bus *fake_connect(const char *address)
{
	sd_bus *bus = NULL;

	if (sd_bus_new(&bus) < 0 || sd_bus_set_address(bus, address) < 0 ||
	    sd_bus_set_bus_client(bus, 1) < 0 || sd_bus_start(bus) < 0 ||
	    sd_bus_request_name(bus, "jp.sekimori.Agent1", 0) < 0)
		abort();
	return bus;
}

static void fake_run(const char *address, enum scenario scenario, int ready_fd)
{
	struct fake fake = {.scenario = scenario, .last = FAKE_EVENT_COUNT};
	sd_bus *bus = fake_connect(address);

	if (sd_bus_add_object(bus, NULL, "/jp/sekimori/Agent1", on_call,
			      &fake) < 0)
		abort();
	if (write(ready_fd, "r", 1) != 1)
		abort();
	for (;;) {
		int r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, UINT64_MAX);
		if (r < 0)
			exit(1);
	}
}

/* Starts it and waits until its name is on the bus. Returns its pid. */
static pid_t fake_start(const char *address, enum scenario scenario)
{
	int ready[2];
	char byte;

	if (pipe(ready) < 0)
		abort();
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0)
		abort();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* No end of a test's pipe may stay open in here. */
		(void)dup2(ready[1], 3);
		(void)close_range(4, ~0U, 0);
		fake_run(address, scenario, 3);
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		abort();
	close(ready[0]);
	return pid;
}

static void fake_stop(pid_t pid)
{
	if (pid <= 0)
		return;
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}
