/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Login records and policies: what is read is written and read again the same;
 * the decision stands whatever the policy says.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/login_switch.h"
#include "policy/mfa_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_record(struct span text)
{
	struct login_record record;
	struct login_record again;
	char first[LOGIN_TEXT_MAX_BYTES];
	char second[LOGIN_TEXT_MAX_BYTES];

	if (login_record_parse(text, &record) < 0)
		return;
	size_t len = login_record_format(&record, first, sizeof(first));
	if (len == 0 || login_record_parse(span_of(first, len), &again) < 0)
		abort();
	if (login_record_format(&again, second, sizeof(second)) != len ||
	    memcmp(first, second, len) != 0)
		abort();
}

static void check_policy(struct span text)
{
	struct login_policy policy;
	struct login_policy again;
	char first[LOGIN_TEXT_MAX_BYTES];
	char second[LOGIN_TEXT_MAX_BYTES];
	unsigned line = 0;

	if (login_policy_parse(text, &policy, &line) < 0)
		return;
	/* A full policy may be larger than its limit; then it is refused. */
	size_t len = login_policy_format(&policy, first, sizeof(first));
	if (len == 0)
		return;
	if (login_policy_parse(span_of(first, len), &again, &line) < 0 ||
	    login_policy_format(&again, second, sizeof(second)) != len ||
	    memcmp(first, second, len) != 0)
		abort();

	const struct login_fact fact = {.service = SPAN("login"),
					.has_uid = true,
					.uid = 1001,
					.boot_id = ""};
	struct login_verdict verdict;
	login_decide(&policy, &fact, 1000, &verdict);
	if (verdict.outcome == LOGIN_ALLOW_FACTORS ||
	    verdict.outcome == LOGIN_ALLOW_BREAKGLASS)
		abort(); /* nothing was proven */
}

static void check_switch(struct span text)
{
	struct login_switch sw;
	struct login_switch again;
	char first[LOGIN_SWITCH_MAX_BYTES];
	char second[LOGIN_SWITCH_MAX_BYTES];

	if (login_switch_parse(text, &sw) < 0)
		return;
	size_t len = login_switch_format(&sw, first);
	if (login_switch_parse(span_of(first, len), &again) < 0 ||
	    login_switch_format(&again, second) != len ||
	    memcmp(first, second, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);

	check_record(text);
	check_policy(text);
	check_switch(text);
	return 0;
}
