/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queue, numbering and append. The order of events is the order of emit():
 * once something waits, everything after it waits behind it, but for a full
 * spool, where an urgent event (a denial) must not wait behind others.
 */
#include "agent/daemon/recorder.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/daemon/fold.h"
#include "agent/daemon/identity.h"
#include "agent/daemon/rotation.h"
#include "agent/daemon/waiting.h"
#include "agent/spool/reader.h"

#define STATE_DIR "var/lib/sekimori"
#define SPOOL_DIR STATE_DIR "/spool"
#define TAIL_FILE "run/sekimori/spool.tail"
/* The daemon's loop stands still meanwhile. */
#define RENEW_FLUSH_MS 1000u

struct recorder {
	struct recorder_options options;
	struct terminal terminal;
	struct identity identity;
	struct record_policy policy;
	struct spool *spool;
	char stream[HEX_SIZE(FRAME_ID_SIZE)];
	int spool_dir;
	/* Stands behind follower_seq: reading on from there needs no search */
	struct spool_reader *follower;
	uint64_t follower_seq;

	struct waiting_list waiting;
	uint64_t dropped_total;
	struct fold fold; /* of them, not told yet */
	bool is_full;	  /* only the reserve is left */
	bool is_opening;  /* what waits is held back */

	struct cursor cursor;
	bool has_cursor;
	bool was_opened;
	bool is_fork_kept; /* the collector refuses it, and it goes on */
	char json[RECORD_MAX_BYTES];
};

int recorder_new(const struct recorder_options *options,
		 struct recorder **ret_recorder)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));

	if (!recorder)
		return -ENOMEM;
	recorder->options = *options;
	recorder->spool_dir = -1;
	terminal_init(&recorder->terminal, options->root_fd, options->config);
	(void)failure_raise(options->failures, FAILURE_SPOOL_ABSENT, NULL);
	*ret_recorder = recorder;
	return 0;
}

/* Denials, tampering and what is needed to read the log at all. */
static bool is_urgent(enum record_code code)
{
	switch (code) {
	case RECORD_USB_DEVICE_BLOCKED:
	case RECORD_USB_DEVICE_HELD:
	case RECORD_USB_KEYBOARD_CUT:
	case RECORD_LIFELINE_KEPT:
	case RECORD_MEDIA_DENIED:
	case RECORD_MEDIA_ENDED:
	case RECORD_MOUNT_BLOCKED:
	case RECORD_BLOCK_OPEN_BLOCKED:
	case RECORD_BLOCK_RAWWRITE_BLOCKED:
	case RECORD_SYSFS_WRITE_BLOCKED:
	case RECORD_POLICY_REJECTED:
	case RECORD_AGENT_START:
	case RECORD_AGENT_STOP:
	case RECORD_AGENT_DEGRADED:
	case RECORD_AGENT_TAMPER:
	case RECORD_ORDER_ACCEPTED:
	case RECORD_ORDER_REJECTED:
	case RECORD_LOG_GAP:
	case RECORD_SPOOL_RESET:
	case RECORD_KEY_ROTATE:
	case RECORD_MFA_SESSION_DENIED:
	case RECORD_MFA_SESSION_VIOLATION:
	case RECORD_CHANNEL_BLOCKED:
	case RECORD_MFA_BREAKGLASS_USED:
	case RECORD_GRANT_REQUESTED:
	case RECORD_GRANT_GRANTED:
	case RECORD_GRANT_REFUSED:
	case RECORD_GRANT_USED:
	case RECORD_GRANT_ENDED:
	case RECORD_GRANT_REVOKED:
		return true;
	default:
		return false;
	}
}

static int append(struct recorder *recorder, struct record *record,
		  uint64_t boot_ns, bool may_use_reserve)
{
	size_t size;
	uint64_t seq;

	record->terminal = &recorder->terminal.record;
	record->stream = recorder->stream;
	record->sequence = spool_next_seq(recorder->spool);
	if (!record->policy)
		record->policy = &recorder->policy;

	int r = record_write(record, recorder->json, sizeof(recorder->json),
			     &size);
	if (r < 0)
		return r;
	const struct spool_entry entry = {
		.data = recorder->json,
		.size = size,
		.flags = record_code_severity(record->code) |
			 (may_use_reserve ? FRAME_URGENT : 0),
		.seq = record->sequence,
		.wall_ns = (uint64_t)record->wall_time_ms * NS_PER_MS,
		.boot_ns = boot_ns,
	};
	return spool_append(recorder->spool, &entry, &seq);
}

/* UUIDv7 (RFC 9562 5.7): 48 bits of milliseconds, the rest random. */
static void make_uid(uint8_t uid[16], int64_t wall_ms)
{
	/* Without random bits the id is still unique within the stream: the
	 * sequence number is what duplicates are found by. */
	if (getrandom(uid, 16, GRND_NONBLOCK) != 16)
		memset(uid, 0, 16);
	for (int i = 0; i < 6; i++)
		uid[i] = (uint8_t)((uint64_t)wall_ms >> (40 - 8 * i));
	uid[6] = (uint8_t)(0x70 | (uid[6] & 0x0f));
	uid[8] = (uint8_t)(0x80 | (uid[8] & 0x3f));
}

static int32_t timezone_minutes(int64_t wall_ms)
{
	time_t at = (time_t)(wall_ms / 1000);
	struct tm local;

	if (!localtime_r(&at, &local))
		return 0;
	return (int32_t)(local.tm_gmtoff / 60);
}

/* What the kernel was told by whoever keeps time (adjtimex(2)). */
static bool is_clock_synced(void)
{
	struct timex state = {.modes = 0};
	int r = adjtimex(&state);

	return r >= 0 && r != TIME_ERROR && !(state.status & STA_UNSYNC);
}

/* Devices, media and files: what a person does. The rest happens to the agent
 * or says itself who it was. */
static bool is_about_use(enum record_code code)
{
	return code < RECORD_POLICY_LOADED || code == RECORD_CHANNEL_ALLOWED ||
	       code == RECORD_CHANNEL_BLOCKED;
}

/* What every record gets here, whoever made it. */
static void stamp(struct recorder *recorder, struct record *record)
{
	if (record->wall_time_ms == 0)
		record->wall_time_ms = (int64_t)(clock_wall_ns() / NS_PER_MS);
	record->timezone_minutes = timezone_minutes(record->wall_time_ms);
	record->clock.is_synced = is_clock_synced();
	if (!record->policy) /* else: of a rule that is on trial */
		record->policy = &recorder->policy;
	make_uid(record->uid, record->wall_time_ms);
}

/* An event of any kind was accepted. */
static void room_again(struct recorder *recorder)
{
	recorder->is_full = false;
	failure_clear(recorder->options.failures, FAILURE_SPOOL_WRITE);
}

/*
 * Tells what was counted instead of kept; is_full: from the reserve, since there
 * is no room yet. Where that fails too, the counts stay for the next time.
 */
static void tell_gap(struct recorder *recorder, bool is_full)
{
	struct record gap = {.code = RECORD_LOG_GAP};

	if (!recorder->spool || recorder->is_opening ||
	    recorder->fold.total == 0)
		return;
	fold_describe(&recorder->fold, &gap.u.gap);
	stamp(recorder, &gap);
	if (append(recorder, &gap, clock_boot_ns(), is_full) != 0)
		return;
	fold_told(&recorder->fold, is_full);
	if (!is_full)
		room_again(recorder);
}

/* An event that cannot be kept is counted, and that is told. */
static void count_dropped(struct recorder *recorder,
			  const struct record *record)
{
	recorder->dropped_total++;
	fold_add(&recorder->fold, record->code, record->wall_time_ms);
	(void)failure_count(recorder->options.failures, FAILURE_RECORD_DROPPED);
	if (fold_is_due(&recorder->fold))
		tell_gap(recorder, true);
}

/* Where the queue is full, a denial takes the place of something lesser. */
static void enqueue(struct recorder *recorder, const struct record *record,
		    uint64_t boot_ns)
{
	struct waiting_list *list = &recorder->waiting;
	size_t max = recorder->options.config->queue_events;
	bool urgent = is_urgent(record->code);

	if (list->count >= max && urgent) {
		struct waiting *lesser = waiting_take_lesser(list);

		if (lesser)
			count_dropped(recorder, lesser->record);
		waiting_free(lesser);
	}
	if (list->count >= max ||
	    waiting_add(list, record, boot_ns, urgent) < 0)
		count_dropped(recorder, record);
}

enum write_outcome { WRITE_OK = 0, WRITE_LATER = 1 };

/* One record to the spool; what can never be written is dropped and counted,
 * what may be later stays with the caller. */
static int write_record(struct recorder *recorder, struct record *record,
			uint64_t boot_ns)
{
	struct failures *failures = recorder->options.failures;
	bool urgent = is_urgent(record->code);
	int r = append(recorder, record, boot_ns, urgent);

	if (r == 0) {
		if (!urgent || !recorder->is_full)
			room_again(recorder);
		return WRITE_OK;
	}
	if (r == SPOOL_BUSY || (r == SPOOL_FULL && urgent)) {
		(void)failure_raise(failures, FAILURE_SPOOL_WRITE, NULL);
		return WRITE_LATER;
	}
	recorder->is_full = recorder->is_full || r == SPOOL_FULL;
	if (r == SPOOL_FULL)
		(void)failure_raise(failures, FAILURE_SPOOL_WRITE,
				    "the spool is full");
	else
		log_error(recorder->options.log,
			  "event '%s' could not be written: %s",
			  record_code_to_str(record->code),
			  r < 0 ? errno_text(r) : "refused by the spool");
	count_dropped(recorder, record);
	return WRITE_OK;
}

static void emit(void *userdata, const struct record *from)
{
	struct recorder *recorder = userdata;
	const struct recorder_options *options = &recorder->options;
	struct record record = *from;
	struct record_actor actor;
	uint64_t boot_ns = clock_boot_ns();

	if (!record.actor && options->who && is_about_use(record.code) &&
	    options->who(options->userdata, &actor))
		record.actor = &actor;
	stamp(recorder, &record);

	if (!recorder->spool || recorder->waiting.first) {
		enqueue(recorder, &record, boot_ns);
		return;
	}
	tell_gap(recorder, false);
	if (write_record(recorder, &record, boot_ns) == WRITE_LATER)
		enqueue(recorder, &record, boot_ns);
}

struct recorder *recorder_free(struct recorder *recorder, uint32_t timeout_ms)
{
	if (!recorder)
		return NULL;
	spool_reader_free(recorder->follower);
	tell_gap(recorder, true);
	spool_close(recorder->spool, timeout_ms);
	while (recorder->waiting.first)
		waiting_drop_first(&recorder->waiting);
	identity_fini(&recorder->identity);
	cleanup_close(&recorder->spool_dir);
	free(recorder);
	return NULL;
}

struct record_sink recorder_sink(struct recorder *recorder)
{
	return (struct record_sink){.emit = emit, .userdata = recorder};
}

static void drain(struct recorder *recorder)
{
	while (recorder->waiting.first) {
		struct waiting *waiting = recorder->waiting.first;
		if (write_record(recorder, waiting->record, waiting->boot_ns) ==
		    WRITE_LATER)
			return;
		waiting_drop_first(&recorder->waiting);
	}
	tell_gap(recorder, false);
}

void recorder_set_policy(struct recorder *recorder,
			 const struct record_policy *policy, const char *zone)
{
	recorder->policy = *policy;
	terminal_set_zone(&recorder->terminal, zone);
}

bool recorder_is_open(const struct recorder *recorder)
{
	return recorder->spool != NULL;
}

int recorder_event_fd(const struct recorder *recorder)
{
	return recorder->spool ? spool_event_fd(recorder->spool) : -1;
}

void recorder_dispatch(struct recorder *recorder)
{
	struct spool_stats stats;

	drain(recorder);
	spool_stats(recorder->spool, &stats);
	if (stats.error != 0)
		(void)failure_raise(recorder->options.failures,
				    FAILURE_SPOOL_WRITE,
				    errno_text(stats.error));
	else if (!recorder->waiting.first && !recorder->is_full)
		failure_clear(recorder->options.failures, FAILURE_SPOOL_WRITE);
}

void recorder_read_cursor(struct recorder *recorder)
{
	struct spool_stats stats;
	struct cursor cursor;
	uint8_t stream[FRAME_ID_SIZE];

	if (cursor_read(recorder->options.root_fd, &cursor) < 0)
		return; /* the shipper has not been there yet */
	recorder->cursor = cursor;
	recorder->has_cursor = true;
	if (!recorder->spool)
		return;
	spool_stream(recorder->spool, stream);
	spool_stats(recorder->spool, &stats);
	if (memcmp(stream, cursor.acked.stream, sizeof(stream)) != 0 ||
	    cursor.acked.seq > stats.durable_seq)
		return; /* of another spool, or of events that do not exist */
	spool_release(recorder->spool, cursor.acked.seq);
}

void recorder_status(struct recorder *recorder,
		     struct recorder_status *ret_status)
{
	struct recorder_status status = {
		.is_open = recorder->spool != NULL,
		.queued = recorder->waiting.count,
		.dropped = recorder->dropped_total,
		.has_cursor = recorder->has_cursor,
		.cursor = recorder->cursor,
	};

	memcpy(status.stream, recorder->stream, sizeof(status.stream));
	if (recorder->spool)
		spool_stats(recorder->spool, &status.spool);
	*ret_status = status;
}

const struct identity *recorder_identity(const struct recorder *recorder)
{
	return recorder->identity.key ? &recorder->identity : NULL;
}

const struct record_terminal *recorder_terminal(const struct recorder *recorder)
{
	return &recorder->terminal.record;
}

static int open_spool(struct recorder *recorder, struct spool_opening *opening)
{
	int root_fd = recorder->options.root_fd;
	struct cursor cursor = {0};

	_cleanup_close_ int dir = open_below(root_fd, SPOOL_DIR,
					     O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return dir;
	_cleanup_close_ int tail = open_below(root_fd, TAIL_FILE,
					      O_RDWR | O_CREAT, 0644);
	if (tail < 0)
		return tail;
	/* The shipper reads it, whatever umask the unit runs with. */
	if (fchmod(tail, 0644) < 0)
		return -errno;
	/* Without a cursor nothing is known to be stored elsewhere */
	if (cursor_read(root_fd, &cursor) < 0)
		memset(&cursor, 0, sizeof(cursor));
	else
		recorder->cursor = cursor;

	struct spool_config config = {
		.dirfd = dir,
		.tail_fd = tail,
		.host_key = recorder->identity.key,
		.total_bytes = recorder->options.config->spool_mib << 20,
		.known_seq = cursor.acked.seq,
	};
	memcpy(config.host_id, recorder->identity.host_id, FRAME_ID_SIZE);
	memcpy(config.known_stream, cursor.acked.stream, FRAME_ID_SIZE);
	if (cursor.is_mismatch)
		memcpy(config.forked_stream, cursor.acked.stream,
		       FRAME_ID_SIZE);
	int r = spool_open(&config, &recorder->spool, opening);
	if (r < 0)
		return r;
	cleanup_close(&recorder->spool_dir);
	recorder->spool_dir = TAKE_FD(dir);
	recorder->is_fork_kept = opening->is_fork_kept;
	if (opening->is_fork_kept)
		log_error(recorder->options.log,
			  "the collector holds another history of this spool, "
			  "and too many streams were given up already; nothing "
			  "is shipped until somebody looks");
	return 0;
}

/* What of the old stream is on this terminal alone. */
static void tell_unshipped(const struct recorder *recorder,
			   struct record_gap *gap)
{
	uint64_t acked = recorder->cursor.acked.seq;

	if (gap->last <= acked)
		return;
	gap->first = acked + 1;
	gap->count = gap->last - acked;
}

/* A new stream where there should have been the old one is worth an event. */
static void tell_opening(struct recorder *recorder,
			 const struct spool_opening *opening)
{
	char old[HEX_SIZE(FRAME_ID_SIZE)];
	struct record record = {.code = RECORD_SPOOL_RESET};

	hex_encode(opening->old_stream, FRAME_ID_SIZE, old);
	if (opening->is_new_stream && opening->found != SPOOL_FOUND_NONE) {
		record.u.gap.why = spool_found_to_str(opening->found);
		record.u.gap.last = opening->old_last_seq;
		record.u.gap.old_stream = old;
		if (opening->found == SPOOL_FOUND_FORKED)
			tell_unshipped(recorder, &record.u.gap);
		emit(recorder, &record);
	}
	if (opening->pruned_count > 0) {
		record.code = RECORD_LOG_GAP;
		record.u.gap = (struct record_gap){
			.why = "the oldest stream set aside was removed"};
		emit(recorder, &record);
	}
	if (opening->gap_last > 0) {
		record.code = RECORD_LOG_GAP;
		record.u.gap = (struct record_gap){
			.first = opening->gap_first,
			.last = opening->gap_last,
			.count = opening->gap_last - opening->gap_first + 1,
			.why = "segments are missing",
		};
		emit(recorder, &record);
	}
}

int recorder_open(struct recorder *recorder)
{
	struct spool_opening opening = {0};
	uint8_t stream[FRAME_ID_SIZE];

	if (recorder->spool)
		return 0;
	if (!recorder->identity.key) {
		_cleanup_close_ int dir = open_below(recorder->options.root_fd,
						     STATE_DIR,
						     O_RDONLY | O_DIRECTORY, 0);
		if (dir < 0)
			return dir;
		int r = identity_load(dir, &recorder->identity);
		if (r < 0)
			return r;
		terminal_set_id(&recorder->terminal, &recorder->identity);
	}
	int r = open_spool(recorder, &opening);
	if (r < 0)
		return r;

	assert(recorder->spool);
	spool_stream(recorder->spool, stream);
	hex_encode(stream, sizeof(stream), recorder->stream);
	failure_clear(recorder->options.failures, FAILURE_SPOOL_ABSENT);

	/* What waits was emitted before: hold it, and what is to be told of
	 * its loss, while the start is told */
	recorder->is_opening = true;
	struct waiting_list held = recorder->waiting;
	recorder->waiting = (struct waiting_list){0};
	if (recorder->options.on_open && !recorder->was_opened)
		recorder->options.on_open(recorder->options.userdata,
					  recorder->identity.is_first);
	recorder->was_opened = true;
	tell_opening(recorder, &opening);
	recorder->is_opening = false;
	/* What this start had to say and could not yet is before the rest. */
	struct waiting_list said = recorder->waiting;
	recorder->waiting = held;
	waiting_prepend(&recorder->waiting, &said);
	drain(recorder);
	return 0;
}

bool recorder_is_forked(const struct recorder *recorder)
{
	uint8_t stream[FRAME_ID_SIZE];

	if (!recorder->spool || !recorder->has_cursor ||
	    !recorder->cursor.is_mismatch || recorder->is_fork_kept)
		return false;
	spool_stream(recorder->spool, stream);
	return memcmp(stream, recorder->cursor.acked.stream, sizeof(stream)) ==
	       0;
}

int recorder_renew(struct recorder *recorder)
{
	uint64_t last = spool_next_seq(recorder->spool) - 1;

	/* Nothing accepted is given up for it: then later. */
	if (spool_flush(recorder->spool, last, RENEW_FLUSH_MS) != 0)
		return -EAGAIN;
	log_notice(recorder->options.log,
		   "the collector holds another history of this spool: a new "
		   "stream begins, the old one is kept");
	recorder->follower = spool_reader_free(recorder->follower);
	recorder->spool = spool_close(recorder->spool, RENEW_FLUSH_MS);
	return recorder_open(recorder);
}

/* The event first and under the old key, which thereby ends its last segment. */
int recorder_rotate_key(struct recorder *recorder)
{
	_cleanup_(rotation_fini) struct rotation rotation = {0};

	if (!recorder->spool || recorder->waiting.first)
		return -EAGAIN;
	_cleanup_close_ int dir = open_below(recorder->options.root_fd,
					     STATE_DIR, O_RDONLY | O_DIRECTORY,
					     0);
	if (dir < 0)
		return dir;
	int r = rotation_make(&recorder->identity, &rotation);
	if (r < 0)
		return r;
	const struct record record = {
		.code = RECORD_KEY_ROTATE,
		.u.key = {rotation.old_id, rotation.new_id, rotation.public_key,
			  rotation.signature},
	};
	emit(recorder, &record);
	if (recorder->waiting.first)
		return -EAGAIN; /* it is told, and the old key stays */
	r = spool_rekey(recorder->spool, rotation.key);
	if (r < 0)
		return r;
	r = rotation_save(dir, &rotation, &recorder->identity);
	if (r < 0)
		/* Nothing was appended since: the old key goes on. */
		(void)!spool_rekey(recorder->spool, recorder->identity.key);
	return r;
}

DEFINE_CLEANUP(reader, struct spool_reader *, spool_reader_free);

/* A search goes through a segment from its start: with one for each event, a
 * flood of events would cost the square of their number. */
static int reader_behind(struct recorder *recorder, uint64_t after,
			 struct spool_reader **ret_reader)
{
	_cleanup_(cleanup_reader) struct spool_reader *reader = NULL;

	if (recorder->follower && recorder->follower_seq == after) {
		*ret_reader = TAKE_PTR(recorder->follower);
		return 0;
	}
	int r = spool_reader_new(recorder->spool_dir, &reader);
	if (r < 0)
		return r;
	r = spool_reader_seek(reader, after + 1);
	if (r != 0 && r != SPOOL_READ_GAP)
		return r;
	*ret_reader = TAKE_PTR(reader);
	return 0;
}

int recorder_each(struct recorder *recorder, uint64_t after, uint32_t max,
		  recorder_event_fn fn, void *userdata)
{
	_cleanup_(cleanup_reader) struct spool_reader *reader = NULL;
	uint64_t last = after;

	if (!recorder->spool)
		return 0;
	uint64_t durable = spool_durable_seq(recorder->spool);
	if (after >= durable)
		return 0;
	int r = reader_behind(recorder, after, &reader);
	if (r != 0)
		return r < 0 && r != -ENOENT ? r : 0;

	for (uint32_t i = 0; i < max;) {
		struct spool_item item;
		r = spool_reader_next(reader, durable, &item);
		if (r == SPOOL_READ_GAP)
			continue;
		if (r == SPOOL_READ_END)
			break;
		if (r != 0)
			return r < 0 ? r : 0;
		last = item.frame.seq;
		r = fn(item.frame.seq, (const char *)item.frame.payload,
		       item.frame.payload_size, userdata);
		if (r != 0)
			return r;
		i++;
	}
	spool_reader_free(recorder->follower);
	recorder->follower = TAKE_PTR(reader);
	recorder->follower_seq = last;
	return 0;
}
