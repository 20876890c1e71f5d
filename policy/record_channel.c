/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_channel: a way out that is neither a USB device nor a medium, as
 * peripheral device, as our own object and as words of a sentence. What the
 * hardware says of itself is only ever a value.
 */
#include "policy/record_parts.h"

#include <string.h>

/* Kernel names and addresses are short; only a model may be a descriptor's. */
#define CHANNEL_WORD_MAX 48u

static const struct {
	const char *kind;
	const char *caption; /* OCSF peripheral_device.type */
	const char *noun;
} rows[] = {
	{"wifi", "Wi-Fi Adapter", "無線LAN"},
	{"bluetooth", "Bluetooth Adapter", "Bluetooth"},
	{"wwan", "Modem", "携帯電話回線"},
	{"thunderbolt", "Thunderbolt Device", "Thunderbolt機器"},
	{"serial", "Serial Port", "シリアルポート"},
	{"printer", "Printer Port", "プリンターポート"},
	{"network", "Network Adapter", "ネットワーク"},
};

static size_t row_of(const struct record_channel *channel)
{
	size_t i = 0;

	while (i + 1 < sizeof(rows) / sizeof(rows[0]) &&
	       strcmp(rows[i].kind, channel->kind) != 0)
		i++;
	return i;
}

static const char *name_of(const struct record_channel *channel)
{
	return channel->model && channel->model[0] ? channel->model
						   : channel->name;
}

void record_put_channel_peripheral(struct json_out *out,
				   const struct record_channel *channel)
{
	json_out_str(out, "name", name_of(channel), RECORD_NAME_MAX);
	json_out_u64(out, "type_id", 99);
	json_out_str(out, "type", rows[row_of(channel)].caption,
		     RECORD_NAME_MAX);
	json_out_begin_str(out, "uid");
	json_out_piece(out, channel->kind, CHANNEL_WORD_MAX);
	json_out_piece(out, ":", 1);
	json_out_piece(out, channel->name, CHANNEL_WORD_MAX);
	json_out_end_str(out);
}

void record_put_channel(struct json_out *out,
			const struct record_channel *channel)
{
	json_out_object(out, "channel");
	json_out_str(out, "kind", channel->kind, CHANNEL_WORD_MAX);
	json_out_str(out, "name", channel->name, CHANNEL_WORD_MAX);
	json_out_str(out, "model", channel->model, RECORD_NAME_MAX);
	json_out_str(out, "address", channel->address, CHANNEL_WORD_MAX);
	json_out_str(out, "interface", channel->interface, CHANNEL_WORD_MAX);
	json_out_end(out);
}

void record_put_channel_text(struct json_out *out,
			     const struct record_channel *channel)
{
	json_out_piece(out, rows[row_of(channel)].noun, RECORD_NAME_MAX);
	json_out_piece(out, "「", 1);
	json_out_piece(out, name_of(channel), RECORD_WORD_MAX);
	json_out_piece(out, "」", 1);
}
