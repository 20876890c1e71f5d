/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_reason: why, as a number that stays and words for people. A reason may
 * be added, never given another meaning: the helpdesk works by these numbers.
 */
#include "policy/record_table.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct record_reason_row reasons[] = {
	[RECORD_REASON_NONE] = {"", "", ""},
	[RECORD_REASON_RULE] = {"SKM-D-0101", "a rule says so", "規則による"},
	[RECORD_REASON_DEFAULT] = {"SKM-D-0102",
				   "default-deny: no rule matched",
				   "許可されていない"},
	[RECORD_REASON_DESCRIPTOR] = {"SKM-D-0103",
				      "descriptors unreadable or malformed",
				      "機器の情報が正しくない"},
	[RECORD_REASON_PARENT] = {"SKM-D-0104", "its hub is not authorised",
				  "つないだハブが許可されていない"},
	[RECORD_REASON_UNJUDGED] = {"SKM-D-0105", "not judged yet",
				    "確認が済んでいない"},
	[RECORD_REASON_NO_POLICY] = {"SKM-D-0106", "no readable policy",
				     "ポリシーを読み込めない"},
	[RECORD_REASON_ENFORCEMENT] = {"SKM-D-0107",
				       "the kernel did not do as decided",
				       "設定を反映できない"},
	[RECORD_REASON_READ_ONLY] = {"SKM-D-0108", "the medium is read-only",
				     "読み取り専用"},
	[RECORD_REASON_LIFELINE] = {"SKM-D-0109",
				    "last keyboard, pointer or login token",
				    "最後の入力機器または認証機器"},
	[RECORD_REASON_LOST] = {"SKM-D-0110", "the ledger has it as lost",
				"紛失の届けがある"},
	[RECORD_REASON_GRANT] = {"SKM-D-0111", "under a grant",
				 "一時的な許可による"},
	[RECORD_REASON_HELD] = {"SKM-D-0112",
				"a keyboard that no rule names: a person "
				"must confirm it",
				"登録のないキーボード"},
	[RECORD_REASON_TYPING] = {"SKM-D-0113", "it types as no person does",
				  "人には打てない速さの入力"},
	[RECORD_REASON_CONFIRMED] =
		{"SKM-D-0114", "a person at another keyboard confirmed it",
		 "利用者が確認した"},
	[RECORD_REASON_POLICY_SYNTAX] = {"SKM-P-0201", "error in a rules file",
					 "書式の誤り"},
	[RECORD_REASON_POLICY_SERIAL] = {"SKM-P-0202",
					 "the serial did not increase",
					 "版が新しくない"},
	[RECORD_REASON_POLICY_SIGNATURE] = {"SKM-P-0203",
					    "signature verification failed",
					    "署名が正しくない"},
	[RECORD_REASON_POLICY_IO] = {"SKM-P-0204", "a file cannot be read",
				     "ファイルを読み込めない"},
	[RECORD_REASON_POLICY_TERMS] = {"SKM-P-0205",
					"for another zone or another time",
					"対象の領域または期間が異なる"},
	[RECORD_REASON_POLICY_LIFELINE] =
		{"SKM-P-0206", "would cut the last keyboard, pointer or reader",
		 "最後の入力機器または認証機器を失う"},
	[RECORD_REASON_ORDER] = {"SKM-P-0207", "the order does not count here",
				 "指示が有効でない"},
	[RECORD_REASON_LOGIN_FACTORS] = {"SKM-L-0301",
					 "two kinds of factors are needed",
					 "二要素の認証が必要"},
	[RECORD_REASON_LOGIN_REMOTE] =
		{"SKM-L-0302", "logins from other machines are refused",
		 "他の機器からのログインは不可"},
	[RECORD_REASON_LOGIN_USER] = {"SKM-L-0303", "there is no such user",
				      "利用者が登録されていない"},
	[RECORD_REASON_LOGIN_UNATTESTED] = {"SKM-L-0304",
					    "the session was not proven",
					    "二要素の認証を経ていない"},
	[RECORD_REASON_LOGIN_TOKEN] = {"SKM-L-0305",
				       "the key or card was removed",
				       "認証機器が抜かれた"},
	[RECORD_REASON_LOGIN_MAX_AGE] = {"SKM-L-0306", "the proof is too old",
					 "認証から時間がたった"},
	[RECORD_REASON_LOGIN_IDLE] = {"SKM-L-0307", "nobody was at work",
				      "操作がなかった"},
	[RECORD_REASON_LOGIN_SWITCHED] = {"SKM-L-0308",
					  "another session is in front",
					  "別の利用者に切り替わった"},
	[RECORD_REASON_LOGIN_DEMANDED] = {"SKM-L-0309", "it was demanded",
					  "管理者の指示"},
	[RECORD_REASON_LOGIN_BY_USER] = {"SKM-L-0310", "by the person",
					 "本人の操作"},
	[RECORD_REASON_LOGIN_LOCK] = {"SKM-L-0311", "the lock had no effect",
				      "ロックが効かなかった"},
	[RECORD_REASON_LOGIN_UNLOCK] = {"SKM-L-0312",
					"it was unlocked without proof",
					"認証せずにロックが解除された"},
	[RECORD_REASON_LOGIN_BREAKGLASS] = {"SKM-L-0313",
					    "the emergency time is over",
					    "緊急利用の時間が過ぎた"},
	[RECORD_REASON_LOGIN_NO_MEDIA] =
		{"SKM-L-0314", "no media while an emergency login is open",
		 "緊急用ログインの間は使えない"},
	[RECORD_REASON_GRANT_FORGED] =
		{"SKM-G-0401", "no key that may give grants has signed it",
		 "許可できる人の署名がない"},
	[RECORD_REASON_GRANT_MALFORMED] = {"SKM-G-0402", "it is no grant",
					   "許可証の書式が正しくない"},
	[RECORD_REASON_GRANT_TERMINAL] = {"SKM-G-0403",
					  "it is for another terminal",
					  "別の端末のもの"},
	[RECORD_REASON_GRANT_USER] = {"SKM-G-0404", "it is for another user",
				      "別の利用者のもの"},
	[RECORD_REASON_GRANT_DEVICE] = {"SKM-G-0405",
					"it is for another device",
					"別の機器のもの"},
	[RECORD_REASON_GRANT_EXPIRED] = {"SKM-G-0406",
					 "it has expired, or ends too late",
					 "期間が正しくない"},
	[RECORD_REASON_GRANT_REPLAYED] = {"SKM-G-0407",
					  "it has been used up or ended",
					  "すでに使われたもの"},
	[RECORD_REASON_GRANT_LIMIT] = {"SKM-G-0408", "over its key's limits",
				       "署名した人の権限を超えている"},
	[RECORD_REASON_GRANT_APPROVALS] = {"SKM-G-0409",
					   "more people must approve it",
					   "承認する人が足りない"},
	[RECORD_REASON_GRANT_UNSUPPORTED] = {"SKM-G-0410",
					     "this terminal cannot do that",
					     "この端末ではできない"},
	[RECORD_REASON_GRANT_FULL] = {"SKM-G-0411", "too many at a time",
				      "同時に扱える数を超えている"},
	[RECORD_REASON_GRANT_DENIED] = {"SKM-G-0412", "the desk said no",
					"承認されなかった"},
	[RECORD_REASON_GRANT_TIME] = {"SKM-G-0413", "its time is over",
				      "時間が過ぎた"},
	[RECORD_REASON_GRANT_USES] = {"SKM-G-0414", "all uses are made",
				      "回数を使い切った"},
	[RECORD_REASON_GRANT_BY_USER] = {"SKM-G-0415", "the person ended it",
					 "本人が終えた"},
	[RECORD_REASON_GRANT_REVOKED] = {"SKM-G-0416", "it was revoked",
					 "取り消された"},
	[RECORD_REASON_GRANT_KEY] = {"SKM-G-0417",
				     "policy no longer knows its keys",
				     "署名した人の権限がなくなった"},
	[RECORD_REASON_GRANT_AWAY] =
		{"SKM-G-0418", "its person is not there, or it is locked",
		 "本人がいないか、画面がロックされている"},
	[RECORD_REASON_GRANT_MYNUMBERS] =
		{"SKM-G-0419", "individual numbers were written",
		 "個人番号を含むファイルが書き込まれた"},
	[RECORD_REASON_GRANT_CODE] = {"SKM-G-0420", "the code is wrong",
				      "コードが違う"},
};
static_assert(COUNT(reasons) == RECORD_REASON_COUNT_, "a text for each reason");

const struct record_reason_row *record_reason_row(enum record_reason reason)
{
	if ((unsigned int)reason >= COUNT(reasons))
		reason = RECORD_REASON_NONE;
	return &reasons[reason];
}

const char *record_reason_to_str(enum record_reason reason)
{
	return record_reason_row(reason)->code;
}

int record_reason_from_str(const char *str, enum record_reason *ret_reason)
{
	for (size_t i = 1; i < COUNT(reasons); i++) {
		if (strcmp(reasons[i].code, str) != 0)
			continue;
		*ret_reason = (enum record_reason)i;
		return 0;
	}
	return -ENOENT;
}

const char *record_reason_english(enum record_reason reason)
{
	return record_reason_row(reason)->detail;
}

const char *record_reason_japanese(enum record_reason reason)
{
	return record_reason_row(reason)->japanese;
}

enum record_reason record_reason_from_verdict(enum verdict_reason reason)
{
	switch (reason) {
	case VERDICT_IMPLICIT:
		return RECORD_REASON_DEFAULT;
	case VERDICT_RULE:
		return RECORD_REASON_RULE;
	case VERDICT_LOST:
		return RECORD_REASON_LOST;
	case VERDICT_NO_RULESET:
		return RECORD_REASON_NO_POLICY;
	case VERDICT_INVALID_DEVICE:
		return RECORD_REASON_DESCRIPTOR;
	case VERDICT_LIFELINE:
		return RECORD_REASON_LIFELINE;
	case VERDICT_GLASS:
		return RECORD_REASON_LOGIN_NO_MEDIA;
	case VERDICT_GRANT:
		return RECORD_REASON_GRANT;
	case VERDICT_HELD:
		return RECORD_REASON_HELD;
	case VERDICT_TYPING:
		return RECORD_REASON_TYPING;
	case VERDICT_CONFIRMED:
		return RECORD_REASON_CONFIRMED;
	case VERDICT_REASON_COUNT:
		break;
	}
	return RECORD_REASON_NONE;
}
