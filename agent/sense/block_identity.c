/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attributes, best first: drivers/scsi/scsi_sysfs.c and
 * drivers/nvme/host/sysfs.c (wwid), drivers/block/virtio_blk.c (serial),
 * drivers/mmc/core/mmc.c (cid).
 */
#include "agent/sense/block_identity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/base/cleanup.h"

/* Of the disk itself, or of what it is the disk of: the "device" beside it is
 * a link, and links are not followed. */
static const struct {
	const char *kind;
	const char *attribute;
	bool is_parents;
} rows[] = {
	{"wwid", "wwid", false},    {"wwid", "wwid", true},
	{"cid", "cid", true},	    {"serial", "serial", false},
	{"serial", "serial", true},
};

/* One word: blanks that a vendor padded with are one underscore. */
static bool to_word(const char *text, char *ret_word, size_t size)
{
	size_t len = 0;
	bool has_any = false;

	for (; *text && len + 1 < size; text++) {
		bool is_plain = *text > ' ' && *text < 0x7f;
		if (!is_plain && (len == 0 || ret_word[len - 1] == '_'))
			continue;
		ret_word[len++] = is_plain ? *text : '_';
		has_any |= is_plain && *text != '0' && *text != '_';
	}
	while (len > 0 && ret_word[len - 1] == '_')
		len--;
	ret_word[len] = '\0';
	return has_any; /* all zeros is what says nothing */
}

static int open_dir(int root_fd, const char *devpath)
{
	char path[SYSFS_PATH_MAX + 8];
	int fd = -1;

	(void)snprintf(path, sizeof(path), "sys%s", devpath);
	int r = sysfs_open_dir(root_fd, path, &fd);
	return r < 0 ? r : fd;
}

static int open_parent(int root_fd, const struct block_disk *disk)
{
	char dir[SYSFS_PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s", disk->devpath);
	(void)sysfs_parent(dir);
	if (strcmp(sysfs_basename(dir), "block") == 0)
		(void)sysfs_parent(dir);
	return open_dir(root_fd, dir);
}

static bool read_own(int root_fd, const struct block_disk *disk,
		     char ret_identity[BLOCK_IDENTITY_SIZE])
{
	_cleanup_close_ int own = open_dir(root_fd, disk->devpath);
	_cleanup_close_ int parent = open_parent(root_fd, disk);
	char text[256], word[BLOCK_IDENTITY_SIZE - 8];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = rows[i].is_parents ? parent : own;
		if (fd < 0 ||
		    sysfs_read_text(fd, rows[i].attribute, text, sizeof(text)) <
			    0 ||
		    !to_word(text, word, sizeof(word)))
			continue;
		(void)snprintf(ret_identity, BLOCK_IDENTITY_SIZE, "%s:%s",
			       rows[i].kind, word);
		return true;
	}
	return false;
}

/* "0000:00:1f.2" */
static bool is_pci_address(const char *text, size_t len)
{
	static const char form[] = "hhhh:hh:hh.h";

	if (len != sizeof(form) - 1)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool is_hex = (text[i] >= '0' && text[i] <= '9') ||
			      (text[i] >= 'a' && text[i] <= 'f');
		if (form[i] == 'h' ? !is_hex : text[i] != form[i])
			return false;
	}
	return true;
}

/* The last PCI device on the way to the disk; numbers that drivers count up
 * (host0, virtio3) are others after the next start. */
static void read_place(const struct block_disk *disk,
		       char ret_identity[BLOCK_IDENTITY_SIZE])
{
	const char *place = disk->devpath;
	size_t place_len = strlen(place);
	const char *at = disk->devpath;

	while (*at) {
		size_t len = strcspn(at, "/");
		if (is_pci_address(at, len)) {
			place = at;
			place_len = len;
		}
		at += len + (at[len] == '/');
	}
	(void)snprintf(ret_identity, BLOCK_IDENTITY_SIZE, "place:%.*s_%" PRIu64,
		       (int)(place_len < 100 ? place_len : 100), place,
		       disk->size_bytes);
}

void block_identity(int root_fd, const struct block_disk *disk,
		    char ret_identity[BLOCK_IDENTITY_SIZE])
{
	if (!read_own(root_fd, disk, ret_identity))
		read_place(disk, ret_identity);
}
