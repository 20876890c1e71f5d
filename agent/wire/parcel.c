/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a parcel, see parcel.h. Every check is made when reading; writing
 * reads back what it wrote. */
#include "agent/wire/parcel.h"

#include <errno.h>
#include <stdio.h>

#include "policy/lines.h"

#define FIRST_LINE "sekimori-policy 1"
#define SUFFIX	   ".rules"

static bool take_terms(struct lines *lines, struct parcel *parcel)
{
	struct span value;

	if (!lines_take(lines, "sekimori-policy", &value) ||
	    !span_equals_str(value, "1"))
		return lines_fail(lines,
				  "does not begin with '" FIRST_LINE "'");
	if (!lines_take(lines, "serial", &value) ||
	    !lines_number(value, &parcel->serial) || parcel->serial == 0)
		return lines_fail(lines, "has no valid serial");
	if (lines_take(lines, "zone", &parcel->zone) &&
	    !lines_is_word(parcel->zone, PARCEL_ZONE_MAX))
		return lines_fail(lines, "the zone's name is not valid");
	if (lines_take(lines, "issuer", &parcel->issuer) &&
	    !lines_is_text(parcel->issuer, PARCEL_ISSUER_MAX))
		return lines_fail(lines, "the issuer's name is not valid");
	if (!lines_take_time(lines, "not-before", &parcel->wall_not_before_s) ||
	    !lines_take_time(lines, "not-after", &parcel->wall_not_after_s))
		return false;
	if (parcel->wall_not_after_s &&
	    parcel->wall_not_after_s <= parcel->wall_not_before_s)
		return lines_fail(lines, "ends before it begins");
	return true;
}

static bool is_file_name(struct span name)
{
	size_t n = strlen(SUFFIX);

	return lines_is_word(name, PARCEL_NAME_MAX) && name.len > n &&
	       span_equals_str(span_skip(name, name.len - n), SUFFIX);
}

/* As strcmp() orders names in a folder, the shorter first. */
static bool is_before(struct span a, struct span b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.ptr, b.ptr, n);

	return order ? order < 0 : a.len < b.len;
}

static bool take_file(struct lines *lines, struct span line,
		      struct parcel *parcel)
{
	const char *blank = memchr(line.ptr, ' ', line.len);
	size_t name_len = blank ? (size_t)(blank - line.ptr) : line.len;
	struct parcel_file file = {.name = span_take(line, name_len)};
	uint64_t size;

	if (!is_file_name(file.name) ||
	    !lines_number(span_skip(line, name_len + 1), &size))
		return lines_fail(lines, "a file's line is not valid");
	if (parcel->count == PARCEL_FILES_MAX)
		return lines_fail(lines, "too many files");
	if (parcel->count > 0 &&
	    !is_before(parcel->files[parcel->count - 1].name, file.name))
		return lines_fail(lines, "the files are not in order of names");
	if (size >= lines->rest.len || lines->rest.ptr[size] != '\n')
		return lines_fail(lines, "a file's size is wrong");
	file.text = span_take(lines->rest, size);
	lines->rest = span_skip(lines->rest, size + 1);
	parcel->files[parcel->count++] = file;
	return true;
}

int parcel_read(struct span text, struct parcel *ret_parcel,
		const char **ret_why)
{
	struct lines reader = {.rest = text};
	struct span line;

	*ret_parcel = (struct parcel){0};
	bool ok = take_terms(&reader, ret_parcel);
	while (ok && lines_take(&reader, "file", &line))
		ok = take_file(&reader, line, ret_parcel);
	if (ok && !span_equals_str(reader.rest, "end\n"))
		ok = lines_fail(&reader,
				"a line is not known, or not in its place");
	if (ok)
		return 0;
	*ret_why = reader.why;
	return PARCEL_MALFORMED;
}

static void put_file(struct lines_out *writer, const struct parcel_file *file)
{
	char size[24];
	int n = snprintf(size, sizeof(size), " %zu\n", file->text.len);

	lines_put(writer, SPAN("file "));
	lines_put(writer, file->name);
	lines_put(writer, span_of(size, (size_t)n));
	lines_put(writer, file->text);
	lines_put(writer, SPAN("\n"));
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
	struct lines_out writer = {.buf = buf, .cap = cap};
	struct parcel back;
	const char *why;

	lines_put(&writer, SPAN(FIRST_LINE "\n"));
	lines_put_number(&writer, "serial", parcel->serial);
	lines_put_text(&writer, "zone", parcel->zone);
	lines_put_text(&writer, "issuer", parcel->issuer);
	lines_put_number(&writer, "not-before", parcel->wall_not_before_s);
	lines_put_number(&writer, "not-after", parcel->wall_not_after_s);
	for (size_t i = 0; i < parcel->count; i++)
		put_file(&writer, &parcel->files[i]);
	lines_put(&writer, SPAN("end\n"));
	if (writer.is_full)
		return -ENOBUFS;
	/* A newline in a name would be read back as another line */
	if (parcel_read(span_of(buf, writer.len), &back, &why) != 0 ||
	    !is_same(parcel, &back))
		return PARCEL_MALFORMED;
	*ret_len = writer.len;
	return 0;
}
