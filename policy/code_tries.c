/* SPDX-License-Identifier: Apache-2.0 */
/* The wait is a function of the count alone; the rest is keeping it. */
#include "policy/code_tries.h"

#include <stdio.h>
#include <string.h>

/* After `count` wrong ones: 0 below five, then 1, 2, 4 … 60 minutes. */
static uint64_t wait_after_ns(uint32_t count)
{
	if (count < CODE_TRIES_FREE)
		return 0;
	uint32_t doublings = count - CODE_TRIES_FREE;
	if (doublings >= 6) /* 64 minutes are over the longest */
		return CODE_TRIES_LONGEST_NS;
	return CODE_TRIES_FIRST_NS << doublings;
}

uint64_t code_tries_wait_ns(const struct code_tries *tries,
			    uint64_t boot_now_ns)
{
	return tries->boot_until_ns > boot_now_ns
		       ? tries->boot_until_ns - boot_now_ns
		       : 0;
}

void code_tries_spend(struct code_tries *tries, uint64_t boot_now_ns)
{
	if (tries->wrong_count < CODE_TRIES_COUNT_MAX)
		tries->wrong_count++;
	tries->boot_until_ns = boot_now_ns + wait_after_ns(tries->wrong_count);
}

void code_tries_clear(struct code_tries *tries)
{
	tries->wrong_count = 0;
	tries->boot_until_ns = 0;
}

size_t code_tries_format(const struct code_tries *tries,
			 char ret_text[CODE_TRIES_TEXT_SIZE])
{
	int n = snprintf(ret_text, CODE_TRIES_TEXT_SIZE,
			 "wrong %u until %llu boot %s\n", tries->wrong_count,
			 (unsigned long long)tries->boot_until_ns, tries->boot);

	return (size_t)n;
}

static bool take_word(struct span *text, const char *word)
{
	struct span want = span_str(word);

	if (!span_starts_with(*text, want))
		return false;
	*text = span_skip(*text, want.len);
	return true;
}

static bool take_number(struct span *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;
	size_t n = 0;

	while (n < text->len && text->ptr[n] >= '0' && text->ptr[n] <= '9') {
		uint64_t digit = (uint64_t)(text->ptr[n] - '0');
		if (number > (max - digit) / 10)
			return false;
		number = number * 10 + digit;
		n++;
	}
	if (n == 0)
		return false;
	*text = span_skip(*text, n);
	*ret_number = number;
	return true;
}

static void set_boot(struct code_tries *tries, struct span boot)
{
	size_t n = span_take(boot, CODE_TRIES_BOOT_SIZE - 1).len;

	memcpy(tries->boot, boot.ptr, n);
	tries->boot[n] = '\0';
}

static bool parse(struct span text, struct code_tries *ret_tries,
		  struct span *ret_boot)
{
	uint64_t count;
	uint64_t until_ns;

	if (text.len >= CODE_TRIES_TEXT_SIZE || !take_word(&text, "wrong ") ||
	    !take_number(&text, CODE_TRIES_COUNT_MAX, &count) ||
	    !take_word(&text, " until ") ||
	    !take_number(&text, UINT64_MAX, &until_ns) ||
	    !take_word(&text, " boot ") || text.len == 0 ||
	    text.len > CODE_TRIES_BOOT_SIZE || text.ptr[text.len - 1] != '\n')
		return false;
	ret_tries->wrong_count = (uint32_t)count;
	ret_tries->boot_until_ns = until_ns;
	*ret_boot = span_take(text, text.len - 1);
	return memchr(ret_boot->ptr, '\0', ret_boot->len) == NULL;
}

bool code_tries_load(struct span text, struct span boot, uint64_t boot_now_ns,
		     struct code_tries *ret_tries)
{
	struct code_tries tries = {0};
	struct span of_boot = {0};
	bool is_readable = text.len == 0 || parse(text, &tries, &of_boot);

	if (!is_readable)
		tries.wrong_count = CODE_TRIES_FREE + 6;
	/* Nobody waits longer than the count says, whatever the file says. */
	uint64_t latest_ns = boot_now_ns + wait_after_ns(tries.wrong_count);
	if (!is_readable || !span_equals(of_boot, boot) ||
	    tries.boot_until_ns > latest_ns)
		tries.boot_until_ns = latest_ns;
	set_boot(&tries, boot);
	*ret_tries = tries;
	return is_readable;
}
