/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mfa: what a PAM module's success proves. Factors are knowledge, possession
 * and inherence (知識・所持・存在); the duty is two of different kinds, so two
 * methods of one kind are one factor. The taxonomy is data that policy may
 * override. Pure: no clock, no file, no allocation; it must not know PAM.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/span.h"

enum mfa_factor {
	MFA_KNOWLEDGE = 1u << 0,
	MFA_POSSESSION = 1u << 1,
	MFA_INHERENCE = 1u << 2,
};

#define MFA_FACTORS_ALL	       7u
#define MFA_FACTORS_STR_SIZE   sizeof("knowledge+possession+inherence")
#define MFA_MODULE_NAME_MAX    31
#define MFA_MODULE_ARGS_MAX    8
#define MFA_OVERRIDES_MAX      8
#define MFA_DENIED_MAX	       16
#define MFA_COMBINATIONS_MAX   8
#define MFA_PROOFS_MAX	       8
#define MFA_LINE_ARGUMENTS_MAX 64

/* How many kinds are in the set. */
unsigned mfa_factors_count(unsigned factors);

/* "knowledge+possession", or "none"; static order, NUL-terminated. */
void mfa_factors_to_str(unsigned factors, char ret_text[MFA_FACTORS_STR_SIZE]);

/*
 * Reads "possession+knowledge" in any order. false, and *ret_factors
 * unchanged, for an empty text, an unknown word or a word given twice.
 */
bool mfa_factors_from_str(struct span text, unsigned *ret_factors)
	__attribute__((nonnull, warn_unused_result));

/* Who could have put the credential there. Self is 0: the worse. */
enum mfa_enrolment {
	MFA_ENROLMENT_SELF = 0,
	MFA_ENROLMENT_ROOT,
};

enum mfa_argument_kind {
	MFA_ARGUMENT_NONE = 0,
	MFA_ARGUMENT_DENIED,	/* may succeed without a proof */
	MFA_ARGUMENT_ADDS,	/* given alone or as "=1": a forced factor */
	MFA_ARGUMENT_ENROLMENT, /* "=FILE": where credentials are enrolled */
};

struct mfa_argument {
	enum mfa_argument_kind kind;
	unsigned factors; /* MFA_ARGUMENT_ADDS */
	char name[MFA_MODULE_NAME_MAX + 1];
};

/* One row of the taxonomy: what success of a module proves. */
struct mfa_module {
	char name[MFA_MODULE_NAME_MAX + 1]; /* "pam_u2f" */
	unsigned factors;
	unsigned primary;	      /* the one kind it counts as, where a */
				      /* forced second one does not */
	enum mfa_enrolment enrolment; /* when no argument names the place */
	bool is_local_only;	      /* worthless for a remote login */
	struct mfa_argument arguments[MFA_MODULE_ARGS_MAX];
};

/* What policy says about factors. mfa_rules_default() fills it. */
struct mfa_rules {
	unsigned required;			     /* kinds, 1..3 */
	unsigned combinations[MFA_COMBINATIONS_MAX]; /* one must be proven */
	size_t combination_count;		     /* 0: any combination */
	bool accepts_self_enrolled;
	bool refuses_forced_second; /* card and PIN are one factor */
	uint64_t evidence_ttl_ns;
	struct mfa_module overrides[MFA_OVERRIDES_MAX];
	size_t override_count;
	char denied[MFA_DENIED_MAX][MFA_MODULE_NAME_MAX + 1];
	size_t denied_count; /* beside those of the taxonomy */
};

/* Two kinds, any combination, root-enrolled, 180 seconds. */
void mfa_rules_default(struct mfa_rules *ret_rules) __attribute__((nonnull));

/* The file name without its ".so". */
struct span mfa_module_name(struct span file_name);

/*
 * The row of a module, by file name with or without ".so": the policy's
 * before the built-in one. NULL: success of this module proves nothing.
 */
const struct mfa_module *mfa_module_find(const struct mfa_rules *rules,
					 struct span file_name)
	__attribute__((nonnull));

/* A wrap line, as PAM hands it over. Borrowed. */
struct mfa_line {
	struct span module; /* file name, ".so" allowed */
	unsigned claimed;   /* factor=… of the line */
	bool is_remote;
	const char *const *arguments;
	size_t argument_count;
};

/* Why a success is worth what it is. None is 0: it proves nothing. */
enum mfa_quality {
	MFA_QUALITY_NONE = 0, /* not a factor module, or not claimed */
	MFA_QUALITY_WEAK,     /* an argument allows success without proof */
	MFA_QUALITY_SELF,     /* the user could enrol the credential alone */
	MFA_QUALITY_ROOT,
	MFA_QUALITY_COUNT,
};

const char *mfa_quality_to_str(enum mfa_quality quality);
bool mfa_quality_from_str(struct span text, enum mfa_quality *ret_quality)
	__attribute__((nonnull, warn_unused_result));

/* What success of a line would prove. */
struct mfa_claim {
	unsigned factors; /* claimed and in the taxonomy */
	unsigned primary;
	enum mfa_quality quality;
	bool is_overclaimed;	     /* the line claims more than that */
	struct span denied_argument; /* with MFA_QUALITY_WEAK */
	/*
	 * With MFA_QUALITY_ROOT and not empty: the caller must find that only
	 * root can write this file, and lower the quality to SELF where not.
	 * May hold %u or ${USER} for the login name.
	 */
	struct span enrolment_path;
};

/* Judges a line before its module runs. Total. */
void mfa_assess(const struct mfa_rules *rules, const struct mfa_line *line,
		struct mfa_claim *ret_claim) __attribute__((nonnull));

/* A success that was seen. */
struct mfa_proof {
	unsigned factors;
	unsigned primary;
	enum mfa_quality quality;
	uint64_t boot_ns; /* CLOCK_BOOTTIME of the success */
	char module[MFA_MODULE_NAME_MAX + 1];
};

struct mfa_count {
	unsigned factors; /* kinds that are proven and count */
	bool is_enough;	  /* by number and combination */
	uint64_t boot_ns; /* the oldest proof that counts; 0 where none does */
};

/*
 * Adds proofs up. What is weak, self-enrolled against the policy, older than
 * the time to live, or from the future does not count.
 */
void mfa_count(const struct mfa_rules *rules, const struct mfa_proof *proofs,
	       size_t proof_count, uint64_t boot_now_ns,
	       struct mfa_count *ret_count) __attribute__((nonnull(1, 5)));
