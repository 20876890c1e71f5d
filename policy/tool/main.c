/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-policy: the administrator's tool for rule sets. Runs as anybody,
 * reads the files it is given, and needs no privilege. See sekimori-policy(1).
 */
#include <stdio.h>
#include <string.h>

#include "policy/tool/tool.h"

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *what;
};

static const struct command commands[] = {
	{"check", cmd_check, "FILE…", "errors and warnings of a rule set"},
	{"format", cmd_format, "[--usbguard] FILE|-", "canonical form"},
	{"decide", cmd_decide, "--rules FILE … --device 'device …'",
	 "what the rules make of a device"},
	{"explain", cmd_explain, "--rules FILE … --device 'device …'",
	 "which rule, and what was missing"},
	{"hash", cmd_hash, "DIR", "hash and interfaces of a sysfs device"},
	{"learn", cmd_learn, "[--root DIR] [--profile NAME]",
	 "a rule set from the devices present"},
	{"replay", cmd_replay, "--events FILE --rules FILE…",
	 "what a draft would change, by past events"},
	{"key", cmd_key, "[--encrypt] -o FILE",
	 "a new key to sign policy with"},
	{"sign", cmd_sign, "--key KEY … -o POLICY FILE…",
	 "rule files to a signed policy"},
	{"order", cmd_order, "--key KEY --terminal ID … -o ORDER",
	 "a signed order that lifts tamper protection"},
	{"verify", cmd_verify, "--anchor PUB POLICY",
	 "whose a signed policy is, and what it says"},
};

static void print_help(FILE *out)
{
	fprintf(out, "usage: sekimori-policy COMMAND …\n\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		fprintf(out, "  %-8s %-38s %s\n", commands[i].name,
			commands[i].arguments, commands[i].what);
	fprintf(out, "\n  --help   this text\n  --version\n\n"
		     "sekimori-policy(1), sekimori.rules(5)\n");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	int r;

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		print_help(stdout);
		return TOOL_OK;
	}
	if (strcmp(name, "--version") == 0) {
		printf("sekimori-policy " SEKIMORI_VERSION "\n");
		return TOOL_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		r = commands[i].run(argc - 1, argv + 1);
		/* A full disk or a closed pipe is not success. */
		if (fflush(stdout) != 0 && r == TOOL_OK)
			r = TOOL_ERROR;
		return r;
	}
	print_help(stderr);
	return TOOL_USAGE;
}
