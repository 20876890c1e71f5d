/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_table: the rows. Class, activity, status, action, disposition and
 * severity follow OCSF 1.8.0. The collector, the dashboards and the municipal
 * SIEM read these numbers: a row may be added, never given another meaning.
 * Must not hold code beyond looking a row up.
 */
#include "policy/record_table.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NEEDS_USB_VERDICT   (RECORD_NEEDS_USB | RECORD_NEEDS_DECISION)
#define NEEDS_MEDIA_VERDICT (RECORD_NEEDS_MEDIA | RECORD_NEEDS_DECISION)
#define NEEDS_FILE	    (NEEDS_MEDIA_VERDICT | RECORD_NEEDS_FILE)
#define NEEDS_GUARD_VERDICT (RECORD_NEEDS_GUARD | RECORD_NEEDS_DECISION)

static const struct record_row rows[RECORD_CODE_COUNT_] = {
	[RECORD_USB_DEVICE_ALLOWED] =
		{
			.code = "usb.device.allowed",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_ALLOWED,
			.needs = NEEDS_USB_VERDICT,
			.message = "%kを許可しました",
		},
	[RECORD_USB_DEVICE_BLOCKED] =
		{
			.code = "usb.device.blocked",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 3,
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_BLOCKED,
			.needs = NEEDS_USB_VERDICT,
			.message = "%kを遮断しました(%w)%h",
			.monitor_message = "%kは遮断の対象です(%w)。"
					   "監視モードのため止めていません",
		},
	[RECORD_USB_DEVICE_REMOVED] =
		{
			.code = "usb.device.removed",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 2,
			.activity = "Disconnect",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.needs = RECORD_NEEDS_USB,
			.message = "%kが取り外されました",
		},
	/* Waits for somebody at another keyboard, see policy/hid.h. */
	[RECORD_USB_DEVICE_HELD] =
		{
			.code = "usb.device.held",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 3,
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_BLOCKED,
			.needs = NEEDS_USB_VERDICT,
			.message = "%kは確認待ちです(%w)。使うには、"
				   "今あるキーボードから確認してください",
			.monitor_message = "%kは確認待ちの対象です(%w)。"
					   "監視モードのため止めていません",
		},
	[RECORD_USB_KEYBOARD_CUT] =
		{
			.code = "usb.keyboard.cut",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 99,
			.activity = "Typing",
			.severity_id = 4,
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_BLOCKED,
			.needs = NEEDS_USB_VERDICT,
			.is_alert = true,
			.message = "%kを切り離しました(%w)%h",
			.monitor_message = "%kは切り離しの対象です(%w)。"
					   "監視モードのため止めていません",
		},
	/* Allowed against the rule: a person should look at that rule. */
	[RECORD_LIFELINE_KEPT] =
		{
			.code = "lifeline.kept",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 3,
			.status_id = 1,
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_CUSTOM,
			.needs = NEEDS_USB_VERDICT,
			.is_alert = true,
			.message = "%kは最後の入力機器または認証機器のため、"
				   "遮断せずに残しました",
		},
	[RECORD_MEDIA_ALLOWED] =
		{
			.code = "media.allowed",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_ALLOWED,
			.needs = NEEDS_MEDIA_VERDICT,
			.message = "%mの読み書きを許可しました",
		},
	[RECORD_MEDIA_DENIED] =
		{
			.code = "media.denied",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 3,
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_BLOCKED,
			.needs = NEEDS_MEDIA_VERDICT,
			.message = "%mの使用を拒否しました(%w)%h",
			.monitor_message = "%mは拒否の対象です(%w)。"
					   "監視モードのため止めていません",
		},
	[RECORD_MEDIA_READONLY] =
		{
			.code = "media.readonly",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 2,
			.status_id = 1,
			.action_id = OCSF_ACTION_MODIFIED,
			.disposition_id = OCSF_DISPOSITION_OTHER,
			.disposition = "Forced read-only",
			.needs = NEEDS_MEDIA_VERDICT,
			.message = "%mを読み取り専用にしました",
			.monitor_message = "%mは読み取り専用の対象です。"
					   "監視モードのため変えていません",
		},
	[RECORD_MEDIA_REMOVED] =
		{
			.code = "media.removed",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 2,
			.activity = "Disconnect",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.needs = RECORD_NEEDS_MEDIA,
			.message = "%mが取り外されました",
		},
	[RECORD_FILE_WRITTEN] =
		{
			.code = "media.file.written",
			.class_uid = OCSF_FILE_SYSTEM_ACTIVITY,
			.activity_id = 3,
			.activity = "Update",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.needs = NEEDS_FILE,
			.message = "%mにファイル「%f」が書き込まれました",
		},
	[RECORD_FILE_DELETED] =
		{
			.code = "media.file.deleted",
			.class_uid = OCSF_FILE_SYSTEM_ACTIVITY,
			.activity_id = 4,
			.activity = "Delete",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.needs = NEEDS_FILE,
			.message = "%mのファイル「%f」が削除されました",
		},
	[RECORD_FILE_RENAMED] =
		{
			.code = "media.file.renamed",
			.class_uid = OCSF_FILE_SYSTEM_ACTIVITY,
			.activity_id = 5,
			.activity = "Rename",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.needs = NEEDS_FILE,
			.message = "%mの「%f」の名前が変わりました",
		},
	[RECORD_FILE_SUMMARY] =
		{
			.code = "media.file.summary",
			.class_uid = OCSF_FILE_SYSTEM_ACTIVITY,
			.activity_id = 13,
			.activity = "Unmount",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.needs = NEEDS_MEDIA_VERDICT,
			.part = RECORD_PART_FILES,
			.message = "%mへの書き込みの記録を終えました"
				   "(ファイル %c 件)",
		},
	[RECORD_MEDIA_ENDING] =
		{
			.code = "media.ending",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 4,
			.activity = "Disable",
			.severity_id = 2,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.needs = NEEDS_MEDIA_VERDICT,
			.part = RECORD_PART_ENDING,
			.message = "%mの使用を終わらせます%d",
		},
	[RECORD_MEDIA_ENDED] =
		{
			.code = "media.ended",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 4,
			.activity = "Disable",
			.severity_id = 2,
			.status_id = 1,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_REVOKED,
			.needs = NEEDS_MEDIA_VERDICT,
			.part = RECORD_PART_ENDING,
			.message = "%mの使用を終わらせました%d",
			.monitor_message = "%mの使用は終了の対象です。"
					   "監視モードのため終わらせていません",
		},
	[RECORD_MOUNT_BLOCKED] =
		{
			.code = "mount.blocked",
			.class_uid = OCSF_FILE_SYSTEM_ACTIVITY,
			.activity_id = 12,
			.activity = "Mount",
			.severity_id = 4,
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_BLOCKED,
			.needs = NEEDS_GUARD_VERDICT,
			.is_alert = true,
			.message = "%nのマウントを拒否しました(%w)%h",
			.monitor_message = "%nのマウントは拒否の対象です(%w)。"
					   "監視モードのため止めていません",
		},
	[RECORD_MOUNT_READONLY] =
		{
			.code = "mount.readonly",
			.class_uid = OCSF_FILE_SYSTEM_ACTIVITY,
			.activity_id = 12,
			.activity = "Mount",
			.severity_id = 2,
			.status_id = 1,
			.action_id = OCSF_ACTION_MODIFIED,
			.disposition_id = OCSF_DISPOSITION_OTHER,
			.disposition = "Forced read-only",
			.needs = NEEDS_GUARD_VERDICT,
			.message = "%nを読み取り専用でマウントしました",
			.monitor_message =
				"%nのマウントは読み取り専用の対象です。"
				"監視モードのため変えていません",
		},
	[RECORD_BLOCK_OPEN_BLOCKED] =
		{
			.code = "block.open.blocked",
			.class_uid = OCSF_FILE_SYSTEM_ACTIVITY,
			.activity_id = 14,
			.activity = "Open",
			.severity_id = 3,
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_BLOCKED,
			.needs = NEEDS_GUARD_VERDICT,
			.message = "%nを開く操作を拒否しました(%w)",
			.monitor_message = "%nを開く操作は拒否の対象です(%w)。"
					   "監視モードのため止めていません",
		},
	[RECORD_BLOCK_RAWWRITE_BLOCKED] =
		{
			.code = "block.rawwrite.blocked",
			.class_uid = OCSF_FILE_SYSTEM_ACTIVITY,
			.activity_id = 3,
			.activity = "Update",
			.severity_id = 4,
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_BLOCKED,
			.needs = NEEDS_GUARD_VERDICT,
			.is_alert = true,
			.message = "%nへの直接の書き込みを拒否しました(%w)",
			.monitor_message =
				"%nへの直接の書き込みは拒否の対象です(%w)。"
				"監視モードのため止めていません",
		},
	[RECORD_SYSFS_WRITE_BLOCKED] =
		{
			.code = "sysfs.write.blocked",
			.class_uid = OCSF_FILE_SYSTEM_ACTIVITY,
			.activity_id = 3,
			.activity = "Update",
			.severity_id = 4,
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_BLOCKED,
			.needs = NEEDS_GUARD_VERDICT,
			.is_alert = true,
			.message = "機器の許可設定の書き換えを拒否しました(%t)",
			.monitor_message =
				"機器の許可設定の書き換えは拒否の対象です(%t)。"
				"監視モードのため止めていません",
		},
	[RECORD_POLICY_LOADED] =
		{
			.code = "policy.loaded",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_CHANGE,
			.message = "ポリシー%vを適用しました",
		},
	[RECORD_POLICY_REJECTED] =
		{
			.code = "policy.rejected",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 4,
			.status_id = 2,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_CHANGE,
			.is_alert = true,
			.message =
				"ポリシー%"
				"vを受け付けず、これまでのものを続けます(%w)",
		},
	[RECORD_AGENT_START] =
		{
			.code = "agent.start",
			.class_uid = OCSF_APPLICATION_LIFECYCLE,
			.activity_id = 3,
			.activity = "Start",
			.severity_id = 1,
			.status_id = 1,
			.part = RECORD_PART_START,
			.message = "エージェントが起動しました%g",
		},
	[RECORD_AGENT_STOP] =
		{
			.code = "agent.stop",
			.class_uid = OCSF_APPLICATION_LIFECYCLE,
			.activity_id = 4,
			.activity = "Stop",
			.severity_id = 2, /* 4 when nobody planned it */
			.status_id = 1,
			.part = RECORD_PART_STOP,
			.message = "エージェントが停止しました%i",
		},
	[RECORD_AGENT_DEGRADED] =
		{
			.code = "agent.degraded",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 4,
			.status_id = 2,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_HEALTH,
			.is_alert = true,
			.message = "保護の一部が働いていません%d",
		},
	[RECORD_AGENT_RECOVERED] =
		{
			.code = "agent.recovered",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_HEALTH,
			.message = "保護が元に戻りました",
		},
	[RECORD_AGENT_HEARTBEAT] =
		{
			.code = "agent.heartbeat",
			.class_uid = OCSF_INVENTORY_INFO,
			.activity_id = 2,
			.activity = "Collect",
			.severity_id = 1,
			.status_id = 1,
			.part = RECORD_PART_HEALTH,
			.message = "稼働中%d",
		},
	/* status_id 1 of a finding is "New", not success. */
	[RECORD_AGENT_TAMPER] =
		{
			.code = "agent.tamper",
			.class_uid = OCSF_DETECTION_FINDING,
			.activity_id = 1,
			.activity = "Create",
			.severity_id = 5,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_DETECTED,
			.part = RECORD_PART_TAMPER,
			.is_alert = true,
			.message = "エージェントへの妨害を検知しました(%d)%i",
		},
	[RECORD_CHANNEL_ALLOWED] =
		{
			.code = "channel.allowed",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_ALLOWED,
			.disposition_id = OCSF_DISPOSITION_ALLOWED,
			.needs = RECORD_NEEDS_CHANNEL | RECORD_NEEDS_DECISION,
			.message = "%lの使用を許可しています",
		},
	[RECORD_CHANNEL_BLOCKED] =
		{
			.code = "channel.blocked",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 3,
			.status_id = 2,
			.action_id = OCSF_ACTION_DENIED,
			.disposition_id = OCSF_DISPOSITION_BLOCKED,
			.needs = RECORD_NEEDS_CHANNEL | RECORD_NEEDS_DECISION,
			.message = "%lを遮断しました(%w)%h",
			.monitor_message = "%lは遮断の対象です(%w)。"
					   "監視モードのため止めていません",
		},
	[RECORD_NETWORK_ADDED] =
		{
			.code = "network.interface.added",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 1,
			.activity = "Connect",
			.severity_id = 3,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.needs = RECORD_NEEDS_CHANNEL,
			.is_alert = true,
			.message = "これまでにない%lの接続口が現れました",
		},
	[RECORD_NETWORK_ROUTE] =
		{
			.code = "network.route.added",
			.class_uid = OCSF_PERIPHERAL_ACTIVITY,
			.activity_id = 99,
			.activity = "Default route",
			.severity_id = 4,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.needs = RECORD_NEEDS_CHANNEL,
			.is_alert = true,
			.message = "%lに、他の領域への既定の経路が加わりました",
		},
	[RECORD_AGENT_SELFTEST] =
		{
			.code = "agent.selftest",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 1,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_SELFTEST,
			.message = "持ち出し経路を点検しました(%d)",
		},
	[RECORD_ORDER_ACCEPTED] =
		{
			.code = "order.accepted",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 4,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_ORDER,
			.is_alert = true,
			.message = "署名された指示を受け付けました(%d)",
		},
	[RECORD_ORDER_REJECTED] =
		{
			.code = "order.rejected",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 4,
			.status_id = 2,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_ORDER,
			.is_alert = true,
			.message = "署名された指示を受け付けませんでした(%d)",
		},
	[RECORD_LOG_GAP] =
		{
			.code = "log.gap",
			.class_uid = OCSF_EVENT_LOG_ACTIVITY,
			.activity_id = 99,
			.activity = "Gap",
			.severity_id = 4,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_GAP,
			.is_alert = true,
			.message = "記録が%c件欠けています",
		},
	[RECORD_SPOOL_RESET] =
		{
			.code = "spool.reset",
			.class_uid = OCSF_EVENT_LOG_ACTIVITY,
			.activity_id = 1,
			.activity = "Clear",
			.severity_id = 4,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_GAP,
			.is_alert = true,
			.message = "記録の保存領域を作り直しました",
		},
	[RECORD_CLOCK_UNSYNC] =
		{
			.code = "clock.unsync",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 3,
			.status_id = 2,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.message = "時計が時刻サーバーと合っていません",
		},
	[RECORD_CLOCK_STEP] =
		{
			.code = "clock.step",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 3,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_STEP,
			.message = "時計が%cミリ秒変わりました",
		},
	[RECORD_KEY_ROTATE] =
		{
			.code = "key.rotate",
			.class_uid = OCSF_CONFIG_STATE_CHANGE,
			.activity_id = 1,
			.activity = "Log",
			.severity_id = 3,
			.status_id = 1,
			.action_id = OCSF_ACTION_OBSERVED,
			.disposition_id = OCSF_DISPOSITION_LOGGED,
			.part = RECORD_PART_KEY,
			.message = "記録に署名する鍵を替えました",
		},
};

const struct record_row *record_row(enum record_code code)
{
	if ((unsigned int)code >= COUNT(rows))
		return NULL;
	if (rows[code].code)
		return &rows[code];
	return code >= RECORD_GRANT_FIRST ? record_grant_row(code)
					  : record_login_row(code);
}

const char *record_code_to_str(enum record_code code)
{
	const struct record_row *row = record_row(code);

	return row ? row->code : "none";
}

int record_code_from_str(const char *str, enum record_code *ret_code)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct record_row *row = record_row((enum record_code)i);

		if (!row || strcmp(row->code, str) != 0)
			continue;
		*ret_code = (enum record_code)i;
		return 0;
	}
	return -ENOENT;
}

unsigned int record_code_severity(enum record_code code)
{
	const struct record_row *row = record_row(code);

	return row ? row->severity_id : 0;
}
