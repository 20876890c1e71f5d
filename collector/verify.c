/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify: the pass over the lines. The tree is built from the leaf hashes that
 * the export names, so that a changed event is told apart from a changed tree:
 * the event must give its leaf hash, and all of them the signed root. An event
 * whose leaf does not fit waits a while for another that has its place.
 */
#include "collector/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/hex.h"
#include "agent/wire/frame.h"
#include "collector/ident.h"
#include "collector/own_log.h"
#include "collector/secret.h"
#include "collector/verify_line.h"
#include "collector/verify_streams.h"

#include "agent/base/banned.h"

#define HASH	    MERKLE_HASH_SIZE
#define TEXT_SIZE   512u
#define FORMAT_NAME "sekimori-export-1"
/* Events out of place that are remembered to find their partner. */
#define MISPLACED_MAX 1024u

static const char *const KINDS[VERIFY_KIND_COUNT_] = {
	[VERIFY_DELETE] = "delete",	[VERIFY_EDIT] = "edit",
	[VERIFY_SWAP] = "swap",		[VERIFY_TRUNCATE] = "truncate",
	[VERIFY_FORK] = "fork",		[VERIFY_SIGNATURE] = "signature",
	[VERIFY_UNPROVEN] = "unproven", [VERIFY_MALFORMED] = "malformed",
	[VERIFY_RETIRED] = "retired",
};

const char *verify_kind_to_str(enum verify_kind kind)
{
	return (unsigned int)kind < VERIFY_KIND_COUNT_ ? KINDS[kind] : "?";
}

/* One event line, read. */
struct item {
	uint64_t leaf, seq;
	char host[IDENT_HEX_LEN + 1], stream[IDENT_HEX_LEN + 1];
	uint8_t host_id[FRAME_ID_SIZE], stream_id[FRAME_ID_SIZE];
	uint8_t hash[HASH], prev[HASH];
	uint8_t leaf_hash[HASH]; /* as the export names it */
	uint8_t own_leaf[HASH];	 /* as stream, seq and hash give it */
	bool has_prev, has_leaf_hash, is_lost, is_retired;
	struct frame frame;
	struct buf raw;
};

struct misplaced {
	uint64_t leaf, seq;
	char stream[IDENT_HEX_LEN + 1];
	uint8_t named[HASH], own[HASH];
};

struct verify {
	const struct verify_config *config;
	struct verify_result sums;
	struct merkle tree;
	bool is_broken; /* leaves are missing without their hashes */
	bool is_begun, is_all, has_hole;
	struct logkey_checkpoint own;		 /* the export's */
	bool is_met[VERIFY_CHECKPOINTS_MAX + 1]; /* the last is `own` */
	uint64_t good_size;	     /* the largest checkpoint that fits */
	uint64_t hole_from, hole_to; /* leaves left out, not reported yet */
	bool is_kept;		     /* an event with its record came */
	uint64_t retired_from, retired_to; /* leaves, not reported yet */
	uint64_t retired_end;		   /* behind the last of all */
	struct own_log own_log;		   /* of the export's log */
	uint64_t announced;		   /* leaves, by its own events */
	struct misplaced misplaced[MISPLACED_MAX];
	size_t misplaced_count;
	struct verify_streams streams;
	struct item item;
};

static void report(struct verify *v, enum verify_kind kind, const char *format,
		   ...) __attribute__((format(printf, 3, 4)));
static void report(struct verify *v, enum verify_kind kind, const char *format,
		   ...)
{
	char text[TEXT_SIZE];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args); /* cut is fine */
	va_end(args);
	v->sums.deviations[kind]++;
	v->config->report(kind, text, v->config->ctx);
}

int verify_new(const struct verify_config *config, struct verify **ret_verify)
{
	struct verify *v = calloc(1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v->config = config;
	v->item.raw = (struct buf)BUF_INIT(VERIFY_LINE_MAX);
	*ret_verify = v;
	return 0;
}

void verify_free(struct verify *v)
{
	if (!v)
		return;
	logkey_checkpoint_fini(&v->own);
	verify_streams_fini(&v->streams);
	buf_fini(&v->item.raw);
	free(v);
}

uint64_t verify_lines(const struct verify *v)
{
	return v->sums.lines;
}

/* ---- checkpoints ---------------------------------------------------------- */

static const struct logkey_checkpoint *checkpoint_at(const struct verify *v,
						     size_t i)
{
	return i < v->config->checkpoint_count ? &v->config->checkpoints[i]
	       : v->own.text		       ? &v->own
					       : NULL;
}

/* The given ones and then the export's own; NULL in between: none. */
/* NOLINTBEGIN(bugprone-macro-parentheses): `i` is a name that is declared */
#define EACH_CHECKPOINT(v, i)                                                  \
	for (size_t i = 0; i <= (v)->config->checkpoint_count; i++)
/* NOLINTEND(bugprone-macro-parentheses) */

static void check_signature(struct verify *v, const struct logkey_checkpoint *c,
			    const struct note_key *key)
{
	bool is_log = key->type == NOTE_ED25519;
	uint64_t time_s = 0;
	int r;

	if (is_log && !span_equals_str(c->checkpoint.origin, key->name)) {
		report(v, VERIFY_SIGNATURE,
		       "checkpoint=%" PRIu64 ": of another log than '%s'",
		       c->checkpoint.head.size, key->name);
		return;
	}
	r = note_verify(&c->note, key, &time_s);
	if (r == 0)
		v->sums.signatures++;
	/* A witness need not have signed every checkpoint. */
	else if (is_log || r != NOTE_UNSIGNED)
		report(v, VERIFY_SIGNATURE, "checkpoint=%" PRIu64 " '%s': %s",
		       c->checkpoint.head.size, key->name,
		       r < 0 ? "out of memory" : note_outcome_to_str(r));
}

static void check_signatures(struct verify *v)
{
	EACH_CHECKPOINT(v, i)
	{
		const struct logkey_checkpoint *c = checkpoint_at(v, i);

		for (size_t k = 0; c && k < v->config->key_count; k++)
			check_signature(v, c, &v->config->keys[k]);
	}
}

/* Whenever the tree has grown: is it the tree of a checkpoint of this size? */
static int compare_roots(struct verify *v)
{
	EACH_CHECKPOINT(v, i)
	{
		const struct logkey_checkpoint *c = checkpoint_at(v, i);
		uint8_t root[HASH];
		int r;

		if (!c || v->is_met[i] || v->is_broken ||
		    c->checkpoint.head.size != v->tree.size)
			continue;
		r = merkle_root(&v->tree, root);
		if (r != 0)
			return r;
		v->is_met[i] = true;
		if (memcmp(root, c->checkpoint.head.root, HASH) == 0)
			v->good_size = v->tree.size;
		else
			report(v, VERIFY_FORK,
			       "leaf=%" PRIu64 "..%" PRIu64
			       ": these are not the leaves that the checkpoint "
			       "of %" PRIu64 " leaves signed",
			       v->good_size, v->tree.size - 1, v->tree.size);
	}
	return 0;
}

static void finish_checkpoints(struct verify *v)
{
	EACH_CHECKPOINT(v, i)
	{
		const struct logkey_checkpoint *c = checkpoint_at(v, i);
		uint64_t size = c ? c->checkpoint.head.size : 0;

		if (!c || v->is_met[i])
			continue;
		if (size > v->tree.size && !v->is_broken)
			report(v, VERIFY_TRUNCATE,
			       "leaf=%" PRIu64 "..%" PRIu64
			       ": signed, but not in the export's tree",
			       v->tree.size, size - 1);
		else
			report(v, VERIFY_UNPROVEN,
			       "checkpoint=%" PRIu64
			       ": the export does not stop there; make it with "
			       "--checkpoint",
			       size);
	}
}

/* ---- the tree ------------------------------------------------------------- */

/* Leaves that are in the tree and not in an export of everything. */
static void report_hole(struct verify *v, bool is_end)
{
	if (v->hole_from < v->hole_to && v->is_all)
		report(v, is_end ? VERIFY_TRUNCATE : VERIFY_DELETE,
		       "leaf=%" PRIu64 "..%" PRIu64
		       ": events of the tree that are not there any more",
		       v->hole_from, v->hole_to - 1);
	v->hole_from = v->hole_to = 0;
}

static int add_subtree(struct verify *v, const struct verify_line *line)
{
	uint64_t from, level;
	uint8_t hash[HASH];
	int r;

	if (note_number_parse(line->tree, &from) != 0 ||
	    note_number_parse(line->level, &level) != 0 ||
	    level >= MERKLE_LEVELS ||
	    hex_decode(line->hash.ptr, line->hash.len, hash, HASH) < 0 ||
	    (!v->is_broken && from != v->tree.size))
		return -EINVAL;
	if (v->is_broken)
		return 0;
	r = merkle_append_subtree(&v->tree, (unsigned int)level, hash);
	if (r != 0)
		return r < 0 ? r : -EINVAL;
	v->has_hole = true;
	if (v->hole_from == v->hole_to)
		v->hole_from = from;
	v->hole_to = v->tree.size;
	return compare_roots(v);
}

/* Where the event says it is: behind all so far, or something is wrong. */
static int place_leaf(struct verify *v, const struct item *item)
{
	int r;

	if (item->leaf < v->tree.size) {
		report(v, VERIFY_SWAP,
		       "leaf=%" PRIu64 " stream=%s seq=%" PRIu64
		       ": comes after leaf %" PRIu64,
		       item->leaf, item->stream, item->seq, v->tree.size - 1);
		return 0;
	}
	if (item->leaf > v->tree.size || !item->has_leaf_hash) {
		if (!v->is_broken)
			report(v, VERIFY_UNPROVEN,
			       "leaf=%" PRIu64 "..%" PRIu64
			       ": the tree's hashes are missing",
			       v->tree.size, item->leaf);
		v->is_broken = true;
	}
	if (v->is_broken) {
		v->tree.size = item->leaf + 1; /* only the number goes on */
		return 0;
	}
	r = merkle_append(&v->tree, item->leaf_hash, NULL, NULL);
	return r != 0 ? r : compare_roots(v);
}

/* ---- one event ------------------------------------------------------------ */

static int read_hash(struct span text, uint8_t ret_hash[HASH])
{
	return text.ptr ? hex_decode(text.ptr, text.len, ret_hash, HASH)
			: -EINVAL;
}

static int read_id(struct span text, char ret_text[IDENT_HEX_LEN + 1],
		   uint8_t ret_id[FRAME_ID_SIZE])
{
	if (!text.ptr || !ident_is_hex(text.ptr, text.len))
		return -EINVAL;
	memcpy(ret_text, text.ptr, IDENT_HEX_LEN);
	ret_text[IDENT_HEX_LEN] = '\0';
	return hex_decode(ret_text, IDENT_HEX_LEN, ret_id, FRAME_ID_SIZE);
}

static int read_payload(const struct verify_line *line, struct item *item)
{
	ssize_t n;
	int r;

	if (line->event.ptr) {
		item->frame.payload = (const uint8_t *)line->event.ptr;
		item->frame.payload_size = line->event.len;
		return 0;
	}
	if (!line->raw.ptr)
		return -EINVAL;
	buf_clear(&item->raw);
	r = buf_reserve(&item->raw, line->raw.len);
	if (r < 0)
		return r;
	n = secret_from_base64(line->raw.ptr, line->raw.len,
			       (uint8_t *)item->raw.data, line->raw.len);
	if (n < 0)
		return -EINVAL;
	item->frame.payload = (const uint8_t *)item->raw.data;
	item->frame.payload_size = (size_t)n;
	return 0;
}

static int read_item(const struct verify_line *line, struct item *item)
{
	uint64_t flags;
	int r;

	if (note_number_parse(line->leaf, &item->leaf) != 0 ||
	    note_number_parse(line->seq, &item->seq) != 0 || item->seq == 0 ||
	    note_number_parse(line->flags, &flags) != 0 || flags > UINT32_MAX ||
	    note_number_parse(line->wall_ns, &item->frame.wall_ns) != 0 ||
	    note_number_parse(line->boot_ns, &item->frame.boot_ns) != 0 ||
	    read_id(line->terminal, item->host, item->host_id) < 0 ||
	    read_id(line->stream, item->stream, item->stream_id) < 0 ||
	    read_hash(line->hash, item->hash) < 0)
		return -EINVAL;
	item->frame.flags = (uint32_t)flags;
	item->frame.seq = item->seq;
	item->has_prev = read_hash(line->prev, item->prev) == 0;
	item->has_leaf_hash = read_hash(line->leaf_hash, item->leaf_hash) == 0;
	item->is_lost = span_equals_str(line->lost, "true");
	r = read_payload(line, item);
	item->is_retired = r == 0 && span_equals_str(line->retired, "true") &&
			   item->frame.payload_size == 0;
	if (r == 0 && item->seq == 1) {
		r = frame_origin(item->stream_id, item->host_id, item->prev);
		item->has_prev = true;
	}
	return r;
}

/* A partner whose leaf is ours, and ours its: they have changed places. */
static bool find_partner(struct verify *v, const struct item *item)
{
	for (size_t i = 0; i < v->misplaced_count; i++) {
		struct misplaced *m = &v->misplaced[i];

		if (memcmp(m->named, item->own_leaf, HASH) != 0 ||
		    memcmp(m->own, item->leaf_hash, HASH) != 0)
			continue;
		report(v, VERIFY_SWAP,
		       "leaf=%" PRIu64 ",%" PRIu64 " stream=%s seq=%" PRIu64
		       ",%" PRIu64 ": these events have changed places",
		       m->leaf, item->leaf, item->stream, m->seq, item->seq);
		*m = v->misplaced[--v->misplaced_count];
		return true;
	}
	return false;
}

static void report_misplaced(struct verify *v)
{
	for (size_t i = 0; i < v->misplaced_count; i++)
		report(v, VERIFY_EDIT,
		       "leaf=%" PRIu64 " stream=%s seq=%" PRIu64
		       ": the event and its hash are not what the tree holds",
		       v->misplaced[i].leaf, v->misplaced[i].stream,
		       v->misplaced[i].seq);
	v->misplaced_count = 0;
}

static void keep_misplaced(struct verify *v, const struct item *item)
{
	struct misplaced *m;

	if (find_partner(v, item))
		return;
	if (v->misplaced_count == MISPLACED_MAX)
		report_misplaced(v);
	m = &v->misplaced[v->misplaced_count++];
	*m = (struct misplaced){.leaf = item->leaf, .seq = item->seq};
	memcpy(m->stream, item->stream, sizeof(m->stream));
	memcpy(m->named, item->leaf_hash, HASH);
	memcpy(m->own, item->own_leaf, HASH);
}

static void report_retired(struct verify *v)
{
	if (v->retired_from < v->retired_to)
		report(v, VERIFY_RETIRED,
		       "leaf=%" PRIu64 "..%" PRIu64
		       ": records removed by retention; hashes and tree are "
		       "there",
		       v->retired_from, v->retired_to - 1);
	v->retired_from = v->retired_to = 0;
}

/* Retention begins at the oldest and leaves nothing out: behind an event that
 * still has its record, one without was emptied by somebody else. */
static void check_retired(struct verify *v, const struct item *item)
{
	if (v->is_kept) {
		report(v, VERIFY_EDIT,
		       "leaf=%" PRIu64 " stream=%s seq=%" PRIu64
		       ": its record was taken out, and not by retention: "
		       "older ones are there",
		       item->leaf, item->stream, item->seq);
		return;
	}
	v->sums.retired++;
	if (v->retired_from == v->retired_to)
		v->retired_from = item->leaf;
	v->retired_to = v->retired_end = item->leaf + 1;
}

/* What the collector says in the tree that it would remove. */
static void note_announced(struct verify *v, const struct item *item,
			   struct span event)
{
	uint64_t last;

	if (own_log_read(&v->own_log, item->host, event, &last) == 0 &&
	    last < item->leaf && last >= v->announced)
		v->announced = last + 1;
}

/* The events of one terminal do not hold the collector's own. */
static void check_announced(struct verify *v)
{
	if (v->is_all && v->retired_end > v->announced)
		report(v, VERIFY_EDIT,
		       "leaf=%" PRIu64 "..%" PRIu64
		       ": records are gone of which the collector's own "
		       "events say nothing",
		       v->announced, v->retired_end - 1);
}

/* The event's octets must give its hash, where the hash before is known. */
static int check_content(struct verify *v, struct item *item,
			 const struct verify_stream *stream)
{
	uint8_t hash[HASH];
	int r;

	if (item->is_retired) {
		check_retired(v, item);
		return 0;
	}
	if (!v->is_kept)
		report_retired(v);
	v->is_kept = true;
	if (!item->has_prev) {
		v->sums.unchecked++;
		return 0;
	}
	memcpy(item->frame.prev, item->prev, HASH);
	r = frame_hash(&item->frame, hash);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && memcmp(hash, item->hash, HASH) == 0)
		return 0;
	/* Behind a changed event the hash before may be a changed one. */
	if (stream->is_disturbed)
		v->sums.unchecked++;
	else
		report(v, VERIFY_EDIT,
		       "leaf=%" PRIu64 " stream=%s seq=%" PRIu64
		       ": its content does not give its hash",
		       item->leaf, item->stream, item->seq);
	return 0;
}

/* The stream without gaps from 1, each event on the hash of the one before. */
static void check_chain(struct verify *v, struct verify_stream *stream,
			const struct item *item)
{
	uint64_t next = stream->seq + 1;

	if (item->seq < next) {
		report(v, VERIFY_SWAP,
		       "leaf=%" PRIu64 " stream=%s seq=%" PRIu64
		       ": comes after seq %" PRIu64,
		       item->leaf, item->stream, item->seq, stream->seq);
		return;
	}
	if (item->seq > next && item->is_lost)
		v->sums.lost += item->seq - next;
	else if (item->seq > next)
		/* No leaf is missing: then they are somewhere else. */
		report(v,
		       v->is_all && !v->has_hole && !v->is_broken
			       ? VERIFY_SWAP
			       : VERIFY_DELETE,
		       "leaf=%" PRIu64 " stream=%s seq=%" PRIu64 "..%" PRIu64
		       ": events missing before this leaf",
		       item->leaf, item->stream, next, item->seq - 1);
	else if (stream->seq > 0 && item->has_prev &&
		 memcmp(stream->tip, item->prev, HASH) != 0)
		report(v, VERIFY_EDIT,
		       "leaf=%" PRIu64 " stream=%s seq=%" PRIu64
		       ": it does not follow the event before it",
		       item->leaf, item->stream, item->seq);
}

static int add_event(struct verify *v, const struct verify_line *line)
{
	struct item *item = &v->item;
	struct verify_stream *stream = NULL;
	int r = read_item(line, item);

	if (r < 0)
		return r;
	v->sums.events++;
	report_hole(v, false);
	r = merkle_event_leaf(item->stream_id, item->seq, item->hash,
			      item->own_leaf);
	if (r == 0)
		r = verify_streams_get(&v->streams, item->stream_id, &stream);
	if (r == 0)
		r = place_leaf(v, item);
	if (r == 0)
		r = check_content(v, item, stream);
	if (r != 0)
		return r;
	if (item->has_leaf_hash &&
	    memcmp(item->own_leaf, item->leaf_hash, HASH) != 0) {
		keep_misplaced(v, item);
		stream->is_disturbed = true;
		return 0;
	}
	if (!stream->is_disturbed)
		check_chain(v, stream, item);
	note_announced(v, item, line->event);
	stream->is_disturbed = false;
	if (item->seq > stream->seq) {
		stream->seq = item->seq;
		memcpy(stream->tip, item->hash, HASH);
	}
	return 0;
}

/* ---- the other lines ------------------------------------------------------ */

static int begin(struct verify *v, const struct verify_line *line)
{
	_cleanup_buf_ struct buf text = BUF_INIT(NOTE_BYTES_MAX);
	int r;

	v->is_begun = true;
	if (!span_equals_str(line->proof, FORMAT_NAME) || !line->checkpoint.ptr)
		return -EINVAL;
	v->is_all = span_equals_str(line->scope, "all");
	r = verify_line_unescape(line->checkpoint, &text);
	if (r < 0)
		return r;
	r = logkey_checkpoint_read(TAKE_PTR(text.data), &v->own);
	if (r == -EBADMSG)
		return -EINVAL;
	if (r == 0)
		r = own_log_init(v->own.checkpoint.origin, &v->own_log);
	if (r == 0)
		check_signatures(v);
	return r < 0 ? r : compare_roots(v);
}

static int end_stream(struct verify *v, const struct verify_line *line)
{
	struct verify_stream *stream = NULL;
	char text[IDENT_HEX_LEN + 1];
	uint8_t id[FRAME_ID_SIZE];
	uint64_t seq;
	int r;

	if (read_id(line->end, text, id) < 0 ||
	    note_number_parse(line->seq, &seq) != 0)
		return -EINVAL;
	r = verify_streams_get(&v->streams, id, &stream);
	if (r < 0)
		return r;
	if (stream->seq < seq && !stream->is_disturbed)
		report(v, VERIFY_TRUNCATE,
		       "stream=%s seq=%" PRIu64 "..%" PRIu64
		       ": acknowledged, but not in the export",
		       text, stream->seq + 1, seq);
	return 0;
}

void verify_add_malformed(struct verify *v)
{
	report(v, VERIFY_MALFORMED,
	       "line=%" PRIu64 ": not a line of an export with proof",
	       v->sums.lines);
}

int verify_add(struct verify *v, struct span text)
{
	struct verify_line line;
	int r = verify_line_parse(text, &line);

	v->sums.lines++;
	if (r == 0 && !v->is_begun)
		r = begin(v, &line);
	else if (r == 0 && line.leaf.ptr)
		r = add_event(v, &line);
	else if (r == 0 && line.tree.ptr)
		r = add_subtree(v, &line);
	else if (r == 0)
		r = end_stream(v, &line);
	if (r == -EINVAL) {
		verify_add_malformed(v);
		r = 0;
	}
	return r > 0 ? -ENOMEM : r;
}

int verify_finish(struct verify *v, struct verify_result *ret_result)
{
	int r = 0;

	if (!v->own.text)
		report(v, VERIFY_UNPROVEN,
		       "line=1: no checkpoint; was this made with --proof?");
	else if (v->tree.size == 0)
		r = compare_roots(v);
	report_hole(v, true);
	report_retired(v);
	check_announced(v);
	report_misplaced(v);
	finish_checkpoints(v);
	v->sums.leaves = v->tree.size;
	v->sums.streams = v->streams.count;
	*ret_result = v->sums;
	return r;
}
