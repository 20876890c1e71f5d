/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a decision costs at 10, 1,000 and 10,000 rules, for three shapes of
 * rule set, and what reading 10,000 full rules costs. USBGuard, measured in
 * research: 1,347 instructions per rule and 6 to 7 us per rule parsed.
 * `bench_decide one SHAPE RULES` decides once, for callgrind.
 */
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/decide.h"
#include "policy/query.h"
#include "policy/ruleset.h"

#define ROUNDS 100000

static const char device_text[] =
	"device id 0411:01e8 serial \"A1B2C3D4\" name \"USB Flash Disk\" "
	"hash \"hQwxOy8dCkbLexOdyGVJZIGaO5OpaqXpJHB/g19D4Lo=\" parent-hash "
	"\"4xWRwHQrCKR0FxnHxS8y6JW0og6rj7xaxFRcLeJFxcA=\" via-port \"1-1\" "
	"with-interface 08:06:50 with-connect-type \"hotplug\"";

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A full device rule, as generate-policy of the peer writes them. */
static int full_rule(char *out, size_t size, unsigned id, unsigned serial)
{
	return snprintf(
		out, size,
		"allow id %04x:%04x serial \"S%08u\" name \"USB Flash Disk\" "
		"hash \"%08u8dCkbLexOdyGVJZIGaO5OpaqXpJHB/g19D4Lo=\" "
		"parent-hash \"4xWRwHQrCKR0FxnHxS8y6JW0og6rj7xaxFRcLeJFxcA=\" "
		"via-port \"1-%u\" with-interface 08:06:50 "
		"with-connect-type \"hotplug\"\n",
		id >> 16, id & 0xffff, serial, serial, serial % 12 + 1);
}

static int shape_rule(char *out, size_t size, const char *shape, unsigned n)
{
	if (strcmp(shape, "id") == 0)
		return full_rule(out, size, 0x10000000u + n, n);
	if (strcmp(shape, "serial") == 0)
		return full_rule(out, size, 0x041101e8u, n);
	/* What the index cannot tell apart: every rule is looked at. */
	if (strcmp(shape, "one_class") == 0)
		return snprintf(out, size,
				"allow with-interface 08:06:62 if user(u%u)\n",
				n);
	switch (n % 4) {
	case 0:
		return snprintf(out, size, "allow 0411:* name \"Disk %u\"\n",
				n);
	case 1:
		return snprintf(out, size,
				"block with-interface one-of { 08:06:* } "
				"serial one-of { \"X%u\" \"Y%u\" }\n",
				n, n);
	case 2:
		return snprintf(out, size,
				"allow id %04x:* with-interface all-of { "
				"08:*:* }\n",
				0x1000 + n);
	default:
		return snprintf(out, size,
				"reject hash \"H%u\" with-interface none-of "
				"{ 03:*:* }\n",
				n);
	}
}

static char *make_text(const char *shape, unsigned count)
{
	size_t room = (size_t)count * 400 + 1;
	char *text = malloc(room);
	size_t len = 0;

	if (!text)
		abort();
	text[0] = '\0';
	for (unsigned i = 0; i < count; i++)
		len += (size_t)shape_rule(text + len, room - len, shape, i);
	return text;
}

static struct ruleset *compile(const char *text)
{
	struct rules_text texts = {.name = "bench", .text = span_str(text)};
	struct ruleset *ruleset = NULL;

	if (ruleset_parse(&texts, 1, 0, NULL, &ruleset) != 0)
		abort();
	return ruleset;
}

static void device(struct usb_fact *fact)
{
	enum usb_target target;

	if (query_usb(span_str(device_text), NULL, &target, fact) != 0)
		abort();
}

static void bench_shape(const char *shape, unsigned count)
{
	static struct usb_fact fact;
	struct decide_context context = {0};
	struct verdict verdict = {0};
	char *text = make_text(shape, count);
	struct ruleset *ruleset = compile(text);
	uint64_t best = UINT64_MAX;
	int rounds = strcmp(shape, "one_class") == 0 ? 200 : ROUNDS;

	device(&fact);
	for (int repeat = 0; repeat < 3; repeat++) {
		uint64_t start = now_ns();

		for (int i = 0; i < rounds; i++)
			decide_usb(ruleset, &fact, &context, &verdict);
		uint64_t taken = now_ns() - start;
		best = taken < best ? taken : best;
	}
	if (!verdict.is_implicit)
		abort(); /* the shapes are of rules that do not match */
	printf("decide_%s_%u_rules %.0f ns\n", shape, count,
	       (double)best / rounds);
	ruleset_unref(ruleset);
	free(text);
}

static void bench_parse(void)
{
	char *text = make_text("id", 10000);
	uint64_t best = UINT64_MAX;
	size_t bytes = 0;

	for (int repeat = 0; repeat < 5; repeat++) {
		uint64_t start = now_ns();
		struct ruleset *ruleset = compile(text);
		uint64_t taken = now_ns() - start;

		best = taken < best ? taken : best;
		bytes = ruleset_size_bytes(ruleset);
		ruleset_unref(ruleset);
	}
	printf("parse_10000_full_rules %.1f ms\n", (double)best / 1e6);
	printf("ruleset_10000_full_rules %.2f MB\n", (double)bytes / 1e6);
	printf("ruleset_bytes_per_full_rule %.0f bytes\n",
	       (double)bytes / 10000);
	free(text);
}

int main(int argc, char **argv)
{
	static const char *const shapes[] = {"id", "serial", "wildcard"};
	static const unsigned counts[] = {10, 1000, 10000};

	if (argc == 4 && strcmp(argv[1], "one") == 0) {
		static struct usb_fact fact;
		struct decide_context context = {0};
		struct verdict verdict;
		char *text = make_text(argv[2],
				       (unsigned)strtoul(argv[3], NULL, 10));
		struct ruleset *ruleset = compile(text);

		device(&fact);
		decide_usb(ruleset, &fact, &context, &verdict);
		ruleset_unref(ruleset);
		free(text);
		return 0;
	}
	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
		for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
			bench_shape(shapes[s], counts[c]);
	bench_shape("one_class", 10000);
	bench_parse();
	return 0;
}
