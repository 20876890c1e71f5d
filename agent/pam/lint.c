/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Service by service, type by type. What a finding means for a login is in the
 * manual page; an error is a way in (or a way to lock everybody out), the rest
 * deserves a look.
 */
#include "agent/pam/lint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/pam/line.h"
#include "agent/pam/lint_parts.h"

#include "agent/base/banned.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct {
	const char *name;
	bool is_error;
} codes[] = {
	[LINT_GATE_MISSING] = {"gate-missing", true},
	[LINT_GATE_BYPASS] = {"gate-bypass", true},
	[LINT_GATE_REPORT] = {"gate-report", true},
	[LINT_AFTER_GATE] = {"after-gate", false},
	[LINT_LINE] = {"line", true},
	[LINT_DENIED_ARGUMENT] = {"denied-argument", true},
	[LINT_NOT_A_FACTOR] = {"not-a-factor", true},
	[LINT_OVERCLAIM] = {"overclaim", true},
	[LINT_SELF_ENROLLED] = {"self-enrolled", true},
	[LINT_UNWRAPPED] = {"unwrapped", false},
	[LINT_TOO_FEW] = {"too-few", true},
	[LINT_MODULE] = {"module", true},
	[LINT_FILE_MISSING] = {"file-missing", true},
	[LINT_FILE_LOOSE] = {"file-loose", true},
	[LINT_SYNTAX] = {"syntax", true},
	[LINT_INCLUDE_EMPTY] = {"include-empty", true},
	[LINT_INCLUDE_LOOP] = {"include-loop", true},
	[LINT_TOO_LARGE] = {"too-large", true},
	[LINT_OTHER_OPEN] = {"other-open", true},
	[LINT_SERVICE_UNKNOWN] = {"service-unknown", false},
	[LINT_AUTOLOGIN] = {"autologin", true},
	[LINT_CRON_OPEN] = {"cron-open", true},
	[LINT_LINGER] = {"linger", true},
	[LINT_CARD_CONFIG] = {"card-config", true},
};
_Static_assert(COUNT(codes) == LINT_CODE_COUNT, "every code is here");

const char *lint_code_to_str(enum lint_code code)
{
	return (unsigned)code < LINT_CODE_COUNT ? codes[code].name : "line";
}

/* Two findings are errors only against what the policy says. */
static bool is_error(const struct lint *lint, enum lint_code code)
{
	const struct login_policy *policy = lint->source->policy;

	if (code == LINT_SELF_ENROLLED)
		return !policy->mfa.accepts_self_enrolled;
	if (code == LINT_GATE_REPORT)
		return policy->mode == LOGIN_MODE_ENFORCE;
	return codes[code].is_error;
}

/* What a service is to us. */
enum service_kind {
	SERVICE_UNKNOWN = 0,
	SERVICE_LOGIN,	/* a person's session begins here */
	SERVICE_UNLOCK, /* lockers, polkit: auth alone, and then done */
	SERVICE_OTHER,	/* changes passwords, includes; logs nobody in */
};

static const struct {
	const char *name;
	enum service_kind kind;
} services[] = {
	{"login", SERVICE_LOGIN},
	{"remote", SERVICE_LOGIN},
	{"sshd", SERVICE_LOGIN},
	{"gdm-password", SERVICE_LOGIN},
	{"gdm-fingerprint", SERVICE_LOGIN},
	{"gdm-smartcard", SERVICE_LOGIN},
	{"gdm-switchable-auth", SERVICE_LOGIN},
	{"gdm-autologin", SERVICE_LOGIN},
	{"gdm-pin", SERVICE_LOGIN},
	{"lightdm", SERVICE_LOGIN},
	{"lightdm-autologin", SERVICE_LOGIN},
	{"sddm", SERVICE_LOGIN},
	{"sddm-autologin", SERVICE_LOGIN},
	{"xdm", SERVICE_LOGIN},
	{"lxdm", SERVICE_LOGIN},
	{"kde", SERVICE_LOGIN},
	{"cockpit", SERVICE_LOGIN},
	{"xrdp-sesman", SERVICE_LOGIN},
	{"polkit-1", SERVICE_UNLOCK},
	{"gnome-screensaver", SERVICE_UNLOCK},
	{"mate-screensaver", SERVICE_UNLOCK},
	{"cinnamon-screensaver", SERVICE_UNLOCK},
	{"xfce4-screensaver", SERVICE_UNLOCK},
	{"xscreensaver", SERVICE_UNLOCK},
	{"light-locker", SERVICE_UNLOCK},
	{"swaylock", SERVICE_UNLOCK},
	{"i3lock", SERVICE_UNLOCK},
	{"vlock", SERVICE_UNLOCK},
	{"chfn", SERVICE_OTHER},
	{"chsh", SERVICE_OTHER},
	{"chpasswd", SERVICE_OTHER},
	{"newusers", SERVICE_OTHER},
	{"passwd", SERVICE_OTHER},
	{"other", SERVICE_OTHER},
	{"cups", SERVICE_OTHER},
	{"ppp", SERVICE_OTHER},
	{"config-util", SERVICE_OTHER},
	{"system-auth", SERVICE_OTHER},
	{"password-auth", SERVICE_OTHER},
	{"fingerprint-auth", SERVICE_OTHER},
	{"smartcard-auth", SERVICE_OTHER},
	{"postlogin", SERVICE_OTHER},
	{"sekimori-auth", SERVICE_OTHER},
};

static enum service_kind kind_of(const struct lint_source *source,
				 const char *service)
{
	for (size_t i = 0; i < COUNT(services); i++)
		if (strcmp(services[i].name, service) == 0)
			return services[i].kind;
	for (size_t i = 0; i < source->policy->exemption_count; i++)
		if (strcmp(source->policy->exemptions[i].service, service) == 0)
			return SERVICE_OTHER;
	return strncmp(service, "common-", 7) == 0 ? SERVICE_OTHER
						   : SERVICE_UNKNOWN;
}

/* ---- findings ------------------------------------------------------------ */

void lint_findf(struct lint *lint, enum lint_code code,
		const struct stack_entry *at, const char *format, ...)
{
	struct lint_report *report = lint->report;
	bool is_bad = is_error(lint, code);
	va_list arguments;

	report->error_count += is_bad;
	if (report->count == report->capacity) {
		report->dropped++;
		return;
	}
	struct lint_finding *finding = &report->findings[report->count++];
	*finding = (struct lint_finding){.code = code, .is_error = is_bad};
	(void)snprintf(finding->service, sizeof(finding->service), "%s",
		       lint->service);
	(void)snprintf(finding->type, sizeof(finding->type), "%s", lint->type);
	if (at && at->file) {
		(void)snprintf(finding->file, sizeof(finding->file), "%s",
			       at->file);
		finding->line = at->line;
	}
	va_start(arguments, format);
	(void)vsnprintf(finding->what, sizeof(finding->what), format,
			arguments);
	va_end(arguments);
}

static bool is_told(const struct lint *lint, enum lint_code code,
		    const char *file)
{
	const struct lint_report *report = lint->report;

	for (size_t i = 0; i < report->count; i++)
		if (report->findings[i].code == code &&
		    strcmp(report->findings[i].file, file) == 0)
			return true;
	return false;
}

static void on_trouble(void *data, enum stack_trouble trouble, const char *file,
		       unsigned line)
{
	static const struct {
		enum lint_code code;
		const char *what;
	} troubles[] = {
		[STACK_TROUBLE_MISSING] = {LINT_FILE_MISSING,
					   "there is no such file"},
		[STACK_TROUBLE_EMPTY] = {LINT_INCLUDE_EMPTY,
					 "includes no line of this type"},
		[STACK_TROUBLE_SYNTAX] = {LINT_SYNTAX,
					  "libpam does not understand this"},
		[STACK_TROUBLE_LOOP] = {LINT_INCLUDE_LOOP,
					"includes go too deep"},
		[STACK_TROUBLE_TOO_LARGE] = {LINT_TOO_LARGE,
					     "more than is looked at"},
		[STACK_TROUBLE_LOOSE] = {LINT_FILE_LOOSE,
					 "others than root can change it"},
	};
	struct lint *lint = data;
	struct stack_entry at = {.file = file, .line = line};

	/* A file is read for every type and every stack that includes it. */
	if (trouble == STACK_TROUBLE_LOOSE &&
	    is_told(lint, LINT_FILE_LOOSE, file))
		return;

	/* `other` is often missing; then libpam refuses, which is right. */
	if (trouble == STACK_TROUBLE_MISSING && strstr(file, "pam.d/other"))
		return;
	/* Changing a password lets nobody in. */
	if (trouble == STACK_TROUBLE_EMPTY &&
	    strcmp(lint->type, stack_type_to_str(STACK_PASSWORD)) == 0)
		return;
	lint_findf(lint, troubles[trouble].code, &at, "%s",
		   troubles[trouble].what);
}

/* ---- files and owners ----------------------------------------------------- */

static bool is_loose(const struct lint_source *source, const struct stat *st)
{
	return st->st_uid != source->trusted_uid ||
	       (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

int lint_is_roots(const struct lint_source *source, const char *path)
{
	char at[256];
	struct stat st;
	size_t len = strcspn(path, "%$");

	if (path[0] != '/' || len >= sizeof(at))
		return 1;
	memcpy(at, path, len);
	at[len] = '\0';
	if (path[len] != '\0') /* the folders before the hole */
		*strrchr(at, '/') = '\0';
	while (at[0] == '/' && at[1] != '\0') {
		if (fstatat(source->root_fd, at + 1, &st, 0) < 0)
			return -ENOENT;
		if (is_loose(source, &st))
			return 1;
		*strrchr(at, '/') = '\0';
	}
	return 0;
}

static void check_module_file(struct lint *lint, const struct stack_entry *at,
			      const char *module)
{
	static const char *const folders[] = {
		"/lib/x86_64-linux-gnu/security",
		"/lib/aarch64-linux-gnu/security", "/lib64/security",
		"/lib/security", "/usr/lib/x86_64-linux-gnu/security"};
	char path[256];
	int r = -ENOENT;

	if (module[0] == '/') {
		r = lint_is_roots(lint->source, module);
	} else {
		for (size_t i = 0; i < COUNT(folders) && r == -ENOENT; i++) {
			(void)snprintf(path, sizeof(path), "%s/%s", folders[i],
				       module);
			r = lint_is_roots(lint->source, path);
		}
	}
	if (r == -ENOENT)
		lint_findf(lint, LINT_MODULE, at, "'%s' is not there", module);
	else if (r != 0)
		lint_findf(lint, LINT_MODULE, at,
			   "others than root can change '%s'", module);
}

/* ---- one line of ours ------------------------------------------------------ */

static void check_claim(struct lint *lint, const struct stack_entry *at,
			const struct line *line, const struct mfa_claim *claim)
{
	const char *name = line_base_name(line->module);
	char path[256];
	bool is_roots = claim->quality == MFA_QUALITY_ROOT;

	if (is_roots && claim->enrolment_path.len > 0) {
		(void)snprintf(path, sizeof(path), "%.*s",
			       (int)claim->enrolment_path.len,
			       claim->enrolment_path.ptr);
		is_roots = lint_is_roots(lint->source, path) == 0;
	}
	if (claim->quality == MFA_QUALITY_NONE)
		lint_findf(lint, LINT_NOT_A_FACTOR, at,
			   "%s proves nothing that the line claims", name);
	else if (claim->is_overclaimed)
		lint_findf(lint, LINT_OVERCLAIM, at,
			   "%s proves less than the line claims", name);
	if (claim->quality == MFA_QUALITY_WEAK)
		lint_findf(lint, LINT_DENIED_ARGUMENT, at,
			   "%s is not counted with '%.*s'", name,
			   (int)claim->denied_argument.len,
			   claim->denied_argument.ptr);
	else if (claim->quality != MFA_QUALITY_NONE && !is_roots)
		lint_findf(
			lint, LINT_SELF_ENROLLED, at,
			"%s: users can write the enrolment, or it is missing",
			name);
}

/* Returns the kinds that success of the line adds. */
static unsigned check_wrap(struct lint *lint, const struct stack_entry *at)
{
	const struct mfa_rules *rules = &lint->source->policy->mfa;
	struct mfa_claim claim;
	struct line line;

	line_parse(at->argument_count, at->arguments, &line);
	const struct mfa_line facts = {
		.module = span_str(line_base_name(line.module)),
		.claimed = line.factors,
		.arguments = line.arguments,
		.argument_count = line.argument_count,
	};
	mfa_assess(rules, &facts, &claim);
	check_claim(lint, at, &line, &claim);
	check_module_file(lint, at, line.module);
	if (claim.quality == MFA_QUALITY_ROOT ||
	    (claim.quality == MFA_QUALITY_SELF && rules->accepts_self_enrolled))
		return rules->refuses_forced_second ? claim.primary
						    : claim.factors;
	return 0;
}

static void check_gate(struct lint *lint, const struct stack_entry *at)
{
	struct line line;

	line_parse(at->argument_count, at->arguments, &line);
	if (line.is_report)
		lint_findf(lint, LINT_GATE_REPORT, at,
			   "this gate refuses nobody");
	check_module_file(lint, at, at->module);
}

static void check_bad_line(struct lint *lint, const struct stack_entry *at)
{
	struct line line;

	line_parse(at->argument_count, at->arguments, &line);
	lint_findf(lint, LINT_LINE, at, "%s", line.error);
}

/* ---- one stack ------------------------------------------------------------- */

static const struct stack_entry *last_gate(const struct stack *stack)
{
	for (size_t i = stack->count; i-- > 0;)
		if (lint_kind_of(&stack->entries[i]) == LINT_KIND_GATE)
			return &stack->entries[i];
	return NULL;
}

static void check_factors(struct lint *lint, const struct stack *stack,
			  const struct stack_entry *gate)
{
	const struct mfa_rules *rules = &lint->source->policy->mfa;
	unsigned factors = 0;

	for (size_t i = 0; i < stack->count; i++) {
		const struct stack_entry *at = &stack->entries[i];
		enum lint_kind kind = lint_kind_of(at);
		const struct mfa_module *known = mfa_module_find(
			rules, span_str(line_base_name(at->module)));

		if (kind == LINT_KIND_WRAP && gate && at > gate)
			lint_findf(lint, LINT_AFTER_GATE, at,
				   "comes after the gate that would count it");
		if (kind == LINT_KIND_WRAP)
			factors |= check_wrap(lint, at);
		else if (kind == LINT_KIND_FOREIGN && !at->is_substack &&
			 known && known->factors)
			lint_findf(lint, LINT_UNWRAPPED, at,
				   "%s is not wrapped: nobody counts it",
				   line_base_name(at->module));
	}
	if (gate && mfa_factors_count(factors) < rules->required)
		lint_findf(lint, LINT_TOO_FEW, gate,
			   "the lines before it cannot prove %u kinds",
			   rules->required);
}

static void check_gated(struct lint *lint, const struct stack *stack,
			enum stack_type type)
{
	const struct stack_entry *gate = last_gate(stack);
	const struct stack_entry *leak = NULL;

	for (size_t i = 0; i < stack->count; i++) {
		enum lint_kind kind = lint_kind_of(&stack->entries[i]);

		if (kind == LINT_KIND_GATE)
			check_gate(lint, &stack->entries[i]);
		else if (kind == LINT_KIND_BAD)
			check_bad_line(lint, &stack->entries[i]);
	}
	/* A stack that never succeeds (pam_deny) needs no gate. */
	bool can_bypass = lint_can_bypass(stack, type, &leak);
	if (!gate && can_bypass)
		lint_findf(lint, LINT_GATE_MISSING, NULL,
			   "no gate in this stack");
	else if (can_bypass)
		lint_findf(lint, LINT_GATE_BYPASS, leak,
			   "a way to success leaves here without the gate");
	if (type == STACK_AUTH && gate)
		check_factors(lint, stack, gate);
}

static int print_stack(const struct stack *stack, const char *service,
		       const char *type, struct buf *out)
{
	int r = buf_printf(out, "%s %s%s\n", service, type,
			   stack->is_other ? " (other)" : "");

	for (size_t i = 0; r == 0 && i < stack->count; i++) {
		const struct stack_entry *at = &stack->entries[i];

		r = buf_printf(out, "\t%u%s [%s] %s", at->level,
			       at->is_dash ? " -" : "", at->control,
			       at->module);
		for (size_t a = 0; r == 0 && a < at->argument_count; a++)
			r = buf_printf(out, " [%s]", at->arguments[a]);
		if (r == 0)
			r = buf_append_text(out, "\n");
	}
	return r;
}

static bool is_gated_here(enum service_kind kind, enum stack_type type)
{
	return kind == SERVICE_LOGIN	? type != STACK_PASSWORD
	       : kind == SERVICE_UNLOCK ? type == STACK_AUTH
					: false;
}

static void check_other(struct lint *lint, const struct stack *stack,
			enum stack_type type)
{
	const struct stack_entry *leak = NULL;

	if (lint_can_bypass(stack, type, &leak))
		lint_findf(lint, LINT_OTHER_OPEN, leak,
			   "'other' lets unknown services in");
}

static int check_service(struct lint *lint, const char *service,
			 struct buf *stacks)
{
	const struct stack_source source = {lint->source->root_fd,
					    lint->source->trusted_uid,
					    on_trouble, lint};
	enum service_kind kind = kind_of(lint->source, service);
	bool is_other = strcmp(service, "other") == 0;
	bool is_open = false;
	int r = 0;

	for (unsigned type = 0; r == 0 && type < STACK_TYPE_COUNT; type++) {
		struct stack stack = {0};
		const struct stack_entry *leak = NULL;

		lint->service = service;
		lint->type = stack_type_to_str((enum stack_type)type);
		r = stack_load(&source, service, (enum stack_type)type, &stack);
		if (r < 0)
			return r;
		if (is_other && type != STACK_PASSWORD)
			check_other(lint, &stack, (enum stack_type)type);
		if (is_gated_here(kind, (enum stack_type)type))
			check_gated(lint, &stack, (enum stack_type)type);
		if (type == STACK_AUTH && kind == SERVICE_UNKNOWN)
			is_open = lint_can_bypass(&stack, STACK_AUTH, &leak);
		r = print_stack(&stack, service, lint->type, stacks);
		stack_fini(&stack);
	}
	lint->type = "";
	if (is_open)
		lint_findf(lint, LINT_SERVICE_UNKNOWN, NULL,
			   "not known to us, and not gated");
	return r;
}

/* ---- everything ------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char *names[LINT_SERVICES_MAX];
	size_t count;
};

static void names_fini(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
}

static int list_services(const struct lint_source *source, const char *folder,
			 struct names *names)
{
	_cleanup_close_ int fd = openat(source->root_fd, folder,
					O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (fd >= 0 && !dir)
		return -ENOMEM;
	(void)TAKE_FD(fd); /* closedir() closes it */

	for (const struct dirent *entry; dir && (entry = readdir(dir));) {
		bool is_known = entry->d_name[0] == '.' ||
				strchr(entry->d_name, '~') ||
				strstr(entry->d_name, ".dpkg-") ||
				strstr(entry->d_name, ".rpm");

		for (size_t i = 0; i < names->count && !is_known; i++)
			is_known = strcmp(names->names[i], entry->d_name) == 0;
		if (is_known)
			continue;
		if (names->count == LINT_SERVICES_MAX)
			return -ENOBUFS;
		char *name = strdup(entry->d_name);
		if (!name)
			return -ENOMEM;
		names->names[names->count++] = name;
	}
	return 0;
}

int lint_run(const struct lint_source *source, struct lint_report *report,
	     struct buf *stacks)
{
	struct lint lint = {source, report, "", "", 0};
	_cleanup_(names_fini) struct names names = {.count = 0};

	int r = list_services(source, "etc/pam.d", &names);
	if (r == 0)
		r = list_services(source, "usr/lib/pam.d", &names);
	qsort(names.names, names.count, sizeof(*names.names), by_name);
	for (size_t i = 0; r == 0 && i < names.count; i++)
		r = check_service(&lint, names.names[i], stacks);
	lint.service = lint.type = "";
	return r == 0 ? lint_system(&lint) : r;
}

int lint_hash(const struct buf *stacks, char ret_hex[DIGEST_HEX_SIZE])
{
	return digest_sha256(span_of(buf_text(stacks), stacks->size), ret_hex);
}
