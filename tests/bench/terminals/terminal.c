/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal: certificates, events, chain and OTLP of simulated terminals.
 */
#include "tests/bench/terminals/terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zstd.h>

#include "agent/base/clock.h"
#include "agent/wire/otlp.h"
#include "collector/secret.h"
#include "collector/x509.h"
#include "tests/bench/terminals/check.h"

#define BODY_MAX   (2u << 20)
#define HEAD_MAX   1024
#define PEM_MAX	   8192
#define ZSTD_LEVEL 3 /* as the shipper */

/* splitmix64: each event has its own numbers, in whatever order it is made. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void read_pem(const char *dir, const char *name, char text[PEM_MAX])
{
	char path[512];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	CHECK(f);
	n = fread(text, 1, PEM_MAX - 1, f);
	CHECK(n > 0);
	text[n] = '\0';
	fclose(f);
}

void authority_read(const char *dir, struct authority *ret_authority)
{
	char text[PEM_MAX];

	read_pem(dir, "ca.crt", text);
	CHECK(x509_from_pem(text, &ret_authority->cert) == 0);
	read_pem(dir, "ca.key", text);
	CHECK(x509_key_from_pem(text, &ret_authority->key) == 0);
	ret_authority->client_key = EVP_EC_gen("P-256");
	CHECK(ret_authority->client_key);
}

void authority_fini(struct authority *authority)
{
	X509_free(authority->cert);
	EVP_PKEY_free(authority->key);
	EVP_PKEY_free(authority->client_key);
}

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
	int n;

	snprintf(san, sizeof(san), "URI:urn:agent:" TERMINAL_TENANT ":%s",
		 t->host);
	CHECK(x509_make(&spec, ca->cert, ca->key, &cert) == 0);
	n = i2d_X509(cert, &t->cert);
	CHECK(n > 0);
	t->cert_size = (size_t)n;
	X509_free(cert);
}

static void make_id(uint64_t seed, char out[HEX_SIZE(FRAME_ID_SIZE)])
{
	uint64_t id[2] = {mix(seed), mix(~seed)};

	hex_encode((uint8_t *)id, sizeof(id), out);
}

static void go_to_origin(struct terminal *t)
{
	uint8_t stream[FRAME_ID_SIZE], host[FRAME_ID_SIZE];

	CHECK(hex_decode(t->stream, 32, stream, sizeof(stream)) == 0);
	CHECK(hex_decode(t->host, 32, host, sizeof(host)) == 0);
	CHECK(frame_origin(stream, host, t->acked_hash) == 0);
	t->acked = t->sent = 0;
}

void terminal_init(struct terminal *t, const struct authority *ca,
		   uint64_t seed, uint64_t number)
{
	*t = (struct terminal){0};
	make_id(mix(seed) + 2 * number, t->host);
	make_id(mix(seed) + 2 * number + 1, t->stream);
	go_to_origin(t);
	certify(t, ca);
}

void terminal_fini(struct terminal *t)
{
	OPENSSL_free(t->cert);
}

/* An OCSF record of about the wanted size, different each time. */
static size_t make_event(char *out, const struct terminal *t,
			 const struct load *load, uint64_t seq,
			 uint64_t wall_ns)
{
	static const char *const codes[] = {"usb.device.allowed",
					    "usb.device.blocked",
					    "usb.device.removed",
					    "mount.blocked", "media.denied"};
	uint64_t a = mix(seq ^ strtoull(t->stream + 17, NULL, 16)), b = mix(a);
	int n = snprintf(
		out, TERMINAL_EVENT_MAX,
		"{\"class_uid\":1010,\"category_uid\":1,\"activity_id\":1,"
		"\"type_uid\":101001,\"time\":%" PRIu64 ",\"severity_id\":%u,"
		"\"action_id\":2,\"message\":"
		"\"未承認のUSBメモリを遮断しました\","
		"\"metadata\":{\"version\":\"1.8.0\",\"uid\":\"%016" PRIx64
		"\",\"event_code\":\"%s\",\"sequence\":%" PRIu64
		",\"tenant_uid\":\"" TERMINAL_TENANT
		"\"},\"device\":{\"uid\":\"%s\",\"hostname\":"
		"\"kz-shimin-%.6s\",\"org\":{\"name\":\"情報市\","
		"\"ou_name\":\"市民課\"}},\"peripheral_device\":{\"name\":"
		"\"Ultra\",\"vendor_id_list\":[\"0781\"],\"model\":\"5581\","
		"\"serial_number\":\"%012" PRIX64 "\"},\"sekimori\":"
		"{\"decision\":{\"rule\":\"default-deny\"},\"pad\":\"",
		wall_ns / 1000000, 1 + (unsigned int)(a % 4), a, codes[b % 5],
		seq, t->host, t->host, b >> 16);

	CHECK(n > 0 && n + 8 < (int)TERMINAL_EVENT_MAX);
	while (n < (int)load->event_bytes - 3) {
		a = mix(a);
		for (int i = 0; i < 8 && n < (int)load->event_bytes - 3; i++)
			out[n++] = "abcdefgh 0123456789-_/ABCDEFGHIJ"[a >> (8 *
									    i) &
								      31];
	}
	memcpy(out + n, "\"}}", 3);
	return (size_t)n + 3;
}

/* The times of a backlog are evenly spread. */
static struct frame make_frame(const struct terminal *t,
			       const struct load *load, uint64_t seq,
			       char *payload)
{
	struct frame frame = {.flags = 1, .seq = seq};

	frame.boot_ns = load->spread_ns / load->events * seq;
	frame.wall_ns = load->newest_ns - load->spread_ns + frame.boot_ns;
	frame.payload = (uint8_t *)payload;
	frame.payload_size = make_event(payload, t, load, seq, frame.wall_ns);
	return frame;
}

static void append_head(const struct terminal *t, const struct load *load,
			size_t body_size, struct request *out)
{
	static const char coding[] = "Content-Encoding: zstd\r\n";
	char *prev, *tip;
	uint64_t now_ms = clock_wall_ns() / NS_PER_MS;
	int n;

	CHECK(secret_to_base64(t->acked_hash, FRAME_HASH_SIZE, &prev) == 0);
	CHECK(secret_to_base64(t->sent_hash, FRAME_HASH_SIZE, &tip) == 0);
	n = snprintf((char *)out->data, HEAD_MAX,
		     "POST /v1/logs HTTP/1.1\r\nHost: c\r\n"
		     "Content-Type: application/x-protobuf\r\n%s"
		     "Content-Length: %zu\r\nX-Agent-Stream: %s\r\n"
		     "X-Agent-First-Seq: %" PRIu64 "\r\nX-Agent-Count: %" PRIu64
		     "\r\nX-Agent-Prev-Hash: %s\r\nX-Agent-Tip-Hash: %s\r\n"
		     "X-Agent-Tail-Seq: %" PRIu64 "\r\nX-Agent-Time: %" PRIu64
		     ".%03u\r\n\r\n",
		     load->is_zstd ? coding : "", body_size, t->stream,
		     t->acked + 1, t->sent - t->acked, prev, tip, load->events,
		     now_ms / 1000, (unsigned int)(now_ms % 1000));
	CHECK(n > 0 && n < HEAD_MAX);
	out->size = (size_t)n;
	free(prev);
	free(tip);
}

static void append_body(const struct load *load, const struct otlp_output *wire,
			struct terminal *t, struct request *out)
{
	static uint8_t packed[BODY_MAX];
	static ZSTD_CCtx *zstd;
	const uint8_t *body = wire->data;
	size_t size = wire->size;

	if (load->is_zstd) {
		if (!zstd)
			zstd = ZSTD_createCCtx();
		size = ZSTD_compressCCtx(zstd, packed, sizeof(packed),
					 wire->data, wire->size, ZSTD_LEVEL);
		CHECK(!ZSTD_isError(size));
		body = packed;
	}
	out->data = malloc(HEAD_MAX + size);
	CHECK(out->data);
	append_head(t, load, size, out);
	memcpy(out->data + out->size, body, size);
	out->size += size;
}

void terminal_make_request(struct terminal *t, const struct load *load,
			   struct request *ret_request)
{
	static char arena[TERMINAL_BATCH_MAX][TERMINAL_EVENT_MAX];
	static uint8_t buffer[BODY_MAX];
	struct otlp_record records[TERMINAL_BATCH_MAX] = {0};
	const struct otlp_resource resource = {.host_id = span_str(t->host),
					       .stream = span_str(t->stream)};
	struct otlp_output wire = {.buffer = buffer,
				   .capacity = sizeof(buffer)};
	uint64_t left = load->events - t->acked;
	size_t count = left < load->batch ? (size_t)left : load->batch;

	CHECK(count > 0 && count <= TERMINAL_BATCH_MAX);
	memcpy(t->sent_hash, t->acked_hash, FRAME_HASH_SIZE);
	for (size_t i = 0; i < count; i++) {
		struct frame frame = make_frame(t, load, t->acked + 1 + i,
						arena[i]);

		memcpy(frame.prev, t->sent_hash, FRAME_HASH_SIZE);
		CHECK(frame_hash(&frame, t->sent_hash) == 0);
		records[i] = (struct otlp_record){
			.seq = frame.seq,
			.flags = frame.flags,
			.severity_id = 1,
			.wall_ns = frame.wall_ns,
			.boot_ns = frame.boot_ns,
			.event_name = SPAN("usb.device.blocked"),
			.body = span_of(arena[i], frame.payload_size),
			.has_seq = true};
	}
	t->sent = t->acked + count;
	CHECK(otlp_encode_request(&resource, records, count, &wire) == 0);
	append_body(load, &wire, t, ret_request);
}

void terminal_move(struct terminal *t, const struct load *load, uint64_t seq)
{
	char payload[TERMINAL_EVENT_MAX];

	CHECK(seq <= load->events);
	if (seq == t->sent) {
		memcpy(t->acked_hash, t->sent_hash, FRAME_HASH_SIZE);
		t->acked = seq;
		return;
	}
	if (seq < t->acked)
		go_to_origin(t);
	while (t->acked < seq) {
		struct frame frame = make_frame(t, load, t->acked + 1, payload);

		memcpy(frame.prev, t->acked_hash, FRAME_HASH_SIZE);
		CHECK(frame_hash(&frame, t->acked_hash) == 0);
		t->acked++;
	}
}
