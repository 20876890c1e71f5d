/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening, appending and asking. An append works in memory only: it takes its
 * place in the current group and on disk under one lock, for about the time of
 * a SHA-256. All writing is the thread's, in writer.c.
 */
#include "agent/spool/internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

static_assert(SPOOL_SEGMENT_BYTES_MIN > SEGMENT_HEADER_SIZE + FRAME_SIZE_MAX +
						SEGMENT_FOOTER_SIZE,
	      "an empty segment must take any frame");

const char *spool_found_to_str(enum spool_found found)
{
	static const char *const names[] = {
		[SPOOL_FOUND_CLEAN] = "clean",
		[SPOOL_FOUND_TORN] = "torn",
		[SPOOL_FOUND_NONE] = "none",
		[SPOOL_FOUND_FOREIGN] = "foreign",
		[SPOOL_FOUND_CORRUPT] = "corrupt",
		[SPOOL_FOUND_ROLLED_BACK] = "rolled back",
		[SPOOL_FOUND_FORKED] = "forked",
	};

	return (size_t)found < sizeof(names) / sizeof(*names) ? names[found]
							      : "unknown";
}

void spool_push_segment(struct spool *spool, const struct segment_entry *entry)
{
	assert(spool->segment_count < spool->segment_capacity);
	spool->segments[spool->segment_count++] = *entry;
	spool->used_bytes += entry->bytes;
}

size_t spool_room(const struct spool *spool)
{
	uint64_t limit = spool->total_bytes +
			 spool->reserve_segments * spool->segment_bytes;
	uint64_t room = limit > spool->used_bytes
				? (limit - spool->used_bytes) /
					  spool->segment_bytes
				: 0;
	size_t files = spool->segment_count < SPOOL_SEGMENTS_MAX
			       ? SPOOL_SEGMENTS_MAX - spool->segment_count
			       : 0;

	return room < files ? (size_t)room : files;
}

static struct segment_entry *newest(struct spool *spool)
{
	return &spool->segments[spool->segment_count - 1];
}

void spool_start_segment(struct spool *spool)
{
	struct open_segment *open = &spool->open;

	*open = (struct open_segment){
		.used = SEGMENT_HEADER_SIZE,
		.capacity = spool->segment_bytes,
		/* Below its full strength the reserve is being used. */
		.is_reserve = spool->spare_count < spool->reserve_segments &&
			      spool->segment_count > 0,
	};
	open->header.first_seq = spool->next_seq;
	open->header.wall_ns = clock_wall_ns();
	memcpy(open->header.stream, spool->stream, FRAME_ID_SIZE);
	memcpy(open->header.host_id, spool->host_id, FRAME_ID_SIZE);
	memcpy(open->header.prev, spool->tip, FRAME_HASH_SIZE);
	memcpy(open->header.key_id, spool->key_id, SEGMENT_KEY_ID_SIZE);

	spool_push_segment(
		spool, &(struct segment_entry){.first_seq = spool->next_seq,
					       .last_seq = spool->next_seq - 1,
					       .wall_ns = open->header.wall_ns,
					       .bytes = spool->segment_bytes});
}

/* ---- appending; all with the lock held ---- */

static struct piece *last_piece(struct group *group)
{
	return group->piece_count ? &group->pieces[group->piece_count - 1]
				  : NULL;
}

/* A piece for the open segment. The caller has checked PIECES_MAX. */
static struct piece *push_piece(struct spool *spool)
{
	struct group *group = spool->active;
	struct piece *piece = &group->pieces[group->piece_count++];

	*piece = (struct piece){
		.start = group->size,
		.offset = spool->open.used,
		.header = spool->open.header,
	};
	return piece;
}

/* Whether the budget still allows to prepare another spare. */
static bool can_prepare(const struct spool *spool)
{
	return !spool->is_prepare_stuck &&
	       spool->spare_count < spool_room(spool);
}

uint64_t spool_footer_offset(const struct spool *spool)
{
	uint64_t offset = spool->open.capacity - SEGMENT_FOOTER_SIZE;

	return spool->open.used > offset ? spool->open.used : offset;
}

/* Ends the open segment and starts the next one. 0 or an append outcome. */
static int rotate(struct spool *spool, bool is_urgent)
{
	struct group *group = spool->active;
	size_t kept = is_urgent ? 0 : spool->reserve_segments;

	if (spool->spare_count <= kept)
		return can_prepare(spool) ? SPOOL_BUSY : SPOOL_FULL;
	if (group->piece_count + 2 > PIECES_MAX)
		return SPOOL_BUSY;

	if (!spool->open.is_closed) {
		struct piece *piece = last_piece(group);
		const struct open_segment *open = &spool->open;

		if (!piece)
			piece = push_piece(spool);
		piece->closes = true;
		piece->footer.count = open->count;
		memcpy(piece->footer.tip, spool->tip, FRAME_HASH_SIZE);
		piece->footer_offset = spool_footer_offset(spool);
	}

	spool->spare_count--;
	spool_start_segment(spool);
	push_piece(spool)->opens = true;
	return 0;
}

/* Finds the event a place in memory and on disk. 0 or an append outcome. */
static int claim(struct spool *spool, size_t size, bool is_urgent)
{
	struct open_segment *open = &spool->open;
	struct group *group = spool->active;

	if (group->size + size > spool->pending_bytes)
		return SPOOL_BUSY;

	bool fits = open->used + size + SEGMENT_FOOTER_SIZE <= open->capacity;
	if (open->is_closed || !fits)
		return rotate(spool, is_urgent);
	return open->is_reserve && !is_urgent ? SPOOL_FULL : 0;
}

static int append_frame(struct spool *spool, const struct spool_entry *entry)
{
	struct group *group = spool->active;
	struct frame frame = {
		.flags = entry->flags,
		.seq = spool->next_seq,
		.wall_ns = entry->wall_ns,
		.boot_ns = entry->boot_ns,
		.payload = entry->data,
		.payload_size = entry->size,
	};
	uint8_t hash[FRAME_HASH_SIZE];
	size_t size = 0;

	memcpy(frame.prev, spool->tip, FRAME_HASH_SIZE);
	int r = frame_encode(&frame, group->data + group->size,
			     spool->pending_bytes - group->size, hash, &size);
	if (r < 0)
		return r;

	struct piece *piece = last_piece(group);
	if (!piece)
		piece = push_piece(spool);
	piece->size += size;
	group->size += size;
	group->last_seq = frame.seq;

	spool->open.used += size;
	spool->open.count++;
	newest(spool)->last_seq = frame.seq;
	memcpy(spool->tip, hash, FRAME_HASH_SIZE);
	spool->next_seq++;
	return 0;
}

int spool_append(struct spool *spool, const struct spool_entry *entry,
		 uint64_t *ret_seq)
{
	if (entry->size > FRAME_PAYLOAD_MAX)
		return SPOOL_TOO_LARGE;

	pthread_mutex_lock(&spool->lock);
	uint64_t seq = spool->next_seq;
	int r = SPOOL_SEQ_TAKEN;

	if (entry->seq == 0 || entry->seq == seq) {
		r = claim(spool, frame_size(entry->size),
			  entry->flags & FRAME_URGENT);
		if (r > 0)
			spool->refused_count++;
	}
	if (r == 0)
		r = append_frame(spool, entry);
	if (r == SPOOL_BUSY)
		spool->wants_release = true; /* a spare may be missing */
	if (r == 0 || r == SPOOL_BUSY || spool->active->piece_count > 0)
		pthread_cond_signal(&spool->work);
	pthread_mutex_unlock(&spool->lock);

	if (r == 0)
		*ret_seq = seq;
	return r;
}

/* ---- asking ---- */

void spool_stream(const struct spool *spool, uint8_t ret_stream[FRAME_ID_SIZE])
{
	memcpy(ret_stream, spool->stream, FRAME_ID_SIZE);
}

uint64_t spool_next_seq(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	uint64_t seq = spool->next_seq;
	pthread_mutex_unlock(&spool->lock);
	return seq;
}

uint64_t spool_durable_seq(struct spool *spool)
{
	pthread_mutex_lock(&spool->lock);
	uint64_t seq = spool->durable_seq;
	pthread_mutex_unlock(&spool->lock);
	return seq;
}

int spool_event_fd(const struct spool *spool)
{
	return spool->event_fd;
}

void spool_tip(struct spool *spool, struct spool_tip *ret_tip)
{
	pthread_mutex_lock(&spool->lock);
	ret_tip->seq = spool->next_seq - 1;
	memcpy(ret_tip->hash, spool->tip, FRAME_HASH_SIZE);
	pthread_mutex_unlock(&spool->lock);
}

static struct timespec mono_deadline(uint32_t timeout_ms)
{
	uint64_t at = clock_mono_ns() + timeout_ms * NS_PER_MS;

	return (struct timespec){.tv_sec = (time_t)(at / NS_PER_S),
				 .tv_nsec = (long)(at % NS_PER_S)};
}

int spool_flush(struct spool *spool, uint64_t seq, uint32_t timeout_ms)
{
	struct timespec deadline = mono_deadline(timeout_ms);
	int error = 0;

	pthread_mutex_lock(&spool->lock);
	while (spool->durable_seq < seq && error == 0) {
		bool is_failing = spool->error < 0;

		pthread_mutex_unlock(&spool->lock);
		bool has_helped = !is_failing && writer_help(spool);
		pthread_mutex_lock(&spool->lock);
		if (!has_helped && spool->durable_seq < seq)
			error = pthread_cond_timedwait(&spool->durable,
						       &spool->lock, &deadline);
	}
	bool is_durable = spool->durable_seq >= seq;
	pthread_mutex_unlock(&spool->lock);
	return is_durable ? 0 : SPOOL_TIMEOUT;
}

void spool_release(struct spool *spool, uint64_t seq)
{
	pthread_mutex_lock(&spool->lock);
	if (seq > spool->durable_seq)
		seq = spool->durable_seq;
	if (seq > spool->acked_seq) {
		spool->acked_seq = seq;
		spool->wants_release = true;
		pthread_cond_signal(&spool->work);
	}
	pthread_mutex_unlock(&spool->lock);
}

static uint64_t wall_ns_of(const struct spool *spool, uint64_t seq)
{
	for (size_t i = spool->segment_count; i > 0; i--)
		if (spool->segments[i - 1].first_seq <= seq)
			return spool->segments[i - 1].wall_ns;
	return 0;
}

void spool_stats(struct spool *spool, struct spool_stats *ret_stats)
{
	pthread_mutex_lock(&spool->lock);
	struct spool_stats stats = {
		.last_seq = spool->next_seq - 1,
		.durable_seq = spool->durable_seq,
		.acked_seq = spool->acked_seq,
		.first_seq = spool->segments[0].first_seq,
		.unacked_count = spool->durable_seq - spool->acked_seq,
		.bytes = spool->used_bytes +
			 (uint64_t)spool->spare_count * spool->segment_bytes,
		.limit_bytes = spool->total_bytes +
			       spool->reserve_segments * spool->segment_bytes,
		.refused_count = spool->refused_count,
		.is_in_reserve = spool->open.is_reserve,
		.error = spool->error,
	};

	if (stats.unacked_count > 0)
		stats.oldest_unacked_wall_ns = wall_ns_of(spool,
							  stats.acked_seq + 1);
	pthread_mutex_unlock(&spool->lock);
	*ret_stats = stats;
}

/* ---- opening and closing ---- */

/* The default, or what keeps the number of files of a huge spool in bounds. */
static uint32_t default_segment_bytes(uint64_t total_bytes)
{
	uint32_t bytes = SPOOL_SEGMENT_BYTES_DEFAULT;

	while (bytes < SPOOL_SEGMENT_BYTES_MAX &&
	       total_bytes / bytes > SPOOL_SEGMENTS_MAX / 2)
		bytes *= 2;
	return bytes;
}

static int set_sizes(struct spool *spool, const struct spool_config *config)
{
	uint64_t total = config->total_bytes ? config->total_bytes
					     : SPOOL_TOTAL_BYTES_DEFAULT;
	uint64_t reserve = config->reserve_bytes ? config->reserve_bytes
						 : SPOOL_RESERVE_BYTES_DEFAULT;

	spool->segment_bytes = config->segment_bytes
				       ? config->segment_bytes
				       : default_segment_bytes(total);
	spool->pending_bytes = config->pending_bytes
				       ? config->pending_bytes
				       : SPOOL_PENDING_BYTES_DEFAULT;
	spool->retain_segments = config->retain_segments
					 ? config->retain_segments
					 : SPOOL_RETAIN_SEGMENTS_DEFAULT;
	if (spool->segment_bytes < SPOOL_SEGMENT_BYTES_MIN ||
	    spool->segment_bytes > SPOOL_SEGMENT_BYTES_MAX ||
	    spool->pending_bytes < FRAME_SIZE_MAX ||
	    spool->pending_bytes > SPOOL_SEGMENT_BYTES_MAX)
		return -EINVAL;

	/* A reserve is whole segments, at least one. */
	total -= total % spool->segment_bytes;
	reserve = reserve / spool->segment_bytes +
		  (reserve % spool->segment_bytes > 0);
	if (total / spool->segment_bytes < 2 ||
	    total / spool->segment_bytes > SPOOL_SEGMENTS_MAX / 2 ||
	    reserve + 1 + PIECES_MAX > SPARES_MAX)
		return -EINVAL;
	spool->total_bytes = total;
	spool->reserve_segments = reserve;
	return 0;
}

static int open_descriptors(struct spool *spool,
			    const struct spool_config *config)
{
	spool->dirfd = open_below(config->dirfd, ".", O_RDONLY | O_DIRECTORY,
				  0);
	if (spool->dirfd < 0)
		return spool->dirfd;
	if (flock(spool->dirfd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;

	if (config->tail_fd >= 0) {
		spool->tail_fd = fcntl(config->tail_fd, F_DUPFD_CLOEXEC, 3);
		if (spool->tail_fd < 0)
			return -errno;
	}
	spool->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return spool->event_fd < 0 ? -errno : 0;
}

static int init_memory(struct spool *spool)
{
	for (int i = 0; i < 2; i++) {
		spool->groups[i].data = malloc(spool->pending_bytes);
		if (!spool->groups[i].data)
			return -ENOMEM;
	}
	spool->active = &spool->groups[0];
	spool->writing = &spool->groups[1];

	pthread_condattr_t attributes;
	int error = pthread_condattr_init(&attributes);
	if (error)
		return -error;
	/* Cannot fail with a valid clock and fresh objects on Linux. */
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&spool->lock, NULL);
	(void)pthread_mutex_init(&spool->writer_lock, NULL);
	(void)pthread_cond_init(&spool->work, &attributes);
	(void)pthread_cond_init(&spool->durable, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	spool->has_lock = true;
	return 0;
}

static int new_stream(struct spool *spool)
{
	if (getrandom(spool->stream, FRAME_ID_SIZE, 0) != FRAME_ID_SIZE)
		return -EIO;
	spool->next_seq = 1;
	return frame_origin(spool->stream, spool->host_id, spool->tip);
}

static void continue_stream(struct spool *spool, struct recovered *found)
{
	memcpy(spool->stream, found->header.stream, FRAME_ID_SIZE);
	memcpy(spool->tip, found->tip, FRAME_HASH_SIZE);
	spool->next_seq = found->header.first_seq + found->count;
	spool->durable_seq = spool->next_seq - 1;
	spool->acked_seq = spool->segment_count
				   ? spool->segments[0].first_seq - 1
				   : found->header.first_seq - 1;
	spool->open = (struct open_segment){
		.header = found->header,
		.used = found->used,
		.capacity = found->size,
		.count = found->count,
		.is_closed = found->is_closed,
		.is_reserve = spool->used_bytes + found->size >
			      spool->total_bytes,
	};
	spool_push_segment(spool, &(struct segment_entry){
					  .first_seq = found->header.first_seq,
					  .last_seq = spool->next_seq - 1,
					  .wall_ns = found->header.wall_ns,
					  .bytes = found->size});
	spool->segment_fd = TAKE_FD(found->fd);
}

static int start_thread(struct spool *spool)
{
	sigset_t all;
	sigset_t before;

	/* Signals belong to the program's loop, not to this thread. */
	sigfillset(&all);
	int error = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (error)
		return -error;
	error = pthread_create(&spool->thread, NULL, writer_run, spool);
	spool->has_thread = error == 0;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* was valid */
	return -error;
}

static int load(struct spool *spool, const struct spool_config *config,
		struct spool_opening *opening)
{
	struct recovered found;

	int r = spool_recover(spool, config, &found, opening);
	if (r < 0)
		return r;

	writer_discard_spares(spool);
	opening->is_new_stream = found.fd < 0;
	if (!opening->is_new_stream) {
		continue_stream(spool, &found);
		writer_prepare(spool);
		return 0;
	}

	r = new_stream(spool);
	if (r < 0)
		return r;
	writer_prepare(spool);
	return writer_begin_stream(spool);
}

/* Frees everything; the thread, if there was one, has ended. */
static struct spool *free_stopped(struct spool *spool)
{
	if (!spool)
		return NULL;

	if (spool->has_lock) {
		(void)pthread_cond_destroy(&spool->durable);
		(void)pthread_cond_destroy(&spool->work);
		(void)pthread_mutex_destroy(&spool->writer_lock);
		(void)pthread_mutex_destroy(&spool->lock);
	}
	for (int i = 0; i < 2; i++)
		free(spool->groups[i].data);
	free(spool->segments);
	cleanup_close(&spool->segment_fd);
	cleanup_close(&spool->event_fd);
	cleanup_close(&spool->tail_fd);
	cleanup_close(&spool->dirfd);
	free(spool);
	return NULL;
}

struct spool *spool_close(struct spool *spool, uint32_t timeout_ms)
{
	if (!spool)
		return NULL;

	pthread_mutex_lock(&spool->lock);
	spool->wants_stop = true;
	spool->stop_mono_ns = clock_mono_ns() + timeout_ms * NS_PER_MS;
	pthread_cond_signal(&spool->work);
	pthread_mutex_unlock(&spool->lock);
	(void)pthread_join(spool->thread, NULL); /* ours and joinable */
	return free_stopped(spool);
}

DEFINE_CLEANUP(spool_stopped, struct spool *, free_stopped);

int spool_open(const struct spool_config *config, struct spool **ret_spool,
	       struct spool_opening *ret_opening)
{
	struct spool_opening opening = {0};

	_cleanup_(cleanup_spool_stopped) struct spool *spool =
		calloc(1, sizeof(*spool));
	if (!spool)
		return -ENOMEM;
	spool->dirfd = spool->tail_fd = spool->event_fd = -1;
	spool->segment_fd = -1;
	spool->ops = config->ops ? config->ops : &spool_real_ops;
	spool->host_key = config->host_key;
	spool->keep_plain = config->keep_plain ? config->keep_plain
					       : SPOOL_KEEP_PLAIN_DEFAULT;
	memcpy(spool->host_id, config->host_id, FRAME_ID_SIZE);

	int r = set_sizes(spool, config);
	if (r == 0 && config->host_key)
		r = segment_key_id(config->host_key, spool->key_id);
	if (r == 0)
		r = open_descriptors(spool, config);
	if (r == 0)
		r = init_memory(spool);
	if (r == 0)
		r = load(spool, config, &opening);
	if (r < 0)
		return r;

	writer_publish(spool);
	spool->wants_release = true; /* begins with a look at all there is */
	r = start_thread(spool);
	if (r < 0)
		return r;
	*ret_spool = TAKE_PTR(spool);
	*ret_opening = opening;
	return 0;
}
