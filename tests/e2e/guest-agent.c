/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests' hand inside the guest: it reads requests from a virtio-serial
 * port, runs each with the shell and returns its status and output. It knows
 * nothing of Sekimori and must never be part of a package.
 *
 * Request: "COMMAND_LENGTH INPUT_LENGTH TIMEOUT_MS\n", command, input.
 * Reply:   "STATUS OUTPUT_LENGTH\n", output (standard output and error).
 * STATUS is the exit status, 128 + signal, or 124 after the timeout.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	HEADER_MAX = 64,
	REQUEST_MAX = 64 << 20,
	OUTPUT_MAX = 64 << 20,
	PORT_RETRY_US = 5000,
	STATUS_TIMEOUT = 124,
};

struct request {
	char *command;
	char *input;
	size_t input_size;
	long timeout_ms;
};

struct output {
	char *data;
	size_t size;
	size_t capacity;
};

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A port without a host reads as end of file: wait for the host to return. */
static int read_full(int fd, char *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, data + done, size - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno == EAGAIN)
			usleep(PORT_RETRY_US);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int write_full(int fd, const char *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(fd, data + done, size - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno == EAGAIN)
			usleep(PORT_RETRY_US);
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int read_header(int port, char *header)
{
	for (size_t i = 0; i < HEADER_MAX - 1; i++) {
		int r = read_full(port, header + i, 1);

		if (r < 0)
			return r;
		if (header[i] == '\n') {
			header[i] = '\0';
			return 0;
		}
	}
	return -EBADMSG;
}

static int read_request(int port, struct request *ret_request)
{
	char header[HEADER_MAX];
	size_t command_size;
	int r;

	r = read_header(port, header);
	if (r < 0)
		return r;
	if (sscanf(header, "%zu %zu %ld", &command_size,
		   &ret_request->input_size, &ret_request->timeout_ms) != 3 ||
	    command_size > REQUEST_MAX || ret_request->input_size > REQUEST_MAX)
		return -EBADMSG;
	ret_request->command = calloc(1, command_size + 1);
	ret_request->input = calloc(1, ret_request->input_size + 1);
	if (!ret_request->command || !ret_request->input)
		return -ENOMEM;
	r = read_full(port, ret_request->command, command_size);
	if (r < 0)
		return r;
	return read_full(port, ret_request->input, ret_request->input_size);
}

/* The input is a sealed-off file, so that no command can block on a pipe. */
static int open_input(const struct request *request)
{
	int fd;

	if (request->input_size == 0)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0 || write_full(fd, request->input, request->input_size) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return fd;
}

static pid_t start(const struct request *request, int output)
{
	int input = open_input(request);
	pid_t pid;

	if (input < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		setsid();
		dup2(input, STDIN_FILENO);
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
		execl("/bin/sh", "sh", "-c", request->command, (char *)NULL);
		_exit(127);
	}
	close(input);
	return pid;
}

/* Returns 0 at the end of the output, 1 while there may be more. */
static int take_output(int fd, struct output *output)
{
	ssize_t n;

	if (output->capacity - output->size < 65536) {
		size_t capacity = output->capacity * 2 + 65536;
		char *data = capacity > OUTPUT_MAX
				     ? NULL
				     : realloc(output->data, capacity);

		if (!data)
			return 0;
		output->data = data;
		output->capacity = capacity;
	}
	n = read(fd, output->data + output->size, 65536);
	if (n <= 0)
		return n < 0 && errno == EINTR;
	output->size += (size_t)n;
	return 1;
}

static int status_of(int wait_status)
{
	if (WIFSIGNALED(wait_status))
		return 128 + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}

/*
 * Collects the output until the command has ended. Background jobs may hold
 * the pipe open for ever, so its end is not what is waited for.
 */
static int collect(pid_t pid, int fd, long timeout_ms, struct output *output)
{
	long end_ms = now_ms() + timeout_ms;
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	int wait_status = 0, open = 1;

	for (;;) {
		int ended = waitpid(pid, &wait_status, WNOHANG) == pid;

		while (open && poll(&ready, 1, ended ? 0 : 10) > 0)
			open = take_output(fd, output);
		if (ended)
			return status_of(wait_status);
		if (!open)
			usleep(1000);
		if (now_ms() > end_ms) {
			kill(-pid, SIGKILL);
			waitpid(pid, &wait_status, 0);
			return STATUS_TIMEOUT;
		}
	}
}

static int serve_one(int port)
{
	struct request request = {0};
	struct output output = {0};
	char header[HEADER_MAX];
	int pipe_fds[2], status = 127, r;
	pid_t pid;

	r = read_request(port, &request);
	if (r == 0 && pipe2(pipe_fds, O_CLOEXEC) == 0) {
		pid = start(&request, pipe_fds[1]);
		close(pipe_fds[1]);
		if (pid > 0)
			status = collect(pid, pipe_fds[0], request.timeout_ms,
					 &output);
		close(pipe_fds[0]);
		snprintf(header, sizeof(header), "%d %zu\n", status,
			 output.size);
		r = write_full(port, header, strlen(header));
		if (r == 0 && output.size > 0)
			r = write_full(port, output.data, output.size);
	}
	free(request.command);
	free(request.input);
	free(output.data);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return r;
}

int main(int argc, char **argv)
{
	int port, r;

	if (argc != 2) {
		fprintf(stderr, "usage: guest-agent PORT\n");
		return 2;
	}
	port = open(argv[1], O_RDWR | O_CLOEXEC);
	if (port < 0) {
		perror(argv[1]);
		return 1;
	}
	do {
		r = serve_one(port);
	} while (r == 0);
	fprintf(stderr, "guest-agent: %s\n", strerror(-r));
	return 1;
}
