/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The collector under load: a real `sekimori-collector serve` in a folder of
 * its own and terminals with real mutual TLS on the same machine, each sending
 * its chain batch by batch and waiting for the commit. Requests are made before
 * the clock starts, so the figure is of the collector, the TLS of both ends and
 * the disk. Prints events/s, the time to the ack and the collector's memory.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <zstd.h>

#include "agent/base/clock.h"
#include "agent/base/hex.h"
#include "agent/wire/frame.h"
#include "agent/wire/otlp.h"
#include "collector/ca.h"
#include "collector/http.h"
#include "collector/secret.h"
#include "collector/x509.h"

#define TERMINALS 64
#define TENANT	  "999999"
#define RUN_NS	  (4 * NS_PER_S)
#define BODY_MAX  (1u << 20)
#define HEAD_MAX  1024
#define SAMPLES	  200000

extern char **environ;

#define CHECK(condition)                                                       \
	do {                                                                   \
		if (!(condition)) {                                            \
			fprintf(stderr, "bench_ingest:%d: %s\n", __LINE__,     \
				#condition);                                   \
			exit(1);                                               \
		}                                                              \
	} while (0)

struct load {
	const char *name;
	unsigned int batch;	  /* events a request */
	unsigned int requests;	  /* made for each terminal */
	unsigned int event_bytes; /* of JSON, about */
};

struct request {
	uint8_t *data;
	size_t size;
};

struct terminal {
	const struct load *load;
	char host[HEX_SIZE(16)];
	char stream[HEX_SIZE(16)];
	SSL_CTX *ctx;
	struct request *requests;
	uint64_t *took_ns;
	unsigned int done;
	uint64_t end_ns; /* when it ran out or time was up */
	pthread_t thread;
};

static char folder[] = "/var/tmp/bench-ingest-XXXXXX";
static uint16_t port;
static uint64_t start_ns;
static uint64_t sent_events; /* by all terminals in all loads */

/* ---- the collector ------------------------------------------------------ */

static pid_t spawn(const char *const argv[], int out)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	/* It does not write to them: POSIX only says so in prose. */
	CHECK(posix_spawn(&pid, argv[0], &actions, NULL,
			  (char *const *)(uintptr_t)argv, environ) == 0);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static char *program(void)
{
	static char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 64);

	CHECK(n > 0);
	path[n] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(path, '/') = '\0';
	strncat(path, "/sekimori-collector", 32);
	return path;
}

static uint16_t free_port(void)
{
	uint16_t found;
	int fd;

	CHECK(http_listen("127.0.0.1:0", &fd, &found) == 0);
	close(fd);
	return found;
}

static int try_connect(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	CHECK(fd >= 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static pid_t start_collector(const char *dir)
{
	char conf[512], path[512];
	const char *init[] = {program(), "init",      "--dir", dir,
			      "--host",	 "127.0.0.1", NULL};
	const char *serve[] = {program(), "--config", path, "serve", NULL};
	int out = open("/dev/null", O_WRONLY | O_CLOEXEC), fd, status;
	pid_t pid;

	CHECK(waitpid(spawn(init, out), &status, 0) > 0 && status == 0);
	port = free_port();
	snprintf(path, sizeof(path), "%s.conf", dir);
	snprintf(conf, sizeof(conf),
		 "dir = %s\nlisten = 127.0.0.1:%u\n"
		 "console_listen = 127.0.0.1:%u\n",
		 dir, port, free_port());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, conf, strlen(conf)) > 0);
	close(fd);
	pid = spawn(serve, out);
	close(out);
	for (int i = 0; i < 500; i++) {
		fd = try_connect();
		if (fd >= 0) {
			close(fd);
			return pid;
		}
		poll(NULL, 0, 20);
	}
	CHECK(!"the collector started");
	return -1;
}

static long memory_kib(pid_t pid, const char *key)
{
	char path[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtol(line + strlen(key), NULL, 10);
	fclose(f);
	return value;
}

/* Processor time so far: unlike events/s it is the same on a busy machine. */
static double cpu_us(pid_t pid)
{
	clockid_t clock;
	struct timespec used;

	CHECK(clock_getcpuclockid(pid, &clock) == 0 &&
	      clock_gettime(clock, &used) == 0);
	return (double)used.tv_sec * 1e6 + (double)used.tv_nsec / 1e3;
}

/* ---- terminals ---------------------------------------------------------- */

static void random_hex(char out[HEX_SIZE(16)])
{
	uint8_t id[16];

	for (size_t i = 0; i < sizeof(id); i++)
		id[i] = (uint8_t)random();
	hex_encode(id, sizeof(id), out);
}

static char *read_all(const char *dir, const char *name)
{
	char path[512], *text = calloc(1, 8192);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	CHECK(f && text && fread(text, 1, 8191, f) > 0);
	fclose(f);
	return text;
}

struct authority {
	X509 *cert;
	EVP_PKEY *key;
	EVP_PKEY *client_key; /* one for all terminals: not what is measured */
};

static void certify(struct terminal *t, const struct authority *ca)
{
	char san[128];
	X509 *cert;
	const struct x509_spec spec = {
		.common_name = t->host,
		.san = san,
		.key_usage = "critical,digitalSignature",
		.extended_usage = "clientAuth",
		.constraints = "critical,CA:FALSE",
		.not_before_s = time(NULL) - 60,
		.not_after_s = time(NULL) + 86400,
		.key = ca->client_key,
	};

	snprintf(san, sizeof(san), "URI:urn:agent:" TENANT ":%s", t->host);
	CHECK(x509_make(&spec, ca->cert, ca->key, &cert) == 0);
	t->ctx = SSL_CTX_new(TLS_client_method());
	CHECK(t->ctx && SSL_CTX_use_certificate(t->ctx, cert) &&
	      SSL_CTX_use_PrivateKey(t->ctx, ca->client_key));
	X509_STORE_add_cert(SSL_CTX_get_cert_store(t->ctx), ca->cert);
	SSL_CTX_set_verify(t->ctx, SSL_VERIFY_PEER, NULL);
	X509_free(cert);
}

/* An OCSF record of about the wanted size, different each time. */
static size_t make_event(char *out, size_t cap, const struct terminal *t,
			 uint64_t seq)
{
	static const char *const codes[] = {"usb.device.allowed",
					    "usb.device.blocked",
					    "usb.device.removed",
					    "mount.blocked", "media.denied"};
	long a = random(), b = random();
	int n = snprintf(
		out, cap,
		"{\"class_uid\":1010,\"category_uid\":1,\"activity_id\":1,"
		"\"type_uid\":101001,\"time\":%llu,\"severity_id\":%ld,"
		"\"action_id\":2,\"message\":"
		"\"未承認のUSBメモリを遮断しました\","
		"\"metadata\":{\"version\":\"1.8.0\",\"uid\":\"%08lx%08lx\","
		"\"event_code\":\"%s\",\"sequence\":%llu,"
		"\"tenant_uid\":\"" TENANT "\"},\"device\":{\"uid\":\"%s\","
		"\"hostname\":\"kz-shimin-%03ld\",\"org\":{\"name\":\"情報市\","
		"\"ou_name\":\"市民課\"}},\"peripheral_device\":{\"name\":"
		"\"Ultra\",\"vendor_id_list\":[\"0781\"],\"model\":\"5581\","
		"\"serial_number\":\"%08lX%04lX\"},\"sekimori\":{\"decision\":"
		"{\"rule\":\"default-deny\"},\"pad\":\"",
		1764572400000ull + seq, 1 + a % 4, a, b, codes[b % 5],
		(unsigned long long)seq, t->host, a % 1000, a, b & 0xffff);

	CHECK(n > 0 && (size_t)n + 8 < cap);
	while (n < (int)t->load->event_bytes - 3)
		out[n++] = "abcdefgh 0123456789-_/"[random() % 22];
	memcpy(out + n, "\"}}", 3);
	return (size_t)n + 3;
}

static char *to_base64(const uint8_t hash[32])
{
	char *text;

	CHECK(secret_to_base64(hash, 32, &text) == 0);
	return text;
}

/* One batch as the octets that go down the connection. */
static struct request make_request(const struct terminal *t, uint64_t first,
				   uint8_t chain[32], char *arena)
{
	static uint8_t wire[BODY_MAX], packed[BODY_MAX];
	struct otlp_record records[512] = {0};
	const struct otlp_resource resource = {.host_id = span_str(t->host),
					       .stream = span_str(t->stream)};
	struct otlp_output out = {.buffer = wire, .capacity = sizeof(wire)};
	char *prev = to_base64(chain), *tip, head[HEAD_MAX];
	struct request request;
	size_t used = 0, n;

	for (unsigned int i = 0; i < t->load->batch; i++) {
		struct otlp_record *r = &records[i];
		struct frame frame = {.flags = 1,
				      .seq = first + i,
				      .wall_ns = 1764572400000000000ull + i,
				      .boot_ns = first + i,
				      .payload = (uint8_t *)arena + used};

		frame.payload_size = make_event(arena + used, 8192, t,
						first + i);
		memcpy(frame.prev, chain, 32);
		CHECK(frame_hash(&frame, chain) == 0);
		*r = (struct otlp_record){
			.seq = frame.seq,
			.flags = 1,
			.severity_id = 1,
			.wall_ns = frame.wall_ns,
			.boot_ns = frame.boot_ns,
			.event_name = SPAN("usb.device.blocked"),
			.body = span_of(arena + used, frame.payload_size),
			.has_seq = true};
		used += frame.payload_size;
	}
	CHECK(otlp_encode_request(&resource, records, t->load->batch, &out) ==
	      0);
	n = ZSTD_compress(packed, sizeof(packed), out.data, out.size, 3);
	CHECK(!ZSTD_isError(n));
	tip = to_base64(chain);
	snprintf(head, sizeof(head),
		 "POST /v1/logs HTTP/1.1\r\nHost: c\r\n"
		 "Content-Type: application/x-protobuf\r\n"
		 "Content-Encoding: zstd\r\nContent-Length: %zu\r\n"
		 "X-Agent-Stream: %s\r\nX-Agent-First-Seq: %llu\r\n"
		 "X-Agent-Count: %u\r\nX-Agent-Prev-Hash: %s\r\n"
		 "X-Agent-Tip-Hash: %s\r\n\r\n",
		 n, t->stream, (unsigned long long)first, t->load->batch, prev,
		 tip);
	free(prev);
	free(tip);
	request.size = strlen(head) + n;
	request.data = malloc(request.size);
	CHECK(request.data);
	memcpy(request.data, head, strlen(head));
	memcpy(request.data + strlen(head), packed, n);
	return request;
}

static void prepare(struct terminal *t, const struct load *load,
		    const struct authority *ca)
{
	uint8_t stream[16], host[16], chain[32];
	char *arena = malloc(512 * 8192);

	*t = (struct terminal){.load = load};
	random_hex(t->host);
	random_hex(t->stream);
	CHECK(arena && hex_decode(t->host, 32, host, 16) == 0 &&
	      hex_decode(t->stream, 32, stream, 16) == 0);
	CHECK(frame_origin(stream, host, chain) == 0);
	certify(t, ca);
	t->requests = calloc(load->requests, sizeof(*t->requests));
	t->took_ns = calloc(load->requests, sizeof(*t->took_ns));
	CHECK(t->requests && t->took_ns);
	for (unsigned int i = 0; i < load->requests; i++)
		t->requests[i] = make_request(t, 1 + (uint64_t)i * load->batch,
					      chain, arena);
	free(arena);
}

/* Reads one answer; its body is empty when it is 200. */
static void expect_200(SSL *ssl)
{
	char reply[4096];
	int have = 0;

	while (have < (int)sizeof(reply) - 1) {
		int n = SSL_read(ssl, reply + have,
				 (int)sizeof(reply) - 1 - have);

		CHECK(n > 0);
		have += n;
		reply[have] = '\0';
		if (strstr(reply, "\r\n\r\n"))
			break;
	}
	if (strncmp(reply, "HTTP/1.1 200", 12) != 0) {
		fprintf(stderr, "%s\n", reply);
		exit(1);
	}
}

static void *terminal_main(void *ctx)
{
	struct terminal *t = ctx;
	SSL *ssl = SSL_new(t->ctx);
	int fd = try_connect();

	CHECK(ssl && fd >= 0 && SSL_set_fd(ssl, fd) && SSL_connect(ssl) == 1);
	while (clock_mono_ns() < start_ns)
		poll(NULL, 0, 5);
	for (t->done = 0; t->done < t->load->requests; t->done++) {
		const struct request *r = &t->requests[t->done];
		uint64_t from_ns = clock_mono_ns();

		if (from_ns - start_ns > RUN_NS)
			break;
		CHECK(SSL_write(ssl, r->data, (int)r->size) == (int)r->size);
		expect_200(ssl);
		t->took_ns[t->done] = clock_mono_ns() - from_ns;
	}
	t->end_ns = clock_mono_ns();
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void report(const struct load *load, struct terminal *terminals)
{
	uint64_t *all = calloc(SAMPLES, sizeof(*all)), events = 0;
	uint64_t end_ns = UINT64_MAX;
	size_t count = 0;

	CHECK(all);
	for (int i = 0; i < TERMINALS; i++)
		if (terminals[i].end_ns < end_ns)
			end_ns = terminals[i].end_ns;
	/* Up to the first that ran out: until then all were at work. */
	for (int i = 0; i < TERMINALS; i++) {
		uint64_t at_ns = start_ns;

		for (unsigned int k = 0; k < terminals[i].done; k++) {
			at_ns += terminals[i].took_ns[k];
			if (at_ns > end_ns || count == SAMPLES)
				break;
			all[count++] = terminals[i].took_ns[k];
			events += load->batch;
		}
	}
	CHECK(count > 0);
	qsort(all, count, sizeof(*all), compare);
	printf("ingest_%s_events %.0f ev/s\n", load->name,
	       (double)events / ((double)(end_ns - start_ns) / NS_PER_S));
	printf("ingest_%s_ack_p50 %.2f ms\n", load->name,
	       (double)all[count / 2] / NS_PER_MS);
	printf("ingest_%s_ack_p99 %.2f ms\n", load->name,
	       (double)all[count * 99 / 100] / NS_PER_MS);
	free(all);
}

static void run(const struct load *load, const struct authority *ca)
{
	struct terminal *terminals = calloc(TERMINALS, sizeof(*terminals));

	CHECK(terminals);
	for (int i = 0; i < TERMINALS; i++)
		prepare(&terminals[i], load, ca);
	start_ns = clock_mono_ns() + NS_PER_S; /* handshakes before it */
	for (int i = 0; i < TERMINALS; i++)
		CHECK(pthread_create(&terminals[i].thread, NULL, terminal_main,
				     &terminals[i]) == 0);
	for (int i = 0; i < TERMINALS; i++)
		pthread_join(terminals[i].thread, NULL);
	for (int i = 0; i < TERMINALS; i++)
		sent_events += (uint64_t)terminals[i].done * load->batch;
	report(load, terminals);
	for (int i = 0; i < TERMINALS; i++) {
		for (unsigned int k = 0; k < load->requests; k++)
			free(terminals[i].requests[k].data);
		free(terminals[i].requests);
		free(terminals[i].took_ns);
		SSL_CTX_free(terminals[i].ctx);
	}
	free(terminals);
}

static void remove_folder(const char *dir)
{
	static const char *const names[] = {
		"c/ca.key",	      "c/ca.crt",	"c/server.key",
		"c/server.crt",	      "c/collector.db", "c/collector.db-wal",
		"c/collector.db-shm", "c/log.key",	"c/log.vkey",
		"c/checkpoint",	      "c.conf"};
	char path[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(dir);
	rmdir(folder);
}

int main(void)
{
	/* 645 octets: the event of the design's measurements; 1,900: a record
	 * as the agent writes it. */
	static const struct load loads[] = {
		{"64x20", 20, 400, 645},
		{"64x20_2k", 20, 250, 1900},
		{"64x200", 200, 40, 645},
		{"64x1", 1, 1500, 645},
	};
	struct authority ca;
	char dir[64];
	pid_t pid;
	int status;

	signal(SIGPIPE, SIG_IGN);
	srandom(1);
	CHECK(mkdtemp(folder));
	snprintf(dir, sizeof(dir), "%s/c", folder);
	pid = start_collector(dir);
	CHECK(x509_from_pem(read_all(dir, "ca.crt"), &ca.cert) == 0 &&
	      x509_key_from_pem(read_all(dir, "ca.key"), &ca.key) == 0);
	ca.client_key = EVP_EC_gen("P-256");
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		run(&loads[i], &ca);
	printf("ingest_collector_cpu %.2f us/ev\n",
	       cpu_us(pid) / (double)sent_events);
	printf("ingest_rss %.1f MiB\n",
	       (double)memory_kib(pid, "VmRSS:") / 1024);
	printf("ingest_rss_peak %.1f MiB\n",
	       (double)memory_kib(pid, "VmHWM:") / 1024);
	kill(pid, SIGTERM);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	remove_folder(dir);
	return 0;
}
