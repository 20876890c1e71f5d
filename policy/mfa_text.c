/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table a file kind: key, type, where it lives in the struct. A new field
 * is a row. Repeated keys (proof, exempt, module …) are read by name.
 */
#include "policy/mfa_text.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

enum field_type {
	FIELD_TEXT,
	FIELD_U32,
	FIELD_U64,
	FIELD_BOOL,
	FIELD_FACTORS,
	FIELD_KIND,
	FIELD_OUTCOME,
	FIELD_MODE,
	FIELD_REACTION,
};

struct field {
	const char *key;
	enum field_type type;
	size_t offset;
	size_t size; /* FIELD_TEXT: with the NUL */
};

#define R(key, type, member)                                                   \
	{                                                                      \
		key, type, offsetof(struct login_record, member),              \
			sizeof(((struct login_record *)0)->member)             \
	}
#define L(key, type, member)                                                   \
	{                                                                      \
		key, type, offsetof(struct login_policy, member),              \
			sizeof(((struct login_policy *)0)->member)             \
	}

static const struct field record_fields[] = {
	R("kind", FIELD_KIND, kind),
	R("id", FIELD_TEXT, id),
	R("secret", FIELD_TEXT, secret),
	R("pid", FIELD_U32, process.pid),
	R("start", FIELD_U64, process.start),
	R("parent_pid", FIELD_U32, parent.pid),
	R("parent_start", FIELD_U64, parent.start),
	R("user", FIELD_TEXT, user),
	R("uid", FIELD_U32, uid),
	R("service", FIELD_TEXT, service),
	R("tty", FIELD_TEXT, tty),
	R("rhost", FIELD_TEXT, rhost),
	R("session", FIELD_TEXT, session),
	R("phase", FIELD_TEXT, phase),
	R("outcome", FIELD_OUTCOME, outcome),
	R("enforced", FIELD_BOOL, is_enforced),
	R("factors", FIELD_FACTORS, factors),
	R("boot_ns", FIELD_U64, boot_ns),
	R("proof_boot_ns", FIELD_U64, proof_boot_ns),
	R("policy_serial", FIELD_U64, policy_serial),
};

static const struct field policy_fields[] = {
	L("mode", FIELD_MODE, mode),
	L("trial_until_boot_ns", FIELD_U64, trial_until_boot_ns),
	L("trial_boot_id", FIELD_TEXT, trial_boot_id),
	L("serial", FIELD_U64, serial),
	L("contact", FIELD_TEXT, contact),
	L("required", FIELD_U32, mfa.required),
	L("accept_self_enrolled", FIELD_BOOL, mfa.accepts_self_enrolled),
	L("refuse_forced_second", FIELD_BOOL, mfa.refuses_forced_second),
	L("evidence_ttl_ns", FIELD_U64, mfa.evidence_ttl_ns),
	L("refuse_remote", FIELD_BOOL, is_remote_refused),
	L("breakglass_root_console", FIELD_BOOL, is_root_console_breakglass),
	L("breakglass_group", FIELD_TEXT, breakglass_group),
	L("breakglass_ttys", FIELD_U32, breakglass_ttys),
	L("unlock_required", FIELD_U32, unlock_required),
	L("accept_any_locker", FIELD_BOOL, accepts_any_locker),
	L("bind_ns", FIELD_U64, bind_ns),
	L("lock_ns", FIELD_U64, lock_ns),
	L("reauth_ns", FIELD_U64, reauth_ns),
	L("debounce_ns", FIELD_U64, debounce_ns),
	L("max_age_ns", FIELD_U64, max_age_ns),
	L("idle_ns", FIELD_U64, idle_ns),
	L("step_up_ns", FIELD_U64, step_up_ns),
	L("breakglass_ns", FIELD_U64, breakglass_ns),
	L("on_unattested", FIELD_REACTION, on_unattested),
	L("on_lock_ineffective", FIELD_REACTION, on_lock_ineffective),
	L("on_unlock_without_mfa", FIELD_REACTION, on_unlock_without_mfa),
	L("on_breakglass_expired", FIELD_REACTION, on_breakglass_expired),
	L("on_token_removed", FIELD_REACTION, on_token_removed),
	L("on_expired", FIELD_REACTION, on_expired),
	L("on_switched_away", FIELD_REACTION, on_switched_away),
};
static_assert(COUNT(record_fields) <= 32 && COUNT(policy_fields) <= 32,
	      "the keys seen are bits of 32");

static const char *const kind_names[] = {
	[LOGIN_RECORD_NONE] = "none",
	[LOGIN_RECORD_EVIDENCE] = "evidence",
	[LOGIN_RECORD_OPEN] = "open",
	[LOGIN_RECORD_DENIED] = "denied",
};
static_assert(COUNT(kind_names) == LOGIN_RECORD_COUNT, "every kind is named");

const char *login_record_folder(enum login_record_kind kind)
{
	static const char *const folders[] = {
		[LOGIN_RECORD_NONE] = NULL,
		[LOGIN_RECORD_EVIDENCE] = "ev",
		[LOGIN_RECORD_OPEN] = "open",
		[LOGIN_RECORD_DENIED] = "denied",
	};
	static_assert(COUNT(folders) == LOGIN_RECORD_COUNT,
		      "every kind has a folder");

	return (unsigned)kind < LOGIN_RECORD_COUNT ? folders[kind] : NULL;
}

/* ---- writing ----------------------------------------------------------- */

struct out {
	char *text;
	size_t capacity;
	size_t len;
	bool is_full;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *out,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int n = vsnprintf(out->text + out->len, out->capacity - out->len,
			  format, arguments);
	va_end(arguments);
	if (n < 0 || (size_t)n >= out->capacity - out->len)
		out->is_full = true;
	else
		out->len += (size_t)n;
}

static void put_text(struct out *out, const char *key, const char *value)
{
	size_t at = out->len;

	put(out, "%s=%s\n", key, value);
	if (out->is_full)
		return;
	for (; at + 1 < out->len; at++)
		if ((unsigned char)out->text[at] < 0x20 ||
		    out->text[at] == 0x7f)
			out->text[at] = '?';
}

static void put_factors(struct out *out, const char *key, unsigned factors)
{
	char text[MFA_FACTORS_STR_SIZE];

	mfa_factors_to_str(factors, text);
	put(out, "%s=%s\n", key, text);
}

static const char *word_of(enum field_type type, const void *value)
{
	switch (type) {
	case FIELD_KIND:
		return kind_names[*(const enum login_record_kind *)value];
	case FIELD_OUTCOME:
		return login_outcome_to_str(*(const enum login_outcome *)value);
	case FIELD_MODE:
		return login_mode_to_str(*(const enum login_mode *)value);
	case FIELD_REACTION:
		return login_reaction_to_str(
			*(const enum login_reaction *)value);
	case FIELD_BOOL:
		return *(const bool *)value ? "yes" : "no";
	case FIELD_TEXT:
		return value;
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_FACTORS:
		break;
	}
	return "";
}

static void put_field(struct out *out, const struct field *field,
		      const void *object)
{
	const void *value = (const char *)object + field->offset;

	if (field->type == FIELD_U32)
		put(out, "%s=%u\n", field->key, *(const uint32_t *)value);
	else if (field->type == FIELD_U64)
		put(out, "%s=%llu\n", field->key,
		    (unsigned long long)*(const uint64_t *)value);
	else if (field->type == FIELD_FACTORS)
		put_factors(out, field->key, *(const unsigned *)value);
	else
		put_text(out, field->key, word_of(field->type, value));
}

size_t login_record_format(const struct login_record *record, char *ret_text,
			   size_t capacity)
{
	struct out out = {ret_text, capacity, 0, capacity == 0};

	for (size_t i = 0; i < COUNT(record_fields) && !out.is_full; i++)
		put_field(&out, &record_fields[i], record);
	for (size_t i = 0; i < record->proof_count && !out.is_full; i++) {
		const struct mfa_proof *proof = &record->proofs[i];
		char factors[MFA_FACTORS_STR_SIZE];
		char primary[MFA_FACTORS_STR_SIZE];

		mfa_factors_to_str(proof->factors, factors);
		mfa_factors_to_str(proof->primary, primary);
		put(&out, "proof=%s %s %s %s %llu\n", proof->module, factors,
		    primary, mfa_quality_to_str(proof->quality),
		    (unsigned long long)proof->boot_ns);
	}
	return out.is_full ? 0 : out.len;
}

static void put_rules(struct out *out, const struct mfa_rules *rules)
{
	for (size_t i = 0; i < rules->combination_count; i++)
		put_factors(out, "combination", rules->combinations[i]);
	for (size_t i = 0; i < rules->denied_count && !out->is_full; i++)
		put_text(out, "denied", rules->denied[i]);
	for (size_t i = 0; i < rules->override_count && !out->is_full; i++) {
		const struct mfa_module *module = &rules->overrides[i];
		char factors[MFA_FACTORS_STR_SIZE];

		mfa_factors_to_str(module->factors, factors);
		put(out, "module=%s %s %s%s\n", module->name, factors,
		    module->enrolment == MFA_ENROLMENT_ROOT ? "root" : "self",
		    module->is_local_only ? " local" : "");
	}
}

size_t login_policy_format(const struct login_policy *policy, char *ret_text,
			   size_t capacity)
{
	struct out out = {ret_text, capacity, 0, capacity == 0};

	for (size_t i = 0; i < COUNT(policy_fields) && !out.is_full; i++)
		put_field(&out, &policy_fields[i], policy);
	if (!out.is_full)
		put_rules(&out, &policy->mfa);
	for (size_t i = 0; i < policy->exemption_count && !out.is_full; i++) {
		const struct login_exemption *e = &policy->exemptions[i];

		put(&out, "exempt=%s %u %u%s%s\n", e->service, e->uid_min,
		    e->uid_max, e->exe[0] ? " " : "", e->exe);
	}
	if (!out.is_full && policy->exemption_count == 0)
		put(&out, "exempt=-\n");
	return out.is_full ? 0 : out.len;
}

/* ---- reading ----------------------------------------------------------- */

/* Cuts the text at the first `c`; *rest is what follows it. */
static struct span cut(struct span *rest, char c)
{
	const char *at = rest->len ? memchr(rest->ptr, c, rest->len) : NULL;
	size_t len = at ? (size_t)(at - rest->ptr) : rest->len;
	struct span head = span_take(*rest, len);

	*rest = span_skip(*rest, at ? len + 1 : len);
	return head;
}

static bool is_clean(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7f)
			return false;
	return true;
}

static bool read_number(struct span value, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (value.len == 0 || value.len > 20)
		return false;
	for (size_t i = 0; i < value.len; i++) {
		unsigned digit = (unsigned)(value.ptr[i] - '0');

		if (digit > 9 || number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

static bool read_text(struct span value, char *ret_text, size_t size)
{
	if (value.len >= size)
		return false;
	if (value.len > 0)
		memcpy(ret_text, value.ptr, value.len);
	ret_text[value.len] = '\0';
	return true;
}

static bool read_bool(struct span value, bool *ret_bool)
{
	if (!span_equals(value, SPAN("yes")) && !span_equals(value, SPAN("no")))
		return false;
	*ret_bool = value.len == 3;
	return true;
}

static bool read_kind(struct span value, enum login_record_kind *ret_kind)
{
	for (unsigned i = 1; i < LOGIN_RECORD_COUNT; i++)
		if (span_equals_str(value, kind_names[i])) {
			*ret_kind = (enum login_record_kind)i;
			return true;
		}
	return false;
}

static bool read_factors(struct span value, unsigned *ret_factors)
{
	if (span_equals(value, SPAN("none"))) {
		*ret_factors = 0;
		return true;
	}
	return mfa_factors_from_str(value, ret_factors);
}

static bool read_field(const struct field *field, struct span value,
		       void *object)
{
	void *at = (char *)object + field->offset;
	uint64_t number = 0;

	switch (field->type) {
	case FIELD_TEXT:
		return read_text(value, at, field->size);
	case FIELD_U32:
		if (!read_number(value, UINT32_MAX, &number))
			return false;
		*(uint32_t *)at = (uint32_t)number;
		return true;
	case FIELD_U64:
		return read_number(value, UINT64_MAX, at);
	case FIELD_BOOL:
		return read_bool(value, at);
	case FIELD_FACTORS:
		return read_factors(value, at);
	case FIELD_KIND:
		return read_kind(value, at);
	case FIELD_OUTCOME:
		return login_outcome_from_str(value, at);
	case FIELD_MODE:
		return login_mode_from_str(value, at);
	case FIELD_REACTION:
		return login_reaction_from_str(value, at);
	}
	return false;
}

struct table {
	const struct field *fields;
	size_t count;
	uint32_t seen; /* bit n: field n was given */
};

/* >0 read, 0 not a key of this table, <0 refused. */
static int read_by_table(struct table *table, struct span key,
			 struct span value, void *object)
{
	for (size_t i = 0; i < table->count; i++) {
		if (!span_equals_str(key, table->fields[i].key))
			continue;
		if (table->seen & (UINT32_C(1) << i))
			return -EINVAL;
		table->seen |= UINT32_C(1) << i;
		return read_field(&table->fields[i], value, object) ? 1
								    : -EINVAL;
	}
	return 0;
}

static bool read_proof(struct span value, struct login_record *record)
{
	struct mfa_proof proof = {0};

	if (record->proof_count == MFA_PROOFS_MAX)
		return false;
	if (!read_text(cut(&value, ' '), proof.module, sizeof(proof.module)) ||
	    !read_factors(cut(&value, ' '), &proof.factors) ||
	    !read_factors(cut(&value, ' '), &proof.primary) ||
	    !mfa_quality_from_str(cut(&value, ' '), &proof.quality) ||
	    !read_number(value, UINT64_MAX, &proof.boot_ns))
		return false;
	record->proofs[record->proof_count++] = proof;
	return true;
}

int login_record_parse(struct span text, struct login_record *ret_record)
{
	struct table table = {record_fields, COUNT(record_fields), 0};
	struct login_record record = {0};

	if (text.len > LOGIN_TEXT_MAX_BYTES)
		return -EINVAL;
	while (text.len > 0) {
		struct span value = cut(&text, '\n');
		struct span key = cut(&value, '=');
		if (!is_clean(value))
			return -EINVAL;

		int r = read_by_table(&table, key, value, &record);
		if (r == 0 && span_equals(key, SPAN("proof")))
			r = read_proof(value, &record) ? 1 : -EINVAL;
		if (r <= 0)
			return -EINVAL;
	}
	/* A file cut short by a crash lacks some key: not evidence. */
	if (table.seen != (UINT32_C(1) << COUNT(record_fields)) - 1)
		return -EINVAL;
	*ret_record = record;
	return 0;
}

static bool read_exemption(struct span value, struct login_policy *policy,
			   bool *is_replaced)
{
	struct login_exemption e = {.uid_max = 0};
	uint64_t uid_min = 0;
	uint64_t uid_max = 0;

	if (!*is_replaced)
		policy->exemption_count = 0;
	*is_replaced = true;
	if (span_equals(value, SPAN("-")))
		return true;
	if (policy->exemption_count == LOGIN_EXEMPTIONS_MAX)
		return false;
	if (!read_text(cut(&value, ' '), e.service, sizeof(e.service)) ||
	    !read_number(cut(&value, ' '), UINT32_MAX, &uid_min) ||
	    !read_number(cut(&value, ' '), UINT32_MAX, &uid_max) ||
	    !read_text(value, e.exe, sizeof(e.exe)) || e.service[0] == '\0')
		return false;
	e.uid_min = (uint32_t)uid_min;
	e.uid_max = (uint32_t)uid_max;
	policy->exemptions[policy->exemption_count++] = e;
	return true;
}

static bool read_module(struct span value, struct mfa_rules *rules)
{
	static const struct mfa_rules none = {0};
	struct mfa_module module = {.enrolment = MFA_ENROLMENT_SELF};

	if (rules->override_count == MFA_OVERRIDES_MAX)
		return false;
	struct span name = mfa_module_name(cut(&value, ' '));
	const struct mfa_module *known = mfa_module_find(&none, name);

	/* What its arguments mean stays known: a denied one stays denied. */
	if (known)
		module = *known;
	if (name.len == 0 || !read_text(name, module.name, sizeof(module.name)))
		return false;
	if (!read_factors(cut(&value, ' '), &module.factors))
		return false;

	struct span enrolment = cut(&value, ' ');
	if (span_equals(enrolment, SPAN("root")))
		module.enrolment = MFA_ENROLMENT_ROOT;
	else if (span_equals(enrolment, SPAN("self")))
		module.enrolment = MFA_ENROLMENT_SELF;
	else
		return false;
	if (value.len > 0 && !span_equals(value, SPAN("local")))
		return false;
	module.is_local_only = value.len > 0;
	if (!known)
		module.primary = module.factors;
	rules->overrides[rules->override_count++] = module;
	return true;
}

static bool read_repeated(struct span key, struct span value,
			  struct login_policy *policy, bool *is_replaced)
{
	struct mfa_rules *rules = &policy->mfa;

	if (span_equals(key, SPAN("exempt")))
		return read_exemption(value, policy, is_replaced);
	if (span_equals(key, SPAN("module")))
		return read_module(value, rules);
	if (span_equals(key, SPAN("combination")))
		return rules->combination_count < MFA_COMBINATIONS_MAX &&
		       mfa_factors_from_str(
			       value, &rules->combinations
					       [rules->combination_count++]);
	if (span_equals(key, SPAN("denied")))
		return rules->denied_count < MFA_DENIED_MAX && value.len > 0 &&
		       read_text(value, rules->denied[rules->denied_count++],
				 sizeof(rules->denied[0]));
	return false;
}

int login_policy_parse(struct span text, struct login_policy *ret_policy,
		       unsigned *ret_line)
{
	struct table table = {policy_fields, COUNT(policy_fields), 0};
	struct login_policy policy;
	bool is_replaced = false;

	*ret_line = 0;
	if (text.len > LOGIN_TEXT_MAX_BYTES)
		return -EINVAL;
	login_policy_default(&policy);
	while (text.len > 0) {
		struct span value = cut(&text, '\n');
		++*ret_line;
		if (value.len == 0 || value.ptr[0] == '#')
			continue;
		struct span key = cut(&value, '=');
		if (!is_clean(value))
			return -EINVAL;

		int r = read_by_table(&table, key, value, &policy);
		if (r < 0 || (r == 0 && !read_repeated(key, value, &policy,
						       &is_replaced)))
			return -EINVAL;
	}
	/* Nobody means "no factor at all" by a number. */
	if (policy.mfa.required < 1 || policy.mfa.required > 3)
		return -EINVAL;
	*ret_policy = policy;
	return 0;
}
