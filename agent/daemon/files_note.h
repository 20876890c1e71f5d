/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of one file of a mount until it is told, and the table of a
 * mount's files that are being written or wait for their SHA-256. Plain data
 * under its owner's lock: no thread, no file system.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/daemon/files_person.h"
#include "policy/digest.h"

#define NOTE_BUCKETS 1024
/* Files told a moment ago: written again, they wait to be told again. */
#define NOTE_RECENT_MAX 64
#define NOTE_AGAIN_NS	(1000 * NS_PER_MS)

enum note_kind {
	NOTE_WRITTEN = 0,
	NOTE_DELETED,
	NOTE_RENAMED,
	NOTE_SUMMARY, /* the last of its mount */
};

enum note_state {
	NOTE_OPEN = 0, /* being written */
	NOTE_QUEUED,   /* closed: waits for its SHA-256 */
	NOTE_HASHING,
	NOTE_DONE, /* out of the table, to be told */
};

struct files_mount;

struct note {
	struct note *next; /* in the table's order, or the list to be told */
	struct note *prev;
	struct note *next_inode; /* of the bucket */
	struct note *next_path;
	struct files_mount *mount; /* borrowed */
	enum note_kind kind;
	enum note_state state;
	uint64_t inode;
	char *path;
	char *to;
	bool is_directory;
	bool has_size;
	bool is_changed;  /* written again while it was hashed; __atomic */
	bool is_reopened; /* … and not closed since */
	bool is_by_name;  /* changed by its name: no descriptor seen so far */
	size_t bytes;	  /* as counted against the limit */
	uint64_t size_bytes;
	int64_t wall_changed_ns;      /* of the content that is told */
	char sha256[DIGEST_HEX_SIZE]; /* "": see .unhashed */
	uint64_t mynumber_count;      /* with .sha256 */
	const char *unhashed;	      /* a literal */
	struct person *person;	      /* NULL: not known */
	uint32_t write_count;
	uint64_t wall_first_ms;
	uint64_t wall_last_ms;
	uint64_t mono_due_ns;
};

struct note_list {
	struct note *first;
	struct note *last;
	size_t count;
};

struct note_table {
	struct note_list order; /* queued ones in the order they were closed */
	struct note *by_inode[NOTE_BUCKETS];
	struct note *by_path[NOTE_BUCKETS];
	struct {
		uint64_t inode;
		uint64_t mono_told_ns;
		uint64_t size_bytes;
		int64_t wall_changed_ns;
	} recent[NOTE_RECENT_MAX];
	unsigned int next_recent;
};

/* Copies PATH and TO (may be NULL) and takes a reference of PERSON. NULL: no
 * memory. */
struct note *note_new(enum note_kind kind, const char *path, const char *to,
		      struct person *person);
struct note *note_free(struct note *note);
/* Roughly, for the limit over all notes. */
size_t note_bytes(const struct note *note) __attribute__((nonnull));

void note_list_push(struct note_list *list, struct note *note)
	__attribute__((nonnull));
/* NULL: empty. */
struct note *note_list_pop(struct note_list *list) __attribute__((nonnull));

/* The table takes NOTE; its inode and path are the keys. */
void note_table_add(struct note_table *table, struct note *note)
	__attribute__((nonnull));
/* The caller has it back. */
void note_table_remove(struct note_table *table, struct note *note)
	__attribute__((nonnull));
struct note *note_table_find(const struct note_table *table, uint64_t inode)
	__attribute__((nonnull));
struct note *note_table_at(const struct note_table *table, const char *path)
	__attribute__((nonnull));

/* To the end of the order, state QUEUED, due now or, when the same file was
 * told a moment ago, a second after that. */
void note_table_queue(struct note_table *table, struct note *note,
		      uint64_t mono_now_ns) __attribute__((nonnull));
/* The first one that is due. NULL: none; *ret_due_ns is when the next will be,
 * 0 for never. */
struct note *note_table_due(const struct note_table *table,
			    uint64_t mono_now_ns, uint64_t *ret_due_ns)
	__attribute__((nonnull));
/* Remembers that a file was told. */
void note_table_told(struct note_table *table, const struct note *note,
		     uint64_t mono_now_ns) __attribute__((nonnull));
/* Whether this very content was told a moment ago. */
bool note_table_is_told(const struct note_table *table, uint64_t inode,
			uint64_t size_bytes, int64_t wall_changed_ns)
	__attribute__((nonnull));

/* Gives NOTE another path. 0 or -ENOMEM, unchanged. */
int note_table_move(struct note_table *table, struct note *note,
		    const char *path)
	__attribute__((nonnull, warn_unused_result));
/* The directory FROM is TO by now: so are the files below. -ENOMEM: not all
 * could be followed. */
int note_table_move_below(struct note_table *table, const char *from,
			  const char *to)
	__attribute__((nonnull, warn_unused_result));
