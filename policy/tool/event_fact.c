/* SPDX-License-Identifier: Apache-2.0 */
/* Values by their places in the record; see event_fact.h. */
#include "policy/tool/event_fact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/json_in.h"

#define PATH_BYTES 64
#define WORD_BYTES 64

/* "" where there is none. */
static void take_text(struct span json, const char *path, char *ret_text,
		      size_t size)
{
	struct span value;

	ret_text[0] = '\0';
	if (json_in_find(json, path, &value) != 0 ||
	    json_in_str(value, ret_text, size) != 0)
		ret_text[0] = '\0';
}

static bool take_number(struct span json, const char *path, int64_t *ret_value)
{
	struct span value;

	return json_in_find(json, path, &value) == 0 &&
	       json_in_i64(value, ret_value) == 0;
}

static bool take_true(struct span json, const char *path)
{
	struct span value;

	return json_in_find(json, path, &value) == 0 &&
	       span_equals_str(value, "true");
}

static bool take_hex(struct span json, const char *path, uint32_t *ret_value)
{
	char text[WORD_BYTES], *end;

	take_text(json, path, text, sizeof(text));
	*ret_value = (uint32_t)strtoul(text, &end, 16);
	return text[0] && !*end;
}

static void take_interfaces(struct span json, struct usb_fact *usb)
{
	char path[PATH_BYTES];
	uint32_t triple;

	for (unsigned i = 0; i < RECORD_INTERFACES_MAX; i++) {
		(void)snprintf(path, sizeof(path), "sekimori.usb.interfaces.%u",
			       i);
		if (!take_hex(json, path, &triple))
			break;
		usb->interfaces[i] = (struct usb_interface){
			.class_code = (uint8_t)(triple >> 16),
			.subclass = (uint8_t)(triple >> 8),
			.protocol = (uint8_t)triple,
			.number = (uint8_t)i,
			.configuration = 1,
		};
		usb->interface_count = (uint16_t)(i + 1);
	}
}

static void take_channels(struct span json, struct usb_fact *usb)
{
	char path[PATH_BYTES], word[WORD_BYTES];
	enum usb_channel channel;

	for (unsigned i = 0; i < USB_CHANNEL_COUNT; i++) {
		(void)snprintf(path, sizeof(path), "sekimori.usb.channels.%u",
			       i);
		take_text(json, path, word, sizeof(word));
		if (!word[0])
			break;
		if (usb_channel_from_str(span_str(word), &channel))
			usb->channels |= USB_CHANNEL_BIT(channel);
	}
}

static bool take_usb(struct span json, struct usb_fact *usb)
{
	uint32_t vendor, product;

	if (!take_hex(json, "peripheral_device.vendor_id_list.0", &vendor) ||
	    !take_hex(json, "peripheral_device.model", &product))
		return false;
	usb->vendor_id = (uint16_t)vendor;
	usb->product_id = (uint16_t)product;
#define TEXT(path, field) take_text(json, path, usb->field, sizeof(usb->field))
	TEXT("peripheral_device.serial_number", serial);
	TEXT("peripheral_device.name", name);
	TEXT("peripheral_device.vendor_name", manufacturer);
	TEXT("sekimori.usb.busport", via_port);
	TEXT("sekimori.usb.connect_type", connect_type);
	TEXT("sekimori.usb.hash", hash);
	TEXT("sekimori.usb.parent_hash", parent_hash);
	TEXT("sekimori.usb.identity", identity);
#undef TEXT
	/* A device without a name is told by its id */
	if (strncmp(usb->name, "USB ", 4) == 0 && strlen(usb->name) == 13 &&
	    usb->name[8] == ':')
		usb->name[0] = '\0';
	take_interfaces(json, usb);
	take_channels(json, usb);
	usb->has = USB_HAS_ID | USB_HAS_SERIAL | USB_HAS_NAME |
		   USB_HAS_MANUFACTURER | USB_HAS_VIA_PORT |
		   USB_HAS_CONNECT_TYPE | USB_HAS_INTERFACES | USB_HAS_CHANNELS;
	usb->has |= usb->hash[0] ? USB_HAS_HASH : 0;
	usb->has |= usb->parent_hash[0] ? USB_HAS_PARENT_HASH : 0;
	usb->has |= usb->identity[0] ? USB_HAS_IDENTITY : 0;
	return true;
}

static bool take_media(struct span json, struct event_fact *fact)
{
	struct media_fact *media = &fact->media;
	char bus[WORD_BYTES];
	int64_t size;

	take_text(json, "sekimori.media.bus", bus, sizeof(bus));
	if (!bus[0])
		return false;
	(void)!media_bus_from_str(span_str(bus), &media->bus); /* unknown: 0 */
#define TEXT(path, field)                                                      \
	take_text(json, path, media->field, sizeof(media->field))
	TEXT("sekimori.media.node", devname);
	TEXT("sekimori.media.model", model);
	TEXT("sekimori.media.serial", serial);
	TEXT("sekimori.media.fs", fs_type);
	TEXT("sekimori.media.label", label);
	TEXT("sekimori.media.fs_uuid", fs_uuid);
#undef TEXT
	media->is_encrypted = take_true(json, "sekimori.media.encrypted");
	if (take_number(json, "sekimori.media.size", &size) && size >= 0) {
		media->is_size_known = true;
		media->size_bytes = (uint64_t)size;
	}
	if (take_usb(json, &fact->usb))
		media->parent = &fact->usb;
	return true;
}

/* The terminal's own wall clock: UTC and the offset that the event tells. */
static void take_moment(struct span json, struct wall_local *ret_now)
{
	int64_t wall_ms = 0, offset_min = 0;
	struct tm tm;

	if (!take_number(json, "time", &wall_ms) || wall_ms <= 0)
		return; /* month 0: the clock cannot be trusted */
	(void)!take_number(json, "timezone_offset", &offset_min); /* 0: UTC */
	time_t wall = (time_t)(wall_ms / 1000 + offset_min * 60);
	if (!gmtime_r(&wall, &tm))
		return;
	*ret_now = (struct wall_local){
		.year = (int16_t)(tm.tm_year + 1900),
		.month = (uint8_t)(tm.tm_mon + 1),
		.day = (uint8_t)tm.tm_mday,
		.weekday = (uint8_t)tm.tm_wday,
		.second = (uint32_t)(tm.tm_hour * 3600 + tm.tm_min * 60 +
				     tm.tm_sec),
	};
}

static void take_person(struct span json, struct event_fact *fact)
{
	struct decide_context *context = &fact->context;
	char session[WORD_BYTES];

	take_text(json, "actor.user.name", fact->user, sizeof(fact->user));
	take_text(json, "actor.session.uid", session, sizeof(session));
	context->has_session = fact->user[0] && session[0];
	context->user = context->has_session ? fact->user : NULL;
	context->is_mfa = take_true(json, "actor.session.is_mfa");
}

/* Whether the event is a judgement, and how it ended. */
static bool take_verdict(struct event_fact *fact)
{
	switch ((int)fact->code) {
	case RECORD_USB_DEVICE_ALLOWED:
	case RECORD_USB_DEVICE_HELD: /* the rules let it in */
	case RECORD_LIFELINE_KEPT:
		fact->target = USB_TARGET_ALLOW;
		return true;
	case RECORD_USB_DEVICE_BLOCKED:
		fact->target = USB_TARGET_BLOCK;
		return true;
	case RECORD_MEDIA_ALLOWED:
		fact->access = MEDIA_READ_WRITE;
		break;
	case RECORD_MEDIA_READONLY:
		fact->access = MEDIA_READ_ONLY;
		break;
	case RECORD_MEDIA_DENIED:
		fact->access = MEDIA_DENY;
		break;
	default:
		return false;
	}
	fact->is_media = true;
	return true;
}

int event_fact_read(struct span json, struct event_fact *ret_fact)
{
	char code[WORD_BYTES];

	*ret_fact = (struct event_fact){0};
	take_text(json, "metadata.event_code", code, sizeof(code));
	if (!code[0] || record_code_from_str(code, &ret_fact->code) != 0)
		return EVENT_FACT_GARBLED;
	if (!take_verdict(ret_fact))
		return EVENT_FACT_OTHER;
	if (ret_fact->is_media ? !take_media(json, ret_fact)
			       : !take_usb(json, &ret_fact->usb))
		return EVENT_FACT_GARBLED;
#define TEXT(path, field)                                                      \
	take_text(json, path, ret_fact->field, sizeof(ret_fact->field))
	TEXT("device.org.ou_name", unit);
	TEXT("device.uid", terminal);
	TEXT("peripheral_device.uid", uid);
	TEXT("peripheral_device.name", name);
#undef TEXT
	take_moment(json, &ret_fact->context.now);
	take_person(json, ret_fact);
	return 0;
}
