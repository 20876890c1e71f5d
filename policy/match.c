/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attributes against a fact. The set operators, S the rule's values and D the
 * device's: all-of: every S in D · one-of: some S in D · none-of: no S in D ·
 * equals: S and D pair off one to one · equals-ordered: the same, position by
 * position · match-all: every D is in S. An attribute the device does not have
 * is the empty D; an attribute the rule does not have matches.
 */
#include "policy/match.h"

#include <assert.h>

static const struct {
	size_t offset;
	uint32_t has;
	enum attr_kind kind;
} usb_strings[] = {
	{offsetof(struct usb_fact, serial), USB_HAS_SERIAL, ATTR_SERIAL},
	{offsetof(struct usb_fact, name), USB_HAS_NAME, ATTR_NAME},
	{offsetof(struct usb_fact, manufacturer), USB_HAS_MANUFACTURER,
	 ATTR_MANUFACTURER},
	{offsetof(struct usb_fact, hash), USB_HAS_HASH, ATTR_HASH},
	{offsetof(struct usb_fact, parent_hash), USB_HAS_PARENT_HASH,
	 ATTR_PARENT_HASH},
	{offsetof(struct usb_fact, identity), USB_HAS_IDENTITY, ATTR_IDENTITY},
	{offsetof(struct usb_fact, via_port), USB_HAS_VIA_PORT, ATTR_VIA_PORT},
	{offsetof(struct usb_fact, connect_type), USB_HAS_CONNECT_TYPE,
	 ATTR_CONNECT_TYPE},
};

static void subject_string(struct subject *s, enum attr_kind kind,
			   const char *text)
{
	s->has |= 1u << kind;
	s->strings[kind] = pool_find(&s->rs->pool, span_str(text));
}

/* Only what some rule asks for is looked up. */
static bool subject_wants(const struct subject *s, enum attr_kind kind)
{
	return s->rs->kinds & 1u << kind;
}

static void subject_usb(struct subject *s, const struct usb_fact *fact)
{
	s->usb = fact;
	if (fact->has & USB_HAS_ID)
		s->has |= 1u << ATTR_ID;
	if (fact->has & USB_HAS_INTERFACES)
		s->has |= 1u << ATTR_WITH_INTERFACE;
	if (fact->has & USB_HAS_CHANNELS)
		s->has |= 1u << ATTR_CHANNEL;
	for (size_t i = 0; i < sizeof(usb_strings) / sizeof(usb_strings[0]);
	     i++)
		if ((fact->has & usb_strings[i].has) &&
		    subject_wants(s, usb_strings[i].kind))
			subject_string(s, usb_strings[i].kind,
				       (const char *)fact +
					       usb_strings[i].offset);
}

void subject_of_usb(struct subject *subject, const struct ruleset *rs,
		    const struct usb_fact *fact)
{
	*subject = (struct subject){.rs = rs};
	subject_usb(subject, fact);
}

void subject_of_media(struct subject *subject, const struct ruleset *rs,
		      const struct media_fact *fact)
{
	*subject = (struct subject){.rs = rs, .media = fact};
	subject->has |= 1u << ATTR_BUS;
	if (fact->fs_type[0])
		subject_string(subject, ATTR_FS_TYPE, fact->fs_type);
	if (fact->fs_uuid[0])
		subject_string(subject, ATTR_FS_UUID, fact->fs_uuid);
	if (fact->parent) {
		subject_usb(subject, fact->parent);
		return;
	}
	if (fact->serial[0])
		subject_string(subject, ATTR_SERIAL, fact->serial);
	if (fact->model[0])
		subject_string(subject, ATTR_NAME, fact->model);
}

/* Where D has at most one value: how many of the S match it decides. */
static bool match_single(const struct attr *attr, bool has, unsigned hits)
{
	switch ((enum set_op)attr->op) {
	case SET_ALL_OF:
		return has && hits == attr->count;
	case SET_ONE_OF:
		return hits > 0;
	case SET_NONE_OF:
		return hits == 0;
	case SET_EQUALS:
	case SET_EQUALS_ORDERED:
		return attr->count == 1 && hits == 1;
	case SET_MATCH_ALL:
		return !has || hits > 0;
	case SET_OP_COUNT:
		break;
	}
	return false;
}

static bool match_number(const struct subject *s, const struct attr *attr,
			 bool has, uint32_t number)
{
	const uint32_t *values = attr_values(s->rs, attr);
	unsigned hits = 0;

	for (uint16_t i = 0; has && i < attr->count; i++)
		hits += values[i] == number;
	return match_single(attr, has, hits);
}

static bool match_id(const struct subject *s, const struct attr *attr)
{
	const uint32_t *values = attr_values(s->rs, attr);
	bool has = s->has & 1u << ATTR_ID;
	unsigned hits = 0;

	for (size_t i = 0; has && i < attr->count; i++)
		hits += (values[2 * i] == VALUE_ANY ||
			 ID_NUMBER(values[2 * i]) == s->usb->vendor_id) &&
			(values[2 * i + 1] == VALUE_ANY ||
			 ID_NUMBER(values[2 * i + 1]) == s->usb->product_id);
	return match_single(attr, has, hits);
}

bool match_interface(uint32_t pattern, const struct usb_interface *interface)
{
	if ((pattern >> 16 & 0xff) != interface->class_code)
		return false;
	if (!(pattern & INTERFACE_ANY_SUBCLASS) &&
	    (pattern >> 8 & 0xff) != interface->subclass)
		return false;
	return pattern & INTERFACE_ANY_PROTOCOL ||
	       (pattern & 0xff) == interface->protocol;
}

static bool any_interface(uint32_t pattern, const struct usb_fact *fact)
{
	for (uint16_t i = 0; i < fact->interface_count; i++)
		if (match_interface(pattern, &fact->interfaces[i]))
			return true;
	return false;
}

static bool any_pattern(const uint32_t *patterns, uint16_t count,
			const struct usb_interface *interface)
{
	for (uint16_t i = 0; i < count; i++)
		if (match_interface(patterns[i], interface))
			return true;
	return false;
}

/* Takes an interface that is still free for this pattern. */
static bool take_interface(uint32_t pattern, const struct usb_fact *fact,
			   uint64_t *taken)
{
	for (uint16_t i = 0; i < fact->interface_count; i++) {
		if (taken[i / 64] & 1ull << i % 64 ||
		    !match_interface(pattern, &fact->interfaces[i]))
			continue;
		taken[i / 64] |= 1ull << i % 64;
		return true;
	}
	return false;
}

/*
 * One to one. Patterns nest (cc:ss:pp in cc:ss:* in cc:*:*), so giving each
 * its interface from the narrowest to the widest finds a pairing if there is
 * one. USBGuard only asks whether every S occurs, which lets
 * `equals { 08:*:* 08:*:* }` take a disk with a keyboard.
 */
static bool pairs_off(const uint32_t *patterns, uint16_t count,
		      const struct usb_fact *fact)
{
	static const uint32_t widths[] = {0, INTERFACE_ANY_PROTOCOL,
					  INTERFACE_ANY_PROTOCOL |
						  INTERFACE_ANY_SUBCLASS};
	uint64_t taken[(USB_INTERFACES_MAX + 63) / 64] = {0};

	if (count != fact->interface_count)
		return false;
	for (unsigned w = 0; w < sizeof(widths) / sizeof(widths[0]); w++)
		for (uint16_t i = 0; i < count; i++)
			if ((patterns[i] & widths[2]) == widths[w] &&
			    !take_interface(patterns[i], fact, taken))
				return false;
	return true;
}

static bool pairs_in_order(const uint32_t *patterns, uint16_t count,
			   const struct usb_fact *fact)
{
	if (count != fact->interface_count)
		return false;
	for (uint16_t i = 0; i < count; i++)
		if (!match_interface(patterns[i], &fact->interfaces[i]))
			return false;
	return true;
}

static bool match_interfaces(const struct subject *s, const struct attr *attr)
{
	const uint32_t *patterns = attr_values(s->rs, attr);
	const struct usb_fact *fact = s->usb;
	unsigned hits = 0;

	/* The empty D, also where the list is there and empty. */
	if (!(s->has & 1u << ATTR_WITH_INTERFACE) || fact->interface_count == 0)
		return match_single(attr, false, 0);

	switch ((enum set_op)attr->op) {
	case SET_EQUALS:
		return pairs_off(patterns, attr->count, fact);
	case SET_EQUALS_ORDERED:
		return pairs_in_order(patterns, attr->count, fact);
	case SET_MATCH_ALL:
		for (uint16_t i = 0; i < fact->interface_count; i++)
			if (!any_pattern(patterns, attr->count,
					 &fact->interfaces[i]))
				return false;
		return true;
	case SET_ALL_OF:
	case SET_ONE_OF:
	case SET_NONE_OF:
	case SET_OP_COUNT:
		break;
	}
	for (uint16_t i = 0; i < attr->count; i++)
		hits += any_interface(patterns[i], fact);
	return match_single(attr, true, hits);
}

/* Channels are a set without repeats: the same operators on bit masks. */
static bool match_channels(const struct subject *s, const struct attr *attr)
{
	const uint32_t *values = attr_values(s->rs, attr);
	bool has = s->has & 1u << ATTR_CHANNEL;
	uint32_t device = has ? s->usb->channels : 0;
	uint32_t wanted = 0;
	bool is_ascending = true;

	for (uint16_t i = 0; i < attr->count; i++) {
		is_ascending &= i == 0 || values[i - 1] < values[i];
		wanted |= USB_CHANNEL_BIT(values[i]);
	}
	switch ((enum set_op)attr->op) {
	case SET_ALL_OF:
		return (wanted & device) == wanted;
	case SET_ONE_OF:
		return wanted & device;
	case SET_NONE_OF:
		return !(wanted & device);
	case SET_MATCH_ALL:
		return !(device & ~wanted);
	case SET_EQUALS:
		return device == wanted && bit_count(wanted) == attr->count;
	case SET_EQUALS_ORDERED:
		return device == wanted && is_ascending;
	case SET_OP_COUNT:
		break;
	}
	return false;
}

static bool match_size(const struct subject *s, const struct attr *attr)
{
	const uint32_t *v = attr_values(s->rs, attr);
	uint64_t min = v[0] | (uint64_t)v[1] << 32;
	uint64_t max = v[2] | (uint64_t)v[3] << 32;

	return s->media && s->media->is_size_known &&
	       s->media->size_bytes >= min && s->media->size_bytes <= max;
}

bool match_attr(const struct subject *s, const struct attr *attr)
{
	switch ((enum attr_kind)attr->kind) {
	case ATTR_ID:
		return match_id(s, attr);
	case ATTR_SERIAL:
	case ATTR_NAME:
	case ATTR_MANUFACTURER:
	case ATTR_HASH:
	case ATTR_PARENT_HASH:
	case ATTR_IDENTITY:
	case ATTR_VIA_PORT:
	case ATTR_CONNECT_TYPE:
	case ATTR_FS_TYPE:
	case ATTR_FS_UUID:
		return match_number(s, attr, s->has & 1u << attr->kind,
				    s->strings[attr->kind]);
	case ATTR_WITH_INTERFACE:
		return match_interfaces(s, attr);
	case ATTR_CHANNEL:
		return match_channels(s, attr);
	case ATTR_BUS:
		return match_number(s, attr, s->media,
				    s->media ? s->media->bus : 0);
	case ATTR_ENCRYPTED:
		return s->media && s->media->is_encrypted;
	case ATTR_SIZE:
		return match_size(s, attr);
	case ATTR_INTERFACES:
	case ATTR_STICKER:
	case ATTR_OWNER:
	case ATTR_UNTIL:
	case ATTR_FAST_TYPING:
	case ATTR_LOST:
	case ATTR_NOEXEC:
	case ATTR_EXEC:
	case ATTR_IF:
	case ATTR_LABEL:
	case ATTR_RULE_ID:
	case ATTR_MONITOR:
	case ATTR_COUNT:
		return true;
	}
	return false;
}

bool match_attrs(const struct subject *subject, const struct rule *rule)
{
	const struct attr *attrs = rule_attrs(subject->rs, rule);

	for (unsigned i = 0; i < rule->attr_count; i++)
		if (!match_attr(subject, &attrs[i]))
			return false;
	return true;
}
