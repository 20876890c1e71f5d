/* SPDX-License-Identifier: Apache-2.0 */
/* NAME:PASSWORD:GID:USER,USER,… line by line. */
#include "agent/base/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

#include "agent/base/banned.h"

struct line {
	const char *name;
	size_t name_len;
	unsigned long gid;
	const char *members;
};

/* Whether `user` is in a comma-separated list. */
static bool is_in_list(const char *list, const char *user)
{
	size_t len = strlen(user);

	while (*list && len > 0) {
		size_t item = strcspn(list, ",\n");

		if (item == len && memcmp(list, user, len) == 0)
			return true;
		list += item + (list[item] != '\0');
	}
	return false;
}

static bool parse(const char *text, struct line *ret_line)
{
	const char *password = strchr(text, ':');
	const char *gid = password ? strchr(password + 1, ':') : NULL;
	const char *members = gid ? strchr(gid + 1, ':') : NULL;

	if (!members || password == text)
		return false;
	*ret_line = (struct line){
		.name = text,
		.name_len = (size_t)(password - text),
		.gid = strtoul(gid + 1, NULL, 10),
		.members = members + 1,
	};
	return true;
}

static FILE *open_file(int dirfd, const char *path)
{
	_cleanup_close_ int fd = open_below(dirfd, path, 0, 0);

	if (fd < 0)
		return NULL;
	FILE *file = fdopen(fd, "r");
	if (file)
		(void)TAKE_FD(fd); /* the stream's now */
	return file;
}

bool group_has_member(int dirfd, const char *path, const char *group,
		      const char *user)
{
	_cleanup_fclose_ FILE *file = open_file(dirfd, path);
	_cleanup_free_ char *text = NULL;
	size_t capacity = 0, len = strlen(group);
	bool is_member = false;
	struct line line;

	while (file && !is_member && getline(&text, &capacity, file) > 0)
		is_member = parse(text, &line) && line.name_len == len &&
			    memcmp(line.name, group, len) == 0 &&
			    is_in_list(line.members, user);
	return is_member;
}

void group_list(int dirfd, const char *path, const char *user, uint32_t gid,
		struct group_names *ret_names)
{
	_cleanup_fclose_ FILE *file = open_file(dirfd, path);
	_cleanup_free_ char *text = NULL;
	size_t capacity = 0;
	struct line line;

	ret_names->count = 0;
	while (file && ret_names->count < GROUP_NAMES_MAX &&
	       getline(&text, &capacity, file) > 0) {
		char *name = ret_names->names[ret_names->count];

		if (!parse(text, &line) || line.name_len > GROUP_NAME_MAX ||
		    (line.gid != gid && !is_in_list(line.members, user)))
			continue;
		memcpy(name, line.name, line.name_len);
		name[line.name_len] = '\0';
		ret_names->count++;
	}
}
