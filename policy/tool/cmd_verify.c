/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify: what a terminal with this trust anchor would make of a signed policy,
 * but for its own serial, zone and devices.
 */
#include "policy/tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/wire/parcel.h"
#include "agent/wire/trust.h"

static int print_usage(void)
{
	fprintf(stderr, "usage: sekimori-policy verify --anchor PUBLIC-KEY "
			"POLICY\n");
	return TOOL_USAGE;
}

static int read_file(const char *path, size_t limit, char **ret_text,
		     size_t *ret_size)
{
	int r = read_small_file(AT_FDCWD, path, limit, ret_text, ret_size);

	if (r < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
	return r < 0 ? TOOL_ERROR : 0;
}

static int read_trust(const char *path, struct trust *ret_trust)
{
	_cleanup_free_ char *pem = NULL;
	size_t size = 0;

	int r = read_small_file(AT_FDCWD, path, TRUST_MAX_BYTES, &pem, &size);
	if (r < 0 && r != -EFBIG) {
		fprintf(stderr, "%s: %s\n", path, strerror(-r));
		return TOOL_ERROR;
	}
	if (r == 0)
		r = trust_read(span_of(pem, size), ret_trust);
	if (r != 0)
		fprintf(stderr, "%s: has not 1 to %u P-256 public keys\n", path,
			TRUST_KEYS_MAX);
	return r != 0 ? TOOL_ERROR : 0;
}

static void print_time(const char *word, uint64_t wall_s)
{
	time_t wall = (time_t)wall_s;
	char text[64];
	struct tm tm;

	if (wall_s == 0)
		return;
	if (!localtime_r(&wall, &tm) ||
	    strftime(text, sizeof(text), "%F %T %z", &tm) == 0)
		(void)snprintf(text, sizeof(text), "%" PRIu64, wall_s);
	printf("%s %s\n", word, text);
}

static void print_span(const char *word, struct span text)
{
	if (text.len > 0)
		printf("%s %.*s\n", word, (int)text.len, text.ptr);
}

static void print_parcel(const struct parcel *parcel)
{
	printf("serial %" PRIu64 "\n", parcel->serial);
	print_span("zone", parcel->zone);
	print_span("issuer", parcel->issuer);
	print_time("not-before", parcel->wall_not_before_s);
	print_time("not-after", parcel->wall_not_after_s);
	for (size_t i = 0; i < parcel->count; i++)
		printf("file %.*s %zu\n", (int)parcel->files[i].name.len,
		       parcel->files[i].name.ptr, parcel->files[i].text.len);
}

/* The rules as the terminal would compile them; errors are told. */
static int check_rules(const struct parcel *parcel)
{
	struct rule_files files = {
		.texts = calloc(parcel->count + 1, sizeof(*files.texts)),
		.contents = calloc(parcel->count + 1, sizeof(*files.contents)),
	};
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	int r = files.texts && files.contents ? 0 : TOOL_ERROR;

	for (size_t i = 0; r == 0 && i < parcel->count; i++) {
		const struct parcel_file *file = &parcel->files[i];
		files.contents[i] = strndup(file->name.ptr, file->name.len);
		if (!files.contents[i])
			r = TOOL_ERROR;
		files.texts[i] = (struct rules_text){files.contents[i],
						     file->text};
		files.count++;
	}
	if (r == 0)
		r = rule_files_compile(&files, 0, &ruleset);
	if (r == 0)
		printf("rules %zu\n", ruleset_rule_count(ruleset));
	rule_files_fini(&files);
	return r;
}

static int check_time(const struct parcel *parcel)
{
	uint64_t now = (uint64_t)time(NULL);
	bool is_early = now < parcel->wall_not_before_s;
	bool is_late = parcel->wall_not_after_s &&
		       now >= parcel->wall_not_after_s;

	if (is_early || is_late)
		fprintf(stderr, "%s\n",
			is_late ? "has expired" : "does not begin yet");
	return is_early || is_late ? TOOL_ERROR : 0;
}

/* The payload as bytes, taken apart; *ret_payload owns them. */
static int unpack(const char *path, const struct jws *jws,
		  struct parcel *ret_parcel, char **ret_payload)
{
	size_t size = jws_payload_size(jws);
	const char *why = "the payload is not base64url";
	char *payload = malloc(size + 1);

	*ret_payload = payload;
	if (!payload)
		return TOOL_ERROR;
	if (strcmp(jws->typ, PARCEL_TYP) != 0)
		why = "signed as something else";
	else if (jws_payload(jws, (uint8_t *)payload) == 0 &&
		 parcel_read(span_of(payload, size), ret_parcel, &why) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", path, why);
	return TOOL_ERROR;
}

static int show_parcel(const char *path, const struct jws *jws)
{
	_cleanup_free_ struct parcel *parcel = calloc(1, sizeof(*parcel));
	_cleanup_free_ char *payload = NULL;

	if (!parcel)
		return TOOL_ERROR;
	int r = unpack(path, jws, parcel, &payload);
	if (r != 0)
		return r;
	printf("signed-by %s\n", jws->kid);
	print_parcel(parcel);
	r = check_rules(parcel);
	int late = check_time(parcel);
	return r != 0 ? r : late;
}

int cmd_verify(int argc, char **argv)
{
	static const struct option options[] = {
		{"anchor", required_argument, NULL, 'a'},
		{0},
	};
	_cleanup_trust_ struct trust trust = {0};
	_cleanup_free_ char *text = NULL;
	const char *anchor = NULL;
	struct jws jws;
	size_t size = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'a')
			return print_usage();
		anchor = optarg;
	}
	if (!anchor || argc - optind != 1)
		return print_usage();
	const char *path = argv[optind];
	int r = read_trust(anchor, &trust);
	if (r == 0)
		r = read_file(path, JWS_TEXT_MAX_BYTES, &text, &size);
	if (r != 0)
		return r;
	r = trust_verify(&trust, span_of(text, size), &jws);
	if (r != 0) {
		fprintf(stderr, "%s: %s\n", path, jws_outcome_to_str(r));
		return TOOL_ERROR;
	}
	return show_parcel(path, &jws);
}
