/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a descriptor, or from inotify on the inbox, to the pipeline.
 */
#include "agent/daemon/policy_offer.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <systemd/sd-daemon.h>

#include "agent/base/cleanup.h"
#include "agent/daemon/context.h"
#include "agent/daemon/control.h"
#include "agent/daemon/grant_loop.h"
#include "agent/daemon/health.h"
#include "agent/daemon/tamper.h"

/* The shipper renames a whole file into place; a hand may copy one. */
#define INBOX_EVENTS (IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR)

/* What a change of policy changes around the pipeline, as a reload does. */
static void tell_change(struct daemon *daemon)
{
	health_check_floor(daemon);
	tamper_apply(daemon);
	(void)malloc_trim(0); /* the old rules and the text of the new */
	(void)sd_notifyf(0, "STATUS=%s", health_state(daemon));
	if (daemon->control)
		control_status_changed(daemon->control);
}

int policy_offer_fd(struct daemon *daemon, int fd)
{
	struct pipeline *pipeline = &daemon->pipeline;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	int r = bundle_store_read_fd(fd, &text, &size);
	if (r < 0)
		return bundle_refuse(&pipeline->bundle, r,
				     "the file cannot be read: %s",
				     errno_text(r));
	r = pipeline_offer_policy(pipeline, span_of(text, size), false);
	tell_change(daemon);
	return r;
}

int policy_offer_inbox(struct daemon *daemon)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	if (!daemon->pipeline.store.is_anchored)
		return -ENOENT;
	int r = bundle_store_inbox(daemon->root_fd, &text, &size);
	if (r == -ENOENT)
		return r;
	if (r < 0) {
		/* Its writer is not trusted with more than this line */
		log_warning(daemon->log, "cannot read the inbox: %s",
			    errno_text(r));
		return r;
	}
	r = pipeline_offer_policy(&daemon->pipeline, span_of(text, size), true);
	if (r != BUNDLE_SAME)
		tell_change(daemon);
	return r;
}

static int on_inbox(sd_event_source *source, const struct inotify_event *event,
		    void *userdata)
{
	struct daemon *daemon = userdata;

	(void)policy_offer_inbox(daemon);
	(void)!tamper_order_inbox(daemon);
	grant_loop_inbox(daemon->grants);
	if (event->mask & IN_IGNORED) /* the folder has gone: reload looks */
		(void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

static void watch(struct daemon *daemon)
{
	sd_event_source *source = NULL;
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/" BUNDLE_INBOX,
		       daemon->options.root);
	int r = sd_event_add_inotify(daemon->loop, &source, path, INBOX_EVENTS,
				     on_inbox, daemon);
	if (r < 0) {
		log_info(daemon->log, "'%s' is not watched: %s", path,
			 errno_text(r));
		return;
	}
	(void)sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IDLE);
	(void)sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
}

void policy_offer_start(struct daemon *daemon)
{
	struct pipeline *pipeline = &daemon->pipeline;

	/* At the start the state folder may not have been there */
	if (bundle_store_read(daemon->root_fd, &pipeline->store) == 0 &&
	    pipeline->store.is_anchored && !pipeline->bundle.info.signer[0])
		(void)!pipeline_load_policy(pipeline); /* told by events */
	watch(daemon);
	(void)policy_offer_inbox(daemon);
	tamper_apply(daemon);
	(void)!tamper_order_inbox(daemon);
	grant_loop_inbox(daemon->grants);
}
