/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame: one event as the spool stores it and as the collector checks it.
 *
 *	offset size
 *	     0    4  magic "SKF1"
 *	     4    4  CRC-32C of everything that follows, payload included
 *	     8    4  len, bytes of payload
 *	    12    4  flags, FRAME_*
 *	    16    8  seq, 1.. without gaps in a stream
 *	    24    8  wall_ns, CLOCK_REALTIME
 *	    32    8  boot_ns, CLOCK_BOOTTIME
 *	    40   32  prev, the chain hash of the frame before
 *	    72  len  payload
 *
 * All integers little-endian. The chain: h_n = SHA-256(0x00 || frame n from
 * offset 8), prev of n is h_(n-1), h_0 = SHA-256("agent-stream-v1" || stream ||
 * host id), both ids as 16 raw bytes. Whoever knows (flags, seq, wall_ns,
 * boot_ns, prev, payload) can recompute h_n: that is how the collector proves
 * that nothing was removed. The format page is sekimori.spool(5).
 *
 * PURE: no I/O, clock or allocation of our own (libcrypto's digests aside).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAGIC	  0x31464b53u /* "SKF1" */
#define FRAME_HEADER_SIZE 72u
#define FRAME_HASH_SIZE	  32u
#define FRAME_ID_SIZE	  16u /* stream id, host id */
/* Longer events do not exist: policy/record.h writes at most 32 KiB. */
#define FRAME_PAYLOAD_MAX 65536u
#define FRAME_SIZE_MAX	  (FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX)

/* flags: OCSF severity_id 0..6 in the lowest bits; unknown bits are kept. */
#define FRAME_SEVERITY_MASK 0x00000007u
/* Denial, tamper or grant: may use the reserve, is shipped at once. */
#define FRAME_URGENT 0x00000008u

struct frame {
	uint32_t flags;
	uint64_t seq;
	uint64_t wall_ns;
	uint64_t boot_ns;
	uint8_t prev[FRAME_HASH_SIZE];
	const uint8_t *payload; /* borrowed */
	size_t payload_size;
};

/* What frame_decode found instead of a frame. */
enum frame_outcome {
	FRAME_END = 1,	/* only zeros: the unused rest of a segment */
	FRAME_CUT,	/* a frame's beginning; the buffer ends before it */
	FRAME_GARBAGE,	/* no magic here */
	FRAME_BAD_SIZE, /* magic, but a length that cannot be */
	FRAME_BAD_CRC,	/* magic and length, but the bytes have changed */
};

/* "end", "cut", …; total. For messages. */
const char *frame_outcome_to_str(int outcome) __attribute__((returns_nonnull));

/* Encoded size of a frame with this payload. */
static inline size_t frame_size(size_t payload_size)
{
	return FRAME_HEADER_SIZE + payload_size;
}

/* h_0 of a stream. Returns 0, or -ENOMEM when libcrypto has no memory. */
int frame_origin(const uint8_t stream[FRAME_ID_SIZE],
		 const uint8_t host_id[FRAME_ID_SIZE],
		 uint8_t ret_hash[FRAME_HASH_SIZE])
	__attribute__((nonnull, warn_unused_result));

/*
 * h_n of a frame from its fields; the collector's half of the proof. Returns 0,
 * -EMSGSIZE beyond FRAME_PAYLOAD_MAX, or -ENOMEM.
 */
int frame_hash(const struct frame *frame, uint8_t ret_hash[FRAME_HASH_SIZE])
	__attribute__((nonnull, warn_unused_result));

/*
 * Writes a frame to the caller's buffer of `capacity` bytes and its chain hash
 * to ret_hash. Returns 0 with *ret_size set, -EMSGSIZE beyond
 * FRAME_PAYLOAD_MAX, -ENOBUFS when it does not fit, -ENOMEM from libcrypto;
 * nothing is written on the first two failures.
 */
int frame_encode(const struct frame *frame, uint8_t *buffer, size_t capacity,
		 uint8_t ret_hash[FRAME_HASH_SIZE], size_t *ret_size)
	__attribute__((nonnull, warn_unused_result));

/*
 * Reads the frame at the start of `data`. Returns 0 with *ret_frame (payload
 * pointing into data) and *ret_size (bytes it takes) set, or an enum
 * frame_outcome with both unchanged. Checks the CRC; seq and prev are the
 * caller's to compare, who alone knows what must come next.
 */
int frame_decode(const uint8_t *data, size_t size, struct frame *ret_frame,
		 size_t *ret_size) __attribute__((nonnull, warn_unused_result));
