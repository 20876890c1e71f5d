/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a profile, one after the other; see profile.h. */
#include "policy/tool/profile.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "policy/tool/tool.h"

#define PROFILES       SEKIMORI_DATA "/rules.d"
#define FIRST_AFTER    "5" /* files from here on come after what is learned */
#define PATTERN_MAX    4096
#define PROFILE_SUFFIX "/*.rules"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int append_files(const struct rule_files *files,
			int (*put)(struct learner *learner),
			struct learner *learner, struct buf *out)
{
	bool is_put = false;
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->count; i++) {
		const struct rules_text *text = &files->texts[i];
		if (!is_put && strcmp(base_name(text->name), FIRST_AFTER) > 0) {
			is_put = true;
			r = put(learner);
		}
		if (r == 0)
			r = buf_append(out, text->text.ptr, text->text.len);
	}
	return r == 0 && !is_put ? put(learner) : r;
}

int profile_write(const char *name, int (*put)(struct learner *learner),
		  struct learner *learner, struct buf *out)
{
	struct rule_files files = {0};
	char pattern[PATTERN_MAX];
	glob_t found = {0};
	int r = TOOL_ERROR;

	(void)snprintf(pattern, sizeof(pattern), "%s%s%s",
		       strchr(name, '/') ? "" : PROFILES "/", name,
		       PROFILE_SUFFIX);
	if (glob(pattern, 0, NULL, &found) != 0)
		fprintf(stderr, "%s: no such profile\n", pattern);
	else if (rule_files_read(&files, found.gl_pathv, found.gl_pathc) == 0)
		r = append_files(&files, put, learner, out);
	rule_files_fini(&files);
	globfree(&found);
	return r;
}
