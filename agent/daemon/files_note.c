/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and two hash tables over the same notes. */
#include "agent/daemon/files_note.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"

static char *copy_of(const char *text)
{
	return text ? strdup(text) : NULL;
}

struct note *note_new(enum note_kind kind, const char *path, const char *to,
		      struct person *person)
{
	struct note *note = calloc(1, sizeof(*note));

	if (!note)
		return NULL;
	note->kind = kind;
	note->path = copy_of(path);
	note->to = copy_of(to);
	note->person = person_ref(person);
	if ((path && !note->path) || (to && !note->to))
		return note_free(note);
	note->wall_first_ms = note->wall_last_ms = clock_wall_ns() / NS_PER_MS;
	return note;
}

struct note *note_free(struct note *note)
{
	if (!note)
		return NULL;
	person_unref(note->person);
	free(note->path);
	free(note->to);
	free(note);
	return NULL;
}

size_t note_bytes(const struct note *note)
{
	return sizeof(*note) + (note->path ? strlen(note->path) : 0) +
	       (note->to ? strlen(note->to) : 0);
}

void note_list_push(struct note_list *list, struct note *note)
{
	note->next = NULL;
	note->prev = list->last;
	if (list->last)
		list->last->next = note;
	else
		list->first = note;
	list->last = note;
	list->count++;
}

static void take_out(struct note_list *list, struct note *note)
{
	if (note->prev)
		note->prev->next = note->next;
	else
		list->first = note->next;
	if (note->next)
		note->next->prev = note->prev;
	else
		list->last = note->prev;
	note->next = note->prev = NULL;
	list->count--;
}

struct note *note_list_pop(struct note_list *list)
{
	struct note *note = list->first;

	if (note)
		take_out(list, note);
	return note;
}

static size_t bucket_of_inode(uint64_t inode)
{
	return (inode ^ inode >> 10 ^ inode >> 32) % NOTE_BUCKETS;
}

/* FNV-1a: names are chosen by people on this terminal, not to flood us. */
static size_t bucket_of_path(const char *path)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * UINT64_C(0x100000001b3);
	return (hash ^ hash >> 32) % NOTE_BUCKETS;
}

static void link_path(struct note_table *table, struct note *note)
{
	if (!note->path)
		return;
	struct note **bucket = &table->by_path[bucket_of_path(note->path)];
	note->next_path = *bucket;
	*bucket = note;
}

static void unlink_path(struct note_table *table, struct note *note)
{
	if (!note->path)
		return;
	struct note **at = &table->by_path[bucket_of_path(note->path)];
	while (*at != note)
		at = &(*at)->next_path;
	*at = note->next_path;
	note->next_path = NULL;
}

void note_table_add(struct note_table *table, struct note *note)
{
	struct note **bucket = &table->by_inode[bucket_of_inode(note->inode)];

	note->next_inode = *bucket;
	*bucket = note;
	link_path(table, note);
	note_list_push(&table->order, note);
}

void note_table_remove(struct note_table *table, struct note *note)
{
	struct note **at = &table->by_inode[bucket_of_inode(note->inode)];

	while (*at != note)
		at = &(*at)->next_inode;
	*at = note->next_inode;
	note->next_inode = NULL;
	unlink_path(table, note);
	take_out(&table->order, note);
}

struct note *note_table_find(const struct note_table *table, uint64_t inode)
{
	struct note *note = table->by_inode[bucket_of_inode(inode)];

	while (note && note->inode != inode)
		note = note->next_inode;
	return note;
}

struct note *note_table_at(const struct note_table *table, const char *path)
{
	struct note *note = table->by_path[bucket_of_path(path)];

	while (note && strcmp(note->path, path) != 0)
		note = note->next_path;
	return note;
}

void note_table_queue(struct note_table *table, struct note *note,
		      uint64_t mono_now_ns)
{
	note->state = NOTE_QUEUED;
	note->mono_due_ns = 0;
	for (size_t i = 0; i < NOTE_RECENT_MAX; i++)
		if (table->recent[i].inode == note->inode &&
		    table->recent[i].mono_told_ns + NOTE_AGAIN_NS > mono_now_ns)
			note->mono_due_ns = table->recent[i].mono_told_ns +
					    NOTE_AGAIN_NS;
	take_out(&table->order, note);
	note_list_push(&table->order, note);
}

struct note *note_table_due(const struct note_table *table,
			    uint64_t mono_now_ns, uint64_t *ret_due_ns)
{
	uint64_t next = 0;

	for (struct note *note = table->order.first; note; note = note->next) {
		if (note->state != NOTE_QUEUED)
			continue;
		if (note->mono_due_ns <= mono_now_ns)
			return note;
		if (next == 0 || note->mono_due_ns < next)
			next = note->mono_due_ns;
	}
	*ret_due_ns = next;
	return NULL;
}

void note_table_told(struct note_table *table, const struct note *note,
		     uint64_t mono_now_ns)
{
	unsigned int at = NOTE_RECENT_MAX;

	for (unsigned int i = 0; i < NOTE_RECENT_MAX; i++)
		if (table->recent[i].inode == note->inode)
			at = i;
	if (at == NOTE_RECENT_MAX)
		at = table->next_recent++ % NOTE_RECENT_MAX;
	table->recent[at].inode = note->inode;
	table->recent[at].mono_told_ns = mono_now_ns;
	table->recent[at].size_bytes = note->size_bytes;
	table->recent[at].wall_changed_ns = note->wall_changed_ns;
}

bool note_table_is_told(const struct note_table *table, uint64_t inode,
			uint64_t size_bytes, int64_t wall_changed_ns)
{
	for (unsigned int i = 0; i < NOTE_RECENT_MAX; i++)
		if (table->recent[i].inode == inode &&
		    table->recent[i].size_bytes == size_bytes &&
		    table->recent[i].wall_changed_ns == wall_changed_ns)
			return true;
	return false;
}

int note_table_move(struct note_table *table, struct note *note,
		    const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return -ENOMEM;
	unlink_path(table, note);
	free(note->path);
	note->path = copy;
	link_path(table, note);
	return 0;
}

int note_table_move_below(struct note_table *table, const char *from,
			  const char *to)
{
	size_t len = strlen(from);
	int result = 0;

	for (struct note *note = table->order.first; note; note = note->next) {
		_cleanup_free_ char *path = NULL;

		if (!note->path || strncmp(note->path, from, len) != 0 ||
		    note->path[len] != '/')
			continue;
		if (asprintf(&path, "%s%s", to, note->path + len) < 0) {
			path = NULL; /* unspecified on failure */
			result = -ENOMEM;
		} else if (note_table_move(table, note, path) < 0) {
			result = -ENOMEM;
		}
	}
	return result;
}
