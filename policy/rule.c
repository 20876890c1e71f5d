/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the language in tables, and small readers of a rule. */
#include "policy/rule.h"

#include <assert.h>

#define USBGUARD(text, kind)                                                   \
	{                                                                      \
		.word = (text), .type = (kind), .is_usb = true,                \
		.is_media = true                                               \
	}
#define OURS(text, kind)                                                       \
	{                                                                      \
		.word = (text), .type = (kind), .is_extension = true,          \
		.is_usb = true, .is_media = true                               \
	}
#define MEDIA(text, kind)                                                      \
	{                                                                      \
		.word = (text), .type = (kind), .is_extension = true,          \
		.is_media = true                                               \
	}

static const struct attr_info infos[] = {
	[ATTR_ID] = USBGUARD("id", VALUE_ID),
	[ATTR_SERIAL] = USBGUARD("serial", VALUE_STRING),
	[ATTR_NAME] = USBGUARD("name", VALUE_STRING),
	[ATTR_MANUFACTURER] = OURS("manufacturer", VALUE_STRING),
	[ATTR_HASH] = USBGUARD("hash", VALUE_STRING),
	[ATTR_PARENT_HASH] = USBGUARD("parent-hash", VALUE_STRING),
	[ATTR_IDENTITY] = OURS("identity", VALUE_STRING),
	[ATTR_VIA_PORT] = USBGUARD("via-port", VALUE_STRING),
	[ATTR_WITH_INTERFACE] = USBGUARD("with-interface", VALUE_INTERFACE),
	[ATTR_CHANNEL] = OURS("channel", VALUE_CHANNEL),
	[ATTR_INTERFACES] = {.word = "interfaces",
			     .type = VALUE_INTERFACE,
			     .is_extension = true,
			     .is_usb = true},
	[ATTR_FAST_TYPING] = {.word = "fast-typing",
			      .type = VALUE_FLAG,
			      .is_extension = true,
			      .is_usb = true},
	[ATTR_BUS] = MEDIA("bus", VALUE_BUS),
	[ATTR_FS_TYPE] = MEDIA("fs-type", VALUE_STRING),
	[ATTR_FS_UUID] = MEDIA("fs-uuid", VALUE_STRING),
	[ATTR_ENCRYPTED] = MEDIA("encrypted", VALUE_FLAG),
	[ATTR_SIZE] = MEDIA("size", VALUE_SIZE),
	[ATTR_STICKER] = MEDIA("sticker", VALUE_TEXT),
	[ATTR_OWNER] = MEDIA("owner", VALUE_TEXT),
	[ATTR_UNTIL] = MEDIA("until", VALUE_DATE),
	[ATTR_LOST] = MEDIA("lost", VALUE_FLAG),
	[ATTR_NOEXEC] = MEDIA("noexec", VALUE_FLAG),
	[ATTR_EXEC] = MEDIA("exec", VALUE_FLAG),
	[ATTR_IF] = USBGUARD("if", VALUE_CONDITION),
	[ATTR_CONNECT_TYPE] = USBGUARD("with-connect-type", VALUE_STRING),
	[ATTR_LABEL] = USBGUARD("label", VALUE_STRING),
	[ATTR_RULE_ID] = OURS("rule-id", VALUE_TEXT),
	[ATTR_MONITOR] = OURS("monitor", VALUE_FLAG),
};
static_assert(sizeof(infos) / sizeof(infos[0]) == ATTR_COUNT,
	      "every attribute has a word");
static_assert(ATTR_COUNT <= 32, "kinds fit a bit mask");

static const char *const op_words[] = {
	[SET_EQUALS] = "equals",
	[SET_ALL_OF] = "all-of",
	[SET_ONE_OF] = "one-of",
	[SET_NONE_OF] = "none-of",
	[SET_EQUALS_ORDERED] = "equals-ordered",
	[SET_MATCH_ALL] = "match-all",
};
static_assert(sizeof(op_words) / sizeof(op_words[0]) == SET_OP_COUNT,
	      "every operator has a word");

static const char *const condition_words[] = {
	[CONDITION_TRUE] = "true",
	[CONDITION_FALSE] = "false",
	[CONDITION_RANDOM] = "random",
	[CONDITION_LOCALTIME] = "localtime",
	[CONDITION_ALLOWED_MATCHES] = "allowed-matches",
	[CONDITION_RULE_APPLIED] = "rule-applied",
	[CONDITION_RULE_EVALUATED] = "rule-evaluated",
	[CONDITION_MFA] = "mfa",
	[CONDITION_LOCKED] = "locked",
	[CONDITION_USER] = "user",
	[CONDITION_GROUP] = "group",
	[CONDITION_WEEKDAY] = "weekday",
	[CONDITION_DATE] = "date",
};
static_assert(sizeof(condition_words) / sizeof(condition_words[0]) ==
		      CONDITION_COUNT,
	      "every condition has a word");

const struct attr_info *attr_info(enum attr_kind kind)
{
	assert((unsigned)kind < ATTR_COUNT);
	return &infos[kind];
}

bool attr_kind_from_str(struct span word, enum attr_kind *ret_kind)
{
	for (unsigned i = 0; i < ATTR_COUNT; i++) {
		if (!span_equals_str(word, infos[i].word))
			continue;
		*ret_kind = (enum attr_kind)i;
		return true;
	}
	return false;
}

bool attr_is_matched(enum attr_kind kind)
{
	switch (kind) {
	case ATTR_ID:
	case ATTR_SERIAL:
	case ATTR_NAME:
	case ATTR_MANUFACTURER:
	case ATTR_HASH:
	case ATTR_PARENT_HASH:
	case ATTR_IDENTITY:
	case ATTR_VIA_PORT:
	case ATTR_WITH_INTERFACE:
	case ATTR_CHANNEL:
	case ATTR_BUS:
	case ATTR_FS_TYPE:
	case ATTR_FS_UUID:
	case ATTR_ENCRYPTED:
	case ATTR_SIZE:
	case ATTR_CONNECT_TYPE:
		return true;
	case ATTR_INTERFACES:
	case ATTR_FAST_TYPING:
	case ATTR_STICKER:
	case ATTR_OWNER:
	case ATTR_UNTIL:
	case ATTR_LOST:
	case ATTR_NOEXEC:
	case ATTR_EXEC:
	case ATTR_IF:
	case ATTR_LABEL:
	case ATTR_RULE_ID:
	case ATTR_MONITOR:
	case ATTR_COUNT:
		return false;
	}
	return false;
}

const char *set_op_to_str(enum set_op op)
{
	assert((unsigned)op < SET_OP_COUNT);
	return op_words[op];
}

bool set_op_from_str(struct span word, enum set_op *ret_op)
{
	for (unsigned i = 0; i < SET_OP_COUNT; i++) {
		if (!span_equals_str(word, op_words[i]))
			continue;
		*ret_op = (enum set_op)i;
		return true;
	}
	return false;
}

const char *condition_to_str(enum condition_kind kind)
{
	assert((unsigned)kind < CONDITION_COUNT);
	return condition_words[kind];
}

bool condition_from_str(struct span word, enum condition_kind *ret_kind)
{
	for (unsigned i = 0; i < CONDITION_COUNT; i++) {
		if (!span_equals_str(word, condition_words[i]))
			continue;
		*ret_kind = (enum condition_kind)i;
		return true;
	}
	return false;
}

const struct attr *rule_attr(const struct ruleset *rs, const struct rule *rule,
			     enum attr_kind kind)
{
	const struct attr *attrs = rule_attrs(rs, rule);

	for (unsigned i = 0; i < rule->attr_count; i++)
		if (attrs[i].kind == kind)
			return &attrs[i];
	return NULL;
}

struct span rule_text(const struct ruleset *rs, const struct rule *rule,
		      enum attr_kind kind)
{
	const struct attr *attr = rule_attr(rs, rule, kind);

	if (!attr || attr->count == 0)
		return SPAN("");
	return pool_get(&rs->pool, attr_values(rs, attr)[0]);
}

bool rule_gives(const struct rule *rule)
{
	if (rule->family == RULES_FAMILY_MEDIA)
		return rule->target != MEDIA_DENY;
	return rule->target == USB_TARGET_ALLOW;
}
