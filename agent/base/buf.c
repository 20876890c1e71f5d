/* SPDX-License-Identifier: Apache-2.0 */
/* Growth by doubling, never past the limit; failure changes nothing. */
#include "agent/base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "agent/base/banned.h"

#define BUF_FIRST_CAPACITY 256

void buf_fini(struct buf *buf)
{
	cleanup_free(&buf->data);
	*buf = (struct buf){.limit = buf->limit};
}

int buf_reserve(struct buf *buf, size_t size)
{
	if (size > buf->limit || buf->size > buf->limit - size)
		return -ENOBUFS;

	size_t needed = buf->size + size + 1; /* the NUL; limit < SIZE_MAX */
	if (needed <= buf->capacity)
		return 0;

	size_t capacity = buf->capacity ? buf->capacity : BUF_FIRST_CAPACITY;
	while (capacity < needed)
		capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;

	char *data = realloc(buf->data, capacity);
	if (!data)
		return -ENOMEM;
	buf->data = data;
	buf->capacity = capacity;
	buf->data[buf->size] = '\0';
	return 0;
}

int buf_append(struct buf *buf, const void *data, size_t size)
{
	int r = buf_reserve(buf, size);
	if (r < 0)
		return r;

	if (size > 0)
		memcpy(buf->data + buf->size, data, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
	return 0;
}

int buf_append_text(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return -EINVAL;

	int r = buf_reserve(buf, (size_t)length);
	if (r < 0)
		return r;

	va_start(arguments, format);
	(void)vsnprintf(buf->data + buf->size, (size_t)length + 1, format,
			arguments); /* the same text as measured above */
	va_end(arguments);
	buf->size += (size_t)length;
	return 0;
}

void buf_clear(struct buf *buf)
{
	buf->size = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

const char *buf_text(const struct buf *buf)
{
	return buf->data ? buf->data : "";
}
