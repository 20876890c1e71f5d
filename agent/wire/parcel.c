/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a parcel, see parcel.h. Every check is made when reading; writing
 * reads back what it wrote. */
#include "agent/wire/parcel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define FIRST_LINE "sekimori-policy 1"
#define SUFFIX	   ".rules"

struct reader {
	struct span rest;
	const char *why; /* the first thing that is wrong */
};

static bool fail(struct reader *reader, const char *why)
{
	if (!reader->why)
		reader->why = why;
	return false;
}

/* Where the next line begins with `word` and a blank, the rest of the line. */
static bool take_line(struct reader *reader, const char *word,
		      struct span *ret_value)
{
	struct span rest = reader->rest;
	const char *end = rest.len ? memchr(rest.ptr, '\n', rest.len) : NULL;
	size_t n = strlen(word);

	if (!end || !span_starts_with(rest, span_of(word, n)))
		return false;
	struct span line = span_take(rest, (size_t)(end - rest.ptr));
	if (line.len <= n || line.ptr[n] != ' ')
		return false;
	*ret_value = span_skip(line, n + 1);
	reader->rest = span_skip(rest, line.len + 1);
	return true;
}

/* Decimal, no sign, no leading zero: one spelling. */
static bool parse_number(struct span text, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text.len == 0 || text.len > 19 ||
	    (text.len > 1 && text.ptr[0] == '0'))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text.ptr[i] - '0');
	}
	if (value > PARCEL_SERIAL_MAX)
		return false;
	*ret_value = value;
	return true;
}

static bool is_word(struct span text, size_t max)
{
	if (text.len == 0 || text.len > max || text.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		      c == '-'))
			return false;
	}
	return true;
}

static bool is_text(struct span text, size_t max)
{
	if (text.len == 0 || text.len > max)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if ((uint8_t)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
			return false;
	return true;
}

/* An optional time; 0 may not be written, it means none. */
static bool take_time(struct reader *reader, const char *word,
		      uint64_t *ret_time)
{
	struct span value;

	if (!take_line(reader, word, &value))
		return true;
	if (!parse_number(value, ret_time) || *ret_time == 0)
		return fail(reader, "a time is not a number of seconds");
	return true;
}

static bool take_terms(struct reader *reader, struct parcel *parcel)
{
	struct span value;

	if (!take_line(reader, "sekimori-policy", &value) ||
	    !span_equals_str(value, "1"))
		return fail(reader, "does not begin with '" FIRST_LINE "'");
	if (!take_line(reader, "serial", &value) ||
	    !parse_number(value, &parcel->serial) || parcel->serial == 0)
		return fail(reader, "has no valid serial");
	if (take_line(reader, "zone", &parcel->zone) &&
	    !is_word(parcel->zone, PARCEL_ZONE_MAX))
		return fail(reader, "the zone's name is not valid");
	if (take_line(reader, "issuer", &parcel->issuer) &&
	    !is_text(parcel->issuer, PARCEL_ISSUER_MAX))
		return fail(reader, "the issuer's name is not valid");
	if (!take_time(reader, "not-before", &parcel->wall_not_before_s) ||
	    !take_time(reader, "not-after", &parcel->wall_not_after_s))
		return false;
	if (parcel->wall_not_after_s &&
	    parcel->wall_not_after_s <= parcel->wall_not_before_s)
		return fail(reader, "ends before it begins");
	return true;
}

static bool is_file_name(struct span name)
{
	size_t n = strlen(SUFFIX);

	return is_word(name, PARCEL_NAME_MAX) && name.len > n &&
	       span_equals_str(span_skip(name, name.len - n), SUFFIX);
}

/* As strcmp() orders names in a folder, the shorter first. */
static bool is_before(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.ptr, b.ptr, n);

	return order ? order < 0 : a.len < b.len;
}

static bool take_file(struct reader *reader, struct span line,
		      struct parcel *parcel)
{
	const char *blank = memchr(line.ptr, ' ', line.len);
	size_t name_len = blank ? (size_t)(blank - line.ptr) : line.len;
	struct parcel_file file = {.name = span_take(line, name_len)};
	uint64_t size;

	if (!is_file_name(file.name) ||
	    !parse_number(span_skip(line, name_len + 1), &size))
		return fail(reader, "a file's line is not valid");
	if (parcel->count == PARCEL_FILES_MAX)
		return fail(reader, "too many files");
	if (parcel->count > 0 &&
	    !is_before(parcel->files[parcel->count - 1].name, file.name))
		return fail(reader, "the files are not in order of names");
	if (size >= reader->rest.len || reader->rest.ptr[size] != '\n')
		return fail(reader, "a file's size is wrong");
	file.text = span_take(reader->rest, size);
	reader->rest = span_skip(reader->rest, size + 1);
	parcel->files[parcel->count++] = file;
	return true;
}

int parcel_read(struct span text, struct parcel *ret_parcel,
		const char **ret_why)
{
	struct reader reader = {.rest = text};
	struct span line;

	*ret_parcel = (struct parcel){0};
	bool ok = take_terms(&reader, ret_parcel);
	while (ok && take_line(&reader, "file", &line))
		ok = take_file(&reader, line, ret_parcel);
	if (ok && !span_equals_str(reader.rest, "end\n"))
		ok = fail(&reader, "a line is not known, or not in its place");
	if (ok)
		return 0;
	*ret_why = reader.why;
	return PARCEL_MALFORMED;
}

struct writer {
	char *buf;
	size_t cap;
	size_t len;
	bool is_full;
};

static void put(struct writer *writer, struct span bytes)
{
	if (writer->is_full || bytes.len > writer->cap - writer->len) {
		writer->is_full = true;
		return;
	}
	if (bytes.len > 0)
		memcpy(writer->buf + writer->len, bytes.ptr, bytes.len);
	writer->len += bytes.len;
}

/* "WORD TEXT\n", or nothing for the empty text. */
static void put_text(struct writer *writer, const char *word, struct span text)
{
	if (text.len == 0)
		return;
	put(writer, span_str(word));
	put(writer, SPAN(" "));
	put(writer, text);
	put(writer, SPAN("\n"));
}

static void put_number(struct writer *writer, const char *word, uint64_t value)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, value);

	if (value > 0)
		put_text(writer, word, span_of(digits, (size_t)n));
}

static void put_file(struct writer *writer, const struct parcel_file *file)
{
	char size[24];
	int n = snprintf(size, sizeof(size), " %zu\n", file->text.len);

	put(writer, SPAN("file "));
	put(writer, file->name);
	put(writer, span_of(size, (size_t)n));
	put(writer, file->text);
	put(writer, SPAN("\n"));
}

static bool is_same(const struct parcel *a, const struct parcel *b)
{
	return a->serial == b->serial && span_equals(a->zone, b->zone) &&
	       span_equals(a->issuer, b->issuer) &&
	       a->wall_not_before_s == b->wall_not_before_s &&
	       a->wall_not_after_s == b->wall_not_after_s &&
	       a->count == b->count;
}

int parcel_write(const struct parcel *parcel, char *buf, size_t cap,
		 size_t *ret_len)
{
	struct writer writer = {.buf = buf, .cap = cap};
	struct parcel back;
	const char *why;

	put(&writer, SPAN(FIRST_LINE "\n"));
	put_number(&writer, "serial", parcel->serial);
	put_text(&writer, "zone", parcel->zone);
	put_text(&writer, "issuer", parcel->issuer);
	put_number(&writer, "not-before", parcel->wall_not_before_s);
	put_number(&writer, "not-after", parcel->wall_not_after_s);
	for (size_t i = 0; i < parcel->count; i++)
		put_file(&writer, &parcel->files[i]);
	put(&writer, SPAN("end\n"));
	if (writer.is_full)
		return -ENOBUFS;
	/* A newline in a name would be read back as another line */
	if (parcel_read(span_of(buf, writer.len), &back, &why) != 0 ||
	    !is_same(parcel, &back))
		return PARCEL_MALFORMED;
	*ret_len = writer.len;
	return 0;
}
