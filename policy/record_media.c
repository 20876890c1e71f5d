/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_media: what the event is about, as OCSF has it: the peripheral device
 * (USB device, or medium on any other bus) and the file (block node, or sysfs
 * switch, or a file on a medium under read-write access).
 */
#include "policy/record_parts.h"

#include <string.h>

const struct usb_fact *record_usb(const struct record *rec)
{
	if (rec->usb)
		return rec->usb;
	return rec->media ? rec->media->parent : NULL;
}

void record_put_devno(struct json_out *out, const char *key, uint32_t major,
		      uint32_t minor)
{
	json_out_begin_str(out, key);
	json_out_piece_u64(out, major);
	json_out_piece(out, ":", 1);
	json_out_piece_u64(out, minor);
	json_out_end_str(out);
}

static bool has_interface(const struct usb_fact *usb, uint8_t class_code,
			  uint8_t protocol)
{
	for (size_t i = 0; i < usb->interface_count; i++)
		if (usb->interfaces[i].class_code == class_code &&
		    usb->interfaces[i].protocol == protocol)
			return true;
	return false;
}

/*
 * OCSF peripheral_device.type_id. A device that can store counts as storage
 * whatever else it says it is: that is the question a reader asks.
 */
static uint64_t peripheral_type(const struct usb_fact *usb,
				const char **ret_caption)
{
	static const struct {
		enum usb_channel channel;
		uint8_t type_id;
		const char *caption;
	} types[] = {
		{USB_CHANNEL_STORAGE, 1, "External Storage"},
		{USB_CHANNEL_MTP, 1, "External Storage"},
		{USB_CHANNEL_PTP, 1, "External Storage"},
		{USB_CHANNEL_PRINTER, 4, "Printer"},
		{USB_CHANNEL_VIDEO, 7, "Webcam"},
		{USB_CHANNEL_SMARTCARD, 99, "Smart Card Reader"},
		{USB_CHANNEL_SECURITY_KEY, 99, "Security Key"},
		{USB_CHANNEL_NETWORK, 99, "Network Adapter"},
		{USB_CHANNEL_MODEM, 99, "Modem"},
		{USB_CHANNEL_SERIAL, 99, "Serial Adapter"},
		{USB_CHANNEL_BLUETOOTH, 99, "Bluetooth Adapter"},
		{USB_CHANNEL_AUDIO, 99, "Audio"},
		{USB_CHANNEL_HUB, 99, "Hub"},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!(usb->channels & USB_CHANNEL_BIT(types[i].channel)))
			continue;
		*ret_caption = types[i].caption;
		return types[i].type_id;
	}
	if (has_interface(usb, 0x03, 0x01)) {
		*ret_caption = "Keyboard";
		return 2;
	}
	if (has_interface(usb, 0x03, 0x02)) {
		*ret_caption = "Mouse";
		return 3;
	}
	*ret_caption = "Other";
	return 99;
}

static void put_id(struct json_out *out, const struct usb_fact *usb)
{
	json_out_piece_hex(out, usb->vendor_id, 4);
	json_out_piece(out, ":", 1);
	json_out_piece_hex(out, usb->product_id, 4);
}

/* "usb:0781:5581:SERIAL": groups events of one stick over all terminals. */
static void put_usb_uid(struct json_out *out, const struct usb_fact *usb)
{
	uint32_t truncated = out->truncated;
	uint32_t altered = out->altered;

	json_out_begin_str(out, "uid");
	json_out_piece(out, "usb:", 4);
	put_id(out, usb);
	if (usb->serial[0]) {
		json_out_piece(out, ":", 1);
		json_out_piece(out, usb->serial, RECORD_NAME_MAX);
	}
	json_out_end_str(out);

	/* Counted once, at serial_number. */
	out->truncated = truncated;
	out->altered = altered;
}

static void put_usb_name(struct json_out *out, const struct usb_fact *usb)
{
	json_out_begin_str(out, "name");
	if (usb->name[0]) {
		json_out_piece(out, usb->name, RECORD_NAME_MAX);
	} else {
		json_out_piece(out, "USB ", 4);
		put_id(out, usb);
	}
	json_out_end_str(out);
}

static void put_usb(struct json_out *out, const struct usb_fact *usb)
{
	const char *caption;
	uint64_t type_id = peripheral_type(usb, &caption);

	put_usb_name(out, usb);
	if (usb->interface_count > 0) {
		const struct usb_interface *first = &usb->interfaces[0];
		json_out_begin_str(out, "class");
		json_out_piece_hex(out, first->class_code, 2);
		json_out_piece(out, "/", 1);
		json_out_piece_hex(out, first->subclass, 2);
		json_out_piece(out, "/", 1);
		json_out_piece_hex(out, first->protocol, 2);
		json_out_end_str(out);
	}
	json_out_u64(out, "type_id", type_id);
	json_out_str(out, "type", caption, RECORD_NAME_MAX);
	json_out_str(out, "vendor_name", usb->manufacturer, RECORD_NAME_MAX);
	json_out_array(out, "vendor_id_list");
	json_out_begin_str(out, NULL);
	json_out_piece_hex(out, usb->vendor_id, 4);
	json_out_end_str(out);
	json_out_end(out);
	json_out_begin_str(out, "model");
	json_out_piece_hex(out, usb->product_id, 4);
	json_out_end_str(out);
	json_out_str(out, "serial_number", usb->serial, RECORD_NAME_MAX);
	put_usb_uid(out, usb);
}

/* A medium on no USB device: card, optical disc, second disk. */
static void put_media(struct json_out *out, const struct media_fact *media)
{
	bool has_model = media->model[0] != '\0';

	json_out_str(out, "name", has_model ? media->model : media->devname,
		     RECORD_NAME_MAX);
	json_out_u64(out, "type_id", 1);
	json_out_str(out, "type", "External Storage", RECORD_NAME_MAX);
	json_out_str(out, "model", media->model, RECORD_NAME_MAX);
	json_out_str(out, "serial_number", media->serial, RECORD_NAME_MAX);
	json_out_begin_str(out, "uid");
	json_out_piece(out, media_bus_to_str(media->bus), RECORD_NAME_MAX);
	json_out_piece(out, ":", 1);
	json_out_piece(out, media->serial[0] ? media->serial : media->devname,
		       RECORD_NAME_MAX);
	json_out_end_str(out);
}

void record_put_peripheral(struct json_out *out, const struct record *rec)
{
	const struct usb_fact *usb = record_usb(rec);

	if (!usb && !rec->media && !rec->channel)
		return;
	json_out_object(out, "peripheral_device");
	if (usb)
		put_usb(out, usb);
	else if (rec->media)
		put_media(out, rec->media);
	else
		record_put_channel_peripheral(out, rec->channel);
	json_out_end(out);
}

/* The switch that somebody else wanted to write. */
static void put_sysfs_file(struct json_out *out, const char *path)
{
	const char *name = path && path[0] ? path : "(unknown)";
	const char *slash = strrchr(name, '/');

	json_out_str(out, "name", slash && slash[1] ? slash + 1 : name,
		     RECORD_NAME_MAX);
	json_out_str(out, "path", path, RECORD_PATH_MAX);
	json_out_u64(out, "type_id", 1);
	json_out_str(out, "type", "Regular File", RECORD_NAME_MAX);
}

static void put_node_file(struct json_out *out, const struct record *rec)
{
	const struct record_guard *guard = rec->guard;
	const struct media_fact *media = rec->media;
	bool is_optical = media && media->bus == MEDIA_BUS_OPTICAL;
	const char *slash = guard->node ? strrchr(guard->node, '/') : NULL;

	if (slash && slash[1])
		json_out_str(out, "name", slash + 1, RECORD_NAME_MAX);
	else
		record_put_devno(out, "name", guard->major, guard->minor);
	json_out_str(out, "path", guard->node, RECORD_PATH_MAX);
	json_out_u64(out, "type_id", 4);
	json_out_str(out, "type", "Block Device", RECORD_NAME_MAX);
	json_out_u64(out, "drive_type_id", is_optical ? 4 : 1);
	json_out_str(out, "drive_type", is_optical ? "CD-ROM" : "Removable",
		     RECORD_NAME_MAX);
	if (media)
		json_out_str(out, "volume", media->label, RECORD_NAME_MAX);
	if (rec->code == RECORD_MOUNT_READONLY)
		json_out_bool(out, "is_readonly", true);
}

static void put_name(struct json_out *out, const char *path)
{
	const char *slash = strrchr(path, '/');

	json_out_str(out, "name", slash && slash[1] ? slash + 1 : path,
		     RECORD_PATH_MAX);
	json_out_str(out, "path", path, RECORD_FILE_PATH_MAX);
}

static void put_file_type(struct json_out *out, const struct record *rec)
{
	bool is_directory = rec->file->is_directory;

	json_out_u64(out, "type_id", is_directory ? 2 : 1);
	json_out_str(out, "type", is_directory ? "Folder" : "Regular File",
		     RECORD_NAME_MAX);
	json_out_u64(out, "drive_type_id", 1);
	json_out_str(out, "drive_type", "Removable", RECORD_NAME_MAX);
	json_out_str(out, "volume", rec->media->label, RECORD_NAME_MAX);
}

/* A file that was written, deleted or renamed; algorithm 3 is SHA-256. */
static void put_medium_file(struct json_out *out, const struct record *rec)
{
	const struct record_file *file = rec->file;

	put_name(out, file->path);
	put_file_type(out, rec);
	if (file->has_size)
		json_out_u64(out, "size", file->size_bytes);
	if (!file->sha256 || !file->sha256[0])
		return;
	json_out_array(out, "hashes");
	json_out_object(out, NULL);
	json_out_u64(out, "algorithm_id", 3);
	json_out_str(out, "algorithm", "SHA-256", RECORD_NAME_MAX);
	json_out_str(out, "value", file->sha256, RECORD_NAME_MAX);
	json_out_end(out);
	json_out_end(out);
}

static void put_result_file(struct json_out *out, const struct record *rec)
{
	json_out_object(out, "file_result");
	put_name(out, rec->file->to);
	put_file_type(out, rec);
	json_out_end(out);
}

/* The whole mount: its node stands for it. */
static void put_mounted_file(struct json_out *out, const struct record *rec)
{
	const char *node = rec->u.files.node;

	put_name(out, node && node[0] ? node : rec->media->devname);
	json_out_u64(out, "type_id", 4);
	json_out_str(out, "type", "Block Device", RECORD_NAME_MAX);
	json_out_u64(out, "drive_type_id", 1);
	json_out_str(out, "drive_type", "Removable", RECORD_NAME_MAX);
	json_out_str(out, "volume", rec->media->label, RECORD_NAME_MAX);
}

void record_put_file(struct json_out *out, const struct record *rec,
		     const struct record_row *row)
{
	json_out_object(out, "file");
	if (rec->code == RECORD_SYSFS_WRITE_BLOCKED)
		put_sysfs_file(out, rec->guard->target);
	else if (row->needs & RECORD_NEEDS_FILE)
		put_medium_file(out, rec);
	else if (row->part == RECORD_PART_FILES)
		put_mounted_file(out, rec);
	else
		put_node_file(out, rec);
	json_out_end(out);
	if ((row->needs & RECORD_NEEDS_FILE) && rec->file->to)
		put_result_file(out, rec);
}
