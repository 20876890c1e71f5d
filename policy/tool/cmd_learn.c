/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn: a rule set under which the USB devices that work now go on working
 * and nothing else does. What it prints is read back and tried on every device
 * before it is shown. It reads sysfs and changes nothing.
 */
#include "policy/tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "policy/descriptor.h"
#include "policy/tool/device_dir.h"
#include "policy/tool/profile.h"

#define DEVICES_DIR	 "sys/bus/usb/devices"
#define DEVICES_MAX	 512u
#define LEARNED_MAX	 (4u << 20)
#define RULE_MAX_BYTES	 8192u
#define AUTHORIZED_BYTES 16u

struct learn_options {
	const char *root;
	const char *profile;
	const char *mode;
	uint64_t serial;
};

struct learner {
	struct usb_fact *devices; /* DEVICES_MAX */
	size_t count;
	struct buf rules;
	size_t left_out;
};

static int print_usage(void)
{
	fprintf(stderr,
		"usage: sekimori-policy learn [--root DIR] [--profile NAME] "
		"[--mode enforce|monitor] [--serial N]\n");
	return TOOL_USAGE;
}

static int parse(int argc, char **argv, struct learn_options *o)
{
	static const struct option options[] = {
		{"root", required_argument, NULL, 'r'},
		{"profile", required_argument, NULL, 'p'},
		{"mode", required_argument, NULL, 'm'},
		{"serial", required_argument, NULL, 's'},
		{0},
	};
	char *end = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'r')
			o->root = optarg;
		else if (c == 'p')
			o->profile = optarg;
		else if (c == 'm' && (strcmp(optarg, "enforce") == 0 ||
				      strcmp(optarg, "monitor") == 0))
			o->mode = optarg;
		else if (c == 's' && optarg[0] >= '1' && optarg[0] <= '9')
			o->serial = strtoull(optarg, &end, 10);
		else
			return print_usage();
		if (end && *end)
			return print_usage();
	}
	return optind == argc ? 0 : print_usage();
}

/* --- devices to rules ----------------------------------------------------- */

/* In quotes, every byte that is not plain ASCII escaped; the canonical form
 * makes readable again what can be read. */
static int put_string(struct buf *buf, const char *word, const char *text)
{
	int r = buf_printf(buf, " %s \"", word);

	for (; r == 0 && *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			r = buf_printf(buf, "\\x%02x", c);
		else
			r = buf_append(buf, text, 1);
	}
	return r < 0 ? r : buf_append_text(buf, "\"");
}

static bool has_repeats(const struct usb_fact *fact)
{
	for (unsigned i = 0; i < fact->interface_count; i++)
		for (unsigned j = 0; j < i; j++)
			if (fact->interfaces[i].class_code ==
				    fact->interfaces[j].class_code &&
			    fact->interfaces[i].subclass ==
				    fact->interfaces[j].subclass &&
			    fact->interfaces[i].protocol ==
				    fact->interfaces[j].protocol)
				return true;
	return false;
}

/* The identity covers all interfaces; they are written for the reader, unless
 * alternate settings repeat them: an event tells each once, and a replay of
 * events must not see another device. */
static int put_interfaces(struct buf *buf, const struct usb_fact *fact)
{
	if (fact->interface_count == 0 || has_repeats(fact))
		return 0;
	int r = buf_append_text(buf, " with-interface {");
	for (unsigned i = 0; r == 0 && i < fact->interface_count; i++)
		r = buf_printf(buf, " %02x:%02x:%02x",
			       fact->interfaces[i].class_code,
			       fact->interfaces[i].subclass,
			       fact->interfaces[i].protocol);
	return r < 0 ? r : buf_append_text(buf, " }");
}

/* A device without a serial number is told from others of its kind by where
 * it is plugged in. */
static int put_rule(struct buf *buf, const struct usb_fact *fact)
{
	int r = buf_printf(buf, "allow id %04x:%04x", fact->vendor_id,
			   fact->product_id);

	if (r == 0 && fact->serial[0])
		r = put_string(buf, "serial", fact->serial);
	if (r == 0 && fact->name[0])
		r = put_string(buf, "name", fact->name);
	if (r == 0)
		r = put_string(buf, "hash", fact->hash);
	if (r == 0)
		r = put_string(buf, "identity", fact->identity);
	if (r == 0 && !fact->serial[0])
		r = put_string(buf, "via-port", fact->via_port);
	if (r == 0)
		r = put_interfaces(buf, fact);
	return r < 0 ? r
		     : buf_printf(buf, " rule-id \"learned-%s\"\n",
				  fact->via_port);
}

/* --- what is plugged in --------------------------------------------------- */

static bool is_working(int dir)
{
	char text[AUTHORIZED_BYTES];

	/* A copy of a tree may lack it; a device that is there works */
	return read_line_file(dir, "authorized", text, sizeof(text)) < 0 ||
	       strcmp(text, "0") != 0;
}

static bool is_device_name(const char *name)
{
	return name[0] >= '0' && name[0] <= '9' && !strchr(name, ':') &&
	       strlen(name) <= 32; /* neither an interface nor a root hub */
}

static void take_device(struct learner *learner, int devices, const char *name)
{
	_cleanup_close_ int dir = openat(devices, name,
					 O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct usb_fact *fact = &learner->devices[learner->count];

	if (dir < 0)
		return; /* unplugged meanwhile */
	*fact = (struct usb_fact){.has = USB_HAS_VIA_PORT};
	(void)snprintf(fact->via_port, sizeof(fact->via_port), "%s", name);
	int r = device_dir_read(dir, fact);
	if (r == 0 && is_working(dir)) {
		learner->count++;
		return;
	}
	learner->left_out++;
	fprintf(stderr, "%s: not learned: %s\n", name,
		r == 0	? "it is blocked now"
		: r < 0 ? strerror(-r)
			: descriptor_outcome_to_str(
				  (enum descriptor_outcome)r));
}

/* Hubs before what hangs on them: shorter names first. */
static int compare_ports(const void *a, const void *b)
{
	const struct usb_fact *x = a, *y = b;
	size_t n = strlen(x->via_port), m = strlen(y->via_port);

	return n != m ? (n > m) - (n < m) : strcmp(x->via_port, y->via_port);
}

static int read_devices(struct learner *learner, const char *root)
{
	_cleanup_close_ int root_fd = open(root,
					   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;

	_cleanup_close_ int fd = root_fd < 0
					 ? -errno
					 : open_below(root_fd, DEVICES_DIR,
						      O_RDONLY | O_DIRECTORY,
						      0);
	if (fd < 0) {
		fprintf(stderr, "%s: " DEVICES_DIR ": %s\n", root,
			strerror(-fd));
		return TOOL_ERROR;
	}
	dir = fdopendir(dup(fd));
	if (!dir)
		return TOOL_ERROR;
	while (learner->count < DEVICES_MAX && (entry = readdir(dir)))
		if (is_device_name(entry->d_name))
			take_device(learner, fd, entry->d_name);
	qsort(learner->devices, learner->count, sizeof(*learner->devices),
	      compare_ports);
	return 0;
}

/* --- the rule set --------------------------------------------------------- */

/* One rule in canonical form, and who it is about in words of ours only: a
 * device's own words stand inside quotes. */
static int put_canonical(struct learner *learner, const struct usb_fact *fact)
{
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	_cleanup_buf_ struct buf raw = BUF_INIT(RULE_MAX_BYTES);
	char text[RULE_MAX_BYTES];

	int r = put_rule(&raw, fact);
	if (r < 0)
		return r;
	const struct rules_text source = {"learned",
					  span_of(raw.data, raw.size)};
	r = ruleset_parse(&source, 1, 0, NULL, &ruleset);
	if (r != 0 ||
	    ruleset_format(ruleset, 0, 0, text, sizeof(text)) >= sizeof(text))
		return -EINVAL;
	r = buf_printf(&learner->rules, "# %s:", fact->via_port);
	for (unsigned c = 0; r == 0 && c < USB_CHANNEL_COUNT; c++)
		if (fact->channels & USB_CHANNEL_BIT(c))
			r = buf_printf(&learner->rules, " %s",
				       usb_channel_to_str((enum usb_channel)c));
	return r < 0 ? r : buf_printf(&learner->rules, "\n%s\n", text);
}

static int put_devices(struct learner *learner)
{
	int r = buf_printf(&learner->rules,
			   "# 学習した機器（%zu 台）。 Devices learned.\n",
			   learner->count);

	for (size_t i = 0; r == 0 && i < learner->count; i++)
		r = put_canonical(learner, &learner->devices[i]);
	return r;
}

static int write_rules(struct learner *learner, const struct learn_options *o)
{
	struct buf *rules = &learner->rules;

	if (o->profile)
		return profile_write(o->profile, put_devices, learner, rules);
	int r = buf_printf(rules,
			   "# いま動いている機器だけを許可する。\n"
			   "# Only the devices that worked when it was made.\n"
			   "policy \"learned\" serial %" PRIu64 " mode %s\n",
			   o->serial, o->mode);
	if (r == 0)
		r = put_devices(learner);
	return r < 0 ? r
		     : buf_append_text(rules,
				       "# 媒体は不許可。 No medium is given.\n"
				       "media deny rule-id \"no-media\"\n");
}

/* The proof: every device of now is allowed by what was written. */
static int prove(struct learner *learner)
{
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	struct rules_text text = {"learned", span_of(learner->rules.data,
						     learner->rules.size)};
	struct rule_files files = {.texts = &text, .count = 1};
	const struct decide_context context = {0};

	int r = rule_files_compile(&files, 0, &ruleset);
	if (r != 0)
		return r;
	for (size_t i = 0; i < learner->count; i++) {
		struct verdict verdict;
		decide_usb(ruleset, &learner->devices[i], &context, &verdict);
		if (verdict.target == USB_TARGET_ALLOW)
			continue;
		fprintf(stderr, "%s: would not be allowed by its own rule\n",
			learner->devices[i].via_port);
		r = TOOL_ERROR;
	}
	return r;
}

static int learn(struct learner *learner, const struct learn_options *o)
{
	int r = read_devices(learner, o->root);
	if (r != 0)
		return r;
	r = write_rules(learner, o);
	if (r < 0) {
		fprintf(stderr, "learn: %s\n", strerror(-r));
		return TOOL_ERROR;
	}
	if (r == 0)
		r = prove(learner);
	if (r != 0)
		return r;
	fputs(buf_text(&learner->rules), stdout);
	fprintf(stderr, "%zu devices learned, %zu left out\n", learner->count,
		learner->left_out);
	return TOOL_OK;
}

int cmd_learn(int argc, char **argv)
{
	struct learn_options o = {.root = "/", .mode = "enforce", .serial = 1};
	struct learner learner = {.rules = BUF_INIT(LEARNED_MAX)};

	int r = parse(argc, argv, &o);
	if (r != 0)
		return r;
	learner.devices = calloc(DEVICES_MAX + 1, sizeof(*learner.devices));
	r = learner.devices ? learn(&learner, &o) : TOOL_ERROR;
	buf_fini(&learner.rules);
	free(learner.devices);
	return r;
}
