/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of pam.d files, as an administrator may have left them, and the walk
 * through the stack that they make.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pam/lint_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ENTRIES 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct stack_entry entries[ENTRIES];
	struct stack stack = {.entries = entries};
	const struct stack_entry *leak = NULL;
	char *text = malloc(size + 1);

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *rest = text; rest && stack.count < ENTRIES;) {
		char *line = strsep(&rest, "\n");
		struct stack_entry *entry = &entries[stack.count];

		if (stack_parse_line(line, STACK_AUTH, entry) <= 0)
			continue;
		/* Levels as includes would make them: the first argument. */
		entry->is_substack = entry->control[0] == '@';
		entry->level = entry->argument_count
				       ? (uint16_t)(entry->arguments[0][0] % 4)
				       : 0;
		stack.count++;
	}
	if (lint_can_bypass(&stack, size % 2 ? STACK_AUTH : STACK_ACCOUNT,
			    &leak) &&
	    stack.count == 0)
		abort();
	free(text);
	return 0;
}
