/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A factor module for tests, built under the names of real ones. Its arguments
 * make it succeed, fail, or succeed without a proof in the ways the real ones
 * do; research measured those on the real modules.
 *   answer=TEXT        asks, and compares
 *   absent             no token, nobody enrolled: AUTHINFO_UNAVAIL
 *   nouserok, nullok   with absent: PAM_IGNORE, as pam_u2f and others do
 *   alwaysok           success, nothing asked
 *   ignores            PAM_IGNORE
 *   rc=N               that value
 *   use_first_pass     takes the password an earlier module asked for
 *   become=USER        names another user on success, as card mappers do
 *   log=FILE           appends what it was called with
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#define ENTRY __attribute__((visibility("default")))

static const char *value_of(int argc, const char **argv, const char *name)
{
	size_t len = strlen(name);

	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], name, len) == 0 &&
		    (argv[i][len] == '\0' || argv[i][len] == '='))
			return argv[i][len] ? argv[i] + len + 1 : argv[i] + len;
	return NULL;
}

static void write_log(int argc, const char **argv, const char *what, int flags)
{
	const char *path = value_of(argc, argv, "log");
	FILE *file = path ? fopen(path, "ae") : NULL;

	if (!file)
		return;
	fprintf(file, "%s flags=%#x", what, (unsigned)flags);
	for (int i = 0; i < argc; i++)
		if (strncmp(argv[i], "log=", 4) != 0)
			fprintf(file, " %s", argv[i]);
	fprintf(file, "\n");
	fclose(file);
}

/* Called by libpam at pam_end(): crashes if this code was unloaded. */
static void cleanup(pam_handle_t *pamh, void *data, int status)
{
	(void)pamh;
	(void)status;
	free(data);
}

static int ask(pam_handle_t *pamh, int argc, const char **argv,
	       const char *answer)
{
	char *reply = NULL;
	const void *old = NULL;
	int r = PAM_AUTH_ERR;

	if (value_of(argc, argv, "use_first_pass")) {
		if (pam_get_item(pamh, PAM_AUTHTOK, &old) != PAM_SUCCESS ||
		    !old)
			return PAM_AUTH_ERR;
		return strcmp(old, answer) == 0 ? PAM_SUCCESS : PAM_AUTH_ERR;
	}
	if (pam_prompt(pamh, PAM_PROMPT_ECHO_OFF, &reply, "Password: ") !=
		    PAM_SUCCESS ||
	    !reply)
		return PAM_CONV_ERR;
	if (strcmp(reply, answer) == 0)
		r = PAM_SUCCESS;
	if (pam_get_item(pamh, PAM_AUTHTOK, &old) == PAM_SUCCESS && !old)
		pam_set_item(pamh, PAM_AUTHTOK, reply);
	free(reply);
	return r;
}

ENTRY int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc,
			      const char **argv)
{
	const char *answer = value_of(argc, argv, "answer");
	const char *become = value_of(argc, argv, "become");
	int r = PAM_AUTH_ERR;

	write_log(argc, argv, "authenticate", flags);
	pam_set_data(pamh, "test.factor", malloc(16), cleanup);
	if (value_of(argc, argv, "rc"))
		r = (int)strtol(value_of(argc, argv, "rc"), NULL, 10);
	else if (value_of(argc, argv, "alwaysok"))
		r = PAM_SUCCESS;
	else if (value_of(argc, argv, "ignores"))
		r = PAM_IGNORE;
	else if (value_of(argc, argv, "absent"))
		r = value_of(argc, argv, "nouserok") ||
				    value_of(argc, argv, "nullok")
			    ? PAM_IGNORE
			    : PAM_AUTHINFO_UNAVAIL;
	else if (answer)
		r = ask(pamh, argc, argv, answer);
	if (r == PAM_SUCCESS && become)
		pam_set_item(pamh, PAM_USER, become);
	return r;
}

ENTRY int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc,
			 const char **argv)
{
	(void)pamh;
	write_log(argc, argv, "setcred", flags);
	return value_of(argc, argv, "cred_fails") ? PAM_CRED_EXPIRED
						  : PAM_SUCCESS;
}
