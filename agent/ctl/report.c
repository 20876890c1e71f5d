/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report: tables of plain words. Must not hide a word it does not know: that
 * is shown as the daemon said it.
 */
#include "agent/ctl/report.h"

#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"

/* One dict as JSON; the largest is a device with 512 interfaces. */
#define JSON_MAX_BYTES (256u << 10)

struct word {
	const char *key;
	const char *text;
};

static const struct word tiers[] = {
	{"T1", N_("full: the kernel's security hooks (BPF LSM) and cgroup/dev "
		  "guard every medium")},
	{"T2", N_("full: kernel function hooks (fmod_ret) and cgroup/dev guard "
		  "every medium; `bpf` is not in the kernel's LSM list")},
	{"T3", N_("partial: cgroup/dev refuses media; read-only is best "
		  "effort")},
	{"T4", N_("little: only USB authorisation; a medium that the kernel "
		  "already has is not guarded")},
};

static const struct word layers[] = {
	{"usb_authorize",
	 N_("USB devices wait for a decision before any driver sees them")},
	{"cgroup_dev",
	 N_("opening and mounting a medium that was not allowed is refused")},
	{"lsm", N_("raw writes, remounts and USB switches are guarded "
		   "(security hooks)")},
	{"fmod_ret", N_("raw writes, remounts and USB switches are guarded "
			"(function hooks)")},
	{"device_add", N_("a new disk is denied before anything can open it")},
	{"media", N_("media are examined and judged")},
	{"radios", N_("radios are switched off, and their switch is refused")},
	{"ports", N_("opening serial and parallel ports is refused")},
	{"thunderbolt", N_("a Thunderbolt device waits for a decision")},
	{"spool", N_("events are kept on disk until the collector has them")},
	{"ship", N_("events are sent to the collector")},
	{"bus", N_("this program can ask the daemon")},
};

static const struct word channels[] = {
	{"wifi", N_("Wi-Fi of the machine")},
	{"bluetooth", N_("Bluetooth of the machine")},
	{"wwan", N_("mobile network of the machine")},
	{"thunderbolt", N_("Thunderbolt and USB4")},
	{"serial", N_("serial ports")},
	{"printer", N_("printers at the parallel port")},
};

static const struct word states[] = {
	{"enforcing", N_("enforcing")},
	{"monitor", N_("monitor only: nothing is blocked")},
	{"degraded", N_("degraded: part of the protection does not work")},
};

static const struct word words[] = {
	{"monitor", N_("monitor")},
	{"degraded", N_("degraded")},
	{"ok", N_("ok")},
	{"absent", N_("absent")},
	{"authorised", N_("allowed")},
	{"blocked", N_("blocked")},
	{"held", N_("held")},
	{"none", N_("no access")},
	{"read-only", N_("read-only")},
	{"read-write", N_("read-write")},
	{"enforce", N_("enforce")},
	{"authorise", N_("use of a device")},
	{"requested", N_("requested")},
	{"waiting", N_("waiting")},
	{"active", N_("active")},
	{"suspended", N_("suspended")},
	/* "ask" of Explain */
	{"use of this device", N_("use of this device")},
	{"read-only access to this medium",
	 N_("read-only access to this medium")},
	{"use of this way out", N_("use of this way out")},
};

static const char *look_up(const struct ctl *ctl, const struct word *table,
			   size_t count, const char *key)
{
	for (size_t i = 0; key && i < count; i++)
		if (strcmp(table[i].key, key) == 0)
			return _(table[i].text);
	return NULL;
}

#define LOOK_UP(ctl, table, key)                                               \
	look_up(ctl, table, sizeof(table) / sizeof((table)[0]), key)

const char *report_tier(const struct ctl *ctl, const char *tier)
{
	const char *text = LOOK_UP(ctl, tiers, tier);

	return text ? text : "";
}

const char *report_layer(const struct ctl *ctl, const char *layer)
{
	const char *text = LOOK_UP(ctl, layers, layer);

	return text ? text : "";
}

const char *report_channel(const struct ctl *ctl, const char *channel)
{
	const char *text = LOOK_UP(ctl, channels, channel);

	return text ? text : "";
}

const char *report_state(const struct ctl *ctl, const char *state)
{
	const char *text = LOOK_UP(ctl, states, state);

	return text ? text : state ? state : "";
}

const char *report_word(const struct ctl *ctl, const char *word)
{
	const char *text = LOOK_UP(ctl, words, word);

	return text ? text : word ? word : "";
}

void report_name(const struct dict *device, char buf[static REPORT_NAME_MAX])
{
	const char *vendor = dict_str(device, "manufacturer");
	const char *name = dict_str(device, "name");

	vendor = vendor ? vendor : "";
	name = name ? name : "";
	if (strncmp(name, vendor, strlen(vendor)) == 0)
		vendor = "";
	snprintf(buf, REPORT_NAME_MAX, "%s%s%s", vendor,
		 vendor[0] && name[0] ? " " : "", name);
}

int report_arguments(const struct ctl *ctl, int argc, char **argv,
		     bool *ret_json, const char **ret_rest)
{
	const char *rest = NULL;
	bool is_json = false;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			is_json = true;
		else if (argv[i][0] == '-' && argv[i][1])
			return ctl_usage(ctl, argv[0],
					 _("there is no option '%s'"), argv[i]);
		else if (rest)
			return ctl_usage(ctl, argv[0],
					 _("unexpected argument '%s'"),
					 argv[i]);
		else
			rest = argv[i];
	}
	*ret_json = is_json;
	*ret_rest = rest;
	return CTL_OK;
}

int report_json(const struct ctl *ctl, const struct dict *dict)
{
	_cleanup_free_ char *buf = malloc(JSON_MAX_BYTES);
	struct json_out out;
	size_t len;

	if (!buf) {
		fprintf(ctl->err, _("Out of memory.\n"));
		return CTL_FAILED;
	}
	json_out_init(&out, buf, JSON_MAX_BYTES);
	dict_put_json(dict, &out);
	if (json_out_finish(&out, &len) < 0) {
		fprintf(ctl->err, _("The answer is too large to show.\n"));
		return CTL_FAILED;
	}
	fwrite(buf, 1, len, ctl->out);
	return CTL_OK;
}
