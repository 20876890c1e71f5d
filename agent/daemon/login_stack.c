/* SPDX-License-Identifier: Apache-2.0 */
/* One inotify watch, one timer that lets a row of changes come to its end. */
#include "agent/daemon/login_stack.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/daemon/context.h"
#include "agent/pam/lint.h"
#include "policy/mfa_text.h"

#define PAM_FOLDER "etc/pam.d"
#define STATE_DIR  "var/lib/sekimori/state"
#define STATE_NAME "login.stack"
/* pam-auth-update writes five files; one event is enough for them. */
#define SETTLE_US (2ULL * 1000 * 1000)
#define CHANGES                                                                \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)

static_assert(LOGIN_STACK_SIZE == DIGEST_HEX_SIZE, "one hash");

struct login_stack {
	struct daemon *daemon;
	sd_event_source *watch;
	sd_event_source *timer;
};

/* The policy decides which findings are errors; the hash does not hang on it. */
static void read_policy(int root_fd, struct login_policy *ret_policy)
{
	_cleanup_free_ char *text = NULL;
	unsigned int line = 0;

	login_policy_default(ret_policy);
	if (read_small_file(root_fd, LOGIN_POLICY_FILE + 1,
			    LOGIN_TEXT_MAX_BYTES, &text, NULL) == 0 &&
	    login_policy_parse(span_str(text), ret_policy, &line) < 0)
		login_policy_default(ret_policy);
	ret_policy->mode = LOGIN_MODE_ENFORCE;
}

static int look(int root_fd, unsigned int trusted_uid,
		char ret_hash[LOGIN_STACK_SIZE], size_t *ret_errors)
{
	_cleanup_buf_ struct buf stacks = BUF_INIT(LINT_TEXT_MAX);
	struct lint_report report = {.capacity = 0}; /* counted, not kept */
	struct login_policy policy;
	const struct lint_source source = {root_fd, trusted_uid, &policy};

	read_policy(root_fd, &policy);
	int r = lint_run(&source, &report, &stacks);
	if (r == 0)
		r = lint_hash(&stacks, ret_hash);
	if (r == 0)
		*ret_errors = report.error_count;
	return r;
}

static int remember(int root_fd, const char *hash)
{
	_cleanup_close_ int dir = open_below(root_fd, STATE_DIR,
					     O_RDONLY | O_DIRECTORY, 0);
	char line[LOGIN_STACK_SIZE + 1];

	if (dir < 0)
		return dir;
	(void)snprintf(line, sizeof(line), "%s\n", hash);
	return write_atomic(dir, STATE_NAME, line, strlen(line), 0600);
}

int login_stack_compare(int root_fd, unsigned int trusted_uid,
			char ret_hash[LOGIN_STACK_SIZE],
			struct record *ret_record)
{
	char before[LOGIN_STACK_SIZE + 1] = "";
	size_t errors = 0;

	int r = look(root_fd, trusted_uid, ret_hash, &errors);
	if (r < 0)
		return r;
	r = read_line_file(root_fd, LOGIN_STACK_FILE, before, sizeof(before));
	if (r < 0 && r != -ENOENT && r != -EFBIG)
		return r;
	if (strcmp(before, ret_hash) == 0)
		return 0;
	bool is_first = r == -ENOENT;
	r = remember(root_fd, ret_hash);
	if (r < 0)
		return r;
	*ret_record = (struct record){
		.code = RECORD_MFA_STACK_CHANGED,
		.u.login = {.stack_sha256 = ret_hash, .lint_errors = errors},
	};
	return is_first ? 0 : 1;
}

void login_stack_look(struct login_stack *stack)
{
	char hash[LOGIN_STACK_SIZE];
	struct record record;

	if (!stack)
		return;
	struct daemon *daemon = stack->daemon;
	int r = login_stack_compare(daemon->root_fd, 0, hash, &record);
	if (r < 0 && r != -ENOENT && r != -EROFS) /* early: /var comes later */
		log_warning(daemon->log, "cannot look at the PAM stacks: %s",
			    errno_text(r));
	if (r != 1)
		return;
	const struct record_sink sink = recorder_sink(daemon->recorder);
	sink.emit(sink.userdata, &record);
}

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	login_stack_look(userdata);
	return 0;
}

static int on_change(sd_event_source *source, const struct inotify_event *event,
		     void *userdata)
{
	struct login_stack *stack = userdata;

	(void)source;
	(void)event;
	if (sd_event_source_set_time_relative(stack->timer, SETTLE_US) < 0 ||
	    sd_event_source_set_enabled(stack->timer, SD_EVENT_ONESHOT) < 0)
		login_stack_look(stack);
	return 0;
}

static int add_sources(struct login_stack *stack)
{
	struct daemon *daemon = stack->daemon;
	_cleanup_close_ int fd = open_below(daemon->root_fd, PAM_FOLDER,
					    O_RDONLY | O_DIRECTORY, 0);

	if (fd < 0)
		return fd;
	int r = sd_event_add_time(daemon->loop, &stack->timer, CLOCK_MONOTONIC,
				  UINT64_MAX, 0, on_settled, stack);
	if (r >= 0)
		r = sd_event_source_set_enabled(stack->timer, SD_EVENT_OFF);
	if (r >= 0)
		r = sd_event_add_inotify_fd(daemon->loop, &stack->watch, fd,
					    CHANGES, on_change, stack);
	return r < 0 ? r : 0;
}

int login_stack_new(struct daemon *daemon, struct login_stack **ret_stack)
{
	struct login_stack *stack = calloc(1, sizeof(*stack));

	if (!stack)
		return -ENOMEM;
	stack->daemon = daemon;
	int r = add_sources(stack);
	if (r < 0) /* the heartbeat still looks */
		log_warning(daemon->log, "cannot watch '/%s': %s", PAM_FOLDER,
			    errno_text(r));
	login_stack_look(stack);
	*ret_stack = stack;
	return 0;
}

struct login_stack *login_stack_free(struct login_stack *stack)
{
	if (!stack)
		return NULL;
	sd_event_source_disable_unref(stack->watch);
	sd_event_source_disable_unref(stack->timer);
	free(stack);
	return NULL;
}
