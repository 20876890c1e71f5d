/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8: decoder after the table of well-formed sequences (Unicode 15, table
 * 3-7): the first byte fixes the length and the range of the second byte, all
 * others are 80..BF. Must not read past what it was given.
 */
#include "policy/utf8.h"

#include <assert.h>

struct lead {
	uint8_t first, last;  /* range of the lead byte */
	uint8_t low, high;    /* range of the byte after it */
	uint8_t length;	      /* of the whole sequence */
	uint8_t payload_bits; /* of the lead byte, as a mask */
};

static const struct lead leads[] = {
	{0xc2, 0xdf, 0x80, 0xbf, 2, 0x1f}, {0xe0, 0xe0, 0xa0, 0xbf, 3, 0x0f},
	{0xe1, 0xec, 0x80, 0xbf, 3, 0x0f}, {0xed, 0xed, 0x80, 0x9f, 3, 0x0f},
	{0xee, 0xef, 0x80, 0xbf, 3, 0x0f}, {0xf0, 0xf0, 0x90, 0xbf, 4, 0x07},
	{0xf1, 0xf3, 0x80, 0xbf, 4, 0x07}, {0xf4, 0xf4, 0x80, 0x8f, 4, 0x07},
};

static const struct lead *find_lead(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	return NULL;
}

size_t utf8_next(const char *str, size_t len, uint32_t *ret_cp)
{
	const uint8_t *bytes = (const uint8_t *)str;
	assert(len > 0);

	if (bytes[0] < 0x80) {
		*ret_cp = bytes[0];
		return 1;
	}

	*ret_cp = UTF8_REPLACEMENT;
	const struct lead *lead = find_lead(bytes[0]);
	if (!lead)
		return 1;

	uint32_t cp = bytes[0] & lead->payload_bits;
	for (size_t i = 1; i < lead->length; i++) {
		uint8_t low = i == 1 ? lead->low : 0x80;
		uint8_t high = i == 1 ? lead->high : 0xbf;
		if (i >= len || bytes[i] < low || bytes[i] > high)
			return i;
		cp = cp << 6 | (bytes[i] & 0x3fu);
	}

	*ret_cp = cp;
	return lead->length;
}

size_t utf8_put(uint32_t cp, char out[static UTF8_BYTES_MAX])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	assert(cp <= 0x10ffff);
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

bool utf8_is_noncharacter(uint32_t cp)
{
	return (cp >= 0xfdd0 && cp <= 0xfdef) || (cp & 0xfffe) == 0xfffe;
}

bool utf8_is_invisible(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x0000, 0x001f},   /* C0 */
		{0x007f, 0x009f},   /* DEL, C1 */
		{0x00ad, 0x00ad},   /* soft hyphen */
		{0x034f, 0x034f},   /* combining grapheme joiner */
		{0x061c, 0x061c},   /* Arabic letter mark */
		{0x115f, 0x1160},   /* Hangul fillers */
		{0x17b4, 0x17b5},   /* Khmer inherent vowels */
		{0x180b, 0x180f},   /* Mongolian selectors */
		{0x200b, 0x200f},   /* zero width, direction marks */
		{0x2028, 0x202e},   /* separators, embeddings, overrides */
		{0x2060, 0x206f},   /* word joiner .. isolates .. deprecated */
		{0x3164, 0x3164},   /* Hangul filler */
		{0xfe00, 0xfe0f},   /* variation selectors */
		{0xfeff, 0xfeff},   /* byte order mark */
		{0xffa0, 0xffa0},   /* half-width Hangul filler */
		{0xfff0, 0xfffb},   /* interlinear annotation */
		{0xe0000, 0xe0fff}, /* tags, variation selectors */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (cp >= ranges[i].first && cp <= ranges[i].last)
			return true;
	return utf8_is_noncharacter(cp) || cp > 0x10ffff;
}
