/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is shown is what is: a channel that policy denies and that is on all the
 * same is "degraded", and one that is only watched is "monitor".
 */
#include "agent/daemon/control_channels.h"

#include <stdio.h>
#include <string.h>

#include "agent/daemon/pipeline.h"
#include "policy/builtin.h"

#define NAMES_BYTES 256
#define RULE_BYTES  32

struct view {
	enum builtin_channel channel;
	const struct builtin_entry *device; /* NULL: the channel as a whole */
	struct decision decision;
	bool is_named; /* by a line of the policy */
	bool is_denied;
	bool is_kept_out;
};

static void look(const struct pipeline *pipeline, enum builtin_channel channel,
		 const struct builtin_entry *device, struct view *ret_view)
{
	struct view view = {.channel = channel, .device = device};
	struct verdict verdict;

	decide_builtin(pipeline->bundle.ruleset, channel, &verdict);
	pipeline_take_verdict(pipeline, &verdict, &view.decision);
	if (device)
		view.decision = device->decision;
	view.is_named = !verdict.is_implicit;
	view.is_denied = view.decision.target != USB_TARGET_ALLOW;
	view.is_kept_out = pipeline_keeps_out(pipeline, &view.decision) &&
			   !pipeline->is_monitor;
	*ret_view = view;
}

/* ---- Status -------------------------------------------------------------- */

static bool is_port(enum builtin_channel channel)
{
	return channel == BUILTIN_SERIAL || channel == BUILTIN_PRINTER;
}

/* Its devices by name, as far as they fit; whether one of them is on. */
static bool list_devices(const struct pipeline *pipeline,
			 enum builtin_channel channel,
			 char ret_names[NAMES_BYTES])
{
	bool is_on = false;
	size_t used = 0;

	ret_names[0] = '\0';
	for (size_t i = 0; i < pipeline->builtin_count; i++) {
		const struct builtin_device *device =
			&pipeline->builtins[i].device;
		if (device->channel != channel)
			continue;
		is_on = is_on || device->is_on;
		if (used + strlen(device->name) + 2 > NAMES_BYTES)
			continue;
		used += (size_t)snprintf(ret_names + used, NAMES_BYTES - used,
					 "%s%s", used ? " " : "", device->name);
	}
	return is_on;
}

/* Ports are refused by the guard alone: without it (tier T4) they are open. */
static const char *state_of(const struct pipeline *pipeline,
			    const struct view *view, bool is_on)
{
	if (!view->is_denied)
		return "authorised";
	if (!view->is_kept_out)
		return "monitor";
	return is_on || (is_port(view->channel) && !pipeline->options.guard)
		       ? "degraded"
		       : "blocked";
}

void control_channels_status(struct answer *answer,
			     const struct pipeline *pipeline)
{
	answer_open_rows(answer, "channels");
	for (unsigned int i = 0; i < BUILTIN_CHANNEL_COUNT; i++) {
		char names[NAMES_BYTES];
		struct view view;

		look(pipeline, (enum builtin_channel)i, NULL, &view);
		bool is_on = list_devices(pipeline, view.channel, names);
		answer_put_row(answer, builtin_channel_to_str(view.channel),
			       state_of(pipeline, &view, is_on), names);
	}
	answer_close_rows(answer);
}

/* ---- ListDevices --------------------------------------------------------- */

/* The line of the policy is all there is to a rule here. */
static void put_reason(struct answer *answer, const struct view *view)
{
	const struct decision *decision = &view->decision;
	char rule[RULE_BYTES];

	(void)snprintf(rule, sizeof(rule), "channel %s %s",
		       view->is_denied ? "deny" : "allow",
		       builtin_channel_to_str(view->channel));
	answer_put_text(answer, "rule", view->is_named ? rule : "implicit");
	answer_put_text(answer, "reason",
			decision->detail[0]
				? decision->detail
				: record_reason_english(decision->reason));
	answer_put_text(answer, "reason-code",
			record_reason_to_str(decision->reason));
}

static void put_view(struct answer *answer, const struct view *view,
		     const char *state)
{
	char word[RULE_BYTES];
	char *list[] = {word, NULL};

	(void)snprintf(word, sizeof(word), "%s",
		       builtin_channel_to_str(view->channel));
	answer_put_text(answer, "id",
			view->device ? view->device->device.name : word);
	answer_put_text(answer, "kind", "channel");
	answer_put_text(answer, "state", state);
	if (view->device)
		answer_put_text(answer, "name", view->device->device.model);
	answer_put_strings(answer, "channels", list);
	put_reason(answer, view);
	answer_put_bool(answer, "lifeline", false);
}

/* One that policy allows is so, also while its user has it switched off. */
static const char *device_state(const struct view *view)
{
	bool is_out = view->is_kept_out && !view->device->device.is_on;

	return device_state_to_str(is_out ? DEVICE_BLOCKED : DEVICE_AUTHORISED);
}

void control_channels_list(struct answer *answer,
			   const struct pipeline *pipeline)
{
	for (size_t i = 0; i < pipeline->builtin_count; i++) {
		const struct builtin_entry *entry = &pipeline->builtins[i];
		struct view view;

		look(pipeline, entry->device.channel, entry, &view);
		answer_open(answer, "{sv}");
		put_view(answer, &view, device_state(&view));
		answer_close(answer);
	}
}

/* ---- Explain ------------------------------------------------------------- */

static const struct builtin_entry *find_device(const struct pipeline *pipeline,
					       const char *name)
{
	for (size_t i = 0; i < pipeline->builtin_count; i++)
		if (strcmp(pipeline->builtins[i].device.name, name) == 0)
			return &pipeline->builtins[i];
	return NULL;
}

/* The one that shuts the switch of all radios. */
static enum builtin_channel first_denied_radio(const struct pipeline *pipeline)
{
	static const enum builtin_channel radios[] = {BUILTIN_WIFI,
						      BUILTIN_BLUETOOTH,
						      BUILTIN_WWAN};

	for (size_t i = 0; i < sizeof(radios) / sizeof(radios[0]); i++) {
		struct verdict verdict;

		decide_builtin(pipeline->bundle.ruleset, radios[i], &verdict);
		if (verdict.target != USB_TARGET_ALLOW)
			return radios[i];
	}
	return radios[0];
}

/* As the kernel numbers them: a word and digits. */
static bool is_numbered(const char *name, const char *word)
{
	size_t len = strlen(word);

	return strncmp(name, word, len) == 0 && name[len] != '\0' &&
	       strspn(name + len, "0123456789") == strlen(name + len);
}

static bool find_channel(const struct pipeline *pipeline, const char *name,
			 enum builtin_channel *ret_channel)
{
	if (builtin_channel_from_str(span_str(name), ret_channel))
		return true;
	if (strcmp(name, "rfkill") == 0)
		*ret_channel = first_denied_radio(pipeline);
	else if (is_numbered(name, "ttyS"))
		*ret_channel = BUILTIN_SERIAL;
	else if (is_numbered(name, "lp") || is_numbered(name, "parport"))
		*ret_channel = BUILTIN_PRINTER;
	else
		return false;
	return true;
}

bool control_channels_explain(struct answer *answer,
			      const struct pipeline *pipeline, const char *name)
{
	char names[NAMES_BYTES];
	enum builtin_channel channel;
	struct view view;

	if (strncmp(name, "/dev/", 5) == 0)
		name += 5;
	const struct builtin_entry *entry = find_device(pipeline, name);
	if (entry)
		channel = entry->device.channel;
	else if (!find_channel(pipeline, name, &channel))
		return false;

	look(pipeline, channel, entry, &view);
	put_view(answer, &view,
		 entry ? device_state(&view)
		       : state_of(pipeline, &view,
				  list_devices(pipeline, channel, names)));
	if (entry)
		answer_put_u64(answer, "decided", view.decision.wall_ms);
	answer_put_text(answer, "mode",
			view.decision.is_monitor ? "monitor" : "enforce");
	answer_put_text(answer, "layer",
			channel == BUILTIN_THUNDERBOLT ? "thunderbolt"
			: is_port(channel)	       ? "ports"
						       : "radios");
	answer_put_text(answer, "target",
			usb_target_to_str(view.decision.target));
	if (view.is_denied)
		answer_put_text(answer, "ask", "use of this way out");
	return true;
}
