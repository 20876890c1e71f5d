/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One segment at a time, whole in memory. First the frames are found, then they
 * are followed: so that an event in the wrong place is told from one that is
 * gone. After each fault the walk goes on behind it without counting it twice.
 */
#include "agent/spool/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/spool/directory.h"
#include "agent/spool/pack.h"
#include "agent/spool/spool.h"
#include "agent/wire/segment.h"

#include "agent/base/banned.h"

/* A frame that was found, in the order of the file. */
struct place {
	struct frame frame;
	uint64_t offset;
	uint8_t hash[FRAME_HASH_SIZE];
	bool is_behind_rubbish; /* what is before it could not be read */
	bool is_done;
};

struct segment {
	uint64_t named_seq; /* as the name says */
	uint8_t *data;
	size_t size;
	struct segment_header header;
	struct segment_footer footer;
	bool has_footer;
	struct place *places;
	size_t place_count;
	bool ends_in_rubbish;
	uint64_t rubbish_offset;
};

struct verify {
	const struct spool_verify_options *options;
	EVP_PKEY *keys[SPOOL_VERIFY_KEYS_MAX];
	uint8_t key_ids[SPOOL_VERIFY_KEYS_MAX][SEGMENT_KEY_ID_SIZE];
	struct spool_verified result;
	char file[SEGMENT_NAME_SIZE]; /* where the walk is */
	uint64_t next_seq;	      /* 0: nothing came before */
	uint8_t tip[FRAME_HASH_SIZE];
	bool has_tip;
};

const char *spool_fault_to_str(enum spool_fault fault)
{
	static const char *const names[] = {
		[SPOOL_FAULT_DELETE] = "delete",
		[SPOOL_FAULT_EDIT] = "edit",
		[SPOOL_FAULT_SWAP] = "swap",
		[SPOOL_FAULT_TRUNCATE] = "truncate",
		[SPOOL_FAULT_FORK] = "fork",
		[SPOOL_FAULT_SIGNATURE] = "signature",
		[SPOOL_FAULT_HEADER] = "header",
	};

	return (size_t)fault < sizeof(names) / sizeof(*names) ? names[fault]
							      : "unknown";
}

static void report(struct verify *verify, const struct spool_finding *finding)
{
	struct spool_finding full = *finding;

	full.file = verify->file;
	verify->result.fault_count++;
	if (verify->options->found)
		verify->options->found(&full, verify->options->userdata);
}

/* The highest number that was durable in this stream; 0: not known. */
static uint64_t known_end(const struct verify *verify)
{
	uint64_t known = 0;

	for (size_t i = 0; i < 2; i++) {
		const struct spool_tail *tail = &verify->options->known[i];

		if (memcmp(tail->stream, verify->result.stream,
			   FRAME_ID_SIZE) == 0 &&
		    tail->seq > known)
			known = tail->seq;
	}
	return known;
}

/* ---- reading a segment ---- */

static void segment_fini(struct segment *segment)
{
	free(segment->places);
	free(segment->data);
}

static int read_segment(const struct spool_verify_options *options,
			struct segment *segment)
{
	struct stat status;

	_cleanup_close_ int fd = segment_open(options->dirfd,
					      segment->named_seq);
	if (fd < 0)
		return fd;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) ||
	    status.st_size > (off_t)SPOOL_SEGMENT_BYTES_MAX)
		return -EBADMSG;

	segment->data = malloc((size_t)status.st_size + 1);
	if (!segment->data)
		return -ENOMEM;
	int r = pread_full(fd, segment->data, (size_t)status.st_size, 0,
			   &segment->size);
	if (r < 0)
		return r;
	if (segment_header_decode(segment->data, segment->size,
				  &segment->header) != 0)
		return -EBADMSG;
	segment->has_footer =
		segment->size >= SEGMENT_HEADER_SIZE + SEGMENT_FOOTER_SIZE &&
		segment_footer_decode(segment->data + segment->size -
					      SEGMENT_FOOTER_SIZE,
				      SEGMENT_FOOTER_SIZE,
				      &segment->footer) == 0;
	return 0;
}

/* The next offset at which a frame can be read; `end` when there is none. */
static size_t find_frame(const uint8_t *data, size_t at, size_t end)
{
	struct frame frame;
	size_t size;

	while (at + FRAME_HEADER_SIZE <= end &&
	       frame_decode(data + at, end - at, &frame, &size) != 0)
		at++;
	return at + FRAME_HEADER_SIZE <= end ? at : end;
}

static int add_place(struct segment *segment, const struct place *place)
{
	/* Grows by doubling; a power of two is a full array. */
	size_t count = segment->place_count;

	if ((count & (count - 1)) == 0) {
		struct place *more =
			realloc(segment->places,
				(count ? 2 * count : 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		segment->places = more;
	}
	segment->places[segment->place_count++] = *place;
	return 0;
}

static int find_places(struct segment *segment)
{
	size_t end = segment->size -
		     (segment->has_footer ? SEGMENT_FOOTER_SIZE : 0);
	struct place place = {0};
	size_t at = SEGMENT_HEADER_SIZE;
	size_t size = 0;

	while (at < end) {
		int r = frame_decode(segment->data + at, end - at, &place.frame,
				     &size);
		if (r == FRAME_END)
			return 0;
		if (r != 0) {
			segment->rubbish_offset = at;
			at = find_frame(segment->data, at + 1, end);
			place.is_behind_rubbish = at < end;
			segment->ends_in_rubbish = at >= end;
			continue;
		}
		place.offset = at;
		r = frame_hash(&place.frame, place.hash);
		if (r == 0)
			r = add_place(segment, &place);
		if (r < 0)
			return r;
		place.is_behind_rubbish = false;
		at += size;
	}
	return 0;
}

/* ---- following it ---- */

/* Where the segment stands among the others. */
static void check_place(struct verify *verify, const struct segment *segment)
{
	const struct segment_header *header = &segment->header;
	struct spool_finding finding = {.first = header->first_seq,
					.last = header->first_seq};
	uint8_t origin[FRAME_HASH_SIZE];
	bool is_first = verify->next_seq == 0;

	if (segment->named_seq != header->first_seq) {
		finding.fault = SPOOL_FAULT_SWAP;
		finding.detail = "the file has another one's name";
		report(verify, &finding);
	} else if (!is_first && memcmp(header->stream, verify->result.stream,
				       FRAME_ID_SIZE) != 0) {
		finding.fault = SPOOL_FAULT_FORK;
		finding.detail = "the file is of another stream";
		report(verify, &finding);
	} else if (!is_first && header->first_seq > verify->next_seq) {
		finding.first = verify->next_seq;
		finding.last = header->first_seq - 1;
		finding.fault = SPOOL_FAULT_DELETE;
		finding.detail = "a file or the end of one is gone before this";
		report(verify, &finding);
	} else if (!is_first && verify->has_tip &&
		   memcmp(header->prev, verify->tip, FRAME_HASH_SIZE) != 0) {
		finding.fault = SPOOL_FAULT_FORK;
		finding.detail = "the file continues another history";
		report(verify, &finding);
	} else if (header->first_seq == 1 &&
		   frame_origin(header->stream, header->host_id, origin) == 0 &&
		   memcmp(origin, header->prev, FRAME_HASH_SIZE) != 0) {
		finding.fault = SPOOL_FAULT_FORK;
		finding.detail = "it does not begin at its stream's origin";
		report(verify, &finding);
	}
}

/* An event with this number further on in the file; NULL: there is none. */
static struct place *later(struct segment *segment, size_t from, uint64_t seq)
{
	for (size_t i = from; i < segment->place_count; i++)
		if (!segment->places[i].is_done &&
		    segment->places[i].frame.seq == seq)
			return &segment->places[i];
	return NULL;
}

/* Passes one event: the chain goes on at it. */
static void pass(struct verify *verify, struct place *place)
{
	const struct spool_verify_options *options = verify->options;

	if (place->frame.seq == options->expect_seq &&
	    memcmp(place->hash, options->expect_hash, FRAME_HASH_SIZE) != 0)
		report(verify, &(struct spool_finding){
				       .fault = SPOOL_FAULT_FORK,
				       .first = place->frame.seq,
				       .last = place->frame.seq,
				       .offset = place->offset,
				       .detail = "the collector has another "
						 "event with this number"});
	place->is_done = true;
	memcpy(verify->tip, place->hash, FRAME_HASH_SIZE);
	verify->has_tip = true;
	verify->next_seq = place->frame.seq + 1;
	verify->result.event_count++;
}

/* The event in its place chains to the one before it, or that one changed. */
static void check_chain(struct verify *verify, const struct segment *segment,
			const struct place *place)
{
	uint64_t before = place->frame.seq - 1;

	if (!verify->has_tip ||
	    memcmp(place->frame.prev, verify->tip, FRAME_HASH_SIZE) == 0)
		return;
	if (place->frame.seq == segment->header.first_seq)
		report(verify, &(struct spool_finding){
				       .fault = SPOOL_FAULT_EDIT,
				       .first = place->frame.seq,
				       .last = place->frame.seq,
				       .offset = place->offset,
				       .detail = "it does not chain to the "
						 "file's header"});
	else
		report(verify, &(struct spool_finding){
				       .fault = SPOOL_FAULT_EDIT,
				       .first = before,
				       .last = before,
				       .offset = place->offset,
				       .detail = "the event behind it was "
						 "chained to another"});
}

/* The number that should come does not: is it gone, spoilt or elsewhere? */
static void check_absent(struct verify *verify, struct segment *segment,
			 size_t at)
{
	struct place *place = &segment->places[at];
	struct spool_finding finding = {.first = verify->next_seq,
					.last = place->frame.seq - 1,
					.offset = place->offset};
	struct place *moved = later(segment, at + 1, verify->next_seq);

	if (moved) {
		finding.fault = SPOOL_FAULT_SWAP;
		finding.last = finding.first;
		finding.offset = moved->offset;
		finding.detail = "it stands behind later ones";
		report(verify, &finding);
		pass(verify, moved);
		return;
	}
	finding.fault = place->is_behind_rubbish ? SPOOL_FAULT_EDIT
						 : SPOOL_FAULT_DELETE;
	finding.detail = place->is_behind_rubbish ? "bytes were changed"
						  : "gone from the file";
	if (place->is_behind_rubbish)
		finding.offset = segment->rubbish_offset;
	report(verify, &finding);
	verify->next_seq = place->frame.seq;
	verify->has_tip = false; /* what it was is not known */
}

static void check_frames(struct verify *verify, struct segment *segment)
{
	for (size_t i = 0; i < segment->place_count;) {
		struct place *place = &segment->places[i];

		if (place->is_done) {
			i++;
		} else if (place->frame.seq == verify->next_seq) {
			check_chain(verify, segment, place);
			pass(verify, place);
			i++;
		} else if (place->frame.seq > verify->next_seq) {
			check_absent(verify, segment, i);
		} else {
			report(verify, &(struct spool_finding){
					       .fault = SPOOL_FAULT_SWAP,
					       .first = place->frame.seq,
					       .last = place->frame.seq,
					       .offset = place->offset,
					       .detail = "it is there twice"});
			place->is_done = true;
			i++;
		}
	}
	/* Behind what is durable, the writer may be at work. */
	uint64_t known = known_end(verify);
	if (!segment->ends_in_rubbish || (known && verify->next_seq > known))
		return;
	report(verify, &(struct spool_finding){
			       .fault = SPOOL_FAULT_EDIT,
			       .first = verify->next_seq,
			       .last = verify->next_seq,
			       .offset = segment->rubbish_offset,
			       .detail = "what stands here is no event"});
	verify->has_tip = false;
}

/* ---- the footer ---- */

static EVP_PKEY *key_of(const struct verify *verify,
			const struct segment_header *header)
{
	for (size_t i = 0; i < verify->options->key_count; i++)
		if (memcmp(verify->key_ids[i], header->key_id,
			   SEGMENT_KEY_ID_SIZE) == 0)
			return verify->keys[i];
	return NULL;
}

static int check_signature(struct verify *verify, const struct segment *segment)
{
	struct spool_finding finding = {
		.fault = SPOOL_FAULT_SIGNATURE,
		.first = segment->header.first_seq,
		.last = segment->header.first_seq + segment->footer.count - 1,
		.offset = segment->size - SEGMENT_FOOTER_SIZE,
	};
	EVP_PKEY *key = key_of(verify, &segment->header);

	if (verify->options->key_count == 0)
		return 0;
	int r = key ? segment_footer_verify(&segment->header, &segment->footer,
					    key)
		    : SEGMENT_FORGED;
	if (r < 0)
		return r;
	if (r == 0) {
		verify->result.signed_count++;
		return 0;
	}
	finding.detail = !key ? "the key is not one of this terminal's"
			 : r == SEGMENT_UNSIGNED ? "there is no signature"
						 : "the signature is not valid";
	report(verify, &finding);
	return 0;
}

static int check_footer(struct verify *verify, const struct segment *segment,
			bool is_last)
{
	uint64_t after = segment->header.first_seq + segment->footer.count;
	struct spool_finding finding = {
		.first = verify->next_seq,
		.last = after - 1,
		.offset = segment->size - SEGMENT_FOOTER_SIZE,
	};

	if (!segment->has_footer) {
		if (is_last)
			return 0;
		finding.fault = SPOOL_FAULT_TRUNCATE;
		finding.first = finding.last = verify->next_seq;
		finding.offset = segment->size;
		finding.detail = "a closed file without its footer";
		report(verify, &finding);
		return 0;
	}
	if (verify->next_seq < after) {
		finding.fault = SPOOL_FAULT_TRUNCATE;
		finding.detail = "gone from the end of the file";
		report(verify, &finding);
		verify->next_seq = after;
		memcpy(verify->tip, segment->footer.tip, FRAME_HASH_SIZE);
		verify->has_tip = true;
	} else if (verify->next_seq > after) {
		finding.fault = SPOOL_FAULT_FORK;
		finding.first = after;
		finding.last = verify->next_seq - 1;
		finding.detail = "the file was closed before these";
		report(verify, &finding);
	} else if (verify->has_tip && memcmp(segment->footer.tip, verify->tip,
					     FRAME_HASH_SIZE) != 0) {
		finding.fault = SPOOL_FAULT_EDIT;
		finding.first = finding.last = after - 1;
		finding.detail = "the footer was made for another event";
		report(verify, &finding);
		memcpy(verify->tip, segment->footer.tip, FRAME_HASH_SIZE);
	}
	return check_signature(verify, segment);
}

/* ---- all of it ---- */

static int verify_segment(struct verify *verify, uint64_t first_seq,
			  bool is_last)
{
	_cleanup_(segment_fini) struct segment segment = {
		.named_seq = first_seq};

	segment_name(first_seq, verify->file);
	int r = read_segment(verify->options, &segment);
	if (r == -EBADMSG) {
		report(verify,
		       &(struct spool_finding){.fault = SPOOL_FAULT_HEADER,
					       .first = first_seq,
					       .last = first_seq,
					       .detail = "it cannot be read"});
		verify->has_tip = false;
		return 0;
	}
	if (r == 0)
		r = find_places(&segment);
	if (r < 0)
		return r;

	verify->result.segment_count++;
	check_place(verify, &segment);
	memcpy(verify->result.stream, segment.header.stream, FRAME_ID_SIZE);
	memcpy(verify->tip, segment.header.prev, FRAME_HASH_SIZE);
	verify->has_tip = true;
	verify->next_seq = segment.header.first_seq;
	check_frames(verify, &segment);
	return check_footer(verify, &segment, is_last);
}

static void check_end(struct verify *verify)
{
	uint64_t known = known_end(verify);

	if (known >= verify->next_seq)
		report(verify, &(struct spool_finding){
				       .fault = SPOOL_FAULT_TRUNCATE,
				       .first = verify->next_seq,
				       .last = known,
				       .detail = "these were durable and are "
						 "gone from the end"});
}

static int read_keys(struct verify *verify)
{
	for (size_t i = 0; i < verify->options->key_count; i++) {
		BIO *bio = BIO_new_mem_buf(verify->options->keys[i], -1);

		if (!bio)
			return -ENOMEM;
		verify->keys[i] = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
		BIO_free(bio);
		if (!verify->keys[i] ||
		    segment_key_id(verify->keys[i], verify->key_ids[i]) < 0)
			return -EBADMSG;
	}
	return 0;
}

static void verify_fini(struct verify *verify)
{
	for (size_t i = 0; i < SPOOL_VERIFY_KEYS_MAX; i++)
		EVP_PKEY_free(verify->keys[i]);
}

int spool_verify(const struct spool_verify_options *options,
		 struct spool_verified *ret_verified)
{
	_cleanup_(verify_fini) struct verify verify = {.options = options};
	_cleanup_free_ uint64_t *first_seqs = NULL;
	size_t count = 0;

	if (options->key_count > SPOOL_VERIFY_KEYS_MAX)
		return -E2BIG;
	int r = read_keys(&verify);
	if (r == 0)
		r = segment_list(options->dirfd, &first_seqs, &count);
	if (r < 0)
		return r;
	if (!first_seqs)
		return -ENOENT;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = verify_segment(&verify, first_seqs[i], i + 1 == count);
	if (r < 0)
		return r;

	check_end(&verify);
	if (verify.result.event_count > 0) {
		verify.result.first_seq = first_seqs[0];
		verify.result.last_seq = verify.next_seq - 1;
	}
	memcpy(verify.result.tip, verify.tip, FRAME_HASH_SIZE);
	*ret_verified = verify.result;
	return 0;
}
