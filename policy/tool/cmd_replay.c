/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay: judges the devices and media of exported events again by a draft and
 * tells what it would newly block or allow, by department and device, so that
 * a change is known before it is felt.
 */
#include "policy/tool/tool.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "policy/json_out.h"
#include "policy/tool/event_fact.h"

#define LINE_MAX_BYTES ((size_t)2 * RECORD_MAX_BYTES)
#define GROUPS_MAX     20000u
#define TERMINALS_MAX  10000u /* counted of one group */
#define JSON_MAX_BYTES 16384u
#define NAME_POINTS    126u

/* Access from least to most, USB and media in one measure. */
enum level { LEVEL_NONE = 0, LEVEL_READ, LEVEL_ALL };

/* What changes in the same way for one device in one department. */
struct group {
	enum level before;
	enum level after;
	bool is_media;
	uint32_t rule; /* of the draft; VERDICT_NO_RULE: none matched */
	char *unit;
	char *uid;
	char *name;
	size_t events;
	uint64_t *terminals; /* hashes of their ids */
	size_t terminal_count;
};

struct replay {
	const char *events;
	char **draft_paths, **against_paths; /* of argv, not owned themselves */
	size_t draft_count, against_count;
	bool is_json;
	struct rule_files draft_files, against_files;
	struct ruleset *draft, *against; /* against NULL: as recorded */
	struct group *groups;
	size_t group_count;
	size_t judged, other, garbled;
	struct event_fact fact;
};

static int print_usage(void)
{
	fprintf(stderr, "usage: sekimori-policy replay --events FILE|- --rules "
			"FILE… [--against FILE…] [--json]\n");
	return TOOL_USAGE;
}

/* "--rules a b c": what follows up to the next option belongs to it. */
static size_t take_files(char **argv, int argc, char **ret_paths)
{
	size_t count = 0;

	ret_paths[count++] = optarg;
	while (optind < argc && (argv[optind][0] != '-' || !argv[optind][1]))
		ret_paths[count++] = argv[optind++];
	return count;
}

static int parse(int argc, char **argv, struct replay *replay)
{
	static const struct option options[] = {
		{"events", required_argument, NULL, 'e'},
		{"rules", required_argument, NULL, 'r'},
		{"against", required_argument, NULL, 'a'},
		{"json", no_argument, NULL, 'j'},
		{0},
	};
	int c;

	/* '+': files belong to the option before them, so nothing is moved */
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'e')
			replay->events = optarg;
		else if (c == 'r')
			replay->draft_count += take_files(
				argv, argc,
				replay->draft_paths + replay->draft_count);
		else if (c == 'a')
			replay->against_count += take_files(
				argv, argc,
				replay->against_paths + replay->against_count);
		else if (c == 'j')
			replay->is_json = true;
		else
			return print_usage();
	}
	if (!replay->events || replay->draft_count == 0 || optind != argc)
		return print_usage();
	return 0;
}

static int load(struct replay *replay)
{
	int r = TOOL_ERROR;

	if (rule_files_read(&replay->draft_files, replay->draft_paths,
			    replay->draft_count) == 0)
		r = rule_files_compile(&replay->draft_files, 0, &replay->draft);
	if (r != 0 || replay->against_count == 0)
		return r;
	if (rule_files_read(&replay->against_files, replay->against_paths,
			    replay->against_count) < 0)
		return TOOL_ERROR;
	return rule_files_compile(&replay->against_files, 0, &replay->against);
}

/* --- one event ------------------------------------------------------------ */

static enum level level_of(const struct event_fact *fact,
			   const struct verdict *verdict)
{
	if (!fact->is_media)
		return verdict->target == USB_TARGET_ALLOW ? LEVEL_ALL
							   : LEVEL_NONE;
	return verdict->access == MEDIA_READ_WRITE  ? LEVEL_ALL
	       : verdict->access == MEDIA_READ_ONLY ? LEVEL_READ
						    : LEVEL_NONE;
}

/* A mode of observation is no answer: what the rules say is what counts. */
static enum level judge(const struct ruleset *ruleset,
			const struct event_fact *fact, uint32_t *ret_rule)
{
	struct verdict verdict;

	if (fact->is_media)
		decide_media(ruleset, &fact->media, &fact->context, &verdict);
	else
		decide_usb(ruleset, &fact->usb, &fact->context, &verdict);
	*ret_rule = verdict.rule;
	return level_of(fact, &verdict);
}

static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a: told apart, no more */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

static int count_terminal(struct group *group, const char *terminal)
{
	uint64_t hash = hash_text(terminal);
	uint64_t *larger;

	for (size_t i = 0; i < group->terminal_count; i++)
		if (group->terminals[i] == hash)
			return 0;
	if (group->terminal_count == TERMINALS_MAX)
		return 0;
	larger = reallocarray(group->terminals, group->terminal_count + 1,
			      sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	group->terminals = larger;
	larger[group->terminal_count++] = hash;
	return 0;
}

static int compare_groups(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	bool x_more = x->after > x->before, y_more = y->after > y->before;
	int order;

	if (x_more != y_more) /* what will be missed comes first */
		return x_more ? 1 : -1;
	if ((order = strcmp(x->unit, y->unit)) != 0 ||
	    (order = strcmp(x->uid, y->uid)) != 0)
		return order;
	if (x->is_media != y->is_media)
		return x->is_media ? 1 : -1;
	if (x->before != y->before)
		return x->before < y->before ? -1 : 1;
	if (x->after != y->after)
		return x->after < y->after ? -1 : 1;
	return (x->rule > y->rule) - (x->rule < y->rule);
}

static int add_group(struct replay *replay, const struct group *key,
		     struct group **ret_group)
{
	struct group *group = &replay->groups[replay->group_count];

	if (replay->group_count == GROUPS_MAX)
		return -E2BIG;
	*group = *key;
	group->unit = strdup(key->unit);
	group->uid = strdup(key->uid);
	group->name = strdup(replay->fact.name);
	replay->group_count++; /* freed even if half made */
	if (!group->unit || !group->uid || !group->name)
		return -ENOMEM;
	*ret_group = group;
	return 0;
}

static int count_change(struct replay *replay, struct group *key)
{
	struct event_fact *fact = &replay->fact;
	struct group *group = NULL;
	int r = 0;

	key->unit = fact->unit;
	key->uid = fact->uid;
	key->is_media = fact->is_media;
	for (size_t i = 0; i < replay->group_count && !group; i++)
		if (compare_groups(&replay->groups[i], key) == 0)
			group = &replay->groups[i];
	if (!group)
		r = add_group(replay, key, &group);
	if (r < 0)
		return r;
	group->events++;
	return count_terminal(group, fact->terminal);
}

static int replay_line(struct replay *replay, struct span line)
{
	struct event_fact *fact = &replay->fact;
	struct group key = {0};
	uint32_t rule;

	int r = event_fact_read(line, fact);
	if (r != 0) {
		*(r == EVENT_FACT_OTHER ? &replay->other
					: &replay->garbled) += 1;
		return 0;
	}
	replay->judged++;
	/* Kept against the rules: it would be again, whatever they say */
	if (fact->code == RECORD_LIFELINE_KEPT)
		return 0;
	struct verdict recorded = {.target = fact->target,
				   .access = fact->access};
	key.before = replay->against ? judge(replay->against, fact, &rule)
				     : level_of(fact, &recorded);
	key.after = judge(replay->draft, fact, &key.rule);
	return key.before == key.after ? 0 : count_change(replay, &key);
}

static int replay_events(struct replay *replay)
{
	bool is_stdin = strcmp(replay->events, "-") == 0;
	_cleanup_fclose_ FILE *file =
		fopen(is_stdin ? "/dev/stdin" : replay->events, "re");
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0;
	ssize_t len;

	if (!file) {
		fprintf(stderr, "%s: %s\n", replay->events, strerror(errno));
		return TOOL_ERROR;
	}
	while ((len = getline(&line, &capacity, file)) > 0) {
		int r = 0;
		if ((size_t)len > LINE_MAX_BYTES)
			replay->garbled++;
		else if (len > 1)
			r = replay_line(replay, span_of(line, (size_t)len));
		if (r < 0) {
			fprintf(stderr, "replay: %s\n", strerror(-r));
			return TOOL_ERROR;
		}
	}
	return ferror(file) ? TOOL_ERROR : 0;
}

/* --- the answer ----------------------------------------------------------- */

static const char *level_word(const struct group *group, enum level level)
{
	if (!group->is_media)
		return level == LEVEL_ALL ? "allow" : "block";
	return media_access_to_str(level == LEVEL_ALL	 ? MEDIA_READ_WRITE
				   : level == LEVEL_READ ? MEDIA_READ_ONLY
							 : MEDIA_DENY);
}

static void rule_name(const struct replay *replay, uint32_t index, char *text,
		      size_t size)
{
	if (index == VERDICT_NO_RULE) {
		(void)snprintf(text, size, "implicit");
		return;
	}
	struct rules_rule rule = ruleset_rule(replay->draft, index);
	if (rule.rule_id.len > 0)
		(void)snprintf(text, size, "%.*s", (int)rule.rule_id.len,
			       rule.rule_id.ptr);
	else
		(void)snprintf(text, size, "%.*s:%u", (int)rule.file.len,
			       rule.file.ptr, rule.line);
}

/* Cleaned of what a device could do to a terminal: json_out() does that. */
static void print_group(const struct replay *replay, const struct group *group)
{
	char buf[JSON_MAX_BYTES], rule[256];
	struct json_out out;
	size_t len = 0;

	rule_name(replay, group->rule, rule, sizeof(rule));
	json_out_init(&out, buf, sizeof(buf));
	json_out_object(&out, NULL);
	json_out_str(&out, "change",
		     group->after > group->before ? "more" : "less", 8);
	json_out_str(&out, "kind", group->is_media ? "media" : "usb", 8);
	json_out_str(&out, "from", level_word(group, group->before), 16);
	json_out_str(&out, "to", level_word(group, group->after), 16);
	json_out_str(&out, "unit", group->unit, NAME_POINTS);
	json_out_str(&out, "device", group->uid, (size_t)2 * NAME_POINTS);
	json_out_str(&out, "name", group->name, NAME_POINTS);
	json_out_str(&out, "rule", rule, NAME_POINTS);
	json_out_u64(&out, "events", group->events);
	json_out_u64(&out, "terminals", group->terminal_count);
	json_out_end(&out);
	if (json_out_finish(&out, &len) == 0)
		(void)fwrite(buf, 1, len, stdout);
}

static void print_clean(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?'
								     : *text);
}

static void print_line(const struct replay *replay, const struct group *group)
{
	char rule[256];

	rule_name(replay, group->rule, rule, sizeof(rule));
	printf("%s → %s  ", level_word(group, group->before),
	       level_word(group, group->after));
	print_clean(group->unit[0] ? group->unit : "-");
	printf("  ");
	print_clean(group->uid);
	printf(" (");
	print_clean(group->name);
	printf(")  %zu events, %zu terminals, rule %s\n", group->events,
	       group->terminal_count, rule);
}

static void print_answer(const struct replay *replay)
{
	size_t more = 0, less = 0;

	if (replay->is_json)
		printf("{\"changes\":[");
	for (size_t i = 0; i < replay->group_count; i++) {
		const struct group *group = &replay->groups[i];
		*(group->after > group->before ? &more : &less) += 1;
		if (!replay->is_json) {
			print_line(replay, group);
			continue;
		}
		if (i > 0)
			putchar(',');
		print_group(replay, group);
	}
	if (replay->is_json)
		printf("],\"judged\":%zu,\"other\":%zu,\"garbled\":%zu}\n",
		       replay->judged, replay->other, replay->garbled);
	else
		printf("%zu judgements: %zu would get less, %zu more; %zu "
		       "other events, %zu lines not understood\n",
		       replay->judged, less, more, replay->other,
		       replay->garbled);
}

static void replay_fini(struct replay *replay)
{
	for (size_t i = 0; i < replay->group_count; i++) {
		free(replay->groups[i].unit);
		free(replay->groups[i].uid);
		free(replay->groups[i].name);
		free(replay->groups[i].terminals);
	}
	free(replay->groups);
	free(replay->draft_paths);
	free(replay->against_paths);
	ruleset_unref(replay->draft);
	ruleset_unref(replay->against);
	rule_files_fini(&replay->draft_files);
	rule_files_fini(&replay->against_files);
	free(replay);
}

int cmd_replay(int argc, char **argv)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	size_t most = (size_t)argc + 1;
	int r = TOOL_ERROR;

	if (!replay)
		return r;
	replay->draft_paths = calloc(most, sizeof(char *));
	replay->against_paths = calloc(most, sizeof(char *));
	replay->groups = calloc(GROUPS_MAX, sizeof(*replay->groups));
	if (replay->draft_paths && replay->against_paths && replay->groups)
		r = parse(argc, argv, replay);
	if (r == 0)
		r = load(replay);
	if (r == 0)
		r = replay_events(replay);
	if (r == 0) {
		qsort(replay->groups, replay->group_count,
		      sizeof(*replay->groups), compare_groups);
		print_answer(replay);
	}
	replay_fini(replay);
	return r;
}
