/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that decide and explain share: rules, devices, clock, session.
 * Everything a verdict depends on can be given, so that a script can ask what
 * would happen on another day or to another person.
 */
#include "policy/tool/tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent/base/cleanup.h"
#include "policy/limits.h"
#include "policy/query.h"

enum judgement_option {
	OPTION_RULES = 'r',
	OPTION_DEVICE = 'd',
	OPTION_AUTHORIZED = 'a',
	OPTION_USBGUARD = 'u',
	OPTION_IMPLICIT = 'i',
	OPTION_AT = 't',
	OPTION_USER = 'U',
	OPTION_GROUP = 'G',
	OPTION_MFA = 'm',
	OPTION_LOCKED = 'l',
};

static const struct option options[] = {
	{"rules", required_argument, NULL, OPTION_RULES},
	{"device", required_argument, NULL, OPTION_DEVICE},
	{"authorized", required_argument, NULL, OPTION_AUTHORIZED},
	{"usbguard", no_argument, NULL, OPTION_USBGUARD},
	{"implicit", required_argument, NULL, OPTION_IMPLICIT},
	{"at", required_argument, NULL, OPTION_AT},
	{"user", required_argument, NULL, OPTION_USER},
	{"group", required_argument, NULL, OPTION_GROUP},
	{"mfa", no_argument, NULL, OPTION_MFA},
	{"locked", no_argument, NULL, OPTION_LOCKED},
	{0},
};

struct raw_options {
	char **rules;
	size_t rule_count;
	unsigned flags;
	const char *at;
};

static void set_local(struct wall_local *now, const struct tm *tm)
{
	*now = (struct wall_local){
		.year = (int16_t)(tm->tm_year + 1900),
		.month = (uint8_t)(tm->tm_mon + 1),
		.day = (uint8_t)tm->tm_mday,
		.weekday = (uint8_t)tm->tm_wday,
		.second = (uint32_t)(tm->tm_hour * 3600 + tm->tm_min * 60 +
				     tm->tm_sec),
	};
}

/* "YYYY-MM-DD HH:MM[:SS]", a 'T' between them, or the time alone for today. */
static int parse_at(const char *text, struct wall_local *ret_now)
{
	static const char *const formats[] = {
		"%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M",
		"%Y-%m-%dT%H:%M",    "%H:%M:%S",	  "%H:%M",
	};
	time_t now = time(NULL);

	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct tm tm;
		const char *end;

		if (!localtime_r(&now, &tm))
			return TOOL_ERROR;
		tm.tm_sec = 0;
		end = strptime(text, formats[i], &tm);
		if (!end || *end != '\0')
			continue;
		/* Only the weekday is wanted, whatever the zone: noon UTC. */
		struct tm noon = tm;
		noon.tm_hour = 12;
		(void)timegm(&noon);
		tm.tm_wday = noon.tm_wday;
		set_local(ret_now, &tm);
		return 0;
	}
	fprintf(stderr, "--at: expected 'YYYY-MM-DD HH:MM[:SS]', not '%s'\n",
		text);
	return TOOL_USAGE;
}

static int set_clock(struct judgement *j, const char *at)
{
	time_t now = time(NULL);
	struct tm tm;

	if (at)
		return parse_at(at, &j->context.now);
	if (localtime_r(&now, &tm))
		set_local(&j->context.now, &tm);
	return 0;
}

static int parse_device(const char *text, const char *option,
			enum usb_target *ret_target, struct usb_fact *ret_fact)
{
	struct rules_message message = {.what = "not one device"};
	struct rules_report report = {.messages = &message, .capacity = 1};
	int r = query_usb(span_str(text), &report, ret_target, ret_fact);

	if (r == 0)
		return 0;
	fprintf(stderr, "--%s: 1:%u: error: %s\n", option, message.column,
		r < 0 ? strerror(-r) : message.what);
	return TOOL_ERROR;
}

static int add_device(struct judgement *j, const char *text)
{
	enum usb_target target;
	int r = parse_device(text, "device", &target,
			     &j->devices[j->device_count]);

	if (r == 0)
		j->device_count++;
	return r;
}

/* `block …` and `reject …` describe a device that is not authorised. */
static int add_authorized(struct judgement *j, const char *text)
{
	size_t n = j->context.authorized_count;
	enum usb_target target;
	int r = parse_device(text, "authorized", &target,
			     &j->authorized_facts[n]);

	if (r != 0 || target == USB_TARGET_BLOCK || target == USB_TARGET_REJECT)
		return r;
	j->authorized[n] = &j->authorized_facts[n];
	j->context.authorized_count = n + 1;
	return 0;
}

static int set_implicit(struct judgement *j, const char *text)
{
	enum usb_target target;

	if (!usb_target_from_str(span_str(text), &target) ||
	    target > USB_TARGET_ALLOW) {
		fprintf(stderr,
			"--implicit: expected allow, block or "
			"reject, not '%s'\n",
			text);
		return TOOL_USAGE;
	}
	j->has_implicit = true;
	j->implicit = target;
	return 0;
}

static int take_option(struct judgement *j, struct raw_options *raw, int c)
{
	switch (c) {
	case OPTION_RULES:
		raw->rules[raw->rule_count++] = optarg;
		return 0;
	case OPTION_DEVICE:
		return add_device(j, optarg);
	case OPTION_AUTHORIZED:
		return add_authorized(j, optarg);
	case OPTION_USBGUARD:
		raw->flags |= RULESET_USBGUARD;
		return 0;
	case OPTION_IMPLICIT:
		return set_implicit(j, optarg);
	case OPTION_AT:
		raw->at = optarg;
		return 0;
	case OPTION_USER:
		j->context.has_session = true;
		j->context.user = optarg;
		return 0;
	case OPTION_GROUP:
		j->context.has_session = true;
		j->groups[j->context.group_count++] = optarg;
		return 0;
	case OPTION_MFA:
		j->context.has_session = true;
		j->context.is_mfa = true;
		return 0;
	case OPTION_LOCKED:
		j->context.is_locked = true;
		return 0;
	default:
		return TOOL_USAGE;
	}
}

static int take_options(struct judgement *j, struct raw_options *raw, int argc,
			char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int r = take_option(j, raw, c);

		if (r != 0)
			return r;
	}
	if (raw->rule_count > 0 && j->device_count > 0 && optind == argc)
		return 0;
	fprintf(stderr,
		"usage: sekimori-policy %s --rules FILE [--usbguard] "
		"[--implicit allow|block|reject] [--at LOCALTIME]\n"
		"       [--authorized 'device …']… [--user NAME] "
		"[--group NAME]… [--mfa] [--locked]\n"
		"       --device 'device …'…\n",
		argv[0]);
	return TOOL_USAGE;
}

static int load(struct judgement *j, const struct raw_options *raw)
{
	size_t slots;
	int r;

	if (rule_files_read(&j->files, raw->rules, raw->rule_count) < 0)
		return TOOL_ERROR;
	r = rule_files_compile(&j->files, raw->flags, &j->ruleset);
	if (r != 0)
		return r;
	slots = ruleset_history_count(j->ruleset);
	j->context.history = calloc(slots + 1, sizeof(*j->context.history));
	j->context.history_count = slots;
	return j->context.history ? set_clock(j, raw->at) : TOOL_ERROR;
}

int judgement_init(struct judgement *j, int argc, char **argv)
{
	struct raw_options raw = {0};
	size_t most = (size_t)argc + 1;
	int r = TOOL_ERROR;

	*j = (struct judgement){0};
	raw.rules = calloc(most, sizeof(*raw.rules));
	j->groups = calloc(most, sizeof(*j->groups));
	j->devices = calloc(most, sizeof(*j->devices));
	j->authorized_facts = calloc(most, sizeof(*j->authorized_facts));
	j->authorized = calloc(most, sizeof(void *));
	j->context.authorized = j->authorized;
	j->context.groups = j->groups;
	if (raw.rules && j->groups && j->devices && j->authorized_facts &&
	    j->authorized)
		r = take_options(j, &raw, argc, argv);
	if (r == 0)
		r = load(j, &raw);
	if (r == 0 && getrandom(&j->context.random, sizeof(uint64_t), 0) < 0)
		r = TOOL_ERROR;
	free(raw.rules);
	return r;
}

void judgement_fini(struct judgement *j)
{
	j->ruleset = ruleset_unref(j->ruleset);
	rule_files_fini(&j->files);
	free(j->devices);
	free(j->authorized_facts);
	free(j->authorized);
	free(j->context.history);
	free(j->groups);
	*j = (struct judgement){0};
}
