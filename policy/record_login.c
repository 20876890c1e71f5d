/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_login: what a login event has that others have not: its rows of the
 * table, and the words of OCSF's class Authentication (3002). Factor kinds and
 * names of modules, never a secret, a token or what was typed.
 */
#include <string.h>

#include "policy/mfa.h"
#include "policy/record_parts.h"

#define ROW(text, activity_number, activity_text, severity, status)            \
	.code = text, .class_uid = OCSF_AUTHENTICATION,                        \
	.activity_id = activity_number, .activity = activity_text,             \
	.severity_id = severity, .status_id = status,                          \
	.part = RECORD_PART_LOGIN

#define OTHER 99

static const struct record_row rows[] = {
	[RECORD_MFA_SESSION_OK - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.session.ok", 1, "Logon", 1, 1),
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_ALLOWED,
			.message = "%uがログインしました(%p)",
		},
	[RECORD_MFA_SESSION_DENIED - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.session.denied", 1, "Logon", 3, 2),
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_UNAUTHORIZED,
			.needs = RECORD_NEEDS_DECISION,
			.message = "%uのログインを拒否しました(%w)%h",
			.monitor_message = "%uのログインは拒否の対象です(%w)。"
					   "報告モードのため止めていません",
		},
	[RECORD_MFA_SESSION_LOCKED - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.session.locked", OTHER, "Lock Session", 2, 1),
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_REVOKED,
			.needs = RECORD_NEEDS_DECISION,
			.message = "%uの画面をロックします(%w)",
			.monitor_message = "%uの画面はロックの対象です(%w)。"
					   "報告モードのためロックしていません",
		},
	[RECORD_MFA_SESSION_UNLOCKED - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.session.unlocked", OTHER, "Unlock Session", 1,
			    1),
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_ALLOWED,
			.message = "%uが画面のロックを解除しました(%p)",
		},
	[RECORD_MFA_SESSION_VIOLATION - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.session.violation", OTHER, "Violation", 4, 2),
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_UNAUTHORIZED,
			.needs = RECORD_NEEDS_DECISION,
			.is_alert = true,
			.message = "%uのセッションが認証の決まりに反しています"
				   "(%w)",
			.monitor_message =
				"%uのセッションは認証の決まりに反しています"
				"(%w)。報告モードのため止めていません",
		},
	[RECORD_MFA_SESSION_ENDED - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.session.ended", 2, "Logoff", 1, 1),
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.message = "%uのセッションが終わりました",
		},
	[RECORD_MFA_TOKEN_REMOVED - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.token.removed", OTHER, "Token Removed", 2, 1),
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.message = "%uの認証機器が抜かれました",
		},
	[RECORD_MFA_STEPUP_OK - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.stepup.ok", OTHER, "Step-up", 1, 1),
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_ALLOWED,
			.message = "%uが改めて本人確認をしました(%p)",
		},
	[RECORD_MFA_STEPUP_DENIED - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.stepup.denied", OTHER, "Step-up", 3, 2),
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_UNAUTHORIZED,
			.needs = RECORD_NEEDS_DECISION,
			.message = "%uの本人確認ができませんでした(%w)",
			.monitor_message = "%uの本人確認ができませんでした(%w)",
		},
	[RECORD_MFA_BREAKGLASS_USED - RECORD_LOGIN_FIRST] =
		{
			ROW("mfa.breakglass.used", 1, "Logon", 5, 1),
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_CUSTOM,
			.is_alert = true,
			.message = "%uが緊急用の方法でログインしました",
		},
	[RECORD_MFA_MODE_CHANGED - RECORD_LOGIN_FIRST] =
		{
			.code = "mfa.mode.changed",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 3,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_LOGIN,
			.message = "ログインの認証の方式が変わりました(%d)",
		},
	[RECORD_MFA_STACK_CHANGED - RECORD_LOGIN_FIRST] =
		{
			.code = "mfa.stack.changed",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 3,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_LOGIN,
			.message = "ログインの設定(PAM)が変わりました",
		},
};

const struct record_row *record_login_row(enum record_code code)
{
	unsigned int at = (unsigned int)code - RECORD_LOGIN_FIRST;

	if (at >= sizeof(rows) / sizeof(rows[0]))
		return NULL;
	return &rows[at];
}

static bool is_set(const char *text)
{
	return text && text[0];
}

/* OCSF factor_type_id of what a module proves. */
static unsigned int factor_type(const struct record_proof *proof)
{
	static const struct {
		const char *module;
		unsigned int type_id;
	} types[] = {
		{"pam_u2f", 9},
		{"pam_oath", 7},
		{"pam_yubico", 7},
		{"pam_pkcs11", 6},
		{"pam_p11", 6},
		{"pam_google_authenticator", 7},
		{"sekimori_substitute", 7},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (is_set(proof->module) &&
		    strcmp(proof->module, types[i].module) == 0)
			return types[i].type_id;
	if (proof->factors == MFA_KNOWLEDGE)
		return 11;
	if (proof->factors == MFA_INHERENCE)
		return 4;
	return proof->factors & MFA_POSSESSION ? 6 : 99;
}

static size_t proof_count(const struct record_login *login)
{
	return login->proof_count < RECORD_PROOFS_MAX ? login->proof_count
						      : RECORD_PROOFS_MAX;
}

static void put_factors(struct json_out *out, const struct record_login *login)
{
	if (login->proof_count == 0)
		return;
	json_out_array(out, "auth_factors");
	for (size_t i = 0; i < proof_count(login); i++) {
		json_out_object(out, NULL);
		json_out_u64(out, "factor_type_id",
			     factor_type(&login->proofs[i]));
		json_out_str(out, "provider", login->proofs[i].module,
			     RECORD_NAME_MAX);
		json_out_end(out);
	}
	json_out_end(out);
	out->truncated += login->proof_count > RECORD_PROOFS_MAX;
}

/* The class wants a user and a service; a login without a name has one that
 * says so, never none. */
void record_put_login(struct json_out *out, const struct record *rec)
{
	const struct record_login *login = &rec->u.login;
	const struct record_actor *actor = rec->actor;
	bool has_name = actor && is_set(actor->user);

	json_out_object(out, "user");
	json_out_str(out, "name", has_name ? actor->user : "(unknown)",
		     RECORD_NAME_MAX);
	if (actor && actor->has_uid) {
		json_out_begin_str(out, "uid");
		json_out_piece_u64(out, actor->uid);
		json_out_end_str(out);
	}
	json_out_end(out);
	json_out_object(out, "service");
	json_out_str(out, "name",
		     is_set(login->service) ? login->service : "(unknown)",
		     RECORD_NAME_MAX);
	json_out_end(out);
	if (actor && is_set(actor->session)) {
		json_out_object(out, "session");
		json_out_str(out, "uid", actor->session, RECORD_NAME_MAX);
		json_out_end(out);
	}
	json_out_bool(out, "is_mfa", mfa_factors_count(login->factors) >= 2);
	if (actor && actor->is_remote != RECORD_UNKNOWN)
		json_out_bool(out, "is_remote", actor->is_remote == RECORD_YES);
	put_factors(out, login);
}

static void put_modules(struct json_out *out, const struct record_login *login)
{
	if (login->proof_count == 0)
		return;
	json_out_array(out, "proofs");
	for (size_t i = 0; i < proof_count(login); i++) {
		char factors[MFA_FACTORS_STR_SIZE];

		mfa_factors_to_str(login->proofs[i].factors, factors);
		json_out_object(out, NULL);
		json_out_str(out, "factor", factors, RECORD_NAME_MAX);
		json_out_str(out, "module", login->proofs[i].module,
			     RECORD_NAME_MAX);
		json_out_str(out, "quality", login->proofs[i].quality,
			     RECORD_WORD_MAX);
		json_out_end(out);
	}
	json_out_end(out);
}

void record_put_own_login(struct json_out *out,
			  const struct record_login *login)
{
	char factors[MFA_FACTORS_STR_SIZE];

	mfa_factors_to_str(login->factors, factors);
	json_out_object(out, "mfa");
	json_out_str(out, "mode", login->mode, RECORD_WORD_MAX);
	json_out_str(out, "factors", factors, RECORD_NAME_MAX);
	put_modules(out, login);
	if (login->has_proof_age)
		json_out_u64(out, "proof_age_s", login->proof_age_s);
	json_out_str(out, "state", login->state, RECORD_WORD_MAX);
	json_out_str(out, "trigger", login->trigger, RECORD_WORD_MAX);
	json_out_str(out, "reaction", login->reaction, RECORD_WORD_MAX);
	json_out_str(out, "phase", login->phase, RECORD_WORD_MAX);
	json_out_str(out, "rhost", login->rhost, RECORD_NAME_MAX);
	if (login->stack_sha256) {
		json_out_str(out, "stack_sha256", login->stack_sha256,
			     RECORD_NAME_MAX);
		json_out_u64(out, "lint_errors", login->lint_errors);
	}
	json_out_end(out);
}

/* The kinds in Japanese, as the municipal rules name them. */
void record_put_factors_text(struct json_out *out, unsigned int factors)
{
	static const char *const names[] = {"知識", "所持", "存在"};
	bool is_first = true;

	for (unsigned int i = 0; i < 3; i++) {
		if (!(factors & 1u << i))
			continue;
		if (!is_first)
			json_out_piece(out, "・", 1);
		json_out_piece(out, names[i], 2);
		is_first = false;
	}
	if (is_first)
		json_out_piece(out, "要素なし", 4);
}
