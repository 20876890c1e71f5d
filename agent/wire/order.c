/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of an order, see order.h. Every check is made when reading; writing
 * reads back what it wrote. */
#include "agent/wire/order.h"

#include <assert.h>
#include <errno.h>

#include "policy/lines.h"

#define FIRST_WORD "sekimori-order"

static const char *const actions[] = {
	[ORDER_NONE] = "none",
	[ORDER_TAMPER_OFF] = "tamper-off",
	[ORDER_TAMPER_ON] = "tamper-on",
};
static_assert(sizeof(actions) / sizeof(actions[0]) == ORDER_ACTION_COUNT,
	      "one word for each action");

const char *order_action_to_str(enum order_action action)
{
	return (unsigned int)action < ORDER_ACTION_COUNT ? actions[action]
							 : actions[ORDER_NONE];
}

int order_action_from_str(struct span text, enum order_action *ret_action)
{
	for (unsigned int i = ORDER_NONE + 1; i < ORDER_ACTION_COUNT; i++) {
		if (!span_equals_str(text, actions[i]))
			continue;
		*ret_action = (enum order_action)i;
		return 0;
	}
	return -ENOENT;
}

static bool is_terminal(struct span text)
{
	if (text.len != ORDER_TERMINAL_CHARS)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

static bool take_what(struct lines *lines, struct order *order)
{
	struct span value;

	if (!lines_take(lines, FIRST_WORD, &value) ||
	    !span_equals_str(value, "1"))
		return lines_fail(lines,
				  "does not begin with '" FIRST_WORD " 1'");
	if (!lines_take(lines, "serial", &value) ||
	    !lines_number(value, &order->serial) || order->serial == 0)
		return lines_fail(lines, "has no valid serial");
	if (!lines_take(lines, "action", &value) ||
	    order_action_from_str(value, &order->action) < 0)
		return lines_fail(lines, "asks for nothing that is known");
	if (!lines_take(lines, "terminal", &order->terminal) ||
	    !is_terminal(order->terminal))
		return lines_fail(lines, "names no terminal");
	return true;
}

static bool take_terms(struct lines *lines, struct order *order)
{
	if (lines_take(lines, "issuer", &order->issuer) &&
	    !lines_is_text(order->issuer, ORDER_ISSUER_MAX))
		return lines_fail(lines, "the issuer's name is not valid");
	if (!lines_take_time(lines, "not-before", &order->wall_not_before_s) ||
	    !lines_take_time(lines, "not-after", &order->wall_not_after_s))
		return false;
	if (order->wall_not_after_s == 0)
		return lines_fail(lines, "has no end");
	if (order->wall_not_after_s <= order->wall_not_before_s)
		return lines_fail(lines, "ends before it begins");
	return true;
}

int order_read(struct span text, struct order *ret_order, const char **ret_why)
{
	struct lines lines = {.rest = text};

	*ret_order = (struct order){0};
	if (text.len > ORDER_MAX_BYTES) {
		*ret_why = "is too long";
		return ORDER_MALFORMED;
	}
	if (take_what(&lines, ret_order) && take_terms(&lines, ret_order) &&
	    span_equals_str(lines.rest, "end\n"))
		return 0;
	*ret_why = lines.why ? lines.why
			     : "a line is not known, or not in its place";
	return ORDER_MALFORMED;
}

static bool is_same(const struct order *a, const struct order *b)
{
	return a->action == b->action && a->serial == b->serial &&
	       span_equals(a->terminal, b->terminal) &&
	       span_equals(a->issuer, b->issuer) &&
	       a->wall_not_before_s == b->wall_not_before_s &&
	       a->wall_not_after_s == b->wall_not_after_s;
}

int order_write(const struct order *order, char *buf, size_t cap,
		size_t *ret_len)
{
	struct lines_out out = {.buf = buf, .cap = cap};
	struct order back;
	const char *why;

	lines_put(&out, SPAN(FIRST_WORD " 1\n"));
	lines_put_number(&out, "serial", order->serial);
	lines_put_text(&out, "action",
		       span_str(order_action_to_str(order->action)));
	lines_put_text(&out, "terminal", order->terminal);
	lines_put_text(&out, "issuer", order->issuer);
	lines_put_number(&out, "not-before", order->wall_not_before_s);
	lines_put_number(&out, "not-after", order->wall_not_after_s);
	lines_put(&out, SPAN("end\n"));
	if (out.is_full)
		return -ENOBUFS;
	if (order_read(span_of(buf, out.len), &back, &why) != 0 ||
	    !is_same(order, &back))
		return ORDER_MALFORMED;
	*ret_len = out.len;
	return 0;
}
