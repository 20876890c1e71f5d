/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order: a signed order for one terminal. Signs nothing that the terminal
 * would refuse.
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
#include "agent/wire/order.h"
#include "policy/tool/signing_key.h"

#define TEXT_CAP                                                               \
	(2 * JWS_HEADER_MAX_BYTES + BASE64URL_CHARS((size_t)ORDER_MAX_BYTES) + \
	 BASE64URL_CHARS((size_t)JWS_SIGNATURE_SIZE) + 2)
#define MINUTES_DEFAULT 60u
#define MINUTES_MAX	(ORDER_TERM_MAX_S / 60u)

struct order_options {
	const char *key;
	const char *module;
	const char *output;
	uint64_t minutes;
	struct order order;
};

enum order_option {
	OPTION_KEY = 'k',
	OPTION_MODULE = 'm',
	OPTION_TERMINAL = 't',
	OPTION_ACTION = 'a',
	OPTION_SERIAL = 's',
	OPTION_ISSUER = 'i',
	OPTION_MINUTES = 'n',
	OPTION_OUTPUT = 'o',
};

static int print_usage(void)
{
	fprintf(stderr, "usage: sekimori-policy order --key FILE|pkcs11:URI "
			"[--module LIBRARY]\n"
			"       --terminal ID [--action tamper-off|tamper-on] "
			"[--minutes N]\n"
			"       [--serial N] [--issuer TEXT] -o ORDER\n");
	return TOOL_USAGE;
}

static int parse_number(const char *option, uint64_t max, uint64_t *ret_value)
{
	char *end = NULL;

	errno = 0;
	uint64_t value = strtoull(optarg, &end, 10);
	if (optarg[0] < '0' || optarg[0] > '9' || *end || errno || value == 0 ||
	    value > max) {
		fprintf(stderr,
			"--%s: expected a number up to %" PRIu64 ", not '%s'\n",
			option, max, optarg);
		return TOOL_USAGE;
	}
	*ret_value = value;
	return 0;
}

static int take_option(struct order_options *o, int c)
{
	switch (c) {
	case OPTION_KEY:
		o->key = optarg;
		return 0;
	case OPTION_MODULE:
		o->module = optarg;
		return 0;
	case OPTION_TERMINAL:
		o->order.terminal = span_str(optarg);
		return 0;
	case OPTION_ACTION:
		if (order_action_from_str(span_str(optarg), &o->order.action) ==
		    0)
			return 0;
		fprintf(stderr, "--action: '%s' is not known\n", optarg);
		return TOOL_USAGE;
	case OPTION_SERIAL:
		return parse_number("serial", ORDER_SERIAL_MAX,
				    &o->order.serial);
	case OPTION_ISSUER:
		o->order.issuer = span_str(optarg);
		return 0;
	case OPTION_MINUTES:
		return parse_number("minutes", MINUTES_MAX, &o->minutes);
	case OPTION_OUTPUT:
		o->output = optarg;
		return 0;
	default:
		return print_usage();
	}
}

static int parse(int argc, char **argv, struct order_options *o)
{
	static const struct option options[] = {
		{"key", required_argument, NULL, OPTION_KEY},
		{"module", required_argument, NULL, OPTION_MODULE},
		{"terminal", required_argument, NULL, OPTION_TERMINAL},
		{"action", required_argument, NULL, OPTION_ACTION},
		{"serial", required_argument, NULL, OPTION_SERIAL},
		{"issuer", required_argument, NULL, OPTION_ISSUER},
		{"minutes", required_argument, NULL, OPTION_MINUTES},
		{"output", required_argument, NULL, OPTION_OUTPUT},
		{0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		int r = take_option(o, c);
		if (r != 0)
			return r;
	}
	if (!o->key || !o->output || o->order.terminal.len == 0 ||
	    optind != argc)
		return print_usage();
	return 0;
}

/* Seconds since 1970 rise by themselves, whoever keeps no count. */
static void fill_terms(struct order_options *o)
{
	uint64_t now = (uint64_t)time(NULL);

	if (o->order.serial == 0)
		o->order.serial = now;
	o->order.wall_not_after_s = now + o->minutes * 60;
}

static int sign(struct order_options *o, EVP_PKEY *key, struct jws_out *out)
{
	char payload[ORDER_MAX_BYTES];
	struct jws jws;
	size_t len = 0;

	if (order_write(&o->order, payload, sizeof(payload), &len) != 0) {
		fprintf(stderr, "not possible as an order: the terminal's id "
				"has 32 digits (sekimorictl status),\nthe "
				"issuer is one line\n");
		return TOOL_ERROR;
	}
	int r = jws_sign(key, ORDER_TYP, span_of(payload, len), out);
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

int cmd_order(int argc, char **argv)
{
	struct order_options o = {
		.minutes = MINUTES_DEFAULT,
		.order.action = ORDER_TAMPER_OFF,
	};
	char text[TEXT_CAP];
	struct jws_out out = {.text = text, .cap = sizeof(text)};
	EVP_PKEY *key = NULL;

	int r = parse(argc, argv, &o);
	if (r != 0)
		return r;
	fill_terms(&o);
	r = signing_key_load(o.key, o.module, &key);
	if (r == 0)
		r = sign(&o, key, &out);
	if (r == 0)
		r = write_out(o.output, &out);
	if (r == 0)
		fprintf(stderr, "serial %" PRIu64 ", %s, %" PRIu64 " minutes\n",
			o.order.serial, order_action_to_str(o.order.action),
			o.minutes);
	EVP_PKEY_free(key);
	return r;
}
