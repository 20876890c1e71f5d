/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel guard without the daemon, for guard tests inside the guest. Each
 * run is a daemon of its own: it takes over the pinned set (or loads it), does
 * the commands of its arguments one after the other, and ends. Never
 * installed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/enforce/block_guard.h"
#include "agent/enforce/enforce.h"
#include "agent/enforce/usb_auth.h"
#include "agent/base/banned.h"

static const char usage[] =
	"usage: guardctl [OPTION]... COMMAND...\n"
	"options: --monitor --no-lsm --no-trampoline --no-task --verbose "
	"--fixed\n"
	"commands:\n"
	"  tier                 tier, layers, set, reused or loaded\n"
	"  devices              what the guard knows, with entries\n"
	"  allow DISK ro|rw     flag, entry, partitions, \"add\"\n"
	"  deny DISK            take it out again\n"
	"  entry DISK ro|rw|deny  the entry alone\n"
	"  node USBDEV open|close   /dev/bus/usb of it\n"
	"  usb-default N        authorized_default everywhere\n"
	"  usb DEV 0|1          authorise or not\n"
	"  open PATH            open it as the daemon\n"
	"  events               those that wait\n"
	"  follow SECONDS       events as they come\n"
	"  counters\n"
	"  store                descriptors to the service manager, READY\n"
	"  tamper on|off        tamper protection\n"
	"  gates on|off         radios, serial ports, printers\n"
	"  unload               detach and unpin\n"
	"  wait                 sleep until killed\n";

struct tool {
	struct block_guard_options options;
	struct block_guard *guard;
	struct enforce_real *real;
	struct enforce enforce;
	struct usb_auth *usb;
	int sys_fd;
};

static const char *const buses[GUARD_BUS_COUNT] = {"unknown",	  "usb",
						   "mmc",	  "firewire",
						   "thunderbolt", "network",
						   "fixed",	  "virtual"};
static const char *const kinds[GUARD_KIND_COUNT] = {
	"other", "disk", "partition", "optical", "floppy", "tape", "sg", "usb"};
static const char *const hooks[GUARD_HOOK_COUNT] = {
	"none",	  "device_add", "device_del", "media_change",  "cgroup_dev",
	"sysctl", "file_open",	"file_ioctl", "sb_kern_mount", "sb_remount",
	"sysfs",  "tamper",	"writing"};
static const char *const accesses[] = {"deny", "ro", "rw"};

static const char *word(const char *const *table, size_t count, uint32_t i)
{
	return i < count && table[i] ? table[i] : "?";
}

static void print_event(const struct guard_event *event, void *userdata)
{
	(void)userdata;
	printf("event %s %s %u:%u name=%s bus=%s kind=%s mode=0x%x verdict=%d "
	       "enforced=%u pid=%u uid=%u comm=%s diskseq=%" PRIu64 "\n",
	       word(hooks, GUARD_HOOK_COUNT, event->hook),
	       GUARD_KEY_IS_CHAR(event->key) ? "chr" : "blk",
	       GUARD_KEY_MAJOR(event->key), GUARD_KEY_MINOR(event->key),
	       event->name, word(buses, GUARD_BUS_COUNT, event->bus),
	       word(kinds, GUARD_KIND_COUNT, event->kind), event->mode,
	       event->verdict, event->enforced, event->tgid, event->uid,
	       event->comm, (uint64_t)event->diskseq);
}

static int cmd_tier(struct tool *tool)
{
	const struct block_guard_status *s = block_guard_status(tool->guard);

	printf("T%d %s layers=0x%x lsm_listed=%d set=%s reason=%s\n",
	       (int)s->tier, s->reused ? "reused" : "loaded", s->layers,
	       s->lsm_listed, s->set, s->reason);
	return 0;
}

static void print_device(struct tool *tool, uint64_t key)
{
	struct guard_device device;
	struct guard_policy entry;
	const char *access = "-";

	if (block_guard_device(tool->guard, key, &device) < 0)
		return;
	if (block_guard_entry(tool->guard, key, &entry) == 0)
		access = word(accesses, 3, entry.access);
	printf("%s %u:%u %s bus=%s kind=%s disk=%u:%u diskseq=%" PRIu64
	       "%s%s entry=%s\n",
	       GUARD_KEY_IS_CHAR(key) ? "chr" : "blk", GUARD_KEY_MAJOR(key),
	       GUARD_KEY_MINOR(key), device.name,
	       word(buses, GUARD_BUS_COUNT, device.bus),
	       word(kinds, GUARD_KIND_COUNT, device.kind),
	       GUARD_KEY_MAJOR(device.disk), GUARD_KEY_MINOR(device.disk),
	       (uint64_t)device.diskseq,
	       device.flags & GUARD_DEVICE_SYSTEM ? " system" : "",
	       device.flags & GUARD_DEVICE_SEEDED ? " seeded" : "", access);
}

static int cmd_devices(struct tool *tool)
{
	uint64_t key;
	bool first = true;

	while (block_guard_next_device(tool->guard, first ? NULL : &key,
				       &key) == 0) {
		first = false;
		print_device(tool, key);
	}
	return 0;
}

static int access_from_word(const char *text)
{
	for (int i = 0; i < 3; i++) {
		if (strcmp(text, accesses[i]) == 0)
			return i;
	}
	return -EINVAL;
}

static int read_diskseq(struct tool *tool, const char *disk, uint64_t *ret_seq)
{
	char path[256];
	char text[32];
	int r;

	(void)snprintf(path, sizeof(path), "class/block/%s/diskseq", disk);
	_cleanup_close_ int fd = openat(tool->sys_fd, path, O_RDONLY);
	if (fd < 0)
		return -errno;
	size_t size = 0;
	r = read_full(fd, text, sizeof(text) - 1, &size);
	if (r < 0)
		return r;
	text[size] = '\0';
	*ret_seq = strtoull(text, NULL, 10);
	return 0;
}

static int set_media(struct tool *tool, const char *disk, const char *how)
{
	int access = access_from_word(how);
	uint64_t diskseq;
	int r;

	if (access < 0)
		return access;
	r = read_diskseq(tool, disk, &diskseq);
	if (r < 0)
		return r;
	return tool->enforce.ops->media_set(tool->enforce.context, disk,
					    diskseq, (enum guard_access)access);
}

static int set_entry(struct tool *tool, const char *disk, const char *how)
{
	int access = access_from_word(how);
	char path[256];
	struct stat st;
	uint64_t diskseq;
	int r;

	(void)snprintf(path, sizeof(path), "/dev/%s", disk);
	if (access < 0 || stat(path, &st) < 0)
		return -EINVAL;
	r = read_diskseq(tool, disk, &diskseq);
	if (r < 0)
		return r;
	return block_guard_set(tool->guard, block_guard_key(false, st.st_rdev),
			       (enum guard_access)access, diskseq);
}

static int cmd_counters(struct tool *tool)
{
	struct block_guard_counters c;
	int r = block_guard_read_counters(tool->guard, &c);

	if (r == 0)
		printf("dropped=%" PRIu64 " denied=%" PRIu64
		       " devices_full=%" PRIu64 "\n",
		       c.events_dropped, c.denied, c.devices_full);
	return r;
}

static int cmd_open(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	printf("opened %s\n", path);
	(void)close(fd);
	return 0;
}

static int cmd_follow(struct tool *tool, const char *seconds)
{
	long until_s = strtol(seconds, NULL, 10);
	struct timespec now;
	time_t end;
	int r = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + until_s;
	while (r >= 0 && now.tv_sec < end) {
		struct epoll_event event;

		(void)epoll_wait(block_guard_event_fd(tool->guard), &event, 1,
				 200);
		r = block_guard_dispatch(tool->guard, print_event, NULL);
		(void)fflush(stdout);
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	}
	return r < 0 ? r : 0;
}

static int cmd_events(struct tool *tool)
{
	int r = block_guard_dispatch(tool->guard, print_event, NULL);

	return r < 0 ? r : 0;
}

/* What the service manager kept from the run before. */
static void adopt_fds(struct block_guard *guard)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < count; i++) {
		if (block_guard_adopt_fd(guard, names[i],
					 SD_LISTEN_FDS_START + i) == 0)
			printf("adopted %s\n", names[i]);
		free(names[i]);
	}
	free(names);
}

static int cmd_store(struct tool *tool)
{
	struct block_guard_fd fds[BLOCK_GUARD_FDS_MAX];
	size_t count = block_guard_store_fds(tool->guard, fds);

	for (size_t i = 0; i < count; i++) {
		char text[400];
		int r;

		(void)snprintf(text, sizeof(text),
			       "FDSTORE=1\nFDNAME=%.*s\nFDPOLL=0",
			       BLOCK_GUARD_FD_NAME_MAX, fds[i].name);
		r = sd_pid_notify_with_fds(0, 0, text, &fds[i].fd, 1);
		if (r < 0)
			return r;
	}
	return sd_notify(0, "READY=1") < 0 ? -EIO : 0;
}

static int with_none(struct tool *tool, const char *name)
{
	if (strcmp(name, "tier") == 0)
		return cmd_tier(tool);
	if (strcmp(name, "devices") == 0)
		return cmd_devices(tool);
	if (strcmp(name, "events") == 0)
		return cmd_events(tool);
	if (strcmp(name, "counters") == 0)
		return cmd_counters(tool);
	if (strcmp(name, "store") == 0)
		return cmd_store(tool);
	if (strcmp(name, "unload") == 0)
		return block_guard_unload(tool->guard);
	if (strcmp(name, "wait") == 0) {
		(void)fflush(stdout);
		return pause();
	}
	return -EINVAL;
}

static int with_one(struct tool *tool, const char *name, const char *one)
{
	if (strcmp(name, "deny") == 0)
		return set_media(tool, one, "deny");
	if (strcmp(name, "open") == 0)
		return cmd_open(one);
	if (strcmp(name, "tamper") == 0)
		return block_guard_set_tamper(tool->guard,
					      strcmp(one, "on") == 0);
	if (strcmp(name, "gates") == 0)
		return block_guard_set_gates(tool->guard,
					     strcmp(one, "on") == 0
						     ? GUARD_GATE_ALL
						     : 0);
	if (strcmp(name, "follow") == 0)
		return cmd_follow(tool, one);
	if (strcmp(name, "usb-default") == 0)
		return usb_auth_set_default(tool->usb, (enum usb_auth_default)(
							       *one - '0'));
	return -EINVAL;
}

static int with_two(struct tool *tool, const char *name, const char *one,
		    const char *two)
{
	if (strcmp(name, "allow") == 0)
		return set_media(tool, one, two);
	if (strcmp(name, "entry") == 0)
		return set_entry(tool, one, two);
	if (strcmp(name, "node") == 0)
		return tool->enforce.ops->usb_node(tool->enforce.context, one,
						   *two == 'o');
	if (strcmp(name, "usb") == 0)
		return usb_auth_device(tool->usb, one, *two == '1');
	return -EINVAL;
}

static int count_arguments(const char *name)
{
	static const struct {
		const char *name;
		int arguments;
	} rows[] = {
		{"tier", 0},	 {"devices", 0}, {"events", 0},
		{"counters", 0}, {"unload", 0},	 {"wait", 0},
		{"deny", 1},	 {"open", 1},	 {"follow", 1},
		{"tamper", 1},	 {"store", 0},	 {"usb-default", 1},
		{"allow", 2},	 {"entry", 2},	 {"node", 2},
		{"usb", 2},	 {"gates", 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return rows[i].arguments;
	}
	return -1;
}

static int run_commands(struct tool *tool, char **word_at, char **end)
{
	int result = 0;

	while (word_at < end) {
		const char *name = *word_at++;
		int n = count_arguments(name);
		int r;

		if (n < 0 || end - word_at < n) {
			(void)fputs(usage, stderr);
			return 2;
		}
		r = n == 0   ? with_none(tool, name)
		    : n == 1 ? with_one(tool, name, word_at[0])
			     : with_two(tool, name, word_at[0], word_at[1]);
		if (r < 0)
			printf("%s failed: %s\n", name, strerror(-r));
		else if (r > 0)
			printf("%s: outcome %d\n", name, r);
		if (r < 0)
			result = 1;
		word_at += n;
	}
	return result;
}

static char **read_options(struct tool *tool, char **word_at, char **end)
{
	while (word_at < end && strncmp(*word_at, "--", 2) == 0) {
		const char *option = *word_at++;

		if (strcmp(option, "--monitor") == 0)
			tool->options.enforce = false;
		else if (strcmp(option, "--no-lsm") == 0)
			tool->options.no_lsm = true;
		else if (strcmp(option, "--no-trampoline") == 0)
			tool->options.no_trampoline = true;
		else if (strcmp(option, "--no-task") == 0)
			tool->options.no_task = true;
		else if (strcmp(option, "--verbose") == 0)
			tool->options.verbose = true;
		else if (strcmp(option, "--fixed") == 0)
			tool->options.fixed_needs_entry = true;
	}
	return word_at;
}

int main(int argc, char **argv)
{
	struct tool tool = {.options.enforce = true};
	char **words = read_options(&tool, argv + 1, argv + argc);
	int dev_fd = open("/dev", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	tool.sys_fd = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	tool.options.sys_fd = tool.sys_fd;
	tool.options.proc_fd = open("/proc", O_RDONLY | O_DIRECTORY);

	r = block_guard_new(&tool.options, &tool.guard);
	if (r == 0) {
		adopt_fds(tool.guard);
		r = block_guard_start(tool.guard);
	}
	if (r < 0)
		printf("start failed: %s\n", strerror(-r));
	r = usb_auth_new(tool.sys_fd, &tool.usb);
	if (r == 0)
		r = enforce_real_new(tool.sys_fd, dev_fd, tool.guard,
				     &tool.real);
	if (r < 0)
		return 1;
	tool.enforce = enforce_real_ops(tool.real);

	r = run_commands(&tool, words, argv + argc);
	enforce_real_free(tool.real);
	usb_auth_free(tool.usb);
	block_guard_free(tool.guard);
	return r;
}
