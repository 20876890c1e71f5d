/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keyboard guard in the pipeline: what policy/hid.h says of a device here,
 * with what is known of it, and what a person or its own typing changes. It
 * must not take away the last keyboard: that is asked of policy/lifeline.h.
 */
#include "agent/daemon/pipeline.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "policy/hid.h"
#include "policy/lifeline.h"

static bool is_reader(const struct usb_fact *fact)
{
	return fact->channels & (USB_CHANNEL_BIT(USB_CHANNEL_SMARTCARD) |
				 USB_CHANNEL_BIT(USB_CHANNEL_SECURITY_KEY));
}

static void set_detail(struct usb_entry *entry, enum verdict_reason reason)
{
	char *detail = entry->decision.detail;
	size_t size = sizeof(entry->decision.detail);

	if (reason == VERDICT_CONFIRMED && entry->confirmed_uid != UINT32_MAX)
		(void)snprintf(detail, size, "the user of uid %u confirmed it",
			       entry->confirmed_uid);
	else if (entry->is_keyboard_held && reason != VERDICT_HELD &&
		 reason != VERDICT_TYPING)
		(void)snprintf(detail, size,
			       "its keyboard waits until a person confirms it");
}

void pipeline_judge_keyboard(const struct pipeline *pipeline,
			     const struct usb_entry *entry,
			     struct verdict *verdict)
{
	const struct hid_standing standing = {
		.is_learned = entry->is_learned,
		.is_confirmed = entry->is_confirmed,
		.is_typist = entry->is_typist,
		.is_fast = entry->is_fast,
	};

	hid_judge(pipeline->bundle.ruleset, &entry->device.fact, &standing,
		  verdict);
}

void pipeline_settle(const struct pipeline *pipeline, struct usb_entry *entry,
		     const struct verdict *verdict)
{
	entry->is_keyboard_held = verdict->is_keyboard_held ||
				  verdict->reason == VERDICT_HELD ||
				  verdict->reason == VERDICT_TYPING;
	pipeline_take_verdict(pipeline, verdict, &entry->decision);
	set_detail(entry, verdict->reason);
}

int pipeline_set_keyboards(struct pipeline *pipeline, struct usb_entry *entry,
			   const struct verdict *verdict)
{
	struct enforce enforce = pipeline_enforce(pipeline);
	const struct usb_fact *fact = &entry->device.fact;
	int result = 0;

	for (unsigned int i = 0; i < fact->interface_count; i++) {
		const struct usb_interface *interface = &fact->interfaces[i];
		char name[USB_IDENT_MAX_BYTES + 16];
		if (interface->alternate != 0 || !hid_is_keyboard(interface))
			continue;
		(void)snprintf(name, sizeof(name), "%s:%u.%u", fact->via_port,
			       interface->configuration, interface->number);
		/* Gone: of a configuration that is not in use */
		int r = enforce.ops->usb_interface(
			enforce.context, name,
			decide_interface(pipeline->bundle.ruleset, verdict,
					 interface));
		if (r < 0)
			result = r;
	}
	return result;
}

int pipeline_confirm_keyboard(struct pipeline *pipeline,
			      struct usb_entry *entry, uint32_t uid)
{
	if (!entry->is_keyboard_held)
		return PIPELINE_NOT_HELD;
	entry->is_confirmed = true;
	entry->confirmed_uid = uid;
	pipeline_judge_usb(pipeline, entry, false);
	return entry->state == DEVICE_AUTHORISED ? 0 : -EIO;
}

/* Whether the interface that INPUT hangs on says that it is a keyboard:
 * …/1-1/1-1:1.0/0003:…/input/input7 is interface 0 of configuration 1. */
static bool is_declared(const struct usb_entry *entry, const char *input)
{
	const struct usb_fact *fact = &entry->device.fact;

	for (unsigned int i = 0; i < fact->interface_count; i++) {
		const struct usb_interface *interface = &fact->interfaces[i];
		char part[SYSFS_PATH_MAX + USB_IDENT_MAX_BYTES + 16];
		int len = snprintf(part, sizeof(part), "%s/%s:%u.%u/",
				   entry->device.devpath, fact->via_port,
				   interface->configuration, interface->number);
		if (hid_is_keyboard(interface) && len > 0 &&
		    strncmp(input, part, (size_t)len) == 0)
			return true;
	}
	return false;
}

void pipeline_has_keys(struct pipeline *pipeline, struct usb_entry *entry,
		       const char *input)
{
	if (entry->state != DEVICE_AUTHORISED || entry->is_learned ||
	    entry->is_typist || is_declared(entry, input))
		return;
	entry->is_typist = true;
	pipeline_judge_usb(pipeline, entry, true);
}

/* Were it gone, a keyboard nobody knows would be let in instead of it. */
static bool is_last(struct pipeline *pipeline, struct usb_entry *entry)
{
	_cleanup_free_ struct lifeline_device *list = NULL;
	size_t count = 0, index = 0;

	list = pipeline_lifeline(pipeline, entry, &count, &index);
	if (!list)
		return true; /* what cannot be told counts as the last one */
	list[index].is_usable = false;
	return lifeline_admits(pipeline->bundle.ruleset, list, count,
			       &entry->device.fact,
			       pipeline_roles_elsewhere(pipeline));
}

static void tell_last(struct pipeline *pipeline, struct usb_entry *entry)
{
	const struct decision before = entry->decision;

	entry->decision.reason = RECORD_REASON_TYPING;
	(void)snprintf(entry->decision.detail, sizeof(entry->decision.detail),
		       "it types as no person does: silenced for a moment and "
		       "kept, as there is no other keyboard");
	pipeline_record_usb(pipeline, entry, RECORD_LIFELINE_KEPT);
	entry->decision = before;
}

int pipeline_typed_fast(struct pipeline *pipeline, struct usb_entry *entry)
{
	if (!pipeline->is_monitor && is_last(pipeline, entry)) {
		tell_last(pipeline, entry);
		return PIPELINE_LAST_KEYBOARD;
	}
	entry->is_fast = true;
	entry->is_confirmed = false;
	pipeline_judge_usb(pipeline, entry, false);
	return 0;
}

bool pipeline_is_watched(const struct usb_entry *entry)
{
	/* A security key types its codes as fast as the bus takes them; that
	 * it may type at all, a rule or a person has said. */
	return entry->state == DEVICE_AUTHORISED && !entry->is_learned &&
	       !entry->decision.may_type_fast &&
	       !is_reader(&entry->device.fact) &&
	       !(entry->is_fast &&
		 (entry->is_confirmed || entry->decision.is_monitor));
}
