/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The built-in taxonomy and the counting. Every row and every denied argument
 * was met in the field: an argument that lets a module return success without
 * a proof has been the usual way around two factors.
 */
#include "policy/mfa.h"

#include <assert.h>
#include <stdio.h>

#define K MFA_KNOWLEDGE
#define P MFA_POSSESSION
#define I MFA_INHERENCE

#define ROOT MFA_ENROLMENT_ROOT
#define SELF MFA_ENROLMENT_SELF
#define DENY(n)                                                                \
	{                                                                      \
		MFA_ARGUMENT_DENIED, 0, n                                      \
	}
#define ADD(n, f)                                                              \
	{                                                                      \
		MFA_ARGUMENT_ADDS, f, n                                        \
	}
#define FILE_(n)                                                               \
	{                                                                      \
		MFA_ARGUMENT_ENROLMENT, 0, n                                   \
	}

/*
 * Modules that are not here (pam_permit, pam_rootok, pam_succeed_if,
 * pam_timestamp, pam_howdy …) prove nothing. pam_sss_gss is left out because
 * whether it saw a second factor stands in sssd.conf, not in its line.
 */
static const struct mfa_module taxonomy[] = {
	{"pam_unix", K, K, ROOT, false, {{0}}},
	{"pam_krb5", K, K, ROOT, false, {{0}}},
	{"pam_ldap", K, K, ROOT, false, {{0}}},
	{"pam_winbind", K, K, ROOT, false, {{0}}},
	{"pam_userdb", K, K, ROOT, false, {{0}}},
	{"pam_systemd_home", K, K, ROOT, false, {{0}}},
	/* With the argument only a card is taken, and the card asks the PIN. */
	{"pam_sss", K, P, ROOT, false, {ADD("require_cert_auth", P)}},
	/* Its key file is in the home directory unless authfile= says where. */
	{"pam_u2f",
	 P,
	 P,
	 SELF,
	 false,
	 {FILE_("authfile"), ADD("pinverification", K),
	  ADD("userverification", I), DENY("manual"), DENY("conf")}},
	{"pam_pkcs11", P | K, P, ROOT, false, {FILE_("config_file")}},
	/* ~/.eid/authorized_certificates: anybody enrols what he likes. */
	{"pam_p11", P | K, P, SELF, false, {{0}}},
	{"pam_oath", P, P, ROOT, false, {FILE_("usersfile")}},
	{"pam_google_authenticator",
	 P,
	 P,
	 SELF,
	 false,
	 {FILE_("secret"), DENY("grace_period"), DENY("no_strict_owner")}},
	{"pam_yubico",
	 P,
	 P,
	 SELF,
	 false,
	 {FILE_("authfile"), FILE_("chalresp_path")}},
	{"pam_fprintd", I, I, ROOT, true, {{0}}},
};

/* Denied for every module. debug_file writes where the user may point it. */
static const char *const denied_everywhere[] = {
	"nullok", "nullok_secure", "nouserok", "alwaysok", "debug_file",
};

static const char *const quality_names[] = {
	[MFA_QUALITY_NONE] = "none",
	[MFA_QUALITY_WEAK] = "weak",
	[MFA_QUALITY_SELF] = "self",
	[MFA_QUALITY_ROOT] = "root",
};
static_assert(sizeof(quality_names) / sizeof(*quality_names) ==
		      MFA_QUALITY_COUNT,
	      "every quality has a name");

static const struct {
	enum mfa_factor factor;
	const char *name;
} factor_names[] = {
	{MFA_KNOWLEDGE, "knowledge"},
	{MFA_POSSESSION, "possession"},
	{MFA_INHERENCE, "inherence"},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

unsigned mfa_factors_count(unsigned factors)
{
	unsigned count = 0;

	for (factors &= MFA_FACTORS_ALL; factors; factors &= factors - 1)
		count++;
	return count;
}

void mfa_factors_to_str(unsigned factors, char ret_text[MFA_FACTORS_STR_SIZE])
{
	size_t len = 0;

	(void)snprintf(ret_text, MFA_FACTORS_STR_SIZE, "none");
	for (size_t i = 0; i < COUNT(factor_names); i++)
		if (factors & factor_names[i].factor)
			len += (size_t)snprintf(ret_text + len,
						MFA_FACTORS_STR_SIZE - len,
						"%s%s", len ? "+" : "",
						factor_names[i].name);
}

static unsigned factor_from_word(struct span word)
{
	for (size_t i = 0; i < COUNT(factor_names); i++)
		if (span_equals_str(word, factor_names[i].name))
			return factor_names[i].factor;
	return 0;
}

bool mfa_factors_from_str(struct span text, unsigned *ret_factors)
{
	unsigned factors = 0;

	for (;;) {
		const char *plus = text.len ? memchr(text.ptr, '+', text.len)
					    : NULL;
		size_t len = plus ? (size_t)(plus - text.ptr) : text.len;
		unsigned factor = factor_from_word(span_take(text, len));

		if (!factor || (factors & factor))
			return false;
		factors |= factor;
		if (!plus)
			break;
		text = span_skip(text, len + 1);
	}
	*ret_factors = factors;
	return true;
}

const char *mfa_quality_to_str(enum mfa_quality quality)
{
	return (unsigned)quality < MFA_QUALITY_COUNT ? quality_names[quality]
						     : "none";
}

bool mfa_quality_from_str(struct span text, enum mfa_quality *ret_quality)
{
	for (unsigned i = 0; i < MFA_QUALITY_COUNT; i++)
		if (span_equals_str(text, quality_names[i])) {
			*ret_quality = (enum mfa_quality)i;
			return true;
		}
	return false;
}

void mfa_rules_default(struct mfa_rules *ret_rules)
{
	*ret_rules = (struct mfa_rules){
		.required = 2,
		.evidence_ttl_ns = UINT64_C(180) * 1000000000,
	};
}

struct span mfa_module_name(struct span file_name)
{
	const struct span suffix = SPAN(".so");

	if (file_name.len > suffix.len &&
	    span_equals(span_skip(file_name, file_name.len - suffix.len),
			suffix))
		return span_take(file_name, file_name.len - suffix.len);
	return file_name;
}

const struct mfa_module *mfa_module_find(const struct mfa_rules *rules,
					 struct span file_name)
{
	struct span name = mfa_module_name(file_name);

	for (size_t i = 0; i < rules->override_count; i++)
		if (span_equals_str(name, rules->overrides[i].name))
			return &rules->overrides[i];
	for (size_t i = 0; i < COUNT(taxonomy); i++)
		if (span_equals_str(name, taxonomy[i].name))
			return &taxonomy[i];
	return NULL;
}

/* "name" or "name=value"; *ret_value is empty for the bare word. */
static bool argument_is(struct span argument, const char *name,
			struct span *ret_value)
{
	struct span word = span_str(name);

	if (!span_starts_with(argument, word))
		return false;
	struct span rest = span_skip(argument, word.len);
	if (rest.len > 0 && rest.ptr[0] != '=')
		return false;
	*ret_value = span_skip(rest, 1);
	return true;
}

static bool is_denied(const struct mfa_rules *rules,
		      const struct mfa_module *module, struct span argument)
{
	struct span value;

	for (size_t i = 0; i < COUNT(denied_everywhere); i++)
		if (argument_is(argument, denied_everywhere[i], &value))
			return true;
	for (size_t i = 0; i < rules->denied_count; i++)
		if (argument_is(argument, rules->denied[i], &value))
			return true;
	for (size_t i = 0; i < MFA_MODULE_ARGS_MAX; i++)
		if (module->arguments[i].kind == MFA_ARGUMENT_DENIED &&
		    argument_is(argument, module->arguments[i].name, &value))
			return true;
	return false;
}

/*
 * Relative to the home directory in some spelling: "~", ".config", %h,
 * ${HOME}, or up and out of a directory of root's.
 */
static bool is_root_path(struct span path)
{
	const struct span home[] = {SPAN("%h"), SPAN("${HOME}"), SPAN("/.."),
				    SPAN("~")};

	if (path.len == 0 || path.ptr[0] != '/')
		return false;
	for (size_t at = 0; at < path.len; at++)
		for (size_t i = 0; i < COUNT(home); i++)
			if (span_starts_with(span_skip(path, at), home[i]))
				return false;
	return true;
}

struct assessment {
	unsigned factors;
	unsigned place_count; /* arguments that name an enrolment */
	enum mfa_enrolment enrolment;
	struct span enrolment_path;
};

/* Only one place can be looked at, so two of them are not root's. */
static void read_place(struct assessment *a, struct span value)
{
	a->place_count++;
	a->enrolment = a->place_count == 1 && is_root_path(value)
			       ? MFA_ENROLMENT_ROOT
			       : MFA_ENROLMENT_SELF;
	a->enrolment_path = value;
}

/* Arguments are read in order, as the modules do: the last one holds. */
static void read_argument(const struct mfa_module *module, struct span argument,
			  struct assessment *a)
{
	for (size_t i = 0; i < MFA_MODULE_ARGS_MAX; i++) {
		const struct mfa_argument *known = &module->arguments[i];
		struct span value;

		if (known->kind == MFA_ARGUMENT_NONE ||
		    !argument_is(argument, known->name, &value))
			continue;
		if (known->kind == MFA_ARGUMENT_ENROLMENT)
			read_place(a, value);
		else if (known->kind == MFA_ARGUMENT_ADDS &&
			 (value.len == 0 || span_equals_str(value, "1")))
			a->factors |= known->factors;
		else if (known->kind == MFA_ARGUMENT_ADDS)
			a->factors &= ~(known->factors & ~module->factors);
	}
}

void mfa_assess(const struct mfa_rules *rules, const struct mfa_line *line,
		struct mfa_claim *ret_claim)
{
	const struct mfa_module *module = mfa_module_find(rules, line->module);

	*ret_claim = (struct mfa_claim){
		.quality = MFA_QUALITY_NONE,
		.is_overclaimed = line->claimed != 0,
		.denied_argument = span_str(NULL),
		.enrolment_path = span_str(NULL),
	};
	if (!module || (module->is_local_only && line->is_remote))
		return;

	struct assessment a = {
		.factors = module->factors,
		.enrolment = module->enrolment,
		.enrolment_path = span_str(NULL),
	};
	for (size_t i = 0; i < line->argument_count; i++) {
		struct span argument = span_str(line->arguments[i]);

		if (is_denied(rules, module, argument) &&
		    ret_claim->denied_argument.len == 0)
			ret_claim->denied_argument = argument;
		read_argument(module, argument, &a);
	}

	ret_claim->factors = a.factors & line->claimed;
	ret_claim->primary = ret_claim->factors & module->primary
				     ? module->primary
				     : ret_claim->factors;
	ret_claim->is_overclaimed = (line->claimed & ~a.factors) != 0;
	if (ret_claim->factors == 0)
		return;
	if (ret_claim->denied_argument.len > 0) {
		ret_claim->quality = MFA_QUALITY_WEAK;
	} else if (a.enrolment == MFA_ENROLMENT_ROOT) {
		ret_claim->quality = MFA_QUALITY_ROOT;
		ret_claim->enrolment_path = a.enrolment_path;
	} else {
		ret_claim->quality = MFA_QUALITY_SELF;
	}
}

static bool does_count(const struct mfa_rules *rules,
		       const struct mfa_proof *proof, uint64_t boot_now_ns)
{
	if (proof->boot_ns > boot_now_ns ||
	    boot_now_ns - proof->boot_ns > rules->evidence_ttl_ns)
		return false;
	return proof->quality == MFA_QUALITY_ROOT ||
	       (proof->quality == MFA_QUALITY_SELF &&
		rules->accepts_self_enrolled);
}

static bool is_combination(const struct mfa_rules *rules, unsigned factors)
{
	if (rules->combination_count == 0)
		return true;
	for (size_t i = 0; i < rules->combination_count; i++)
		if ((rules->combinations[i] & ~factors) == 0)
			return true;
	return false;
}

void mfa_count(const struct mfa_rules *rules, const struct mfa_proof *proofs,
	       size_t proof_count, uint64_t boot_now_ns,
	       struct mfa_count *ret_count)
{
	struct mfa_count count = {0, false, 0};

	for (size_t i = 0; i < proof_count; i++) {
		const struct mfa_proof *proof = &proofs[i];

		if (!does_count(rules, proof, boot_now_ns))
			continue;
		count.factors |= rules->refuses_forced_second ? proof->primary
							      : proof->factors;
		if (count.boot_ns == 0 || proof->boot_ns < count.boot_ns)
			count.boot_ns = proof->boot_ns;
	}
	count.is_enough = rules->required > 0 &&
			  mfa_factors_count(count.factors) >= rules->required &&
			  is_combination(rules, count.factors);
	*ret_count = count;
}
