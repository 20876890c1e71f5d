/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "IDENTITY PORT", one device a line.
 */
#include "agent/daemon/learned.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "policy/lifeline.h"

static bool parse_row(const char *line, size_t len, struct learned_row *ret_row)
{
	struct learned_row row = {0};
	const char *blank = memchr(line, ' ', len);

	if (!blank)
		return false;
	size_t identity_len = (size_t)(blank - line);
	size_t port_len = len - identity_len - 1;
	if (identity_len == 0 || identity_len >= sizeof(row.identity) ||
	    port_len == 0 || port_len >= sizeof(row.port))
		return false;
	memcpy(row.identity, line, identity_len);
	memcpy(row.port, blank + 1, port_len);
	*ret_row = row;
	return true;
}

int learned_load(int dir_fd, struct learned *ret_learned)
{
	_cleanup_free_ char *text = NULL;
	struct learned learned = {.is_known = true};
	size_t size;

	int r = read_small_file(dir_fd, LEARNED_FILE, LEARNED_FILE_MAX, &text,
				&size);
	if (r < 0)
		return r;
	for (const char *line = text; *line && learned.count < LEARNED_MAX;) {
		size_t len = strcspn(line, "\n");
		if (parse_row(line, len, &learned.rows[learned.count]))
			learned.count++;
		line += len + (line[len] == '\n');
	}
	*ret_learned = learned;
	return 0;
}

static void take(struct learned *learned, const struct devices *devices)
{
	for (const struct usb_entry *usb = devices->usb; usb; usb = usb->next) {
		const struct usb_fact *fact = &usb->device.fact;
		if (usb->state != DEVICE_AUTHORISED || usb->was_admitted ||
		    usb->outcome != 0 || lifeline_roles(fact) == 0 ||
		    learned_has(learned, fact) || learned->count == LEARNED_MAX)
			continue;
		struct learned_row *row = &learned->rows[learned->count++];
		memcpy(row->identity, fact->identity, sizeof(row->identity));
		memcpy(row->port, fact->via_port, sizeof(row->port));
	}
}

int learned_save(int dir_fd, struct learned *learned,
		 const struct devices *devices)
{
	_cleanup_buf_ struct buf buf = BUF_INIT(LEARNED_FILE_MAX);

	if (learned->is_known)
		return 0;
	take(learned, devices);
	for (size_t i = 0; i < learned->count; i++) {
		int r = buf_printf(&buf, "%s %s\n", learned->rows[i].identity,
				   learned->rows[i].port);
		if (r < 0)
			return r;
	}
	int r = write_atomic(dir_fd, LEARNED_FILE, buf_text(&buf), buf.size,
			     0600);
	if (r < 0)
		return r;
	learned->is_known = true;
	return 0;
}

bool learned_has(const struct learned *learned, const struct usb_fact *fact)
{
	if (fact->identity[0] == '\0')
		return false;
	for (size_t i = 0; i < learned->count; i++)
		if (strcmp(learned->rows[i].identity, fact->identity) == 0 &&
		    strcmp(learned->rows[i].port, fact->via_port) == 0)
			return true;
	return false;
}
