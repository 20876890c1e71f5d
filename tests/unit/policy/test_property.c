/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 100,000 random rule sets: what decide() finds through its index is what a
 * plain scan over a model of the rules finds, and the canonical form is a
 * fixed point. The model knows nothing of policy/ but the text it writes; it
 * pairs interfaces by trying all ways.
 */
#include "tests/unit/policy/rules_fixture.h"

#define RULE_SETS     100000
#define RULES	      12
#define VALUES	      4
#define STRINGS	      4
#define WILD	      0x10000u
#define IFACE_ANY_SUB 0x1000000u
#define IFACE_ANY_PRO 0x2000000u

enum op { EQUALS, ALL_OF, ONE_OF, NONE_OF, ORDERED, MATCH_ALL, OPS };

static const char *const op_words[OPS] = {"equals",	    "all-of",
					  "one-of",	    "none-of",
					  "equals-ordered", "match-all"};
static const char *const string_words[STRINGS] = {"serial", "name", "hash",
						  "via-port"};

struct set {
	bool is_present;
	enum op op;
	unsigned count;
	uint32_t values[VALUES];
	uint32_t others[VALUES]; /* product ids */
};

struct model_rule {
	unsigned target; /* index of target_words */
	struct set id;
	struct set strings[STRINGS];
	struct set ifaces;
	int condition; /* -1 none, 0 false, 1 true */
};

struct model_device {
	bool has_id;
	uint32_t vendor, product;
	bool has_string[STRINGS];
	uint32_t strings[STRINGS];
	unsigned iface_count;
	uint32_t ifaces[VALUES];
};

static const char *const target_words[] = {"allow", "block", "reject"};

static uint64_t random_state;

static uint32_t roll(uint32_t sides)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % sides;
}

/* ---- the model ---- */

static bool iface_matches(uint32_t pattern, uint32_t value)
{
	if ((pattern ^ value) & 0xff0000)
		return false;
	if (!(pattern & IFACE_ANY_SUB) && ((pattern ^ value) & 0xff00))
		return false;
	return pattern & IFACE_ANY_PRO || !((pattern ^ value) & 0xff);
}

struct universe {
	const struct set *set;
	unsigned count;		  /* of D */
	bool hit[VALUES][VALUES]; /* S x D */
};

static bool pairs(const struct universe *u, unsigned s, unsigned taken)
{
	if (s == u->set->count)
		return true;
	for (unsigned d = 0; d < u->count; d++)
		if (u->hit[s][d] && !(taken & 1u << d) &&
		    pairs(u, s + 1, taken | 1u << d))
			return true;
	return false;
}

static bool set_matches(const struct universe *u)
{
	unsigned s_hit = 0, d_hit = 0;
	bool diagonal = u->set->count == u->count;

	for (unsigned s = 0; s < u->set->count; s++) {
		bool any = false;

		for (unsigned d = 0; d < u->count; d++)
			any |= u->hit[s][d];
		s_hit += any;
		diagonal = diagonal && u->hit[s][s];
	}
	for (unsigned d = 0; d < u->count; d++) {
		bool any = false;

		for (unsigned s = 0; s < u->set->count; s++)
			any |= u->hit[s][d];
		d_hit += any;
	}
	switch (u->set->op) {
	case ALL_OF:
		return s_hit == u->set->count;
	case ONE_OF:
		return s_hit > 0;
	case NONE_OF:
		return s_hit == 0;
	case EQUALS:
		return u->set->count == u->count && pairs(u, 0, 0);
	case ORDERED:
		return diagonal;
	case MATCH_ALL:
		return d_hit == u->count;
	case OPS:
		break;
	}
	return false;
}

static bool id_matches(const struct set *set, const struct model_device *d)
{
	struct universe u = {.set = set, .count = d->has_id};

	for (unsigned s = 0; s < set->count; s++)
		u.hit[s][0] = d->has_id &&
			      (set->values[s] == WILD ||
			       set->values[s] == d->vendor) &&
			      (set->others[s] == WILD ||
			       set->others[s] == d->product);
	return set_matches(&u);
}

static bool string_matches(const struct set *set, bool has, uint32_t value)
{
	struct universe u = {.set = set, .count = has};

	for (unsigned s = 0; s < set->count; s++)
		u.hit[s][0] = has && set->values[s] == value;
	return set_matches(&u);
}

static bool ifaces_match(const struct set *set, const struct model_device *d)
{
	struct universe u = {.set = set, .count = d->iface_count};

	for (unsigned s = 0; s < set->count; s++)
		for (unsigned i = 0; i < d->iface_count; i++)
			u.hit[s][i] = iface_matches(set->values[s],
						    d->ifaces[i]);
	return set_matches(&u);
}

static bool model_matches(const struct model_rule *r,
			  const struct model_device *d)
{
	if (r->condition == 0)
		return false;
	if (r->id.is_present && !id_matches(&r->id, d))
		return false;
	if (r->ifaces.is_present && !ifaces_match(&r->ifaces, d))
		return false;
	for (unsigned i = 0; i < STRINGS; i++)
		if (r->strings[i].is_present &&
		    !string_matches(&r->strings[i], d->has_string[i],
				    d->strings[i]))
			return false;
	return true;
}

/* ---- at random ---- */

static void random_set(struct set *set)
{
	set->is_present = roll(3) == 0;
	set->op = (enum op)roll(OPS);
	set->count = 1 + (roll(2) ? 0 : roll(VALUES));
}

static uint32_t random_iface(bool is_pattern)
{
	uint32_t value = (3 + 5 * roll(2)) << 16 | (1 + roll(2)) << 8 |
			 (1 + roll(2));

	if (is_pattern && roll(2)) {
		value = (value & 0xffff00) | IFACE_ANY_PRO;
		if (roll(2))
			value = (value & 0xff0000) | IFACE_ANY_PRO |
				IFACE_ANY_SUB;
	}
	return value;
}

static struct model_rule random_rule(void)
{
	struct model_rule r = {.target = roll(3),
			       .condition = (int)roll(6) < 4 ? -1
							     : (int)roll(2)};

	random_set(&r.id);
	random_set(&r.ifaces);
	for (unsigned v = 0; v < VALUES; v++) {
		r.id.values[v] = roll(8) ? 1 + roll(2) : WILD;
		r.id.others[v] = r.id.values[v] == WILD || !roll(3)
					 ? WILD
					 : 1 + roll(2);
		r.ifaces.values[v] = random_iface(true);
	}
	for (unsigned i = 0; i < STRINGS; i++) {
		random_set(&r.strings[i]);
		for (unsigned v = 0; v < VALUES; v++)
			r.strings[i].values[v] = roll(4);
	}
	return r;
}

static struct model_device random_device(void)
{
	struct model_device d = {.has_id = roll(8) != 0,
				 .vendor = 1 + roll(2),
				 .product = 1 + roll(2),
				 .iface_count = roll(VALUES)};

	for (unsigned i = 0; i < STRINGS; i++) {
		d.has_string[i] = roll(8) != 0;
		d.strings[i] = roll(4);
	}
	for (unsigned i = 0; i < VALUES; i++)
		d.ifaces[i] = random_iface(false);
	return d;
}

/* ---- as text ---- */

struct text {
	char bytes[RULES * 1200];
	size_t len;
};

static void __attribute__((format(printf, 2, 3)))
add(struct text *t, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	t->len += (size_t)vsnprintf(t->bytes + t->len,
				    sizeof(t->bytes) - t->len, format, args);
	va_end(args);
	assert_true(t->len < sizeof(t->bytes));
}

static void add_iface(struct text *t, uint32_t value)
{
	add(t, " %02x:", value >> 16 & 0xff);
	if (value & IFACE_ANY_SUB)
		add(t, "*:");
	else
		add(t, "%02x:", value >> 8 & 0xff);
	if (value & IFACE_ANY_PRO)
		add(t, "*");
	else
		add(t, "%02x", value & 0xff);
}

static void add_id(struct text *t, uint32_t vendor, uint32_t product)
{
	if (vendor == WILD)
		add(t, " *:*");
	else if (product == WILD)
		add(t, " %04x:*", vendor);
	else
		add(t, " %04x:%04x", vendor, product);
}

static void add_set(struct text *t, const char *word, const struct set *set)
{
	if (!set->is_present)
		return;
	add(t, " %s %s {", word, op_words[set->op]);
	for (unsigned v = 0; v < set->count; v++) {
		if (strcmp(word, "id") == 0)
			add_id(t, set->values[v], set->others[v]);
		else if (strcmp(word, "with-interface") == 0)
			add_iface(t, set->values[v]);
		else
			add(t, " \"s%u\"", set->values[v]);
	}
	add(t, " }");
}

static void add_rule(struct text *t, const struct model_rule *r)
{
	add(t, "%s", target_words[r->target]);
	add_set(t, "id", &r->id);
	for (unsigned i = 0; i < STRINGS; i++)
		add_set(t, string_words[i], &r->strings[i]);
	add_set(t, "with-interface", &r->ifaces);
	if (r->condition >= 0)
		add(t, " if %s", r->condition ? "true" : "!true");
	add(t, "\n");
}

static struct usb_fact fact_of(const struct model_device *d)
{
	struct text t = {.len = 0};

	add(&t, "device");
	if (d->has_id)
		add_id(&t, d->vendor, d->product);
	for (unsigned i = 0; i < STRINGS; i++)
		if (d->has_string[i])
			add(&t, " %s \"s%u\"", string_words[i], d->strings[i]);
	if (d->iface_count)
		add(&t, " with-interface {");
	for (unsigned i = 0; i < d->iface_count; i++)
		add_iface(&t, d->ifaces[i]);
	if (d->iface_count)
		add(&t, " }");
	return device(t.bytes);
}

/* ---- the properties ---- */

/* Whether a rule decided. */
static bool check_decision(const struct ruleset *ruleset,
			   const struct model_rule *rules, unsigned count)
{
	struct model_device d = random_device();
	struct usb_fact fact = fact_of(&d);
	struct verdict verdict = judge(ruleset, &fact);
	unsigned first = 0;

	while (first < count && !model_matches(&rules[first], &d))
		first++;
	if (first == count) {
		assert_true(verdict.is_implicit);
		return false;
	}
	assert_false(verdict.is_implicit);
	assert_int_equal(verdict.rule, first);
	assert_string_equal(usb_target_to_str(verdict.target),
			    target_words[rules[first].target]);
	return true;
}

static size_t format_all(const struct ruleset *ruleset, char *out, size_t size)
{
	size_t len = 0;

	for (uint32_t i = 0; i < ruleset_rule_count(ruleset); i++) {
		len += ruleset_format(ruleset, i, 0, out + len, size - len);
		assert_true(len + 1 < size);
		out[len++] = '\n';
	}
	out[len] = '\0';
	return len;
}

static void check_fixed_point(const struct ruleset *ruleset)
{
	static char once[RULES * 1200], twice[RULES * 1200];
	struct ruleset *again;

	(void)format_all(ruleset, once, sizeof(once));
	again = compile(once);
	(void)format_all(again, twice, sizeof(twice));
	assert_string_equal(once, twice);
	ruleset_unref(again);
}

static void the_index_finds_what_a_scan_finds(void **state)
{
	unsigned decided = 0;
	(void)state;

	random_state = 0x5eed5eed5eedu;
	for (unsigned n = 0; n < RULE_SETS; n++) {
		struct model_rule rules[RULES];
		struct text text = {.len = 0};
		unsigned count = 1 + roll(RULES);
		struct ruleset *ruleset;

		text.bytes[0] = '\0';
		for (unsigned i = 0; i < count; i++) {
			rules[i] = random_rule();
			add_rule(&text, &rules[i]);
		}
		ruleset = compile(text.bytes);
		decided += check_decision(ruleset, rules, count);
		decided += check_decision(ruleset, rules, count);
		if (n % 16 == 0)
			check_fixed_point(ruleset);
		ruleset_unref(ruleset);
	}
	/* Both answers often enough for the comparison to mean something. */
	assert_in_range(decided, RULE_SETS / 4, RULE_SETS * 7 / 4);
}

/* The same with many rules, so that lists are long and slots collide. */
static void long_rule_sets_too(void **state)
{
	enum { MANY = 3000 };
	struct model_rule *rules = calloc(MANY, sizeof(*rules));
	char *text = malloc((size_t)MANY * 700);
	struct ruleset *ruleset;
	size_t len = 0;
	(void)state;

	assert_non_null(rules);
	assert_non_null(text);
	for (unsigned i = 0; i < MANY; i++) {
		struct text one = {.len = 0};

		rules[i] = random_rule();
		/* Late matches: the first rules ask for what nobody has. */
		if (i < MANY - 20)
			rules[i].strings[0] = (struct set){
				.is_present = true,
				.op = ONE_OF,
				.count = 2,
				.values = {100 + i, 101 + i},
			};
		add_rule(&one, &rules[i]);
		memcpy(text + len, one.bytes, one.len + 1);
		len += one.len;
	}
	ruleset = compile(text);
	for (unsigned n = 0; n < 2000; n++)
		(void)check_decision(ruleset, rules, MANY);
	ruleset_unref(ruleset);
	free(text);
	free(rules);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_index_finds_what_a_scan_finds),
		cmocka_unit_test(long_rule_sets_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
