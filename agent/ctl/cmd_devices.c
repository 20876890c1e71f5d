/* SPDX-License-Identifier: Apache-2.0 */
/*
 * devices: a table of what is plugged in and what was decided about it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/dict.h"
#include "agent/ctl/report.h"
#include "agent/ctl/text.h"

#define DEVICES_MAX   1024u
#define COLUMNS_COUNT 6u
#define CELL_MAX      160u

struct table {
	char (*cells)[COLUMNS_COUNT][CELL_MAX]; /* owned */
	size_t rows;
};

static void table_fini(struct table *table)
{
	free(table->cells);
}

static void join(const struct dict_entry *list, char *buf, size_t cap)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; list && i < list->list_count; i++) {
		size_t len = strlen(list->list[i]);
		if (len + 2 > cap - used)
			break;
		if (used)
			buf[used++] = ' ';
		memcpy(buf + used, list->list[i], len + 1);
		used += len;
	}
}

static void set(char cell[static CELL_MAX], const char *value)
{
	snprintf(cell, CELL_MAX, "%s", value && value[0] ? value : "-");
}

/* A medium says what may be done with it, a USB device whether it is let in. */
static const char *state_of(const struct dict *device)
{
	const char *access = dict_str(device, "access");
	const char *state = dict_str(device, "state");

	if (access && state && strcmp(state, "held") != 0)
		return access;
	return state ? state : "-";
}

static void set_row(const struct ctl *ctl, const struct dict *device,
		    char row[static COLUMNS_COUNT][CELL_MAX])
{
	char name[REPORT_NAME_MAX];

	report_name(device, name);
	set(row[0], dict_str(device, "id"));
	set(row[1], dict_str(device, "vid-pid"));
	set(row[2], report_word(ctl, state_of(device)));
	set(row[3], name);
	join(dict_list(device, "channels"), row[4], CELL_MAX);
	if (!row[4][0])
		set(row[4], dict_str(device, "fs-type"));
	set(row[5], dict_str(device, "rule"));
}

static int add_row(const struct ctl *ctl, struct table *table,
		   const struct dict *device)
{
	void *grown = reallocarray(table->cells, table->rows + 1,
				   sizeof(*table->cells));
	if (!grown)
		return -ENOMEM;
	table->cells = grown;
	set_row(ctl, device, table->cells[table->rows++]);
	return 0;
}

static void print_row(const struct ctl *ctl,
		      char row[static COLUMNS_COUNT][CELL_MAX],
		      const size_t widths[static COLUMNS_COUNT])
{
	for (size_t c = 0; c < COLUMNS_COUNT; c++) {
		/* No blanks at the end of a line. */
		bool is_last = c == COLUMNS_COUNT - 1;
		text_print_padded(ctl->out, row[c],
				  is_last ? 0 : widths[c] + 2);
	}
	fputc('\n', ctl->out);
}

static void print_table(const struct ctl *ctl, struct table *table)
{
	char head[COLUMNS_COUNT][CELL_MAX];
	size_t widths[COLUMNS_COUNT];

	set(head[0], _("PORT"));
	set(head[1], _("ID"));
	set(head[2], _("STATE"));
	set(head[3], _("NAME"));
	set(head[4], _("CHANNELS"));
	set(head[5], _("RULE"));
	for (size_t c = 0; c < COLUMNS_COUNT; c++) {
		widths[c] = text_width(head[c]);
		for (size_t i = 0; i < table->rows; i++) {
			size_t width = text_width(table->cells[i][c]);
			if (width > widths[c])
				widths[c] = width;
		}
	}
	print_row(ctl, head, widths);
	for (size_t i = 0; i < table->rows; i++)
		print_row(ctl, table->cells[i], widths);
}

/* One device of the answer: printed as JSON, or put into the table. */
static int take_device(const struct ctl *ctl, struct table *table,
		       const struct dict *device, bool is_json)
{
	if (!is_json)
		return add_row(ctl, table, device);
	fputs(table->rows++ ? ",\n " : "[", ctl->out);
	return report_json(ctl, device) == CTL_OK ? 0 : -ENOMEM;
}

/* aa{sv}; 0 or -errno. */
static int take_devices(const struct ctl *ctl, sd_bus_message *reply,
			struct table *table, bool is_json)
{
	int r = sd_bus_message_enter_container(reply, 'a', "a{sv}");
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;

	while ((r = sd_bus_message_at_end(reply, 0)) == 0 &&
	       table->rows < DEVICES_MAX) {
		_cleanup_dict_ struct dict device = {0};

		r = dict_read(reply, &device);
		if (r >= 0)
			r = take_device(ctl, table, &device, is_json);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : 0;
}

int cmd_devices(struct ctl *ctl, int argc, char **argv)
{
	__attribute__((cleanup(table_fini))) struct table table = {0};
	_cleanup_message_ sd_bus_message *reply = NULL;
	const char *rest;
	bool is_json;

	int r = report_arguments(ctl, argc, argv, &is_json, &rest);
	if (r != CTL_OK)
		return r;
	if (rest)
		return ctl_usage(ctl, argv[0], _("unexpected argument '%s'"),
				 rest);
	r = bus_call(ctl, "ListDevices", &reply, NULL);
	if (r != CTL_OK)
		return r;
	if (take_devices(ctl, reply, &table, is_json) < 0)
		return bus_tell_garbled(ctl);

	if (is_json)
		fputs(table.rows ? "]\n" : "[]\n", ctl->out);
	else if (table.rows == 0)
		fprintf(ctl->out, _("No devices.\n"));
	else
		print_table(ctl, &table);
	return CTL_OK;
}
