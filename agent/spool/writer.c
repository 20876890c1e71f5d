/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Committing: swaps the filled group for an empty one, writes it, fdatasyncs,
 * publishes. The thread does it, and then the housekeeping (spares, unlinking)
 * that nobody waits for; a caller of spool_flush may do the first part itself.
 * A failed piece is tried again from memory, whole, since after a failed
 * fdatasync the kernel may have dropped the dirty pages; until it succeeds
 * nothing of the group counts as durable.
 */
#include "agent/spool/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/spool/pack.h"
#include "agent/spool/tail.h"

#include "agent/base/banned.h"

#define SEGMENT_MODE 0640
#define PACK_RETRY_S 600u

static void signal_event(struct spool *spool)
{
	/* EAGAIN: the counter is full, so it is readable already. */
	(void)!eventfd_write(spool->event_fd, 1);
}

void writer_publish(struct spool *spool)
{
	struct spool_tail tail = {.seq = spool->durable_seq};
	char text[SPOOL_TAIL_SIZE];

	if (spool->tail_fd < 0)
		return;
	memcpy(tail.stream, spool->stream, FRAME_ID_SIZE);
	spool_tail_format(&tail, text);
	/*
	 * On tmpfs this fails only without memory. The shipper then learns of
	 * these events with the next group; they are durable all the same.
	 */
	(void)!pwrite_full(spool->tail_fd, text, sizeof(text), 0);
}

/* ---- spare segments ---- */

/* Group of the directory, so that the shipper's group can read. */
static void set_group(const struct spool *spool, int fd)
{
	struct stat status;

	if (fstat(spool->dirfd, &status) == 0)
		/* Without the right to, the creator's group stays. */
		(void)!fchown(fd, (uid_t)-1, status.st_gid);
}

static int prepare_slot(struct spool *spool, unsigned slot)
{
	char name[PREPARED_NAME_SIZE];

	prepared_name(slot, name);
	_cleanup_close_ int fd = open_below(spool->dirfd, name,
					    O_RDWR | O_CREAT, SEGMENT_MODE);
	if (fd < 0)
		return fd;
	set_group(spool, fd);

	int r = spool->ops->allocate(fd, spool->segment_bytes);
	if (r == 0)
		r = fchmod(fd, SEGMENT_MODE) < 0 ? -errno : 0;
	if (r < 0)
		/* Half an allocation only takes room from others. */
		(void)spool->ops->unlink(spool->dirfd, name);
	return r;
}

void writer_discard_spares(struct spool *spool)
{
	char name[PREPARED_NAME_SIZE];

	for (unsigned slot = 0; slot < SPARES_MAX; slot++) {
		prepared_name(slot, name);
		/* Mostly -ENOENT; what cannot go fails in prepare_slot. */
		(void)spool->ops->unlink(spool->dirfd, name);
	}
	(void)spool->ops->unlink(spool->dirfd, PACK_NAME);
}

/* How many spares there should be now. Lock held. */
static size_t wanted_spares(const struct spool *spool)
{
	size_t room = spool_room(spool);
	size_t wanted = spool->reserve_segments + 1;

	return wanted < room ? wanted : room;
}

static int free_slot(const struct spool *spool)
{
	for (unsigned slot = 0; slot < SPARES_MAX; slot++)
		if (!spool->spare_exists[slot])
			return (int)slot;
	return -ENOSPC;
}

/* One more spare. 0, or -errno when there can be none now. */
static int prepare_one(struct spool *spool)
{
	int slot = free_slot(spool);
	if (slot < 0)
		return slot;

	int r = prepare_slot(spool, (unsigned)slot);
	if (r < 0)
		return r;
	spool->spare_exists[slot] = true;

	pthread_mutex_lock(&spool->lock);
	spool->spare_count++;
	spool->is_prepare_stuck = false;
	if (spool->spare_count >= spool->reserve_segments &&
	    spool->used_bytes <= spool->total_bytes)
		spool->open.is_reserve = false;
	pthread_mutex_unlock(&spool->lock);
	return 0;
}

/* Unlinks the oldest segment if it may go. True if it did. */
static bool trim_one(struct spool *spool, bool needs_room)
{
	char name[SEGMENT_NAME_SIZE];
	size_t acked = 0;

	pthread_mutex_lock(&spool->lock);
	for (size_t i = 0; i + 1 < spool->segment_count; i++)
		acked += spool->segments[i].last_seq <= spool->acked_seq;
	needs_room = needs_room || spool->used_bytes >= spool->total_bytes;
	bool may_go = acked > spool->retain_segments ||
		      (needs_room && acked > 0);
	if (may_go)
		segment_name(spool->segments[0].first_seq, name);
	pthread_mutex_unlock(&spool->lock);

	if (!may_go || spool->ops->unlink(spool->dirfd, name) < 0)
		return false;

	pthread_mutex_lock(&spool->lock);
	spool->used_bytes -= spool->segments[0].bytes;
	spool->segment_count--;
	memmove(spool->segments, spool->segments + 1,
		spool->segment_count * sizeof(*spool->segments));
	pthread_mutex_unlock(&spool->lock);
	return true;
}

static size_t missing_spares(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	size_t wanted = wanted_spares(spool);
	size_t missing = wanted > spool->spare_count
				 ? wanted - spool->spare_count
				 : 0;
	pthread_mutex_unlock(&spool->lock);
	return missing;
}

void writer_prepare(struct spool *spool)
{
	while (missing_spares(spool) > 0) {
		int r = prepare_one(spool);

		if (r < 0 && !trim_one(spool, true)) {
			pthread_mutex_lock(&spool->lock);
			spool->is_prepare_stuck = true;
			pthread_mutex_unlock(&spool->lock);
			return;
		}
	}
}

/* ---- writing ---- */

/* Makes a prepared file the one that is written to. */
static int open_piece(struct spool *spool, struct piece *piece)
{
	uint8_t header[SEGMENT_HEADER_SIZE];
	char name[PREPARED_NAME_SIZE];

	if (!piece->is_opened) {
		unsigned slot = 0;

		/* A rotation promised one, so there is one. */
		while (!spool->spare_exists[slot])
			slot++;
		prepared_name(slot, name);
		int fd = open_below(spool->dirfd, name, O_RDWR, 0);
		if (fd < 0)
			return fd;
		cleanup_close(&spool->segment_fd);
		spool->segment_fd = fd;
		piece->slot = slot;
		piece->is_opened = true;
	}
	segment_header_encode(&piece->header, header);
	return spool->ops->write(spool->segment_fd, header, sizeof(header), 0);
}

/* Gives the synced file its name; from here on readers see it. */
static int name_piece(struct spool *spool, struct piece *piece)
{
	char prepared[PREPARED_NAME_SIZE];
	char name[SEGMENT_NAME_SIZE];

	if (!piece->is_renamed) {
		prepared_name(piece->slot, prepared);
		segment_name(piece->header.first_seq, name);
		int r = spool->ops->rename(spool->dirfd, prepared, name);
		if (r < 0)
			return r;
		spool->spare_exists[piece->slot] = false;
		piece->is_renamed = true;
	}
	return spool->ops->sync_directory(spool->dirfd);
}

static int write_footer(struct spool *spool, struct piece *piece)
{
	uint8_t footer[SEGMENT_FOOTER_SIZE];

	if (spool->host_key) {
		int r = segment_footer_sign(&piece->header, &piece->footer,
					    spool->host_key);
		if (r < 0)
			return r;
	}
	segment_footer_encode(&piece->footer, footer);
	return spool->ops->write(spool->segment_fd, footer, sizeof(footer),
				 piece->footer_offset);
}

static int write_piece(struct spool *spool, const struct group *group,
		       struct piece *piece)
{
	int r = 0;

	if (piece->opens)
		r = open_piece(spool, piece);
	if (r == 0 && piece->size > 0)
		r = spool->ops->write(spool->segment_fd,
				      group->data + piece->start, piece->size,
				      piece->offset);
	if (r == 0 && piece->closes)
		r = write_footer(spool, piece);
	if (r == 0)
		r = spool->ops->sync_data(spool->segment_fd);
	if (r == 0 && piece->opens)
		r = name_piece(spool, piece);
	return r;
}

int writer_begin_stream(struct spool *spool)
{
	struct piece piece = {.opens = true};

	if (spool->spare_count == 0)
		return -ENOSPC;
	spool->spare_count--;
	spool_start_segment(spool);
	piece.header = spool->open.header;
	int r = write_piece(spool, spool->writing, &piece);
	if (r < 0)
		return r;

	writer_prepare(spool);
	return 0;
}

/* ---- committing; with writer_lock held ---- */

/* Takes what was appended, if the last group is done. False: nothing to do. */
static bool take_group(struct spool *spool)
{
	if (spool->writing->piece_count > 0)
		return true;

	pthread_mutex_lock(&spool->lock);
	bool has_work = spool->active->piece_count > 0;
	if (has_work) {
		struct group *group = spool->active;

		spool->active = spool->writing;
		spool->writing = group;
	}
	pthread_mutex_unlock(&spool->lock);
	return has_work;
}

static void finish_group(struct spool *spool)
{
	struct group *group = spool->writing;

	pthread_mutex_lock(&spool->lock);
	if (group->last_seq > 0)
		spool->durable_seq = group->last_seq;
	spool->error = 0;
	writer_publish(spool);
	pthread_cond_broadcast(&spool->durable);
	pthread_mutex_unlock(&spool->lock);

	signal_event(spool);
	group->size = 0;
	group->piece_count = 0;
	group->written_count = 0;
	group->last_seq = 0;
}

static void note_failure(struct spool *spool, int error)
{
	pthread_mutex_lock(&spool->lock);
	bool is_new = spool->error != error;
	spool->error = error;
	pthread_mutex_unlock(&spool->lock);
	if (is_new)
		signal_event(spool);
}

/*
 * One attempt at what is pending. 0 when it is on the medium, else -errno: then
 * the group is kept, and its rest is what the next attempt begins with.
 */
static int commit(struct spool *spool)
{
	if (!take_group(spool))
		return 0;

	struct group *group = spool->writing;
	while (group->written_count < group->piece_count) {
		int r = write_piece(spool, group,
				    &group->pieces[group->written_count]);
		if (r < 0) {
			note_failure(spool, r);
			return r;
		}
		group->written_count++;
	}
	finish_group(spool);
	return 0;
}

/* Closes the open segment on disk; both locks are held, nothing is pending. */
static int close_open(struct spool *spool)
{
	struct open_segment *open = &spool->open;
	struct piece piece = {.header = open->header,
			      .footer.count = open->count,
			      .footer_offset = spool_footer_offset(spool)};

	if (open->is_closed)
		return 0;
	if (open->count == 0)
		return -EAGAIN;
	memcpy(piece.footer.tip, spool->tip, FRAME_HASH_SIZE);
	int r = write_footer(spool, &piece);
	if (r == 0)
		r = spool->ops->sync_data(spool->segment_fd);
	if (r == 0)
		open->is_closed = true;
	return r;
}

int spool_rekey(struct spool *spool, EVP_PKEY *key)
{
	uint8_t id[SEGMENT_KEY_ID_SIZE];
	int r = segment_key_id(key, id);

	if (r < 0)
		return r;
	pthread_mutex_lock(&spool->writer_lock);
	for (;;) {
		r = commit(spool);
		pthread_mutex_lock(&spool->lock);
		if (r < 0 || spool->active->piece_count == 0)
			break;
		pthread_mutex_unlock(&spool->lock); /* more came meanwhile */
	}
	if (r == 0)
		r = close_open(spool);
	if (r == 0) {
		spool->host_key = key;
		memcpy(spool->key_id, id, sizeof(id));
	}
	spool->wants_release = true; /* spares to prepare are the thread's */
	pthread_cond_signal(&spool->work);
	pthread_mutex_unlock(&spool->lock);
	pthread_mutex_unlock(&spool->writer_lock);
	return r;
}

bool writer_help(struct spool *spool)
{
	if (pthread_mutex_trylock(&spool->writer_lock) != 0)
		return false;
	int r = commit(spool);
	pthread_mutex_unlock(&spool->writer_lock);

	/* Spares to prepare and failures to wait out are the thread's. */
	pthread_mutex_lock(&spool->lock);
	if (r < 0 || (!spool->is_prepare_stuck &&
		      spool->spare_count < wanted_spares(spool))) {
		spool->wants_release = true;
		pthread_cond_signal(&spool->work);
	}
	pthread_mutex_unlock(&spool->lock);
	return true;
}

/* ---- the thread ---- */

/* Waits on `work` until a time of CLOCK_MONOTONIC; the lock is held. */
static bool wait_until(struct spool *spool, uint64_t at_ns)
{
	struct timespec deadline = {.tv_sec = (time_t)(at_ns / NS_PER_S),
				    .tv_nsec = (long)(at_ns % NS_PER_S)};

	return pthread_cond_timedwait(&spool->work, &spool->lock, &deadline) !=
	       ETIMEDOUT;
}

/* Waits a while, or until a stop is asked for. False: give up. */
static bool wait_for_retry(struct spool *spool)
{
	uint64_t now = clock_mono_ns();
	uint64_t at = now + RETRY_MS * NS_PER_MS;

	pthread_mutex_lock(&spool->lock);
	bool goes_on = !spool->wants_stop || now < spool->stop_mono_ns;
	if (spool->wants_stop && spool->stop_mono_ns < at)
		at = spool->stop_mono_ns;
	/* Appends signal too; an early retry is harmless. */
	if (goes_on)
		(void)wait_until(spool, at);
	pthread_mutex_unlock(&spool->lock);
	return goes_on;
}

/* False: there is nothing left to do, and a stop is wanted. */
static bool wait_for_work(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	while (spool->active->piece_count == 0 && spool->error == 0 &&
	       !spool->wants_stop && !spool->wants_release) {
		if (!spool->is_prepare_stuck)
			pthread_cond_wait(&spool->work, &spool->lock);
		else if (!wait_until(spool,
				     clock_mono_ns() + RETRY_MS * NS_PER_MS))
			break; /* others may have made room on the full disk */
	}
	bool is_last = spool->wants_stop && spool->error == 0 &&
		       spool->active->piece_count == 0;
	spool->wants_release = false;
	pthread_mutex_unlock(&spool->lock);
	return !is_last;
}

/* The oldest closed segment that is to be packed; 0: none, or events wait. */
static uint64_t choose_pack(struct spool *spool)
{
	uint64_t first_seq = 0;

	if (clock_mono_ns() < spool->pack_after_ns)
		return 0;
	pthread_mutex_lock(&spool->lock);
	for (size_t i = 0; !first_seq && spool->active->piece_count == 0 &&
			   i + 1 + spool->keep_plain < spool->segment_count;
	     i++)
		if (!spool->segments[i].is_settled)
			first_seq = spool->segments[i].first_seq;
	pthread_mutex_unlock(&spool->lock);
	return first_seq;
}

/* Nobody else removes or adds an entry before the last meanwhile. */
static void note_packed(struct spool *spool, uint64_t first_seq, int r,
			uint64_t bytes)
{
	pthread_mutex_lock(&spool->lock);
	for (size_t i = 0; i < spool->segment_count; i++) {
		struct segment_entry *entry = &spool->segments[i];

		if (entry->first_seq != first_seq)
			continue;
		entry->is_settled = true;
		if (r == PACK_NOT)
			break;
		spool->used_bytes -= entry->bytes;
		spool->used_bytes += bytes;
		entry->bytes = bytes;
		spool->wants_release = true; /* there may be room now */
		break;
	}
	pthread_mutex_unlock(&spool->lock);
}

/*
 * Packs one segment, if there is nothing better to do. Without writer_lock:
 * flushes go on. After a failure, of a full disk say, it waits a while.
 */
static bool pack_one(struct spool *spool)
{
	uint64_t first_seq = choose_pack(spool);
	uint64_t bytes = 0;

	if (first_seq == 0)
		return false;
	int r = segment_pack(spool->dirfd, spool->ops, first_seq, &bytes);
	if (r < 0) {
		spool->pack_after_ns = clock_mono_ns() +
				       PACK_RETRY_S * NS_PER_S;
		return false;
	}
	note_packed(spool, first_seq, r, bytes);
	return true;
}

static void housekeeping(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	size_t segments = spool->segment_count;
	size_t spares = spool->spare_count;
	pthread_mutex_unlock(&spool->lock);

	while (trim_one(spool, false))
		continue;
	writer_prepare(spool);

	pthread_mutex_lock(&spool->lock);
	bool has_changed = segments != spool->segment_count ||
			   spares != spool->spare_count;
	pthread_mutex_unlock(&spool->lock);
	if (has_changed)
		signal_event(spool);
}

void *writer_run(void *argument)
{
	struct spool *spool = argument;

	while (wait_for_work(spool)) {
		pthread_mutex_lock(&spool->writer_lock);
		int r = commit(spool);
		if (r == 0)
			housekeeping(spool);
		pthread_mutex_unlock(&spool->writer_lock);

		while (r == 0 && pack_one(spool))
			continue;
		if (r < 0 && !wait_for_retry(spool))
			break;
	}
	return NULL;
}
