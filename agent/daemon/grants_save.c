/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state file: what a restart, a reboot and a power cut must not change.
 * Grants are kept as they were signed and proven again when read, so writing
 * into the file makes none. Lines, each row followed by its signed texts and
 * its object:
 *
 *	sekimori-grants 1
 *	boot BOOT-ID
 *	floor ISSUED
 *	seen DIGEST			(any number)
 *	gone ID ISSUED			(any number)
 *	row STATE CORRELATION END-NS LEFT-MS USES PLUG SUSPENDED CODE APPROVERS
 *	proof TEXT TEXT…		("-" where there is none)
 *	…the object, to its "end"…
 *	end
 */
#include "agent/daemon/grants_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/buf.h"
#include "agent/base/cleanup.h"
#include "agent/base/clock.h"
#include "agent/base/fd.h"

#define STATE_DIR  "var/lib/sekimori/state"
#define FIRST_LINE "sekimori-grants 1"
#define FILE_MAX   ((size_t)4 << 20)

/* --- writing ---------------------------------------------------------------- */

static const char *word(const char *text)
{
	return text[0] ? text : "-";
}

static int put_row(struct buf *buf, const struct grants_row *row,
		   struct grants_now now)
{
	uint64_t left_ms =
		row->state == GRANTS_ACTIVE && row->boot_end_ns > now.boot_ns
			? (row->boot_end_ns - now.boot_ns) / NS_PER_MS
			: 0;
	int r = buf_printf(buf,
			   "row %d %s %" PRIu64 " %" PRIu64 " %" PRIu32
			   " %s %d %d %s\nproof %s\n",
			   (int)row->state, word(row->correlation),
			   row->boot_end_ns, left_ms, row->use_count,
			   word(row->plug), row->is_suspended, row->is_by_code,
			   word(row->approvers), row->proof ? row->proof : "-");

	return r < 0 ? r : buf_append(buf, row->text, row->size);
}

/* The newest last, so that reading puts it in front again. */
static int put_rows(struct buf *buf, const struct grants *grants,
		    struct grants_now now)
{
	const struct grants_row *rows[GRANTS_MAX];
	size_t count = 0;

	for (const struct grants_row *row = grants->first; row; row = row->next)
		rows[count++] = row;
	while (count > 0) {
		int r = put_row(buf, rows[--count], now);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_all(struct buf *buf, const struct grants *grants,
		   struct grants_now now)
{
	int r = buf_printf(buf, FIRST_LINE "\nboot %s\nfloor %" PRIu64 "\n",
			   word(grants->options.boot_id), grants->issued_floor);

	for (size_t i = 0; r >= 0 && i < grants->seen_count; i++)
		r = buf_printf(buf, "seen %s\n", grants->seen[i]);
	for (size_t i = 0; r >= 0 && i < grants->gone_count; i++)
		r = buf_printf(buf, "gone %s %" PRIu64 "\n", grants->gone[i].id,
			       grants->gone[i].wall_issued_s);
	if (r >= 0)
		r = put_rows(buf, grants, now);
	return r < 0 ? r : buf_append_text(buf, "end\n");
}

int grants_save(struct grants *grants, struct grants_now now)
{
	_cleanup_buf_ struct buf buf = BUF_INIT(FILE_MAX);
	_cleanup_close_ int dir = open_below(grants->options.root_fd, STATE_DIR,
					     O_RDONLY | O_DIRECTORY, 0);

	if (dir < 0)
		return dir;
	/* Not again at once where it fails: a full disk is no busy loop */
	grants->boot_saved_ns = now.boot_ns;
	int r = put_all(&buf, grants, now);
	if (r < 0)
		return r;
	return write_atomic(dir, GRANTS_FILE, buf_text(&buf), buf.size, 0600);
}

/* --- reading ---------------------------------------------------------------- */

/* The next line, its newline made a NUL; NULL: there is none. */
static char *next_line(char **rest)
{
	char *line = *rest, *end = strchr(line, '\n');

	if (!end)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return line;
}

static void copy_word(const char *from, char *to, size_t size)
{
	(void)snprintf(to, size, "%s", strcmp(from, "-") == 0 ? "" : from);
}

struct row_line {
	int state;
	char correlation[DEVICES_PLUG_SIZE];
	uint64_t boot_end_ns;
	uint64_t left_ms;
	uint32_t use_count;
	char plug[DEVICES_PLUG_SIZE];
	int is_suspended;
	int is_by_code;
	char approvers[GRANT_APPROVERS_MAX + 1];
};

/* The next word of a line, the blank behind it passed; false: it is too long,
 * or there is none. */
static bool take_word(const char **at, char *ret_word, size_t size)
{
	size_t len = strcspn(*at, " ");

	if (len == 0 || len >= size)
		return false;
	memcpy(ret_word, *at, len);
	ret_word[len] = '\0';
	*at += len + ((*at)[len] == ' ');
	return true;
}

static bool take_number(const char **at, uint64_t *ret_number)
{
	char word_of[24], *end;

	if (!take_word(at, word_of, sizeof(word_of)) || word_of[0] < '0' ||
	    word_of[0] > '9')
		return false;
	errno = 0;
	*ret_number = strtoull(word_of, &end, 10);
	return errno == 0 && *end == '\0';
}

static bool read_row_line(const char *line, struct row_line *row)
{
	uint64_t state, uses, is_suspended, is_by_code;

	line += strlen("row ");
	if (!take_number(&line, &state) ||
	    !take_word(&line, row->correlation, sizeof(row->correlation)) ||
	    !take_number(&line, &row->boot_end_ns) ||
	    !take_number(&line, &row->left_ms) || !take_number(&line, &uses) ||
	    !take_word(&line, row->plug, sizeof(row->plug)) ||
	    !take_number(&line, &is_suspended) ||
	    !take_number(&line, &is_by_code) || *line == '\0' ||
	    state >= GRANTS_STATE_COUNT || uses > UINT32_MAX)
		return false;
	row->state = (int)state;
	row->use_count = (uint32_t)uses;
	row->is_suspended = is_suspended != 0;
	row->is_by_code = is_by_code != 0;
	copy_word(line, row->approvers, sizeof(row->approvers));
	return true;
}

/* The object, up to its "end"; *rest moves behind it. Empty: there is none. */
static struct span take_object(char **rest)
{
	char *end = strstr(*rest, "\nend\n");

	if (!end || (size_t)(end - *rest) > GRANT_MAX_BYTES)
		return SPAN("");
	struct span text = {*rest, (size_t)(end - *rest) + 5};
	*rest = end + 5;
	return text;
}

/* Where the boot is another one, the rest of the budget begins now, and nobody
 * is at work yet. */
static void take_times(struct grants_row *row, const struct row_line *line,
		       bool is_same_boot, struct grants_now now)
{
	uint64_t most_ns = 60 * NS_PER_S * row->grant.minutes;
	uint64_t left_ns = line->left_ms * NS_PER_MS;

	row->state = (enum grants_state)line->state;
	row->use_count = line->use_count;
	row->is_suspended = line->is_suspended != 0;
	if (row->state != GRANTS_ACTIVE)
		return;
	if (is_same_boot)
		left_ns = line->boot_end_ns > now.boot_ns
				  ? line->boot_end_ns - now.boot_ns
				  : 0;
	else
		row->is_suspended = true;
	/* More than was granted cannot be left, whatever stands there */
	grants_activate(row, left_ns < most_ns ? left_ns : most_ns, now);
}

static int read_row(struct grants *grants, const char *line, char **rest,
		    bool is_same_boot, struct grants_now now)
{
	struct row_line fields = {0};
	char *proof = next_line(rest);

	if (!proof || strncmp(proof, "proof ", 6) != 0 ||
	    !read_row_line(line, &fields))
		return -EBADMSG;
	struct span text = take_object(rest);
	struct grants_row *row = grants_add(grants, text);
	if (!row)
		return -EBADMSG;
	copy_word(fields.correlation, row->correlation,
		  sizeof(row->correlation));
	copy_word(fields.plug, row->plug, sizeof(row->plug));
	memcpy(row->approvers, fields.approvers, sizeof(row->approvers));
	row->is_by_code = fields.is_by_code != 0;
	if (strcmp(proof + 6, "-") != 0) {
		row->proof = strdup(proof + 6);
		if (!row->proof)
			return -ENOMEM;
	}
	take_times(row, &fields, is_same_boot, now);
	/* Only a request may be there without signatures, or a code's grant */
	bool is_request = row->state == GRANTS_REQUESTED;
	if (is_request != (row->grant.action == GRANT_REQUEST) ||
	    (!is_request && !row->is_by_code && !row->proof))
		return -EBADMSG;
	row->is_unproven = !is_request && !row->is_by_code;
	return 0;
}

static int read_line(struct grants *grants, const char *line)
{
	char kind[8], word_of[GRANTS_DIGEST_SIZE];
	uint64_t issued = 0;

	if (!take_word(&line, kind, sizeof(kind)))
		return -EBADMSG;
	if (strcmp(kind, "floor") == 0)
		return take_number(&line, &grants->issued_floor) ? 0 : -EBADMSG;
	if (!take_word(&line, word_of, sizeof(word_of)))
		return -EBADMSG;
	if (strcmp(kind, "seen") == 0 &&
	    strlen(word_of) == GRANTS_DIGEST_SIZE - 1) {
		(void)grants_note_seen(grants, word_of);
		return 0;
	}
	if (strcmp(kind, "gone") != 0 || !grant_is_id(span_str(word_of)) ||
	    !take_number(&line, &issued))
		return -EBADMSG;
	grants_note_gone(grants, span_str(word_of), issued);
	return 0;
}

static int read_all(struct grants *grants, char *text, struct grants_now now)
{
	char *rest = text, *line = next_line(&rest);

	if (!line || strcmp(line, FIRST_LINE) != 0)
		return -EBADMSG;
	line = next_line(&rest);
	if (!line || strncmp(line, "boot ", 5) != 0)
		return -EBADMSG;
	bool is_same_boot = strcmp(line + 5, grants->options.boot_id) == 0;
	while ((line = next_line(&rest))) {
		if (strcmp(line, "end") == 0)
			return *rest == '\0' ? 0 : -EBADMSG;
		int r = strncmp(line, "row ", 4) == 0
				? read_row(grants, line, &rest, is_same_boot,
					   now)
				: read_line(grants, line);
		if (r < 0)
			return r;
	}
	return -EBADMSG;
}

/* Nothing of a file that is not whole counts; what it said was issued before
 * now is refused, for it may have ended here. */
static void forget_all(struct grants *grants, struct grants_now now)
{
	while (grants->first)
		grants_drop(grants, grants->first);
	grants->gone_count = grants->seen_count = 0;
	grants->issued_floor = now.wall_s;
}

int grants_load(struct grants *grants, struct grants_now now)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	if (grants->is_loaded)
		return 1;
	_cleanup_close_ int dir = open_below(grants->options.root_fd, STATE_DIR,
					     O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return dir;
	int r = read_small_file(dir, GRANTS_FILE, FILE_MAX, &text, &size);
	if (r == -ENOENT) {
		grants->is_loaded = true;
		return 0;
	}
	if (r == 0)
		r = strlen(text) == size ? read_all(grants, text, now)
					 : -EBADMSG;
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		forget_all(grants, now);
	grants->boot_saved_ns = now.boot_ns;
	grants->is_loaded = true;
	return r;
}
