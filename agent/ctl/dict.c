/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dict: a flat table, searched from the front: there are some thirty keys.
 * Must not copy strings: they live in the message.
 */
#include "agent/ctl/dict.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Code points of one value in JSON. */
#define JSON_VALUE_MAX 4096u

void dict_fini(struct dict *dict)
{
	for (size_t i = 0; i < dict->count; i++)
		free(dict->entries[i].list);
	dict->count = 0;
}

static int add_string(struct dict_entry *entry, const char *string)
{
	if (entry->list_count == DICT_LIST_MAX)
		return 0;
	if (!entry->list) {
		entry->list = calloc(DICT_LIST_MAX, sizeof(*entry->list));
		if (!entry->list)
			return -ENOMEM;
	}
	entry->list[entry->list_count++] = string;
	return 0;
}

/* as */
static int read_strings(sd_bus_message *m, struct dict_entry *entry)
{
	const char *string;

	int r = sd_bus_message_enter_container(m, 'a', "s");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(m, "s", &string)) > 0) {
		r = add_string(entry, string);
		if (r < 0)
			return r;
	}
	entry->list_width = 1;
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* a(sss) */
static int read_rows(sd_bus_message *m, struct dict_entry *entry)
{
	const char *row[3];

	int r = sd_bus_message_enter_container(m, 'a', "(sss)");
	if (r < 0)
		return r;
	while ((r = sd_bus_message_read(m, "(sss)", &row[0], &row[1],
					&row[2])) > 0) {
		for (size_t i = 0; i < 3; i++) {
			r = add_string(entry, row[i]);
			if (r < 0)
				return r;
		}
	}
	entry->list_width = 3;
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_number(sd_bus_message *m, char type, struct dict_entry *entry)
{
	union {
		uint64_t t;
		uint32_t u;
		uint16_t q;
		uint8_t y;
		int b;
	} value = {0};

	int r = sd_bus_message_read_basic(m, type, &value);
	if (r < 0)
		return r;
	switch (type) {
	case 't':
		entry->number = value.t;
		break;
	case 'u':
		entry->number = value.u;
		break;
	case 'q':
		entry->number = value.q;
		break;
	case 'y':
		entry->number = value.y;
		break;
	default:
		entry->number = value.b != 0;
		break;
	}
	entry->type = type == 'b' ? 'b' : 't';
	return 0;
}

/* Inside the variant. entry->type stays 0 for what we have no use for. */
static int read_value(sd_bus_message *m, const char *contents,
		      struct dict_entry *entry)
{
	if (strcmp(contents, "s") == 0) {
		entry->type = 's';
		return sd_bus_message_read_basic(m, 's', &entry->string);
	}
	if (strlen(contents) == 1 && strchr("tuqyb", contents[0]))
		return read_number(m, contents[0], entry);
	if (strcmp(contents, "as") == 0) {
		entry->type = 'a';
		return read_strings(m, entry);
	}
	if (strcmp(contents, "a(sss)") == 0) {
		entry->type = 'a';
		return read_rows(m, entry);
	}
	return sd_bus_message_skip(m, contents);
}

static int read_entry(sd_bus_message *m, struct dict_entry *entry)
{
	const char *contents;
	char type;

	int r = sd_bus_message_read_basic(m, 's', &entry->key);
	if (r < 0)
		return r;
	r = sd_bus_message_peek_type(m, &type, &contents);
	if (r < 0)
		return r;
	if (type != 'v')
		return -EBADMSG;
	r = sd_bus_message_enter_container(m, 'v', contents);
	if (r < 0)
		return r;
	r = read_value(m, contents, entry);
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

/* Our keys are words with hyphens; they go into JSON as they are. */
static bool is_key(const char *key)
{
	return key[0] && !key[strspn(key, "abcdefghijklmnopqrstuvwxyz"
					  "0123456789-")];
}

static int read_entries(sd_bus_message *m, struct dict *dict)
{
	int r;

	while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		struct dict_entry entry = {0};

		r = read_entry(m, &entry);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
		if (r < 0 || !entry.type || !is_key(entry.key) ||
		    dict->count == DICT_KEYS_MAX)
			free(entry.list);
		else
			dict->entries[dict->count++] = entry;
		if (r < 0)
			return r;
	}
	return r;
}

int dict_read(sd_bus_message *message, struct dict *ret_dict)
{
	ret_dict->count = 0;

	int r = sd_bus_message_enter_container(message, 'a', "{sv}");
	if (r == 0)
		return -EBADMSG;
	if (r > 0)
		r = read_entries(message, ret_dict);
	if (r >= 0)
		r = sd_bus_message_exit_container(message);
	if (r < 0) {
		dict_fini(ret_dict);
		return r == -ENXIO ? -EBADMSG : r;
	}
	return 0;
}

static const struct dict_entry *find(const struct dict *dict, const char *key)
{
	for (size_t i = 0; i < dict->count; i++)
		if (strcmp(dict->entries[i].key, key) == 0)
			return &dict->entries[i];
	return NULL;
}

const char *dict_str(const struct dict *dict, const char *key)
{
	const struct dict_entry *entry = find(dict, key);

	return entry && entry->type == 's' ? entry->string : NULL;
}

uint64_t dict_u64(const struct dict *dict, const char *key)
{
	const struct dict_entry *entry = find(dict, key);

	return entry ? entry->number : 0;
}

const struct dict_entry *dict_list(const struct dict *dict, const char *key)
{
	const struct dict_entry *entry = find(dict, key);

	return entry && entry->type == 'a' ? entry : NULL;
}

static void put_list(const struct dict_entry *entry, struct json_out *out)
{
	json_out_array(out, entry->key);
	for (size_t i = 0; i < entry->list_count; i++) {
		bool is_row = entry->list_width > 1;

		if (is_row && i % entry->list_width == 0)
			json_out_array(out, NULL);
		json_out_begin_str(out, NULL);
		json_out_piece(out, entry->list[i], JSON_VALUE_MAX);
		json_out_end_str(out);
		if (is_row && i % entry->list_width == entry->list_width - 1)
			json_out_end(out);
	}
	json_out_end(out);
}

void dict_put_json(const struct dict *dict, struct json_out *out)
{
	json_out_object(out, NULL);
	for (size_t i = 0; i < dict->count; i++) {
		const struct dict_entry *entry = &dict->entries[i];

		if (entry->type == 's')
			json_out_str(out, entry->key, entry->string,
				     JSON_VALUE_MAX);
		else if (entry->type == 'b')
			json_out_bool(out, entry->key, entry->number);
		else if (entry->type == 't')
			json_out_u64(out, entry->key, entry->number);
		else
			put_list(entry, out);
	}
	json_out_end(out);
}
