/* SPDX-License-Identifier: Apache-2.0 */
/* zlib and libzstd in one shot; a batch is a megabyte at most. */
#include "agent/ship/coding.h"

#include <errno.h>

#define ZLIB_CONST /* the input is only read */
#include <zlib.h>
#include <zstd.h>

#include "agent/base/banned.h"

#define GZIP_WINDOW (15 + 16) /* zlib: window bits, +16 for a gzip header */
#define GZIP_MEMORY 8
#define GZIP_LEVEL  6
#define ZSTD_LEVEL  3

const char *coding_to_str(enum coding coding)
{
	switch (coding) {
	case CODING_GZIP:
		return "gzip";
	case CODING_ZSTD:
		return "zstd";
	case CODING_IDENTITY:
	default:
		return "identity";
	}
}

enum coding coding_simpler(enum coding coding)
{
	return coding == CODING_ZSTD ? CODING_GZIP : CODING_IDENTITY;
}

static int apply_gzip(struct span data, struct buf *out)
{
	z_stream stream = {0};

	if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW,
			 GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;

	size_t bound = deflateBound(&stream, (uLong)data.len);
	int r = buf_reserve(out, bound);
	if (r == 0) {
		stream.next_in = (const Bytef *)data.ptr;
		stream.avail_in = (uInt)data.len;
		stream.next_out = (Bytef *)out->data + out->size;
		stream.avail_out = (uInt)bound;
		if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
			out->size += stream.total_out;
		else
			r = -EIO;
	}
	(void)deflateEnd(&stream); /* frees only */
	return r;
}

static int apply_zstd(struct span data, struct buf *out)
{
	size_t bound = ZSTD_compressBound(data.len);

	int r = buf_reserve(out, bound);
	if (r < 0)
		return r;
	size_t size = ZSTD_compress(out->data + out->size, bound, data.ptr,
				    data.len, ZSTD_LEVEL);
	if (ZSTD_isError(size))
		return -EIO;
	out->size += size;
	return 0;
}

int coding_apply(enum coding coding, struct span data, struct buf *out)
{
	switch (coding) {
	case CODING_GZIP:
		return apply_gzip(data, out);
	case CODING_ZSTD:
		return apply_zstd(data, out);
	case CODING_IDENTITY:
	default:
		return buf_append(out, data.ptr, data.len);
	}
}
