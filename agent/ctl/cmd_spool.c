/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool verify, spool show: the record of events on this terminal, read from
 * the files themselves, so that it works without the daemon, on a copy, and on
 * a stream that was set aside. Reads only.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/ctl/bus.h"
#include "agent/ctl/ctl.h"
#include "agent/ctl/text.h"
#include "agent/spool/reader.h"
#include "agent/spool/verify.h"

#define STATE_PATH  "var/lib/sekimori"
#define SPOOL_PATH  STATE_PATH "/spool"
#define TAIL_PATH   "run/sekimori/spool.tail"
#define CURSOR_PATH "var/lib/sekimori-ship/cursor"
#define ASIDE	    "aside-"
#define KEY_PREFIX  "host.pub"

#define KEY_FILE_MAX  4096u
#define TAIL_FILE_MAX 512u

struct keys {
	char *pem[SPOOL_VERIFY_KEYS_MAX];
	size_t count;
};

static void keys_fini(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		free(keys->pem[i]);
}

DEFINE_CLEANUP(reader, struct spool_reader *, spool_reader_free);

static int complain(const struct ctl *ctl, const char *path, int error)
{
	fputs("sekimorictl: ", ctl->err);
	text_print(ctl->err, path);
	fprintf(ctl->err, ": %s\n",
		error == -ENOENT    ? _("there is no event here")
		: error == -EBADMSG ? _("this is not a public key")
				    : strerror(-error));
	return CTL_FAILED;
}

static int open_root(const struct ctl *ctl)
{
	int fd = open(ctl->root ? ctl->root : "/",
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static DIR *list(int dirfd)
{
	int fd = open_below(dirfd, ".", O_RDONLY | O_DIRECTORY, 0);
	DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;

	if (!directory && fd >= 0)
		(void)close(fd); /* was only to be listed */
	return directory;
}

/* host.pub, and those before it. None is fine: then none is checked. */
static int read_keys(int root_fd, struct keys *keys)
{
	const struct dirent *entry;
	size_t size;

	_cleanup_close_ int fd = open_below(root_fd, STATE_PATH,
					    O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return 0;
	_cleanup_closedir_ DIR *directory = list(fd);
	while (directory && (entry = readdir(directory))) {
		if (strncmp(entry->d_name, KEY_PREFIX, strlen(KEY_PREFIX)) !=
			    0 ||
		    keys->count == SPOOL_VERIFY_KEYS_MAX)
			continue;
		int r = read_small_file(fd, entry->d_name, KEY_FILE_MAX,
					&keys->pem[keys->count], &size);
		if (r < 0)
			return r;
		keys->count++;
	}
	return 0;
}

static void read_known(int root_fd, const char *path,
		       struct spool_tail *ret_tail)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	/* Absent on a copy, and before the first event is shipped. */
	if (read_small_file(root_fd, path, TAIL_FILE_MAX, &text, &size) == 0)
		(void)!spool_tail_parse(text, size, ret_tail);
}

static void print_finding(const struct spool_finding *finding, void *userdata)
{
	const struct ctl *ctl = userdata;

	fprintf(ctl->out, "%s: ", spool_fault_to_str(finding->fault));
	if (finding->first == finding->last)
		fprintf(ctl->out, _("event %llu"),
			(unsigned long long)finding->first);
	else
		fprintf(ctl->out, _("events %llu-%llu"),
			(unsigned long long)finding->first,
			(unsigned long long)finding->last);
	fprintf(ctl->out, _(", %s at byte %llu: %s\n"), finding->file,
		(unsigned long long)finding->offset, _(finding->detail));
}

static void print_result(const struct ctl *ctl, const char *name,
			 const struct spool_verified *result)
{
	char stream[HEX_SIZE(FRAME_ID_SIZE)];
	char tip[HEX_SIZE(FRAME_HASH_SIZE)];

	hex_encode(result->stream, FRAME_ID_SIZE, stream);
	hex_encode(result->tip, FRAME_HASH_SIZE, tip);
	text_print(ctl->out, name);
	fprintf(ctl->out,
		_(": stream %s, events %llu-%llu, %zu files, %zu "
		  "signatures\n"),
		stream, (unsigned long long)result->first_seq,
		(unsigned long long)result->last_seq, result->segment_count,
		result->signed_count);
	if (result->fault_count == 0)
		fprintf(ctl->out, _("whole; the last event's hash is %s\n"),
			tip);
	else
		fprintf(ctl->out, _("%zu faults\n"), result->fault_count);
}

/* One folder. An enum ctl_exit. */
static int verify_one(struct ctl *ctl, struct spool_verify_options *options,
		      const char *name)
{
	struct spool_verified result;

	options->found = print_finding;
	options->userdata = ctl;
	int r = spool_verify(options, &result);
	if (r < 0)
		return complain(ctl, name, r);
	print_result(ctl, name, &result);
	return result.fault_count > 0 ? CTL_FAILED : CTL_OK;
}

/* The streams that were set aside, too. */
static int verify_all(struct ctl *ctl, const struct spool_verify_options *base,
		      int spool_fd)
{
	struct spool_verify_options options = *base;
	const struct dirent *entry;

	options.dirfd = spool_fd;
	int code = verify_one(ctl, &options, "/" SPOOL_PATH);

	_cleanup_closedir_ DIR *directory = list(spool_fd);
	while (directory && (entry = readdir(directory))) {
		if (strncmp(entry->d_name, ASIDE, strlen(ASIDE)) != 0)
			continue;
		_cleanup_close_ int fd = open_below(spool_fd, entry->d_name,
						    O_RDONLY | O_DIRECTORY, 0);
		if (fd < 0)
			continue;
		options.dirfd = fd;
		if (verify_one(ctl, &options, entry->d_name) != CTL_OK)
			code = CTL_FAILED;
	}
	return code;
}

/* "SEQ:HASH" as the collector's export has them. 0 or -EINVAL. */
static int parse_expect(const char *text, struct spool_verify_options *options)
{
	char *end = NULL;

	errno = 0;
	options->expect_seq = strtoull(text, &end, 10);
	if (errno || end == text || *end != ':' || options->expect_seq == 0)
		return -EINVAL;
	return hex_decode(end + 1, strlen(end + 1), options->expect_hash,
			  FRAME_HASH_SIZE);
}

static int open_spool(int root_fd, const char *path)
{
	if (!path)
		return open_below(root_fd, SPOOL_PATH, O_RDONLY | O_DIRECTORY,
				  0);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int verify(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(keys_fini) struct keys keys = {0};
	struct spool_verify_options options = {0};
	const char *path = NULL;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--expect") == 0) {
			if (i + 1 == argc)
				return ctl_usage(ctl, "spool",
						 _("'%s' needs a value"),
						 argv[i]);
			if (parse_expect(argv[++i], &options) < 0)
				return ctl_usage(ctl, "spool", "%s",
						 _("expected: SEQ:HASH, as the "
						   "collector's export says"));
		} else if (path || argv[i][0] == '-') {
			return ctl_usage(ctl, "spool",
					 _("unexpected argument '%s'"),
					 argv[i]);
		} else {
			path = argv[i];
		}
	}

	_cleanup_close_ int root_fd = open_root(ctl);
	if (root_fd < 0)
		return complain(ctl, ctl->root, root_fd);
	int r = read_keys(root_fd, &keys);
	if (r < 0)
		return complain(ctl, "/" STATE_PATH "/" KEY_PREFIX, r);
	for (; options.key_count < keys.count; options.key_count++)
		options.keys[options.key_count] = keys.pem[options.key_count];
	read_known(root_fd, CURSOR_PATH, &options.known[0]);
	/* Before the files, so that none of it may be missing there. */
	read_known(root_fd, TAIL_PATH, &options.known[1]);

	_cleanup_close_ int fd = open_spool(root_fd, path);
	if (fd < 0)
		return complain(ctl, path ? path : "/" SPOOL_PATH, fd);
	if (!path)
		return verify_all(ctl, &options, fd);
	options.dirfd = fd;
	return verify_one(ctl, &options, path);
}

static int show(struct ctl *ctl, int argc, char **argv)
{
	_cleanup_(cleanup_reader) struct spool_reader *reader = NULL;
	const char *path = argc > 0 ? argv[0] : NULL;
	struct spool_item item;

	if (argc > 1)
		return ctl_usage(ctl, "spool", _("unexpected argument '%s'"),
				 argv[1]);
	_cleanup_close_ int root_fd = open_root(ctl);
	if (root_fd < 0)
		return complain(ctl, ctl->root, root_fd);
	_cleanup_close_ int fd = open_spool(root_fd, path);
	int r = fd < 0 ? fd : spool_reader_new(fd, &reader);
	if (r == 0)
		r = spool_reader_seek(reader, 0);
	while (r == 0 || r == SPOOL_READ_GAP) {
		r = spool_reader_next(reader, UINT64_MAX, &item);
		if (r == 0 &&
		    (fwrite(item.frame.payload, 1, item.frame.payload_size,
			    ctl->out) != item.frame.payload_size ||
		     fputc('\n', ctl->out) == EOF))
			r = -EIO;
		if (r == SPOOL_READ_CORRUPT || r == SPOOL_READ_RESET) {
			fprintf(ctl->err, "sekimorictl: %s\n",
				_("damaged here; sekimorictl spool verify "
				  "says where"));
			return CTL_FAILED;
		}
	}
	return r < 0 ? complain(ctl, path ? path : "/" SPOOL_PATH, r) : CTL_OK;
}

static int rotate_key(struct ctl *ctl)
{
	_cleanup_message_ sd_bus_message *reply = NULL;

	int r = bus_call(ctl, "RotateKey", &reply, NULL);
	if (r == CTL_OK)
		fprintf(ctl->out,
			_("A new key signs the events from now on.\n"));
	return r;
}

int cmd_spool(struct ctl *ctl, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "rotate-key") == 0)
		return rotate_key(ctl);
	if (argc >= 2 && strcmp(argv[1], "verify") == 0)
		return verify(ctl, argc - 2, argv + 2);
	if (argc >= 2 && strcmp(argv[1], "show") == 0)
		return show(ctl, argc - 2, argv + 2);
	return ctl_usage(ctl, argv[0], "%s",
			 _("expected: spool verify, show or rotate-key"));
}
