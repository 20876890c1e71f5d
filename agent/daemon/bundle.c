/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rule files to the rule set in force. An offer with any error changes
 * nothing; the daemon tells and goes on with what it has.
 */
#include "agent/daemon/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/base/log.h"
#include "policy/limits.h"

#define SUFFIX ".rules"
/* Warnings come before the error that is told; more are only counted. */
#define MESSAGES_MAX 64

struct source {
	char *name;
	char *text;
	size_t size;
};

struct sources {
	struct source items[RULES_TEXTS_MAX];
	size_t count;
	size_t total_bytes;
};

static void sources_freep(struct sources **sources)
{
	if (!*sources)
		return;
	for (size_t i = 0; i < (*sources)->count; i++) {
		free((*sources)->items[i].name);
		free((*sources)->items[i].text);
	}
	free(*sources);
}

void bundle_fini(struct bundle *bundle)
{
	bundle->ruleset = ruleset_unref(bundle->ruleset);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct source *)a)->name,
		      ((const struct source *)b)->name);
}

int bundle_refuse(struct bundle *bundle, int outcome, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(bundle->error, sizeof(bundle->error), format, args);
	va_end(args);
	return outcome;
}

static int refuse(struct bundle *bundle, const char *what, const char *why)
{
	return bundle_refuse(bundle, BUNDLE_UNREADABLE, "%s: %s", what, why);
}

static bool is_rules_file(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && len > strlen(SUFFIX) &&
	       strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* The folder's rule files by name, unread. */
static int list_sources(struct bundle *bundle, int root_fd, const char *path,
			struct sources *sources)
{
	_cleanup_closedir_ DIR *dir = NULL;
	int r = open_dir_below(root_fd, path, &dir);
	if (r < 0)
		return refuse(bundle, path, errno_text(r));

	const struct dirent *entry;
	while ((entry = readdir(dir))) {
		if (!is_rules_file(entry->d_name))
			continue;
		if (sources->count == RULES_TEXTS_MAX)
			return refuse(bundle, path, "too many rule files");
		char *name = strdup(entry->d_name);
		if (!name)
			return -ENOMEM;
		sources->items[sources->count++].name = name;
	}
	qsort(sources->items, sources->count, sizeof(sources->items[0]),
	      compare_names);
	return 0;
}

static int read_sources(struct bundle *bundle, int root_fd, const char *path,
			struct sources *sources)
{
	_cleanup_close_ int dir = open_below(root_fd, path,
					     O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return refuse(bundle, path, errno_text(dir));

	for (size_t i = 0; i < sources->count; i++) {
		struct source *source = &sources->items[i];
		int r = read_small_file(dir, source->name, RULES_TEXT_MAX_BYTES,
					&source->text, &source->size);
		if (r == -ENOMEM)
			return r;
		if (r < 0)
			return refuse(bundle, source->name, errno_text(r));
		sources->total_bytes += source->size;
		if (sources->total_bytes > RULES_TOTAL_MAX_BYTES)
			return refuse(bundle, source->name,
				      "the rule files are too large together");
	}
	return 0;
}

/* SHA-256 over name, NUL, length and text of each file: what an administrator
 * can recompute, and no two sets of files share by moving a line. */
static int digest_sources(const struct sources *sources, char *ret_digest)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t digest[EVP_MAX_MD_SIZE];
	bool ok = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);

	for (size_t i = 0; ok && i < sources->count; i++) {
		const struct source *source = &sources->items[i];
		char head[320];
		int n = snprintf(head, sizeof(head), "%s%c%zu%c", source->name,
				 0, source->size, 0);
		ok = EVP_DigestUpdate(context, head, (size_t)n) &&
		     EVP_DigestUpdate(context, source->text, source->size);
	}
	ok = ok && EVP_DigestFinal_ex(context, digest, NULL);
	EVP_MD_CTX_free(context);
	if (!ok)
		return -ENOMEM;
	memcpy(ret_digest, "sha256:", 7);
	hex_encode(digest, 32, ret_digest + 7);
	return 0;
}

/* The first error, in the form editors understand. */
static void tell_error(struct bundle *bundle, const struct rules_text *texts,
		       const struct rules_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct rules_message *message = &report->messages[i];
		if (message->severity != RULES_ERROR)
			continue;
		(void)snprintf(bundle->error, sizeof(bundle->error),
			       "%s:%u:%u: error: %s", texts[message->text].name,
			       message->line, message->column, message->what);
		return;
	}
	(void)snprintf(bundle->error, sizeof(bundle->error),
		       "the rule files have an error");
}

static void describe(const struct ruleset *ruleset, struct bundle_info *info)
{
	struct span name = span_take(ruleset_name(ruleset),
				     BUNDLE_NAME_MAX - 1);

	if (name.len > 0)
		memcpy(info->name, name.ptr, name.len);
	info->name[name.len] = '\0';
	info->serial = ruleset_serial(ruleset);
	info->rule_count = (uint32_t)ruleset_rule_count(ruleset);
	info->is_monitor = ruleset_mode(ruleset) == RULES_MODE_MONITOR;
	info->wall_loaded_ms = clock_wall_ns() / NS_PER_MS;
}

int bundle_compile(struct bundle *bundle, const struct rules_text *texts,
		   size_t count, struct bundle_info *offer,
		   struct ruleset **ret_ruleset)
{
	struct rules_message messages[MESSAGES_MAX];
	struct rules_report report = {
		.messages = messages,
		.capacity = MESSAGES_MAX,
	};
	int r = ruleset_parse(texts, count, 0, &report, ret_ruleset);

	if (r == RULESET_INVALID) {
		tell_error(bundle, texts, &report);
		return BUNDLE_REJECTED;
	}
	if (r == 0)
		describe(*ret_ruleset, offer);
	return r;
}

static int compile(struct bundle *bundle, const struct sources *sources,
		   struct bundle_info *offer, struct ruleset **ret_ruleset)
{
	struct rules_text texts[RULES_TEXTS_MAX];

	for (size_t i = 0; i < sources->count; i++)
		texts[i] = (struct rules_text){
			.name = sources->items[i].name,
			.text = span_of(sources->items[i].text,
					sources->items[i].size),
		};
	return bundle_compile(bundle, texts, sources->count, offer,
			      ret_ruleset);
}

void bundle_put(struct bundle *bundle, const struct bundle_info *offer,
		struct ruleset *ruleset)
{
	ruleset_unref(bundle->ruleset);
	bundle->ruleset = ruleset;
	bundle->info = *offer;
}

static int judge_offer(struct bundle *bundle, const struct sources *sources,
		       struct bundle_info *offer, struct ruleset **ret_ruleset)
{
	int r = digest_sources(sources, offer->digest);
	if (r < 0)
		return r;
	if (bundle->ruleset && strcmp(offer->digest, bundle->info.digest) == 0)
		return BUNDLE_SAME;
	return compile(bundle, sources, offer, ret_ruleset);
}

int bundle_load(struct bundle *bundle, int root_fd, const char *dir,
		struct bundle_info *ret_offer)
{
	__attribute__((cleanup(sources_freep))) struct sources *sources =
		calloc(1, sizeof(*sources));
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;
	struct bundle_info offer = {0};

	if (!sources)
		return -ENOMEM;
	bundle->error[0] = '\0';
	int r = list_sources(bundle, root_fd, dir, sources);
	if (r == 0)
		r = read_sources(bundle, root_fd, dir, sources);
	if (r == 0)
		r = judge_offer(bundle, sources, &offer, &ruleset);
	if (ret_offer)
		*ret_offer = offer;
	if (r != 0)
		return r;

	bundle_put(bundle, &offer, TAKE_PTR(ruleset));
	return 0;
}
