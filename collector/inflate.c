/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inflate: zlib and zstd driven in steps of INFLATE_STEP octets. Each step may
 * only write into what the buffer's limit still allows; wanting another step
 * when nothing is left means the body is too large.
 */
#include "collector/inflate.h"

#include <errno.h>

#define ZLIB_CONST /* next_in is not written through */
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "collector/limits.h"

#include "agent/base/banned.h"

#define INFLATE_STEP (64u << 10)

/* Room for the next step, never past the limit. */
static int make_room(struct buf *out, size_t *ret_room)
{
	size_t room = out->limit - out->size;

	if (room == 0)
		return INFLATE_TOO_LARGE;
	if (room > INFLATE_STEP)
		room = INFLATE_STEP;
	int r = buf_reserve(out, room);
	if (r < 0)
		return r;
	*ret_room = room;
	return 0;
}

static int inflate_gzip(const void *raw, size_t size, struct buf *out)
{
	z_stream z = {
		.next_in = (const Bytef *)raw,
		.avail_in = (uInt)size,
	};
	int r = 0, state = Z_OK;

	/* 15 + 16: the largest window, and nothing but the gzip format. */
	if (inflateInit2(&z, 15 + 16) != Z_OK)
		return -ENOMEM;
	while (r == 0 && state == Z_OK) {
		size_t room = 0;

		r = make_room(out, &room);
		if (r)
			break;
		z.next_out = (Bytef *)out->data + out->size;
		z.avail_out = (uInt)room;
		state = inflate(&z, Z_NO_FLUSH);
		out->size += room - z.avail_out;
		if (state == Z_BUF_ERROR ||
		    (state == Z_OK && z.avail_in == 0 && z.avail_out > 0))
			r = INFLATE_CORRUPT; /* cut short */
	}
	if (r == 0 && (state != Z_STREAM_END || z.avail_in > 0))
		r = state == Z_MEM_ERROR ? -ENOMEM : INFLATE_CORRUPT;
	(void)inflateEnd(&z); /* frees; the outcome is known */
	return r;
}

static int inflate_zstd(const void *raw, size_t size, struct buf *out)
{
	ZSTD_inBuffer in = {.src = raw, .size = size};
	ZSTD_DCtx *ctx = ZSTD_createDCtx();
	size_t left = 1;
	int r = 0;

	if (!ctx)
		return -ENOMEM;
	(void)ZSTD_DCtx_setParameter(ctx, ZSTD_d_windowLogMax,
				     LIMIT_ZSTD_WINDOW_LOG); /* in range */
	while (r == 0 && left != 0) {
		size_t room = 0;

		r = make_room(out, &room);
		if (r)
			break;
		ZSTD_outBuffer step = {.dst = out->data + out->size,
				       .size = room};
		left = ZSTD_decompressStream(ctx, &step, &in);
		if (ZSTD_isError(left)) {
			r = ZSTD_getErrorCode(left) ==
					    ZSTD_error_frameParameter_windowTooLarge
				    ? INFLATE_TOO_LARGE
				    : INFLATE_CORRUPT;
			break;
		}
		out->size += step.pos;
		if (left != 0 && step.pos < room && in.pos == in.size)
			r = INFLATE_CORRUPT; /* cut short */
	}
	if (r == 0 && in.pos != in.size)
		r = INFLATE_CORRUPT;
	(void)ZSTD_freeDCtx(ctx); /* always succeeds */
	return r;
}

int inflate_body(enum headers_coding coding, const void *raw, size_t size,
		 struct buf *out)
{
	int r;

	switch (coding) {
	case HEADERS_CODING_IDENTITY:
		r = buf_append(out, raw, size);
		return r == -ENOBUFS ? INFLATE_TOO_LARGE : r;
	case HEADERS_CODING_GZIP:
		return inflate_gzip(raw, size, out);
	case HEADERS_CODING_ZSTD:
		return inflate_zstd(raw, size, out);
	case HEADERS_CODING_UNKNOWN:
	default:
		return INFLATE_CORRUPT;
	}
}
