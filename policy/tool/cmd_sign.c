/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign: rule files and terms to a signed policy. Signs nothing that a terminal
 * would refuse: the rules must compile, and the terms must fit their header.
 */
#include "policy/tool/tool.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/wire/jws.h"
#include "agent/wire/parcel.h"
#include "policy/tool/signing_key.h"

struct sign_options {
	const char *key;
	const char *module;
	const char *output;
	struct parcel parcel;
};

enum sign_option {
	OPTION_KEY = 'k',
	OPTION_MODULE = 'm',
	OPTION_SERIAL = 's',
	OPTION_ZONE = 'z',
	OPTION_ISSUER = 'i',
	OPTION_FROM = 'f',
	OPTION_UNTIL = 'u',
	OPTION_OUTPUT = 'o',
};

static int print_usage(void)
{
	fprintf(stderr, "usage: sekimori-policy sign --key FILE|pkcs11:URI "
			"[--module LIBRARY]\n"
			"       [--serial N] [--zone NAME] [--issuer TEXT] "
			"[--from DATE] [--until DATE]\n"
			"       -o POLICY FILE…\n");
	return TOOL_USAGE;
}

static int parse_serial(const char *text, uint64_t *ret_serial)
{
	char *end = NULL;

	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value == 0 ||
	    value > PARCEL_SERIAL_MAX) {
		fprintf(stderr, "--serial: expected a number, not '%s'\n",
			text);
		return TOOL_USAGE;
	}
	*ret_serial = value;
	return 0;
}

/* A day in local time, `days` later: the last day of a term belongs to it. */
static int parse_day(const char *option, const char *text, int days,
		     uint64_t *ret_wall_s)
{
	struct tm tm = {.tm_isdst = -1};
	const char *end = strptime(text, "%Y-%m-%d", &tm);

	tm.tm_mday += days;
	time_t wall = end && *end == '\0' ? mktime(&tm) : -1;
	if (wall <= 0) {
		fprintf(stderr, "--%s: expected YYYY-MM-DD, not '%s'\n", option,
			text);
		return TOOL_USAGE;
	}
	*ret_wall_s = (uint64_t)wall;
	return 0;
}

static int take_option(struct sign_options *o, int c)
{
	switch (c) {
	case OPTION_KEY:
		o->key = optarg;
		return 0;
	case OPTION_MODULE:
		o->module = optarg;
		return 0;
	case OPTION_SERIAL:
		return parse_serial(optarg, &o->parcel.serial);
	case OPTION_ZONE:
		o->parcel.zone = span_str(optarg);
		return 0;
	case OPTION_ISSUER:
		o->parcel.issuer = span_str(optarg);
		return 0;
	case OPTION_FROM:
		return parse_day("from", optarg, 0,
				 &o->parcel.wall_not_before_s);
	case OPTION_UNTIL:
		return parse_day("until", optarg, 1,
				 &o->parcel.wall_not_after_s);
	case OPTION_OUTPUT:
		o->output = optarg;
		return 0;
	default:
		return print_usage();
	}
}

static int parse(int argc, char **argv, struct sign_options *o)
{
	static const struct option options[] = {
		{"key", required_argument, NULL, OPTION_KEY},
		{"module", required_argument, NULL, OPTION_MODULE},
		{"serial", required_argument, NULL, OPTION_SERIAL},
		{"zone", required_argument, NULL, OPTION_ZONE},
		{"issuer", required_argument, NULL, OPTION_ISSUER},
		{"from", required_argument, NULL, OPTION_FROM},
		{"until", required_argument, NULL, OPTION_UNTIL},
		{"output", required_argument, NULL, OPTION_OUTPUT},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		int r = take_option(o, c);
		if (r != 0)
			return r;
	}
	if (!o->key || !o->output || optind == argc)
		return print_usage();
	return 0;
}

static struct span base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return span_str(slash ? slash + 1 : path);
}

static int compare_files(const void *a, const void *b)
{
	const struct parcel_file *x = a, *y = b;
	size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
	int order = memcmp(x->name.ptr, y->name.ptr, n);

	return order ? order
		     : (x->name.len > y->name.len) -
			       (x->name.len < y->name.len);
}

/* What the rules' header says of serial and zone fills in what was not given,
 * and may not contradict it. */
static int fit_header(const struct ruleset *ruleset, struct parcel *parcel)
{
	uint64_t serial = ruleset_serial(ruleset);
	struct span zone = ruleset_zone(ruleset);

	if (parcel->serial == 0)
		parcel->serial = serial;
	if (parcel->serial == 0) {
		fprintf(stderr, "--serial is needed: the rules have none\n");
		return TOOL_USAGE;
	}
	if (serial != 0 && serial != parcel->serial) {
		fprintf(stderr,
			"--serial %" PRIu64 ", but the rules say %" PRIu64 "\n",
			parcel->serial, serial);
		return TOOL_ERROR;
	}
	if (parcel->zone.len == 0)
		parcel->zone = zone;
	if (zone.len > 0 && !span_equals(zone, parcel->zone)) {
		fprintf(stderr, "--zone is another than that of the rules\n");
		return TOOL_ERROR;
	}
	return 0;
}

static int pack(const struct rule_files *files, struct parcel *parcel,
		char **ret_text, size_t *ret_len)
{
	size_t cap = PARCEL_FRAME_MAX;

	if (files->count > PARCEL_FILES_MAX) {
		fprintf(stderr, "more than %d files\n", PARCEL_FILES_MAX);
		return TOOL_ERROR;
	}
	for (size_t i = 0; i < files->count; i++) {
		const struct rules_text *text = &files->texts[i];
		parcel->files[i] = (struct parcel_file){base_name(text->name),
							text->text};
		cap += text->text.len + PARCEL_FILE_LINE_MAX;
	}
	parcel->count = files->count;
	qsort(parcel->files, parcel->count, sizeof(parcel->files[0]),
	      compare_files);
	_cleanup_free_ char *text = malloc(cap);
	int r = text ? parcel_write(parcel, text, cap, ret_len) : -ENOMEM;
	if (r != 0) {
		fprintf(stderr,
			"not possible as a signed policy: files must be "
			"called NAME.rules, each\nname once, of letters, "
			"digits, '.', '_' and '-'; zone and issuer must be "
			"one\nline; the end must come after the beginning\n");
		return TOOL_ERROR;
	}
	*ret_text = TAKE_PTR(text);
	return 0;
}

static int sign(EVP_PKEY *key, struct span payload, struct jws_out *out)
{
	struct jws jws;

	out->cap = (size_t)2 * JWS_HEADER_MAX_BYTES +
		   BASE64URL_CHARS(payload.len) +
		   BASE64URL_CHARS(JWS_SIGNATURE_SIZE) + 2;
	out->text = malloc(out->cap);
	if (!out->text)
		return TOOL_ERROR;
	int r = jws_sign(key, PARCEL_TYP, payload, out);
	/* A token that signs something else is noticed here, not out there */
	if (r == 0)
		r = jws_read(span_of(out->text, out->len), &jws);
	if (r == 0)
		r = jws_verify(&jws, key);
	if (r == 0)
		return 0;
	fprintf(stderr, "--key: %s\n",
		r > 0 ? jws_outcome_to_str(r) : "the key did not sign");
	return TOOL_ERROR;
}

static int write_out(const char *path, const struct jws_out *out)
{
	bool is_stdout = strcmp(path, "-") == 0;
	FILE *file = is_stdout ? stdout : fopen(path, "we");
	bool ok = file && fwrite(out->text, 1, out->len, file) == out->len &&
		  fflush(file) == 0;

	if (!ok)
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
	if (file && !is_stdout)
		(void)fclose(file); /* flushed: nothing is lost any more */
	return ok ? 0 : TOOL_ERROR;
}

static int sign_files(struct sign_options *o, const struct rule_files *files)
{
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	_cleanup_free_ char *payload = NULL;
	struct jws_out out = {0};
	EVP_PKEY *key = NULL;
	size_t len = 0;

	int r = rule_files_compile(files, 0, &ruleset);
	if (r == 0)
		r = fit_header(ruleset, &o->parcel);
	if (r == 0)
		r = pack(files, &o->parcel, &payload, &len);
	if (r == 0)
		r = signing_key_load(o->key, o->module, &key);
	if (r == 0)
		r = sign(key, span_of(payload, len), &out);
	if (r == 0)
		r = write_out(o->output, &out);
	if (r == 0)
		fprintf(stderr,
			"serial %" PRIu64 ", %zu files, %zu rules, %zu "
			"bytes\n",
			o->parcel.serial, o->parcel.count,
			ruleset_rule_count(ruleset), out.len);
	free(out.text);
	EVP_PKEY_free(key);
	return r;
}

int cmd_sign(int argc, char **argv)
{
	_cleanup_free_ struct sign_options *o = calloc(1, sizeof(*o));
	struct rule_files files = {0};

	if (!o)
		return TOOL_ERROR;
	int r = parse(argc, argv, o);
	if (r != 0)
		return r;
	r = TOOL_ERROR;
	if (rule_files_read(&files, argv + optind, (size_t)(argc - optind)) ==
	    0)
		r = sign_files(o, &files);
	rule_files_fini(&files);
	return r;
}
