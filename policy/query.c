/* SPDX-License-Identifier: Apache-2.0 */
/* A described device as a fact; see query.h. */
#include "policy/query.h"

#include <assert.h>
#include <stdio.h>

#include "policy/descriptor.h"
#include "policy/rule.h"

static bool copy_string(const struct ruleset *rs, const struct attr *attr,
			char *ret_text, size_t capacity)
{
	struct span text = pool_get(&rs->pool, attr_values(rs, attr)[0]);

	if (attr->count != 1 || attr->op != SET_EQUALS ||
	    text.len >= capacity || memchr(text.ptr, '\0', text.len))
		return false;
	memcpy(ret_text, text.ptr, text.len);
	ret_text[text.len] = '\0';
	return true;
}

static bool copy_id(const struct ruleset *rs, const struct attr *attr,
		    struct usb_fact *fact)
{
	const uint32_t *values = attr_values(rs, attr);

	if (attr->count != 1 || attr->op != SET_EQUALS ||
	    values[0] == VALUE_ANY || values[1] == VALUE_ANY)
		return false;
	fact->vendor_id = (uint16_t)values[0];
	fact->product_id = (uint16_t)values[1];
	return true;
}

static bool copy_interfaces(const struct ruleset *rs, const struct attr *attr,
			    struct usb_fact *fact)
{
	const uint32_t *values = attr_values(rs, attr);

	if (attr->op != SET_EQUALS || attr->count > USB_INTERFACES_MAX)
		return false;
	for (uint16_t i = 0; i < attr->count; i++) {
		if (values[i] >> 24 != 0) /* a wildcard */
			return false;
		fact->interfaces[i] = (struct usb_interface){
			.class_code = (uint8_t)(values[i] >> 16),
			.subclass = (uint8_t)(values[i] >> 8),
			.protocol = (uint8_t)values[i],
			.number = (uint8_t)i,
			.configuration = 1,
		};
	}
	fact->interface_count = attr->count;
	return true;
}

#define STRING(has_bit, field)                                                 \
	do {                                                                   \
		fact->has |= (has_bit);                                        \
		return copy_string(rs, attr, fact->field,                      \
				   sizeof(fact->field));                       \
	} while (0)

static bool copy_attr(const struct ruleset *rs, const struct attr *attr,
		      struct usb_fact *fact)
{
	switch ((enum attr_kind)attr->kind) {
	case ATTR_ID:
		fact->has |= USB_HAS_ID;
		return copy_id(rs, attr, fact);
	case ATTR_SERIAL:
		STRING(USB_HAS_SERIAL, serial);
	case ATTR_NAME:
		STRING(USB_HAS_NAME, name);
	case ATTR_MANUFACTURER:
		STRING(USB_HAS_MANUFACTURER, manufacturer);
	case ATTR_HASH:
		STRING(USB_HAS_HASH, hash);
	case ATTR_PARENT_HASH:
		STRING(USB_HAS_PARENT_HASH, parent_hash);
	case ATTR_IDENTITY:
		STRING(USB_HAS_IDENTITY, identity);
	case ATTR_VIA_PORT:
		STRING(USB_HAS_VIA_PORT, via_port);
	case ATTR_CONNECT_TYPE:
		STRING(USB_HAS_CONNECT_TYPE, connect_type);
	case ATTR_WITH_INTERFACE:
		fact->has |= USB_HAS_INTERFACES | USB_HAS_CHANNELS;
		return copy_interfaces(rs, attr, fact);
	case ATTR_CHANNEL:
	case ATTR_INTERFACES:
	case ATTR_BUS:
	case ATTR_FS_TYPE:
	case ATTR_FS_UUID:
	case ATTR_ENCRYPTED:
	case ATTR_SIZE:
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
		break;
	}
	return true;
}

static int copy_rule(const struct ruleset *rs, struct rules_report *report,
		     struct usb_fact *fact)
{
	const struct rule *rule = rule_at(rs, 0);
	const struct attr *attrs = rule_attrs(rs, rule);

	for (unsigned i = 0; i < rule->attr_count; i++) {
		struct rules_message message = {
			.line = 1,
			.column = 1,
		};

		if (copy_attr(rs, &attrs[i], fact))
			continue;
		(void)snprintf(message.what, sizeof(message.what),
			       "'%s' of a device needs one plain value that "
			       "fits",
			       attr_info((enum attr_kind)attrs[i].kind)->word);
		if (report) {
			report->error_count++;
			if (report->count < report->capacity)
				report->messages[report->count++] = message;
			else
				report->dropped++;
		}
		return RULESET_INVALID;
	}
	if (fact->has & USB_HAS_CHANNELS)
		fact->channels = descriptor_channels(fact);
	return 0;
}

int query_usb(struct span text, struct rules_report *report,
	      enum usb_target *ret_target, struct usb_fact *ret_fact)
{
	_cleanup_ruleset_ struct ruleset *rs = NULL;
	struct rules_text texts = {.name = "device", .text = text};
	struct usb_fact fact = {0};
	int r;

	r = ruleset_parse(&texts, 1, 0, report, &rs);
	if (r != 0)
		return r;
	if (rs->rules.count != 1 || rule_at(rs, 0)->family != RULES_FAMILY_USB)
		return RULESET_INVALID;
	r = copy_rule(rs, report, &fact);
	if (r != 0)
		return r;
	*ret_target = (enum usb_target)rule_at(rs, 0)->target;
	*ret_fact = fact;
	return 0;
}
