/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pam_sekimori.so: the entries that libpam calls. Runs inside login programs
 * with their privilege, so: no exit, no global state, no signal, no thread, no
 * output but pam_syslog and the conversation, no wait for another process.
 */
#include <syslog.h>

#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "agent/pam/gate.h"
#include "agent/pam/line.h"
#include "agent/pam/places.h"
#include "agent/pam/wrap.h"

#include "agent/base/banned.h"

#define ENTRY __attribute__((visibility("default")))

static void read_line(pam_handle_t *pamh, int argc, const char **argv,
		      struct line *ret_line)
{
	line_parse(argc > 0 ? (size_t)argc : 0, argv, ret_line);
	if (ret_line->kind == LINE_INVALID)
		pam_syslog(pamh, LOG_CRIT, "bad line: %s", ret_line->error);
}

/* Account and session lines can only be gates. */
static int pass(pam_handle_t *pamh, enum gate_phase phase, int flags,
		const struct line *line)
{
	if (line->kind == LINE_INVALID)
		return PAM_SERVICE_ERR;
	if (line->kind != LINE_GATE) {
		pam_syslog(pamh, LOG_CRIT, "bad line: only gate goes here");
		return PAM_SERVICE_ERR;
	}
	return gate_pass(pamh, pam_places_get(), phase, flags, line);
}

ENTRY int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc,
			      const char **argv)
{
	struct line line;

	read_line(pamh, argc, argv, &line);
	if (line.kind == LINE_WRAP)
		return wrap_authenticate(pamh, pam_places_get(), flags, &line);
	return pass(pamh, GATE_AUTH, flags, &line);
}

/*
 * A gate holds no credentials. It must not say PAM_IGNORE here: a stack in
 * which nobody says anything fails, and with it sshd's login.
 */
ENTRY int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc,
			 const char **argv)
{
	struct line line;

	read_line(pamh, argc, argv, &line);
	if (line.kind == LINE_WRAP)
		return wrap_setcred(pamh, pam_places_get(), flags, &line);
	return line.kind == LINE_INVALID ? PAM_SERVICE_ERR : PAM_SUCCESS;
}

ENTRY int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc,
			   const char **argv)
{
	struct line line;

	read_line(pamh, argc, argv, &line);
	return pass(pamh, GATE_ACCOUNT, flags, &line);
}

ENTRY int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc,
			      const char **argv)
{
	struct line line;

	read_line(pamh, argc, argv, &line);
	return pass(pamh, GATE_SESSION, flags, &line);
}

ENTRY int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc,
			       const char **argv)
{
	(void)flags;
	(void)argc;
	(void)argv;
	gate_close(pamh, pam_places_get());
	return PAM_SUCCESS;
}
