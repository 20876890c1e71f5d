/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posture: thresholds and words. A terminal beats every five minutes; three
 * missed are worth a look, as is a clock off by as much as Kerberos allows.
 */
#include "collector/web/posture.h"

#include <string.h>

#include "agent/base/banned.h"

#define SILENT_MS (INT64_C(15) * 60 * 1000)
#define SKEW_MS	  (INT64_C(5) * 60 * 1000)
#define LAG	  1000u

static const struct {
	const char *name[LANGUAGE_COUNT_];
	const char *advice[LANGUAGE_COUNT_];
} TEXTS[POSTURE_REASON_COUNT_] = {
	[POSTURE_SILENT] = {{"応答なし", "silent"},
			    {"電源とネットワークを確かめてください",
			     "check its power and network"}},
	[POSTURE_UNKNOWN] = {{"状態不明", "state unknown"},
			     {"エージェントの起動を確かめてください",
			      "check that the agent runs"}},
	[POSTURE_MONITOR] =
		{{"監視のみ", "monitor only"},
		 {"何も遮断していません。ポリシーを実施に切り替えてください",
		  "it stops nothing: switch its policy to enforce"}},
	[POSTURE_TIER] =
		{{"保護が一部のみ", "partly protected"},
		 {"カーネルの設定を確かめてください(sekimorictl status)",
		  "check its kernel (sekimorictl status)"}},
	[POSTURE_LAG] = {{"未送信が多い", "much unsent"},
			 {"通信の状態を確かめてください",
			  "check its connection"}},
	[POSTURE_CLOCK] = {{"時刻ずれ", "clock off"},
			   {"時刻同期(NTP)を確かめてください",
			    "check its time service (NTP)"}},
	[POSTURE_INCIDENT] = {{"記録に要確認", "record to check"},
			      {"端末の画面で内容を確かめてください",
			       "see what it is on the terminal's page"}},
};

unsigned int posture_read(const struct store_terminal *t, int64_t now_ms)
{
	unsigned int reasons = 0;

	if (now_ms - t->last_ms > SILENT_MS)
		reasons |= POSTURE_BIT(POSTURE_SILENT);
	if (t->mode[0] == '\0' || t->tier[0] == '\0')
		reasons |= POSTURE_BIT(POSTURE_UNKNOWN);
	if (t->mode[0] && strcmp(t->mode, "enforce") != 0)
		reasons |= POSTURE_BIT(POSTURE_MONITOR);
	if (t->tier[0] && strcmp(t->tier, "T1") != 0 &&
	    strcmp(t->tier, "T2") != 0)
		reasons |= POSTURE_BIT(POSTURE_TIER);
	if (t->tail > t->acked && t->tail - t->acked > LAG)
		reasons |= POSTURE_BIT(POSTURE_LAG);
	if (t->skew_ms > SKEW_MS || t->skew_ms < -SKEW_MS)
		reasons |= POSTURE_BIT(POSTURE_CLOCK);
	if (t->incidents > 0)
		reasons |= POSTURE_BIT(POSTURE_INCIDENT);
	return reasons;
}

bool posture_protects(unsigned int reasons)
{
	return (reasons &
		(POSTURE_BIT(POSTURE_SILENT) | POSTURE_BIT(POSTURE_UNKNOWN) |
		 POSTURE_BIT(POSTURE_MONITOR) | POSTURE_BIT(POSTURE_TIER))) ==
	       0;
}

const char *posture_name(enum posture_reason reason, enum language language)
{
	return TEXTS[reason].name[language];
}

const char *posture_advice(enum posture_reason reason, enum language language)
{
	return TEXTS[reason].advice[language];
}
