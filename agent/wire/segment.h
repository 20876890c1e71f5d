/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment: what stands before and after the frames of one spool file.
 *
 *	header, 128 bytes		footer, 128 bytes (closed segments)
 *	  0  8 magic "SEKIMORI"		  0  4 magic "SKE1"
 *	  8  4 version, 1 or 2		  4  4 CRC-32C of what follows
 *	 12  4 CRC-32C of what follows	  8  8 count, frames in the segment
 *	 16 16 stream id		 16 32 tip, chain hash of the last frame
 *	 32 16 host id			 48 64 Ed25519 signature
 *	 48  8 first seq		112 16 zero
 *	 56  8 wall_ns of its making
 *	 64 32 prev, hash before first
 *	 96 16 key id
 *	112  8 frames_bytes, version 2
 *	120  8 zero
 *
 * The footer is the last 128 bytes of the file, the gap before it is zero; so
 * a segment's numbers are known without reading its frames. Its signature is over
 * "sekimori-segment-v1" || 0x00 || stream || host id || le64 first seq ||
 * le64 count || prev || tip, so it can be taken for nothing else. The key id is
 * the first 16 bytes of SHA-256 over the raw 32-byte public key.
 *
 * Version 2 is a closed segment that was packed: between header and footer there
 * is one zstd frame of frames_bytes, the frames. All else is as in version 1.
 *
 * PURE: no I/O, clock or allocation of our own (libcrypto's aside).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <openssl/types.h>

#include "agent/wire/frame.h"

#define SEGMENT_HEADER_SIZE    128u
#define SEGMENT_FOOTER_SIZE    128u
#define SEGMENT_KEY_ID_SIZE    16u
#define SEGMENT_SIGNATURE_SIZE 64u
#define SEGMENT_FOOTER_MAGIC   0x31454b53u /* "SKE1" */

struct segment_header {
	uint8_t stream[FRAME_ID_SIZE];
	uint8_t host_id[FRAME_ID_SIZE];
	uint64_t first_seq;
	uint64_t wall_ns;
	uint8_t prev[FRAME_HASH_SIZE];
	uint8_t key_id[SEGMENT_KEY_ID_SIZE]; /* zero: segments are unsigned */
	uint64_t frames_bytes; /* packed: of the frames unpacked; else 0 */
};

struct segment_footer {
	uint64_t count;
	uint8_t tip[FRAME_HASH_SIZE];
	uint8_t signature[SEGMENT_SIGNATURE_SIZE]; /* zero: unsigned */
};

enum segment_outcome {
	SEGMENT_GARBAGE = 1, /* no magic */
	SEGMENT_BAD_CRC,
	SEGMENT_BAD_VERSION, /* made by a later version of this software */
	SEGMENT_UNSIGNED,    /* verify: there is no signature */
	SEGMENT_FORGED,	     /* verify: the signature is another's */
};

/* Writes exactly SEGMENT_HEADER_SIZE bytes. */
void segment_header_encode(const struct segment_header *header,
			   uint8_t buffer[SEGMENT_HEADER_SIZE])
	__attribute__((nonnull));

/*
 * Reads a header. Returns 0, or SEGMENT_GARBAGE, _BAD_CRC, _BAD_VERSION with
 * *ret_header unchanged. `size` below SEGMENT_HEADER_SIZE is garbage.
 */
int segment_header_decode(const uint8_t *data, size_t size,
			  struct segment_header *ret_header)
	__attribute__((nonnull, warn_unused_result));

/* Writes exactly SEGMENT_FOOTER_SIZE bytes. */
void segment_footer_encode(const struct segment_footer *footer,
			   uint8_t buffer[SEGMENT_FOOTER_SIZE])
	__attribute__((nonnull));

/* Reads a footer. Returns 0, or SEGMENT_GARBAGE or _BAD_CRC. */
int segment_footer_decode(const uint8_t *data, size_t size,
			  struct segment_footer *ret_footer)
	__attribute__((nonnull, warn_unused_result));

/*
 * Signs with the host's Ed25519 key: sets footer->signature from the header
 * and the footer's other fields. Returns 0, -EINVAL for another kind of key, or
 * -ENOMEM.
 */
int segment_footer_sign(const struct segment_header *header,
			struct segment_footer *footer, EVP_PKEY *key)
	__attribute__((nonnull, warn_unused_result));

/*
 * Checks the signature with the host's public key. Returns 0,
 * SEGMENT_UNSIGNED, SEGMENT_FORGED, or -ENOMEM.
 */
int segment_footer_verify(const struct segment_header *header,
			  const struct segment_footer *footer, EVP_PKEY *key)
	__attribute__((nonnull, warn_unused_result));

/* Key id of an Ed25519 key. Returns 0, -EINVAL for another kind, -ENOMEM. */
int segment_key_id(const EVP_PKEY *key, uint8_t ret_id[SEGMENT_KEY_ID_SIZE])
	__attribute__((nonnull, warn_unused_result));
