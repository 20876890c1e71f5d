/* SPDX-License-Identifier: Apache-2.0 */
/* The values of attributes: strings, ids, interfaces, sizes, dates. */
#include "policy/parse.h"

#include <errno.h>
#include <stdio.h>

static int value_append(struct parser *p, uint32_t value)
{
	return vec_append(&p->rs->values, &value, 1);
}

int parse_string(struct parser *p, uint32_t *ret_number)
{
	size_t start = p->lex.pos;
	struct span raw = {0};
	bool has_escapes = false;
	int r;

	switch (lex_string(&p->lex, &raw, &has_escapes)) {
	case LEX_STRING_OK:
		break;
	case LEX_STRING_NONE:
		return parse_error(p, p->lex.pos, "expected a string in \"…\"");
	case LEX_STRING_OPEN:
		return parse_error(p, start, "this string has no closing '\"'");
	case LEX_STRING_ESCAPE:
		return parse_error(p, p->lex.pos,
				   "expected \\\", \\\\ or \\xHH");
	case LEX_STRING_CR:
		return parse_error(p, p->lex.pos,
				   "a carriage return inside a string");
	}
	if (raw.len > RULES_STRING_MAX_BYTES)
		return parse_error(p, start, "a string of more than %u bytes",
				   RULES_STRING_MAX_BYTES);
	if (!has_escapes)
		return pool_add(&p->rs->pool, raw, ret_number);

	p->scratch.count = 0;
	r = vec_append(&p->scratch, NULL, raw.len);
	if (r < 0)
		return r;
	return pool_add(&p->rs->pool,
			span_of(p->scratch.data,
				lex_unescape(raw, p->scratch.data)),
			ret_number);
}

static bool id_has_capitals(uint32_t half)
{
	return half != VALUE_ANY && half != ID_NUMBER(half);
}

static int parse_id(struct parser *p)
{
	size_t pos = p->lex.pos;
	uint32_t vendor, product;
	int r;

	if (!lex_id(&p->lex, &vendor, &product))
		return parse_error(p, pos,
				   "expected an id: vvvv:pppp, vvvv:* or *:*");
	if (vendor == VALUE_ANY && product != VALUE_ANY)
		return parse_error(p, pos,
				   "a product id needs its vendor id: '*:%04x' "
				   "names nothing",
				   ID_NUMBER(product));
	if (id_has_capitals(vendor) || id_has_capitals(product))
		(void)parse_warning(p, pos,
				    "an id in capitals never matched in "
				    "USBGuard; here it does");
	r = value_append(p, vendor);
	if (r < 0)
		return r;
	return value_append(p, product);
}

static int parse_interface(struct parser *p)
{
	uint32_t value;

	if (!lex_interface(&p->lex, &value))
		return parse_error(p, p->lex.pos,
				   "expected an interface: cc:ss:pp, cc:ss:* "
				   "or cc:*:*");
	return value_append(p, value);
}

/* Words that differ only in their table. */
static int parse_word_value(struct parser *p, enum attr_kind kind)
{
	struct span word = lex_word(&p->lex);
	enum usb_channel channel = USB_CHANNEL_STORAGE;
	enum media_bus bus = MEDIA_BUS_UNKNOWN;

	if (kind == ATTR_CHANNEL && !usb_channel_from_str(word, &channel))
		return parse_error(p, p->lex.pos,
				   "expected a channel (storage, mtp, ptp, "
				   "network, hid, smartcard…)");
	if (kind == ATTR_BUS && !media_bus_from_str(word, &bus))
		return parse_error(p, p->lex.pos,
				   "expected a bus (usb, sd, optical, tape, "
				   "floppy, sata, nvme…)");
	p->lex.pos += word.len;
	return value_append(p, kind == ATTR_CHANNEL ? (uint32_t)channel
						    : (uint32_t)bus);
}

/* 512, 64K, 8M, 32G, 2T in bytes; decimal points are not needed. */
static int parse_bytes(struct parser *p, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	size_t pos = p->lex.pos;
	uint64_t bytes;
	const char *unit;

	if (!lex_number(&p->lex, &bytes))
		return parse_error(p, pos,
				   "expected a size such as 512M or 64G");
	unit = memchr(units, lex_peek(&p->lex), sizeof(units) - 1);
	if (unit) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);

		if (bytes > UINT64_MAX >> shift)
			return parse_error(p, pos, "this size is too large");
		bytes <<= shift;
		p->lex.pos++;
	}
	*ret_bytes = bytes;
	return 0;
}

/* MIN-MAX, MIN-, -MAX, or one exact size. */
static int parse_size(struct parser *p)
{
	size_t pos = p->lex.pos;
	uint64_t min = 0;
	uint64_t max = UINT64_MAX;
	bool has_max;
	uint32_t values[4];
	int r;

	if (lex_peek(&p->lex) != '-') {
		r = parse_bytes(p, &min);
		if (r != 0)
			return r;
	}
	if (!lex_char(&p->lex, '-')) {
		max = min;
	} else {
		has_max = lex_peek(&p->lex) >= '0' && lex_peek(&p->lex) <= '9';
		if (has_max || p->lex.pos == pos + 1) {
			r = parse_bytes(p, &max);
			if (r != 0)
				return r;
		}
	}
	if (min > max)
		return parse_error(p, pos, "the smaller size comes first");

	values[0] = (uint32_t)min;
	values[1] = (uint32_t)(min >> 32);
	values[2] = (uint32_t)max;
	values[3] = (uint32_t)(max >> 32);
	return vec_append(&p->rs->values, values, 4);
}

static int parse_date(struct parser *p)
{
	uint32_t date;

	if (!lex_date(&p->lex, &date))
		return parse_error(p, p->lex.pos,
				   "expected a day that exists, YYYY-MM-DD");
	return value_append(p, date);
}

static int parse_text(struct parser *p, enum attr_kind kind)
{
	size_t pos = p->lex.pos;
	uint32_t number = POOL_NONE;
	int r;

	r = parse_string(p, &number);
	if (r != 0)
		return r;
	if (kind == ATTR_RULE_ID) {
		size_t len = pool_get(&p->rs->pool, number).len;

		if (len == 0 || len > RULES_ID_MAX_BYTES)
			return parse_error(p, pos,
					   "a rule-id has 1 to %d bytes",
					   RULES_ID_MAX_BYTES);
	}
	return value_append(p, number);
}

int parse_value(struct parser *p, enum attr_kind kind)
{
	switch (attr_info(kind)->type) {
	case VALUE_STRING:
	case VALUE_TEXT:
		return parse_text(p, kind);
	case VALUE_ID:
		return parse_id(p);
	case VALUE_INTERFACE:
		return parse_interface(p);
	case VALUE_CHANNEL:
	case VALUE_BUS:
		return parse_word_value(p, kind);
	case VALUE_SIZE:
		return parse_size(p);
	case VALUE_DATE:
		return parse_date(p);
	case VALUE_CONDITION:
		return parse_condition(p);
	case VALUE_FLAG:
		break;
	}
	return parse_error(p, p->lex.pos, "'%s' takes no value",
			   attr_info(kind)->word);
}

int parse_duration(struct parser *p, uint32_t *ret_seconds)
{
	static const struct {
		char unit;
		uint32_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	size_t pos = p->lex.pos;
	uint64_t seconds;
	uint32_t factor = 1;

	if (!lex_number(&p->lex, &seconds))
		return parse_error(p, pos,
				   "expected a duration such as 90s, 15m, 10h");
	for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!lex_char(&p->lex, units[i].unit))
			continue;
		factor = units[i].seconds;
		break;
	}
	if (seconds > UINT32_MAX / factor)
		return parse_error(p, pos, "this duration is too long");
	*ret_seconds = (uint32_t)seconds * factor;
	return 0;
}

int parse_choice(struct parser *p, const char *const *words,
		 uint32_t *ret_index)
{
	struct span word = lex_word(&p->lex);
	char list[120] = "";
	size_t len = 0;

	for (uint32_t i = 0; words[i]; i++) {
		if (span_equals_str(word, words[i])) {
			p->lex.pos += word.len;
			*ret_index = i;
			return 0;
		}
		if (len < sizeof(list))
			len += (size_t)snprintf(list + len, sizeof(list) - len,
						"%s%s", i ? ", " : "",
						words[i]);
	}
	return parse_error(p, p->lex.pos, "expected one of: %s", list);
}
