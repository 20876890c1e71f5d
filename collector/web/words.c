/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words: tables of names. Only text; a row here changes no behaviour.
 */
#include "collector/web/words.h"

#include <stddef.h>
#include <string.h>

#include "agent/base/banned.h"

struct word {
	const char *name;
	const char *text[LANGUAGE_COUNT_];
};

static const struct word EVENTS[] = {
	{"mfa.session.ok",
	 {"二要素でログインしました", "Logged in with two factors"}},
	{"mfa.session.denied", {"ログインを拒否しました", "Login denied"}},
	{"mfa.session.locked", {"画面をロックしました", "Session locked"}},
	{"mfa.session.unlocked", {"ロックを解除しました", "Session unlocked"}},
	{"mfa.session.violation",
	 {"認証の決まりに反したセッション", "Session against the login rules"}},
	{"mfa.session.ended", {"セッションが終わりました", "Session ended"}},
	{"mfa.token.removed",
	 {"認証機器が抜かれました", "Key or card removed"}},
	{"mfa.stepup.ok",
	 {"改めて本人確認をしました", "Proved identity again"}},
	{"mfa.stepup.denied",
	 {"本人確認ができませんでした", "Could not prove identity again"}},
	{"mfa.breakglass.used", {"緊急用ログイン", "Emergency login"}},
	{"mfa.stack.changed",
	 {"ログインの設定(PAM)が変わりました", "PAM stacks changed"}},
	{"mfa.mode.changed",
	 {"ログイン認証の方式が変わりました", "Login mode changed"}},
	{"grant.requested", {"例外の申請", "Exception requested"}},
	{"grant.granted", {"例外の許可", "Exception granted"}},
	{"grant.refused", {"例外を認めませんでした", "Exception refused"}},
	{"grant.used", {"例外の使用", "Exception used"}},
	{"grant.suspended", {"例外の中断", "Exception suspended"}},
	{"grant.resumed", {"例外の再開", "Exception resumed"}},
	{"grant.ended", {"例外の終わり", "Exception ended"}},
	{"grant.revoked", {"例外の取り消し", "Exception revoked"}},
	{"usb.device.allowed", {"USB機器を許可しました", "USB device allowed"}},
	{"usb.device.blocked", {"USB機器を遮断しました", "USB device blocked"}},
	{"usb.device.removed",
	 {"USB機器が取り外されました", "USB device removed"}},
	{"usb.device.held",
	 {"キーボードが確認待ちです", "Keyboard waits for confirmation"}},
	{"usb.keyboard.cut",
	 {"機械的な入力のキーボードを切り離しました",
	  "Keyboard cut off: it typed as no person does"}},
	{"lifeline.kept",
	 {"最後の入力機器なので遮断しませんでした",
	  "Last input device kept working"}},
	{"media.allowed", {"媒体の読み書きを許可しました", "Medium allowed"}},
	{"media.denied", {"媒体を遮断しました", "Medium denied"}},
	{"media.readonly",
	 {"媒体を読み取り専用にしました", "Medium made read-only"}},
	{"media.ending",
	 {"媒体の使用を終わらせています", "Access to a medium is ending"}},
	{"media.ended",
	 {"媒体の使用を終わらせました", "Access to a medium was ended"}},
	{"channel.allowed", {"経路を許可しました", "Channel allowed"}},
	{"channel.blocked", {"経路を遮断しました", "Channel blocked"}},
	{"network.interface.added",
	 {"ネットワークの接続口が増えました", "Network interface added"}},
	{"network.route.added",
	 {"既定の経路が増えました", "Default route added"}},
	{"media.removed", {"媒体が取り外されました", "Medium removed"}},
	{"media.file.written", {"媒体にファイルを書き込み", "File written"}},
	{"media.file.deleted", {"媒体のファイルを削除", "File deleted"}},
	{"media.file.renamed", {"媒体のファイル名を変更", "File renamed"}},
	{"media.file.summary",
	 {"媒体への書き込みのまとめ", "Files of a mount"}},
	{"mount.blocked", {"マウントを拒否しました", "Mount refused"}},
	{"mount.readonly",
	 {"読み取り専用でマウントさせました", "Mount forced read-only"}},
	{"block.open.blocked",
	 {"装置を直接開く操作を拒否しました", "Opening the device refused"}},
	{"block.rawwrite.blocked",
	 {"装置への直接書き込みを拒否しました",
	  "Raw write to the device refused"}},
	{"sysfs.write.blocked",
	 {"機器の許可を変える操作を拒否しました",
	  "Changing a device's authorisation refused"}},
	{"policy.loaded", {"ポリシーを適用しました", "Policy loaded"}},
	{"policy.rejected",
	 {"ポリシーを受け付けませんでした", "Policy rejected"}},
	{"agent.start", {"エージェント起動", "Agent started"}},
	{"agent.stop", {"エージェント停止", "Agent stopped"}},
	{"agent.degraded", {"保護が弱まっています", "Protection degraded"}},
	{"agent.recovered", {"保護が戻りました", "Protection restored"}},
	{"agent.heartbeat", {"稼働中", "Running"}},
	{"agent.tamper", {"改ざん・妨害の疑い", "Tampering suspected"}},
	{"agent.selftest", {"持ち出し経路を点検", "Self-test"}},
	{"order.accepted",
	 {"署名された指示を受け付けました", "Signed order accepted"}},
	{"order.rejected",
	 {"署名された指示を受け付けませんでした", "Signed order rejected"}},
	{"log.gap", {"記録に欠けがあります", "Gap in the log"}},
	{"spool.reset", {"記録の保存先が作り直されました", "Spool made anew"}},
	{"clock.unsync", {"時刻が同期していません", "Clock not synchronised"}},
	{"key.rotate", {"記録の署名鍵を替えました", "Signing key changed"}},
	{"clock.step", {"時刻が飛びました", "Clock stepped"}},
	{"unreadable",
	 {"読めない記録(原本のまま保管)",
	  "Unreadable record, kept as it came"}},
};

static const struct word MODES[] = {
	{"enforce", {"実施", "enforcing"}},
	{"monitor", {"監視のみ", "monitor only"}},
};

static const struct word TIERS[] = {
	{"T1", {"T1 完全", "T1 full"}},
	{"T2", {"T2 完全(代替方式)", "T2 full (other hook)"}},
	{"T3", {"T3 装置のみ", "T3 devices only"}},
	{"T4", {"T4 USB許可のみ", "T4 USB authorisation only"}},
};

static const struct word INCIDENTS[] = {
	{"chain.mismatch",
	 {"履歴が保管分と一致しません", "History differs from the stored one"}},
	{"stream.lost",
	 {"届かないまま失われた記録があります",
	  "Events were lost on the terminal"}},
	{"stream.new", {"新しい記録列が始まりました", "A new stream began"}},
	{"enrol.conflict",
	 {"登録済み端末の名前を別の鍵が名乗りました",
	  "Another key asked for an enrolled terminal's name"}},
	{"cert.unknown",
	 {"台帳にない証明書が更新を求めました(再登録が必要)",
	  "A certificate that the store does not know tried to renew"}},
	{"store.restored",
	 {"収集サーバーを控えから復元しました("
	  "控え以後の失効をやり直してください)",
	  "The store was restored from a backup: repeat what was revoked "
	  "since"}},
};

static const struct word STATES[] = {
	{"requested", {"返事待ち", "waiting for an answer"}},
	{"waiting", {"開始前", "not begun"}},
	{"active", {"使用中", "in use"}},
	{"suspended", {"中断中", "suspended"}},
	{"ended", {"終了", "ended"}},
	{"revoked", {"取り消し", "revoked"}},
	{"denied", {"却下", "denied"}},
	{"refused", {"端末が拒否", "refused by the terminal"}},
};

static const struct word ACCESSES[] = {
	{"read-only", {"読み取り専用", "read-only"}},
	{"read-write", {"読み書き", "read and write"}},
	{"authorise", {"機器の使用", "use of the device"}},
	{"substitute-factor", {"代わりの認証", "a factor's substitute"}},
};

static const char *const SEVERITIES[][LANGUAGE_COUNT_] = {
	{"", ""},
	{"情報", "info"},
	{"低", "low"},
	{"中", "medium"},
	{"高", "high"},
	{"重大", "critical"},
	{"致命的", "fatal"},
};

static const char *find(const struct word *words, size_t count,
			const char *name, enum language language)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i].name, name) == 0)
			return words[i].text[language];
	return name;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *words_event(const char *code, enum language language)
{
	return find(EVENTS, COUNT(EVENTS), code, language);
}

const char *words_event_at(size_t index)
{
	return index < COUNT(EVENTS) ? EVENTS[index].name : NULL;
}

const char *words_mode(const char *mode, enum language language)
{
	return find(MODES, COUNT(MODES), mode, language);
}

const char *words_tier(const char *tier, enum language language)
{
	return find(TIERS, COUNT(TIERS), tier, language);
}

const char *words_incident(const char *kind, enum language language)
{
	return find(INCIDENTS, COUNT(INCIDENTS), kind, language);
}

const char *words_state(const char *state, enum language language)
{
	return find(STATES, COUNT(STATES), state, language);
}

const char *words_access(const char *access, enum language language)
{
	return find(ACCESSES, COUNT(ACCESSES), access, language);
}

const char *words_role(enum people_role role, enum language language)
{
	static const struct word roles[] = {
		{"auditor", {"監査", "auditor"}},
		{"helpdesk", {"ヘルプデスク", "helpdesk"}},
		{"approver", {"承認者", "approver"}},
		{"administrator", {"管理者", "administrator"}},
	};

	return find(roles, COUNT(roles), people_role_to_str(role), language);
}

const char *words_severity(int severity, enum language language)
{
	if (severity < 0 || (size_t)severity >= COUNT(SEVERITIES))
		return "";
	return SEVERITIES[severity][language];
}
