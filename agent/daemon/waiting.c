/* SPDX-License-Identifier: Apache-2.0 */
/* A singly linked list of copies. */
#include "agent/daemon/waiting.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/daemon/record_copy.h"

#include "agent/base/banned.h"

struct waiting *waiting_free(struct waiting *waiting)
{
	if (!waiting)
		return NULL;
	free(waiting->record);
	free(waiting);
	return NULL;
}

int waiting_add(struct waiting_list *list, const struct record *record,
		uint64_t boot_ns, bool is_urgent)
{
	struct waiting *waiting = calloc(1, sizeof(*waiting));

	if (!waiting)
		return -ENOMEM;
	waiting->record = record_copy(record);
	if (!waiting->record) {
		waiting_free(waiting);
		return -ENOMEM;
	}
	waiting->boot_ns = boot_ns;
	waiting->is_urgent = is_urgent;
	if (list->last)
		list->last->next = waiting;
	else
		list->first = waiting;
	list->last = waiting;
	list->count++;
	return 0;
}

void waiting_prepend(struct waiting_list *list, struct waiting_list *before)
{
	if (!before->first)
		return;
	before->last->next = list->first;
	if (list->last)
		before->last = list->last;
	before->count += list->count;
	*list = *before;
	*before = (struct waiting_list){0};
}

void waiting_drop_first(struct waiting_list *list)
{
	struct waiting *waiting = list->first;

	list->first = waiting->next;
	if (!list->first)
		list->last = NULL;
	list->count--;
	waiting_free(waiting);
}

struct waiting *waiting_take_lesser(struct waiting_list *list)
{
	struct waiting *before = NULL;
	struct waiting *found = list->first;

	for (; found && found->is_urgent; found = found->next)
		before = found;
	if (!found)
		return NULL;
	if (before)
		before->next = found->next;
	else
		list->first = found->next;
	if (list->last == found)
		list->last = before;
	list->count--;
	found->next = NULL;
	return found;
}
