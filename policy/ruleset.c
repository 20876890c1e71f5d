/* SPDX-License-Identifier: Apache-2.0 */
/* Construction of a rule set from texts, and its getters. */
#include "policy/ruleset.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "policy/login_words.h"
#include "policy/parse.h"
#include "policy/rule.h"

static struct ruleset *ruleset_free(struct ruleset *rs)
{
	if (!rs)
		return NULL;
	pool_fini(&rs->pool);
	vec_fini(&rs->text_names);
	vec_fini(&rs->rules);
	vec_fini(&rs->queries);
	vec_fini(&rs->attrs);
	vec_fini(&rs->values);
	vec_fini(&rs->conditions);
	vec_fini(&rs->keys);
	vec_fini(&rs->login);
	index_fini(&rs->usb);
	index_fini(&rs->media);
	free(rs);
	return NULL;
}

static struct ruleset *ruleset_new(void)
{
	struct ruleset *rs = calloc(1, sizeof(*rs));

	if (!rs)
		return NULL;
	rs->refs = 1;
	pool_init(&rs->pool);
	rs->header.name = POOL_NONE;
	rs->header.zone = POOL_NONE;
	rs->header.contact = POOL_NONE;
	rs->text_names = VEC_OF(uint32_t);
	rs->rules = VEC_OF(struct rule);
	rs->queries = VEC_OF(struct rule);
	rs->attrs = VEC_OF(struct attr);
	rs->values = VEC_OF(uint32_t);
	rs->conditions = VEC_OF(struct condition);
	rs->keys = VEC_OF(struct rules_key);
	rs->login = VEC_OF(struct login_attr);
	return rs;
}

static int parse_text(struct parser *p, const struct rules_text *text,
		      bool *is_valid)
{
	struct span rest = text->text;
	uint32_t name;
	int r;

	r = pool_add(&p->rs->pool, span_str(text->name), &name);
	if (r < 0)
		return r;
	r = vec_append(&p->rs->text_names, &name, 1);
	if (r < 0)
		return r;

	for (p->line = 1; rest.len > 0; p->line++) {
		const char *end = memchr(rest.ptr, '\n', rest.len);
		size_t n = end ? (size_t)(end - rest.ptr) : rest.len;

		r = parse_line(p, span_take(rest, n));
		if (r < 0)
			return r;
		if (r != 0)
			*is_valid = false;
		rest = span_skip(rest, n + 1);
	}
	return 0;
}

/* Each rule-id once in the set: events name rules by it. */
static int check_rule_ids(struct parser *p, bool *is_valid)
{
	struct ruleset *rs = p->rs;
	uint32_t *seen; /* by string: number of the rule plus 1 */

	if (!(rs->kinds & 1u << ATTR_RULE_ID))
		return 0;
	seen = calloc(rs->pool.ends.count + 1, sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	for (uint32_t n = 0; n < rs->rules.count; n++) {
		const struct rule *rule = rule_at(rs, n);
		const struct attr *attr;
		uint32_t id;

		if (rule->family == RULES_FAMILY_LOGIN)
			continue;
		attr = rule_attr(rs, rule, ATTR_RULE_ID);
		if (!attr)
			continue;
		id = attr_values(rs, attr)[0];
		if (seen[id] != 0) {
			p->text = rule->text;
			p->line = rule->line;
			(void)parse_error(p, 0,
					  "this rule-id is that of line %u "
					  "already",
					  rule_at(rs, seen[id] - 1)->line);
			*is_valid = false;
		}
		seen[id] = n + 1;
	}
	free(seen);
	return 0;
}

static bool check_sizes(const struct rules_text *texts, size_t count,
			struct rules_report *report)
{
	struct rules_message message = {
		.line = 1,
		.column = 1,
		.severity = RULES_ERROR,
		.what = "too much text for one rule set",
	};
	size_t total = 0;

	for (size_t i = 0; i < count; i++) {
		message.text = (uint32_t)i;
		if (i >= RULES_TEXTS_MAX ||
		    texts[i].text.len > RULES_TEXT_MAX_BYTES ||
		    total > RULES_TOTAL_MAX_BYTES - texts[i].text.len) {
			report_add(report, &message);
			return false;
		}
		total += texts[i].text.len;
	}
	return true;
}

static void ruleset_trim(struct ruleset *rs)
{
	pool_trim(&rs->pool);
	vec_trim(&rs->text_names);
	vec_trim(&rs->rules);
	vec_trim(&rs->queries);
	vec_trim(&rs->attrs);
	vec_trim(&rs->values);
	vec_trim(&rs->conditions);
	vec_trim(&rs->keys);
	vec_trim(&rs->login);
}

static int parse_all(struct parser *p, const struct rules_text *texts,
		     size_t count)
{
	bool is_valid = true;
	int r;

	for (size_t i = 0; i < count; i++) {
		p->text = (uint16_t)i;
		r = parse_text(p, &texts[i], &is_valid);
		if (r < 0)
			return r;
	}
	r = check_rule_ids(p, &is_valid);
	if (r < 0)
		return r;
	return is_valid ? 0 : RULESET_INVALID;
}

int ruleset_parse(const struct rules_text *texts, size_t text_count,
		  unsigned flags, struct rules_report *report,
		  struct ruleset **ret_ruleset)
{
	_cleanup_ruleset_ struct ruleset *rs = NULL;
	struct parser parser = {
		.report = report,
		.flags = flags,
		.scratch = VEC_OF(char),
	};
	int r;

	if (!check_sizes(texts, text_count, report))
		return RULESET_INVALID;
	rs = ruleset_new();
	if (!rs)
		return -ENOMEM;
	parser.rs = rs;

	r = parse_all(&parser, texts, text_count);
	vec_fini(&parser.scratch);
	if (r != 0)
		return r;

	ruleset_trim(rs);
	r = index_build(&rs->usb, rs, RULES_FAMILY_USB);
	if (r < 0)
		return r;
	r = index_build(&rs->media, rs, RULES_FAMILY_MEDIA);
	if (r < 0)
		return r;
	if (report && (flags & RULESET_WARN))
		lint_ruleset(rs, report);

	*ret_ruleset = rs;
	rs = NULL;
	return 0;
}

struct ruleset *ruleset_ref(struct ruleset *ruleset)
{
	if (ruleset) {
		assert(ruleset->refs > 0);
		ruleset->refs++;
	}
	return ruleset;
}

struct ruleset *ruleset_unref(struct ruleset *ruleset)
{
	if (!ruleset)
		return NULL;
	assert(ruleset->refs > 0);
	if (--ruleset->refs == 0)
		return ruleset_free(ruleset);
	return NULL;
}

static const char *const mode_names[] = {"enforce", "monitor"};
static_assert(sizeof(mode_names) / sizeof(mode_names[0]) == RULES_MODE_COUNT,
	      "every mode has a name");

const char *rules_mode_to_str(enum rules_mode mode)
{
	if ((unsigned)mode >= RULES_MODE_COUNT)
		return "unknown";
	return mode_names[mode];
}

struct span ruleset_name(const struct ruleset *ruleset)
{
	return pool_get(&ruleset->pool, ruleset->header.name);
}

uint64_t ruleset_serial(const struct ruleset *ruleset)
{
	return ruleset->header.serial;
}

enum rules_mode ruleset_mode(const struct ruleset *ruleset)
{
	return ruleset->header.mode;
}

unsigned ruleset_floor(const struct ruleset *ruleset)
{
	return ruleset->header.floor;
}

struct span ruleset_zone(const struct ruleset *ruleset)
{
	return pool_get(&ruleset->pool, ruleset->header.zone);
}

struct span ruleset_contact(const struct ruleset *ruleset)
{
	return pool_get(&ruleset->pool, ruleset->header.contact);
}

enum usb_target ruleset_implicit_target(const struct ruleset *ruleset)
{
	return ruleset->header.implicit;
}

bool ruleset_forbids_new_keyboard(const struct ruleset *ruleset)
{
	return ruleset->header.forbids_new_keyboard;
}

bool ruleset_lets_keyboards_in(const struct ruleset *ruleset)
{
	return ruleset->header.unnamed_keyboard == UNNAMED_KEYBOARD_ALLOW;
}

bool ruleset_wants_tamper(const struct ruleset *ruleset)
{
	return ruleset->header.wants_tamper;
}

bool ruleset_wants_ledger(const struct ruleset *ruleset)
{
	return ruleset->header.wants_ledger;
}

bool ruleset_mynumber_max(const struct ruleset *ruleset, uint32_t *ret_max)
{
	if (!ruleset->header.has_mynumber_max)
		return false;
	*ret_max = ruleset->header.mynumber_max;
	return true;
}

bool ruleset_signer(const struct ruleset *ruleset, size_t index,
		    struct rules_signer *ret_signer)
{
	const struct rules_key *keys = ruleset->keys.data;

	if (index >= ruleset->keys.count)
		return false;
	*ret_signer = (struct rules_signer){
		.name = pool_get(&ruleset->pool, keys[index].key_id),
		.access = (enum media_access)keys[index].access,
		.max_minutes = keys[index].max_minutes,
		.approvals = keys[index].approvals,
		.role = pool_get(&ruleset->pool, keys[index].role),
		.public_key = pool_get(&ruleset->pool, keys[index].public_key),
	};
	return true;
}

size_t ruleset_rule_count(const struct ruleset *ruleset)
{
	return ruleset->rules.count;
}

size_t ruleset_history_count(const struct ruleset *ruleset)
{
	return ruleset->history_count;
}

unsigned ruleset_uses(const struct ruleset *ruleset)
{
	return ruleset->uses;
}

static size_t vec_size_bytes(const struct vec *vec)
{
	return vec->capacity * vec->item_bytes;
}

size_t ruleset_size_bytes(const struct ruleset *ruleset)
{
	return sizeof(*ruleset) + pool_size_bytes(&ruleset->pool) +
	       vec_size_bytes(&ruleset->text_names) +
	       vec_size_bytes(&ruleset->rules) +
	       vec_size_bytes(&ruleset->queries) +
	       vec_size_bytes(&ruleset->attrs) +
	       vec_size_bytes(&ruleset->values) +
	       vec_size_bytes(&ruleset->conditions) +
	       vec_size_bytes(&ruleset->keys) +
	       vec_size_bytes(&ruleset->login) +
	       index_size_bytes(&ruleset->usb) +
	       index_size_bytes(&ruleset->media);
}

struct rules_rule ruleset_rule(const struct ruleset *ruleset, uint32_t index)
{
	const struct rule *rule;
	const uint32_t *names = ruleset->text_names.data;
	struct rules_rule ret;

	assert(index < ruleset->rules.count);
	rule = rule_at(ruleset, index);
	ret = (struct rules_rule){
		.family = (enum rules_family)rule->family,
		.rule_id = SPAN(""),
		.label = SPAN(""),
		.file = pool_get(&ruleset->pool, names[rule->text]),
		.line = rule->line,
	};
	if (rule->family == RULES_FAMILY_LOGIN)
		return ret;
	ret.rule_id = rule_text(ruleset, rule, ATTR_RULE_ID);
	ret.label = rule_text(ruleset, rule, ATTR_LABEL);
	if (rule->family == RULES_FAMILY_USB)
		ret.target = (enum usb_target)rule->target;
	else
		ret.access = (enum media_access)rule->target;
	return ret;
}
