/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dry run: which kinds of factor could this person prove, by the lines of
 * the stack and by what is enrolled. Nobody is asked for anything, and no
 * module runs; what only a module could tell (a card, a directory server) is
 * "unknown".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/ctl/login.h"
#include "agent/pam/line.h"
#include "agent/pam/lint_stack.h"

#define FINGERPRINTS "var/lib/fprint/%s"

struct attempt {
	const struct login_view *view;
	const struct login_person *person;
};

/* The lint command tells of trouble; here the stack is taken as it is. */
static void no_trouble(void *data, enum stack_trouble trouble, const char *file,
		       unsigned line)
{
	(void)data;
	(void)trouble;
	(void)file;
	(void)line;
}

/* "name:…" at the start of a line (pam_u2f). */
static bool is_key_line(const char *line, const char *name)
{
	size_t len = strlen(name);

	return strncmp(line, name, len) == 0 && line[len] == ':' &&
	       line[len + 1] != '\0';
}

/* "HOTP… name pin secret": the second word (pam_oath). */
static bool is_code_line(const char *line, const char *name)
{
	const char *at = line + strcspn(line, " \t");
	size_t len = strlen(name);

	at += strspn(at, " \t");
	return line[0] != '#' && strncmp(at, name, len) == 0 &&
	       (at[len] == ' ' || at[len] == '\t');
}

static enum login_enrolled find_in_file(const struct attempt *a,
					const char *path,
					bool (*is_line)(const char *,
							const char *))
{
	_cleanup_free_ char *text = NULL;
	char *rest = NULL;

	int r = read_small_file(a->view->root_fd, path, LOGIN_ENROLMENT_MAX,
				&text, NULL);
	if (r < 0)
		return r == -ENOENT ? LOGIN_ENROLLED_NO
				    : LOGIN_ENROLLED_UNKNOWN;
	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		if (is_line(line, a->person->name))
			return LOGIN_ENROLLED_YES;
	return LOGIN_ENROLLED_NO;
}

static enum login_enrolled find_fingers(const struct attempt *a)
{
	char path[sizeof(FINGERPRINTS) + sizeof(a->person->name)];

	(void)snprintf(path, sizeof(path), FINGERPRINTS, a->person->name);
	int fd = openat(a->view->root_fd, path,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? LOGIN_ENROLLED_NO
				       : LOGIN_ENROLLED_UNKNOWN;
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd); /* fdopendir did not take it */
		return LOGIN_ENROLLED_UNKNOWN;
	}
	for (const struct dirent *entry; (entry = readdir(dir));)
		if (entry->d_name[0] != '.')
			return LOGIN_ENROLLED_YES;
	return LOGIN_ENROLLED_NO;
}

/* A pattern's file for this person: %u and ${USER} stand for the name. */
static enum login_enrolled find_own_file(const struct attempt *a,
					 struct span pattern)
{
	char path[512];
	size_t len = 0;
	struct stat st;

	while (pattern.len > 0 &&
	       len + sizeof(a->person->name) < sizeof(path)) {
		size_t taken = span_starts_with(pattern, SPAN("%u"))	    ? 2
			       : span_starts_with(pattern, SPAN("${USER}")) ? 7
									    : 0;
		if (taken)
			len += (size_t)snprintf(path + len, sizeof(path) - len,
						"%s", a->person->name);
		else
			path[len++] = pattern.ptr[0];
		pattern = span_skip(pattern, taken ? taken : 1);
	}
	path[len] = '\0';
	if (path[0] != '/' || pattern.len > 0)
		return LOGIN_ENROLLED_UNKNOWN;
	if (fstatat(a->view->root_fd, path + 1, &st, 0) == 0)
		return LOGIN_ENROLLED_YES;
	return errno == ENOENT ? LOGIN_ENROLLED_NO : LOGIN_ENROLLED_UNKNOWN;
}

static enum login_enrolled find_enrolment(const struct attempt *a,
					  const char *module,
					  const struct mfa_claim *claim)
{
	char path[256];
	struct span file = claim->enrolment_path;

	if (strcmp(module, "pam_unix") == 0)
		return a->person->has_password ? LOGIN_ENROLLED_YES
					       : LOGIN_ENROLLED_NO;
	if (strcmp(module, "pam_fprintd") == 0)
		return find_fingers(a);
	bool is_list = strcmp(module, "pam_u2f") == 0 ||
		       strcmp(module, "pam_oath") == 0;
	if (!is_list && strcmp(module, "pam_google_authenticator") != 0)
		return LOGIN_ENROLLED_UNKNOWN;
	if (!is_list)
		return find_own_file(a, file);
	if (file.len < 2 || file.len >= sizeof(path))
		return LOGIN_ENROLLED_UNKNOWN;
	memcpy(path, file.ptr, file.len);
	path[file.len] = '\0';
	return find_in_file(a, path + 1,
			    strcmp(module, "pam_u2f") == 0 ? is_key_line
							   : is_code_line);
}

static void try_line(const struct attempt *a, const struct line *line,
		     struct login_try *result)
{
	const struct lint_source source = {a->view->root_fd,
					   a->view->trusted_uid,
					   &a->view->policy};
	const struct mfa_rules *rules = &a->view->policy.mfa;
	const struct mfa_line facts = {
		.module = span_str(line_base_name(line->module)),
		.claimed = line->factors,
		.arguments = line->arguments,
		.argument_count = line->argument_count,
	};
	struct mfa_claim claim;

	if (result->line_count == MFA_PROOFS_MAX)
		return;
	mfa_assess(rules, &facts, &claim);
	struct login_try_line *found = &result->lines[result->line_count++];
	struct span name = span_take(mfa_module_name(facts.module),
				     sizeof(found->module) - 1);
	memcpy(found->module, name.ptr, name.len);
	found->quality = claim.quality;
	found->factors = rules->refuses_forced_second ? claim.primary
						      : claim.factors;
	found->enrolled = find_enrolment(a, found->module, &claim);
	/* As the module looks at it: a loose file is the user's own. */
	char path[256];
	if (claim.quality == MFA_QUALITY_ROOT && claim.enrolment_path.len > 0 &&
	    claim.enrolment_path.len < sizeof(path)) {
		memcpy(path, claim.enrolment_path.ptr,
		       claim.enrolment_path.len);
		path[claim.enrolment_path.len] = '\0';
		if (lint_is_roots(&source, path) != 0)
			found->quality = MFA_QUALITY_SELF;
	}
	if (found->quality != MFA_QUALITY_ROOT &&
	    !(found->quality == MFA_QUALITY_SELF &&
	      rules->accepts_self_enrolled))
		found->factors = 0;
}

static bool is_enough(const struct login_view *view,
		      const struct login_try *result, bool with_unknown)
{
	struct mfa_proof proofs[MFA_PROOFS_MAX] = {0};
	struct mfa_count count;
	size_t n = 0;

	for (size_t i = 0; i < result->line_count; i++) {
		const struct login_try_line *line = &result->lines[i];

		if (line->factors == 0 || line->enrolled == LOGIN_ENROLLED_NO ||
		    (line->enrolled == LOGIN_ENROLLED_UNKNOWN && !with_unknown))
			continue;
		proofs[n++] = (struct mfa_proof){
			.factors = line->factors,
			.primary = line->factors,
			.quality = line->quality,
			.boot_ns = view->boot_now_ns,
		};
	}
	mfa_count(&view->policy.mfa, proofs, n, view->boot_now_ns, &count);
	return count.is_enough;
}

int login_try_person(const struct login_view *view, const char *service,
		     const struct login_person *person,
		     struct login_try *ret_try)
{
	const struct stack_source source = {view->root_fd, view->trusted_uid,
					    no_trouble, NULL};
	const struct attempt a = {view, person};
	struct login_try result = {.line_count = 0};
	struct stack stack = {0};

	int r = stack_load(&source, service, STACK_AUTH, &stack);
	if (r < 0)
		return r;
	for (size_t i = 0; i < stack.count; i++) {
		const struct stack_entry *at = &stack.entries[i];
		struct line line;

		if (strcmp(line_base_name(at->module), "pam_sekimori.so") != 0)
			continue;
		line_parse(at->argument_count, at->arguments, &line);
		if (line.kind == LINE_WRAP)
			try_line(&a, &line, &result);
		result.has_gate |= line.kind == LINE_GATE;
	}
	stack_fini(&stack);
	result.is_enough = is_enough(view, &result, false);
	result.is_possible = is_enough(view, &result, true);
	*ret_try = result;
	return 0;
}
