/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry a medium that ends or has a deadline. Each step is asked for, then
 * answered; between them only the clock moves an entry on. At most one step of
 * a medium runs at a time.
 */
#include "agent/daemon/ending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/clock.h"
#include "agent/daemon/pipeline.h"

#define MINUTE_NS      (60 * NS_PER_S)
#define NAMELESS_TRIES 3

enum stage {
	STAGE_NONE = 0, /* a deadline at most */
	STAGE_TRY,
	STAGE_GRACE,
	STAGE_LINGER, /* lazily unmounted, still open */
	STAGE_STUCK,
};

struct ending {
	struct ending *next;
	struct block_disk disk;
	enum stage stage;
	enum media_access left;
	bool is_running; /* a step is not answered yet */
	bool is_forced;	 /* lazily unmounted */
	bool is_lost;	 /* the running step is of an end called off */
	enum ender_kind running;
	uint64_t boot_stage_end_ns;
	uint64_t boot_next_ns; /* of the next step; 0: none */
	uint64_t boot_deadline_ns;
	unsigned int tries; /* without anybody to name */
	size_t warned;	    /* warnings given, or left out as too late */
};

struct endings {
	struct endings_options options;
	struct ending *first;
};

static const uint64_t warnings[] = ENDING_WARNINGS;
#define WARNINGS_COUNT (sizeof(warnings) / sizeof(warnings[0]))

int endings_new(const struct endings_options *options,
		struct endings **ret_endings)
{
	struct endings *endings = calloc(1, sizeof(*endings));

	if (!endings)
		return -ENOMEM;
	endings->options = *options;
	*ret_endings = endings;
	return 0;
}

struct endings *endings_free(struct endings *endings)
{
	if (!endings)
		return NULL;
	while (endings->first) {
		struct ending *next = endings->first->next;
		free(endings->first);
		endings->first = next;
	}
	free(endings);
	return NULL;
}

void endings_set_grace(struct endings *endings, uint64_t grace_ms)
{
	endings->options.grace_ms = grace_ms;
}

static struct ending *find(const struct endings *endings,
			   const struct block_disk *disk)
{
	for (struct ending *e = endings->first; e; e = e->next)
		if (e->disk.diskseq == disk->diskseq &&
		    strcmp(e->disk.name, disk->name) == 0)
			return e;
	return NULL;
}

static struct ending *find_or_add(struct endings *endings,
				  const struct block_disk *disk)
{
	struct ending *ending = find(endings, disk);

	if (ending)
		return ending;
	ending = calloc(1, sizeof(*ending));
	if (!ending)
		return NULL;
	ending->disk = *disk;
	ending->next = endings->first;
	endings->first = ending;
	return ending;
}

static void drop(struct endings *endings, struct ending *ending)
{
	struct ending **at = &endings->first;

	while (*at && *at != ending)
		at = &(*at)->next;
	if (*at)
		*at = ending->next;
	free(ending);
}

static struct medium_entry *medium_of(const struct endings *endings,
				      const struct ending *ending)
{
	struct medium_entry *medium = devices_medium(
		&endings->options.pipeline->devices, ending->disk.name);

	return medium && medium->disk.diskseq == ending->disk.diskseq ? medium
								      : NULL;
}

static uint64_t grace_ns(const struct endings *endings)
{
	return endings->options.grace_ms * NS_PER_MS;
}

static void start(struct endings *endings, struct ending *ending,
		  enum ender_kind kind, uint64_t boot_now_ns)
{
	const struct ender_job job = {
		.kind = kind,
		.disk = ending->disk,
		.keeps_reading = ending->left == MEDIA_READ_ONLY,
	};

	ending->boot_next_ns = boot_now_ns + ENDING_RETRY_MS * NS_PER_MS;
	if (endings->options.start(endings->options.userdata, &job) < 0)
		return; /* too many at once, no memory: the next turn */
	ending->is_running = true;
	ending->running = kind;
	ending->boot_next_ns = 0;
}

/* --- telling ------------------------------------------------------------- */

static void tell(const struct endings *endings, const struct ending *ending,
		 const char *stage, const struct ender_answer *answer,
		 uint64_t left_ns)
{
	struct record_holder list[HOLDERS_MAX];
	struct medium_entry *medium = medium_of(endings, ending);
	struct record_ending told = {
		.stage = stage,
		.access = media_access_to_str(ending->left),
		.left_s = (left_ns + NS_PER_S / 2) / NS_PER_S,
		.holders = list,
	};
	bool is_ending = strcmp(stage, "warned") == 0 ||
			 strcmp(stage, "held") == 0;

	if (!medium)
		return;
	if (answer) {
		const struct holders *holders = &answer->holders;
		told.mount_count = answer->mount_count;
		told.is_synced = answer->is_synced;
		told.process_count = holders->process_count;
		for (size_t i = 0;
		     i < holders->process_count && i < HOLDERS_MAX; i++)
			list[told.holder_count++] = (struct record_holder){
				.pid = holders->list[i].pid,
				.uid = holders->list[i].uid,
				.name = holders->list[i].comm,
				.path = holders->list[i].path,
				.is_raw = holders->list[i].is_raw,
				.is_writer = holders->list[i].is_writer,
			};
	}
	pipeline_record_ending(endings->options.pipeline, medium,
			       is_ending ? RECORD_MEDIA_ENDING
					 : RECORD_MEDIA_ENDED,
			       &told);
}

/* Over: told unless nothing was in use at all, then the pipeline completes. */
static void finish(struct endings *endings, struct ending *ending,
		   const char *stage, const struct ender_answer *answer)
{
	struct medium_entry *medium = medium_of(endings, ending);

	if (ending->stage != STAGE_TRY || answer->mount_count > 0)
		tell(endings, ending, stage, answer, 0);
	ending->stage = STAGE_NONE;
	ending->is_forced = false;
	ending->boot_next_ns = 0;
	if (ending->boot_deadline_ns == 0)
		drop(endings, ending);
	if (medium)
		pipeline_ended(endings->options.pipeline, medium);
}

/* --- steps --------------------------------------------------------------- */

static const char *stage_of_end(const struct ending *ending)
{
	if (ending->is_forced)
		return "released";
	return ending->left == MEDIA_READ_ONLY ? "read-only" : "unmounted";
}

static void wait_for(struct endings *endings, struct ending *ending,
		     enum stage stage, uint64_t boot_now_ns)
{
	ending->stage = stage;
	ending->boot_stage_end_ns = boot_now_ns + grace_ns(endings);
	ending->boot_next_ns = boot_now_ns + ENDING_RETRY_MS * NS_PER_MS;
}

static void on_tried(struct endings *endings, struct ending *ending,
		     const struct ender_answer *answer, uint64_t boot_now_ns)
{
	if (answer->result == 0 && answer->is_free) {
		finish(endings, ending, stage_of_end(ending), answer);
		return;
	}
	/* Our own reading of what was written (daemon/files.h), or a process
	 * that is just ending: not worth an alarm */
	if (ending->stage == STAGE_TRY && answer->result == 0 &&
	    answer->holders.process_count == 0 &&
	    ending->tries++ < NAMELESS_TRIES) {
		ending->boot_next_ns = boot_now_ns +
				       ENDING_RETRY_MS * NS_PER_MS;
		return;
	}
	if (ending->stage == STAGE_TRY) {
		wait_for(endings, ending, STAGE_GRACE, boot_now_ns);
		tell(endings, ending, "held", answer, grace_ns(endings));
		return;
	}
	ending->boot_next_ns = boot_now_ns + (ending->stage == STAGE_STUCK
						      ? ENDING_STUCK_MS
						      : ENDING_RETRY_MS) *
						     NS_PER_MS;
}

static void on_forced(struct endings *endings, struct ending *ending,
		      const struct ender_answer *answer, uint64_t boot_now_ns)
{
	if (answer->result == 0 && answer->is_free) {
		finish(endings, ending, stage_of_end(ending), answer);
		return;
	}
	if (answer->lazy_count == 0) {
		/* The bare device, or a medium that does not answer: what was
		 * open at the end stands in the event of the cut */
		start(endings, ending, ENDER_CUT, boot_now_ns);
		return;
	}
	ending->is_forced = true;
	wait_for(endings, ending, STAGE_LINGER, boot_now_ns);
	tell(endings, ending, "lazily-unmounted", answer, grace_ns(endings));
}

static void on_cut(struct endings *endings, struct ending *ending,
		   const struct ender_answer *answer, uint64_t boot_now_ns)
{
	if (answer->result == 0) {
		finish(endings, ending, "cut-off", answer);
		return;
	}
	if (ending->stage != STAGE_STUCK)
		tell(endings, ending, "stuck", answer, 0);
	ending->stage = STAGE_STUCK;
	ending->boot_next_ns = boot_now_ns + ENDING_STUCK_MS * NS_PER_MS;
}

void endings_answer(struct endings *endings, const struct ender_job *job,
		    const struct ender_answer *answer, uint64_t boot_now_ns)
{
	struct ending *ending = find(endings, &job->disk);

	if (!ending || !ending->is_running || ending->running != job->kind)
		return; /* gone, or given up before */
	ending->is_running = false;
	if (ending->is_lost) {
		/* Another end was decided while it ran, or none at all */
		ending->is_lost = false;
		if (ending->stage == STAGE_TRY)
			start(endings, ending, ENDER_TRY, boot_now_ns);
		else if (ending->stage == STAGE_NONE &&
			 ending->left == MEDIA_READ_WRITE)
			start(endings, ending, ENDER_REOPEN, boot_now_ns);
		return;
	}
	switch (job->kind) {
	case ENDER_LOOK:
		if (ending->boot_deadline_ns > boot_now_ns)
			tell(endings, ending, "warned", answer,
			     ending->boot_deadline_ns - boot_now_ns);
		break;
	case ENDER_TRY:
		on_tried(endings, ending, answer, boot_now_ns);
		break;
	case ENDER_FORCE:
		on_forced(endings, ending, answer, boot_now_ns);
		break;
	case ENDER_CUT:
		on_cut(endings, ending, answer, boot_now_ns);
		break;
	case ENDER_REOPEN:
		if (ending->boot_deadline_ns == 0)
			drop(endings, ending);
		break;
	}
}

int endings_begin(struct endings *endings, const struct medium_entry *medium,
		  enum media_access left, uint64_t boot_now_ns)
{
	struct ending *ending = find_or_add(endings, &medium->disk);

	if (!ending)
		return -ENOMEM;
	ending->left = left;
	ending->is_forced = false;
	ending->tries = 0;
	ending->stage = left == MEDIA_READ_WRITE ? STAGE_NONE : STAGE_TRY;
	if (ending->is_running) {
		ending->is_lost = true;
		return 0;
	}
	start(endings, ending,
	      left == MEDIA_READ_WRITE ? ENDER_REOPEN : ENDER_TRY, boot_now_ns);
	return 0;
}

void endings_forget(struct endings *endings, const struct medium_entry *medium)
{
	struct ending *ending = find(endings, &medium->disk);

	if (!ending)
		return;
	/* Its own "remove" comes before the answer of the cut */
	bool is_cut = ending->is_running && ending->running == ENDER_CUT;
	if (ending->stage >= STAGE_GRACE)
		tell(endings, ending, is_cut ? "cut-off" : "removed", NULL, 0);
	drop(endings, ending);
}

int ending_set_deadline(struct endings *endings,
			const struct medium_entry *medium,
			uint64_t boot_deadline_ns, uint64_t boot_now_ns)
{
	struct ending *ending = find(endings, &medium->disk);

	if (!ending && boot_deadline_ns == 0)
		return 0;
	if (!ending) {
		ending = find_or_add(endings, &medium->disk);
		if (!ending)
			return -ENOMEM;
	}
	/* The same one, read again: a second or so is rounding */
	uint64_t before = ending->boot_deadline_ns;
	bool is_same = before && boot_deadline_ns + 2 * NS_PER_S > before &&
		       before + 2 * NS_PER_S > boot_deadline_ns;
	if (!is_same) {
		ending->warned = 0;
		while (boot_deadline_ns && ending->warned < WARNINGS_COUNT &&
		       boot_deadline_ns <
			       boot_now_ns +
				       MINUTE_NS * warnings[ending->warned])
			ending->warned++;
	}
	ending->boot_deadline_ns = boot_deadline_ns;
	if (boot_deadline_ns == 0 && ending->stage == STAGE_NONE &&
	    !ending->is_running)
		drop(endings, ending);
	return 0;
}

/* --- the clock ----------------------------------------------------------- */

static void sooner(uint64_t *at, uint64_t other)
{
	if (other && (*at == 0 || other < *at))
		*at = other;
}

/* False: the entry is gone. */
static bool turn_deadline(struct endings *endings, struct ending *ending,
			  uint64_t boot_now_ns, uint64_t *next)
{
	uint64_t deadline = ending->boot_deadline_ns;

	if (deadline == 0 || ending->stage != STAGE_NONE)
		return true;
	if (deadline <= boot_now_ns) {
		struct medium_entry *medium = medium_of(endings, ending);
		ending->boot_deadline_ns = 0;
		if (!ending->is_running)
			drop(endings, ending);
		if (medium)
			pipeline_judge_medium(endings->options.pipeline, medium,
					      true);
		return false;
	}
	uint64_t at = deadline;
	if (ending->warned < WARNINGS_COUNT)
		at = deadline - MINUTE_NS * warnings[ending->warned];
	if (at <= boot_now_ns && !ending->is_running) {
		ending->warned++;
		start(endings, ending, ENDER_LOOK, boot_now_ns);
		ending->boot_next_ns = 0;
		at = ending->warned < WARNINGS_COUNT
			     ? deadline - MINUTE_NS * warnings[ending->warned]
			     : deadline;
	}
	sooner(next, at);
	return true;
}

static void turn_step(struct endings *endings, struct ending *ending,
		      uint64_t boot_now_ns)
{
	bool is_over = boot_now_ns >= ending->boot_stage_end_ns;
	enum ender_kind kind = ENDER_TRY;

	if (ending->stage == STAGE_NONE)
		kind = ENDER_REOPEN;
	else if (ending->stage == STAGE_GRACE && is_over)
		kind = ENDER_FORCE;
	else if (ending->stage == STAGE_LINGER && is_over)
		kind = ENDER_CUT;
	start(endings, ending, kind, boot_now_ns);
}

uint64_t endings_turn(struct endings *endings, uint64_t boot_now_ns)
{
	uint64_t next = 0;
	struct ending *ending = endings->first;

	while (ending) {
		struct ending *following = ending->next;
		if (!turn_deadline(endings, ending, boot_now_ns, &next)) {
			/* Judging may have changed the list */
			ending = endings->first;
			next = 0;
			continue;
		}
		if (!ending->is_running && ending->boot_next_ns &&
		    ending->boot_next_ns <= boot_now_ns)
			turn_step(endings, ending, boot_now_ns);
		if (!ending->is_running)
			sooner(&next, ending->boot_next_ns);
		ending = following;
	}
	return next;
}
