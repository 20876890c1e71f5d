/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module stays loaded after the call (RTLD_NODELETE): libpam calls its
 * pam_data cleanups at pam_end(), long after.
 */
#include "agent/pam/wrap.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <syslog.h>

#include <security/pam_ext.h>

#include "agent/base/clock.h"
#include "agent/pam/evidence.h"
#include "agent/pam/text.h"
#include "agent/pam/trust.h"

#include "agent/base/banned.h"

typedef int (*pam_function)(pam_handle_t *, int, int, const char **);

/* Loads the module and calls one of its entries. */
static int call_module(pam_handle_t *pamh, const char *path,
		       const char *function, int flags, const struct line *line)
{
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (!module) {
		pam_syslog(pamh, LOG_CRIT, "cannot load '%s': %s", path,
			   dlerror());
		return PAM_MODULE_UNKNOWN;
	}
	/* POSIX lets dlsym's pointer be called; ISO C wants the detour. */
	pam_function entry = NULL;
	*(void **)&entry = dlsym(module, function);

	int r = PAM_MODULE_UNKNOWN;
	if (entry) {
		const char *arguments[MFA_LINE_ARGUMENTS_MAX + 1] = {NULL};

		memcpy(arguments, line->arguments,
		       line->argument_count * sizeof(*arguments));
		r = entry(pamh, flags, (int)line->argument_count, arguments);
	} else {
		pam_syslog(pamh, LOG_CRIT, "'%s' has no %s", path, function);
	}
	(void)dlclose(module); /* only our count of it */
	return r;
}

static int find_module(pam_handle_t *pamh, const struct pam_places *places,
		       const struct line *line, char *ret_path)
{
	int r = trust_find_module(places, line->module, ret_path);

	if (r < 0)
		pam_syslog(pamh, LOG_CRIT, "refuse to wrap '%s': %s",
			   line->module,
			   r == -EPERM ? "not root's alone, or outside the "
					 "module directories"
				       : strerror(-r));
	return r;
}

/* What success of the line is worth in this handle. */
static void assess(pam_handle_t *pamh, const struct pam_places *places,
		   const struct evidence *ev, const struct line *line,
		   struct mfa_claim *ret_claim)
{
	const struct mfa_line facts = {
		.module = span_str(line_base_name(line->module)),
		.claimed = line->factors,
		.is_remote = evidence_item(pamh, PAM_RHOST)[0] != '\0',
		.arguments = line->arguments,
		.argument_count = line->argument_count,
	};

	mfa_assess(&ev->policy.mfa, &facts, ret_claim);
	if (ret_claim->quality == MFA_QUALITY_ROOT &&
	    ret_claim->enrolment_path.len > 0 &&
	    !trust_is_root_enrolment(places, ret_claim->enrolment_path,
				     evidence_item(pamh, PAM_USER)))
		ret_claim->quality = MFA_QUALITY_SELF;
}

static void log_claim(pam_handle_t *pamh, const struct line *line,
		      const struct mfa_claim *claim)
{
	if (claim->quality == MFA_QUALITY_WEAK)
		pam_syslog(pamh, LOG_WARNING,
			   "'%s' succeeded, not counted: argument '%.*s'",
			   line->module, (int)claim->denied_argument.len,
			   claim->denied_argument.ptr);
	else if (claim->quality == MFA_QUALITY_NONE)
		pam_syslog(pamh, LOG_WARNING,
			   "'%s' succeeded, not counted: it proves none of "
			   "the factors of its line",
			   line->module);
	else if (claim->quality == MFA_QUALITY_SELF)
		pam_syslog(pamh, LOG_WARNING,
			   "'%s' succeeded, self-enrolled: the user could "
			   "write its enrolment",
			   line->module);
	if (claim->is_overclaimed && claim->factors)
		pam_syslog(pamh, LOG_WARNING,
			   "'%s' proves less than its line claims",
			   line->module);
}

static void keep_proof(pam_handle_t *pamh, const struct pam_places *places,
		       struct evidence *ev, const struct line *line)
{
	const char *user = evidence_item(pamh, PAM_USER);
	struct mfa_claim claim;

	if (user[0] == '\0' || strlen(user) > LOGIN_USER_MAX_BYTES) {
		pam_syslog(pamh, LOG_WARNING, "no user, or a name too long");
		return;
	}
	evidence_bind_user(ev, user);
	memcpy(ev->user, user, strlen(user) + 1);
	assess(pamh, places, ev, line, &claim);
	log_claim(pamh, line, &claim);
	if (claim.quality == MFA_QUALITY_NONE)
		return;

	struct mfa_proof proof = {
		.factors = claim.factors,
		.primary = claim.primary,
		.quality = claim.quality,
		.boot_ns = clock_boot_ns(),
	};
	struct span name =
		mfa_module_name(span_str(line_base_name(line->module)));
	/* Names of the taxonomy fit. */
	name = span_take(name, sizeof(proof.module) - 1);
	memcpy(proof.module, name.ptr, name.len);
	if (!evidence_add(ev, evidence_line_id(line), &proof))
		pam_syslog(pamh, LOG_WARNING, "too many proofs, ignoring '%s'",
			   line->module);
}

int wrap_authenticate(pam_handle_t *pamh, const struct pam_places *places,
		      int flags, const struct line *line)
{
	char path[PATH_MAX];
	struct evidence *ev = NULL;

	if (find_module(pamh, places, line, path) < 0) {
		text_tell(pamh, flags, TEXT_BROKEN, "");
		return PAM_SYSTEM_ERR;
	}
	if (evidence_get(pamh, places, &ev) < 0)
		return PAM_BUF_ERR;
	evidence_begin(ev, evidence_line_id(line));

	int r = call_module(pamh, path, "pam_sm_authenticate", flags, line);
	if (r == PAM_SUCCESS)
		keep_proof(pamh, places, ev, line);
	return r;
}

int wrap_setcred(pam_handle_t *pamh, const struct pam_places *places, int flags,
		 const struct line *line)
{
	char path[PATH_MAX];

	if (find_module(pamh, places, line, path) < 0)
		return PAM_SYSTEM_ERR;
	return call_module(pamh, path, "pam_sm_setcred", flags, line);
}
