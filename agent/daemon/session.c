/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session file: "default 0|1", then one line a device:
 * "usb|medium PLUG OUTCOME STANDING NUMBER PLACE", STANDING being the sum of
 * enum standing.
 */
#include "agent/daemon/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"
#include "agent/base/fd.h"

enum standing {
	STANDING_LEARNED = 1,
	STANDING_CONFIRMED = 2,
	STANDING_TYPIST = 4,
	STANDING_FAST = 8,
};

void session_fini(struct session *session)
{
	free(session->rows);
	*session = (struct session){0};
}

static bool parse_row(const char *line, struct session_row *ret_row)
{
	struct session_row row = {0};
	char kind[8];
	unsigned int standing;
	int used = 0;

	/* NOLINTNEXTLINE(cert-err34-c): our own file, and never authority */
	if (sscanf(line, "%7s %31s %u %u %" SCNu64 " %n", kind, row.plug,
		   &row.outcome, &standing, &row.number, &used) != 5 ||
	    used == 0 || line[used] != '/' ||
	    strlen(line + used) >= sizeof(row.place))
		return false;
	row.is_medium = strcmp(kind, "medium") == 0;
	if (!row.is_medium && strcmp(kind, "usb") != 0)
		return false;
	row.is_learned = standing & STANDING_LEARNED;
	row.is_confirmed = standing & STANDING_CONFIRMED;
	row.is_typist = standing & STANDING_TYPIST;
	row.is_fast = standing & STANDING_FAST;
	(void)snprintf(row.place, sizeof(row.place), "%s", line + used);
	*ret_row = row;
	return true;
}

int session_load(int run_fd, struct session *ret_session)
{
	_cleanup_free_ char *text = NULL;
	struct session session = {0};
	size_t size, lines = 1;

	int r = read_small_file(run_fd, SESSION_FILE, SESSION_FILE_MAX, &text,
				&size);
	if (r < 0)
		return r;
	for (const char *c = text; *c; c++)
		lines += *c == '\n';
	if (lines > SESSION_ROWS_MAX)
		lines = SESSION_ROWS_MAX;
	session.rows = calloc(lines, sizeof(*session.rows));
	if (!session.rows)
		return -ENOMEM;

	char *next;
	for (char *line = text; line && session.count < lines; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (strcmp(line, "default 1") == 0)
			session.has_set_default = true;
		else if (parse_row(line, &session.rows[session.count]))
			session.count++;
	}
	*ret_session = session;
	return 0;
}

static unsigned int standing_of(const struct usb_entry *usb)
{
	return (usb->is_learned ? STANDING_LEARNED : 0) |
	       (usb->is_confirmed ? STANDING_CONFIRMED : 0) |
	       (usb->is_typist ? STANDING_TYPIST : 0) |
	       (usb->is_fast ? STANDING_FAST : 0);
}

static int add_rows(struct buf *buf, const struct devices *devices)
{
	for (const struct usb_entry *usb = devices->usb; usb; usb = usb->next) {
		const struct usb_device *device = &usb->device;
		int r = buf_printf(buf, "usb %s %u %u %" PRIu64 " %s\n",
				   usb->plug, usb->decision.target,
				   standing_of(usb),
				   session_number(device->major, device->minor),
				   device->devpath);
		if (r < 0)
			return r;
	}
	for (const struct medium_entry *m = devices->media; m; m = m->next) {
		if (m->state == DEVICE_HELD)
			continue; /* nothing was told of it yet */
		int r = buf_printf(buf, "medium %s %u 0 %" PRIu64 " %s\n",
				   m->plug, m->decision.access, m->disk.diskseq,
				   m->disk.devpath);
		if (r < 0)
			return r;
	}
	return 0;
}

int session_save(int run_fd, const struct devices *devices,
		 bool has_set_default)
{
	_cleanup_buf_ struct buf buf = BUF_INIT(SESSION_FILE_MAX);

	int r = buf_printf(&buf, "default %d\n", has_set_default);
	if (r < 0)
		return r;
	r = add_rows(&buf, devices);
	if (r < 0)
		return r;
	return write_atomic(run_fd, SESSION_FILE, buf.data, buf.size, 0600);
}

const struct session_row *session_find(const struct session *session,
				       const char *place, uint64_t number)
{
	for (size_t i = 0; i < session->count; i++)
		if (session->rows[i].number == number &&
		    strcmp(session->rows[i].place, place) == 0)
			return &session->rows[i];
	return NULL;
}
