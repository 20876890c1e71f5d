/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fido_key: a security key for tests, made of /dev/uhid: CTAP 2.0 over CTAPHID
 * (FIDO client to authenticator protocol 2.0, §5, §6, §8), ES256, one message
 * at a time, good enough for libfido2. Keeps no credential: a credential id
 * holds a nonce, and the private key is derived from it and the master secret.
 *
 *   fido_key FOLDER
 *
 * FOLDER/master is made at first start: another folder is another key.
 * FOLDER/control is read before each answer: "touch=yes|no|wait" (no: the
 * person presses the wrong button), "uv=yes|no" (has a fingerprint reader, and
 * likes the finger), "pin=DIGITS". Killing the program pulls the key out.
 * Must never hold a real credential.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/uhid.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "tests/e2e/tools/cbor.h"

#define REPORT	     64u
#define HASH	     32u
#define NONCE	     16u
#define CRED_ID	     (NONCE + HASH)
#define POINT	     65u /* 04 X Y */
#define TOUCH_WAIT_S 15

/* CTAPHID commands and CTAP2 statuses that are used here. */
enum {
	HID_INIT = 0x06,
	HID_CBOR = 0x10,
	HID_CANCEL = 0x11,
	HID_KEEPALIVE = 0x3b,
	HID_ERROR = 0x3f
};
enum {
	OK = 0x00,
	INVALID_COMMAND = 0x01,
	INVALID_CBOR = 0x12,
	OPERATION_DENIED = 0x27,
	UNSUPPORTED_OPTION = 0x2b,
	CANCELLED = 0x2d,
	NO_CREDENTIALS = 0x2e,
	ACTION_TIMEOUT = 0x2f,
	PIN_INVALID = 0x31,
	PIN_AUTH_INVALID = 0x33
};

static const uint8_t report_descriptor[] = {
	0x06, 0xd0, 0xf1, 0x09, 0x01, 0xa1, 0x01, 0x09, 0x20, 0x15, 0x00, 0x26,
	0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x81, 0x02, 0x09, 0x21, 0x15, 0x00,
	0x26, 0xff, 0x00, 0x75, 0x08, 0x95, 0x40, 0x91, 0x02, 0xc0};
static const uint8_t aaguid[16] = "sekimori-test-k";

struct key {
	const char *folder;
	int fd;
	uint8_t master[HASH];
	uint8_t pin_token[16];
	EVP_PKEY *agreement; /* of the PIN protocol */
	EVP_PKEY *attestation;
	uint8_t *certificate;
	int certificate_size;
	/* The message being received. */
	uint32_t channel;
	uint8_t command;
	size_t wanted, have;
	uint8_t message[MESSAGE_MAX];
};

/* ---- keys ------------------------------------------------------------------ */

static void hmac(const uint8_t *key, size_t key_size, const void *data,
		 size_t size, uint8_t ret[HASH])
{
	unsigned out = HASH;

	MUST(HMAC(EVP_sha256(), key, (int)key_size, data, size, ret, &out));
}

/* A P-256 key from a secret number, or from a point alone. */
static EVP_PKEY *make_key(const BIGNUM *secret, const uint8_t point[POINT])
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	MUST(bld && ctx);
	MUST(OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
					     "P-256", 0));
	MUST(OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
					      point, POINT));
	if (secret)
		MUST(OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY,
					    secret));
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	MUST(params && EVP_PKEY_fromdata_init(ctx) == 1);
	/* A point that is not on the curve makes no key. */
	(void)EVP_PKEY_fromdata(ctx, &key,
				secret ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
				params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *derive_key(const struct key *key, const char *label,
			    const uint8_t *nonce, size_t size,
			    uint8_t ret_point[POINT])
{
	uint8_t data[128], secret[HASH];
	size_t used = strlen(label);
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	EC_POINT *point = group ? EC_POINT_new(group) : NULL;
	BIGNUM *number = BN_new();
	BN_CTX *ctx = BN_CTX_new();

	MUST(point && number && ctx && used + size <= sizeof(data));
	memcpy(data, label, used);
	memcpy(data + used, nonce, size);
	hmac(key->master, HASH, data, used + size, secret);
	MUST(BN_bin2bn(secret, HASH, number));
	MUST(BN_mod(number, number, EC_GROUP_get0_order(group), ctx));
	MUST(EC_POINT_mul(group, point, number, NULL, NULL, ctx));
	MUST(EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED,
				ret_point, POINT, ctx) == POINT);
	EVP_PKEY *made = make_key(number, ret_point);
	MUST(made);
	BN_free(number);
	BN_CTX_free(ctx);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return made;
}

static void put_signature(struct writer *w, EVP_PKEY *with,
			  const struct writer *data)
{
	uint8_t signature[80];
	size_t size = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	MUST(ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, with));
	MUST(EVP_DigestSign(ctx, signature, &size, data->data, data->size));
	EVP_MD_CTX_free(ctx);
	put_bytes(w, signature, size);
}

static void put_cose(struct writer *w, int64_t algorithm,
		     const uint8_t point[POINT])
{
	put_head(w, 5, 5);
	put_int(w, 1);
	put_int(w, 2); /* kty EC2 */
	put_int(w, 3);
	put_int(w, algorithm);
	put_int(w, -1);
	put_int(w, 1); /* P-256 */
	put_int(w, -2);
	put_bytes(w, point + 1, 32);
	put_int(w, -3);
	put_bytes(w, point + 33, 32);
}

/* pamu2fcfg wants an attestation certificate. */
static void make_certificate(struct key *key)
{
	uint8_t point[POINT];
	X509 *cert = X509_new();

	key->attestation = derive_key(key, "attestation", key->master, 1,
				      point);
	MUST(cert && X509_set_version(cert, X509_VERSION_3));
	MUST(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1));
	MUST(X509_gmtime_adj(X509_getm_notBefore(cert), -86400));
	MUST(X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * 3650));
	X509_NAME *name = X509_get_subject_name(cert);
	MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const uint8_t *)"Sekimori test key",
					-1, -1, 0));
	MUST(X509_set_issuer_name(cert, name));
	MUST(X509_set_pubkey(cert, key->attestation));
	MUST(X509_sign(cert, key->attestation, EVP_sha256()));
	key->certificate_size = i2d_X509(cert, &key->certificate);
	MUST(key->certificate_size > 0);
	X509_free(cert);
}

/* ---- the person ------------------------------------------------------------ */

/* The value of a word in FOLDER/control; "" when not said. */
static void control(const struct key *key, const char *word, char ret[32])
{
	char path[256], line[128];
	size_t len = strlen(word);

	ret[0] = '\0';
	snprintf(path, sizeof(path), "%s/control", key->folder);
	FILE *file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, word, len) == 0 && line[len] == '=')
			snprintf(ret, 32, "%.31s", line + len + 1);
	}
	if (file)
		fclose(file);
}

static void send_report(const struct key *key, const uint8_t report[REPORT])
{
	struct uhid_event event = {.type = UHID_INPUT2};

	event.u.input2.size = REPORT;
	memcpy(event.u.input2.data, report, REPORT);
	if (write(key->fd, &event, sizeof(event)) < 0)
		die("uhid");
}

static void send_message(const struct key *key, uint32_t channel,
			 uint8_t command, const uint8_t *data, size_t size)
{
	uint8_t report[REPORT] = {0};
	size_t room = REPORT - 7, head = 7;
	uint32_t be = htobe32(channel);

	memcpy(report, &be, 4);
	report[4] = command | 0x80;
	report[5] = (uint8_t)(size >> 8);
	report[6] = (uint8_t)size;
	for (uint8_t sequence = 0;; sequence++) {
		size_t n = size < room ? size : room;

		memcpy(report + head, data, n);
		memset(report + head + n, 0, room - n);
		send_report(key, report);
		data += n;
		size -= n;
		if (size == 0)
			return;
		head = 5;
		room = REPORT - 5;
		report[4] = sequence;
	}
}

/* Whether the other side gave up meanwhile. */
static bool is_cancelled(const struct key *key, int timeout_ms)
{
	struct pollfd poll_fd = {key->fd, POLLIN, 0};
	struct uhid_event event;

	if (poll(&poll_fd, 1, timeout_ms) <= 0 ||
	    read(key->fd, &event, sizeof(event)) <= 0 ||
	    event.type != UHID_OUTPUT)
		return false;
	const uint8_t *data = event.u.output.data;
	return data[event.u.output.size > REPORT ? 5 : 4] ==
	       (HID_CANCEL | 0x80);
}

/* OK, OPERATION_DENIED, CANCELLED or ACTION_TIMEOUT. */
static uint8_t ask_touch(const struct key *key)
{
	time_t end = time(NULL) + TOUCH_WAIT_S;
	char word[32];

	for (;;) {
		control(key, "touch", word);
		if (strcmp(word, "no") == 0)
			return OPERATION_DENIED;
		if (strcmp(word, "wait") != 0)
			return OK;
		if (time(NULL) >= end)
			return ACTION_TIMEOUT;
		send_message(key, key->channel, HID_KEEPALIVE,
			     (const uint8_t *)"\2", 1);
		if (is_cancelled(key, 100))
			return CANCELLED;
	}
}

/* Whether the person is verified: by a PIN token, or by the finger. */
static uint8_t verify(const struct key *key, struct reader pin_auth,
		      struct reader options, const uint8_t *client_hash,
		      bool *ret_verified)
{
	uint8_t wanted[HASH];
	char word[32];
	size_t size;

	*ret_verified = false;
	if (pin_auth.at) {
		const uint8_t *given = read_string(&pin_auth, &size);

		hmac(key->pin_token, sizeof(key->pin_token), client_hash, HASH,
		     wanted);
		*ret_verified = size == 16 && memcmp(given, wanted, 16) == 0;
		return *ret_verified ? OK : PIN_AUTH_INVALID;
	}
	if (!options.at || !find_option(options, "uv", false))
		return OK;
	control(key, "uv", word);
	*ret_verified = strcmp(word, "yes") == 0;
	return *ret_verified ? OK : UNSUPPORTED_OPTION;
}

/* ---- CTAP2 ------------------------------------------------------------------ */

static void get_info(const struct key *key, struct writer *w)
{
	char pin[32], uv[32];

	control(key, "pin", pin);
	control(key, "uv", uv);
	put_head(w, 5, 5);
	put_int(w, 1);
	put_head(w, 4, 1);
	put_text(w, "FIDO_2_0");
	put_int(w, 3);
	put_bytes(w, aaguid, sizeof(aaguid));
	put_int(w, 4);
	put_head(w, 5, 2u + (uv[0] != '\0') + (pin[0] != '\0'));
	put_option(w, "rk", false);
	put_option(w, "up", true);
	if (uv[0])
		put_option(w, "uv", true);
	if (pin[0])
		put_option(w, "clientPin", true);
	put_int(w, 5);
	put_int(w, 1200);
	put_int(w, 6);
	put_head(w, 4, 1);
	put_int(w, 1);
}

/* Authenticator data up to the counter. */
static void put_auth_data(struct writer *w, const uint8_t rp[HASH],
			  uint8_t flags)
{
	uint32_t counter = htobe32((uint32_t)time(NULL));

	put(w, rp, HASH);
	put(w, &flags, 1);
	put(w, &counter, sizeof(counter));
}

/* A credential id is a nonce and the proof that it is ours for this rp. */
static void make_cred_id(const struct key *key, const uint8_t nonce[NONCE],
			 const uint8_t rp[HASH], uint8_t ret_id[CRED_ID])
{
	uint8_t data[NONCE + HASH];

	memcpy(data, nonce, NONCE);
	memcpy(data + NONCE, rp, HASH);
	memcpy(ret_id, nonce, NONCE);
	hmac(key->master, HASH, data, sizeof(data), ret_id + NONCE);
}

static uint8_t make_credential(const struct key *key, struct reader in,
			       struct writer *w)
{
	struct reader hash_at = find(in, 1);
	uint8_t rp[HASH], nonce[NONCE], id[CRED_ID], point[POINT];
	struct writer data = {.size = 0};
	bool is_verified;
	size_t size, rp_size;

	const uint8_t *client_hash = read_string(&hash_at, &size);
	const uint8_t *rp_id = find_named(find(in, 2), "id", &rp_size);
	if (size != HASH || !rp_id)
		return INVALID_CBOR;
	uint8_t status = verify(key, find(in, 8), find(in, 7), client_hash,
				&is_verified);
	if (status == OK)
		status = ask_touch(key);
	if (status != OK)
		return status;

	SHA256(rp_id, rp_size, rp);
	MUST(RAND_bytes(nonce, NONCE));
	make_cred_id(key, nonce, rp, id);
	EVP_PKEY_free(derive_key(key, "credential", id, CRED_ID, point));
	put_auth_data(&data, rp, (uint8_t)(0x41 | (is_verified ? 4 : 0)));
	put(&data, aaguid, sizeof(aaguid));
	put(&data, "\0\x30", 2); /* CRED_ID */
	put(&data, id, CRED_ID);
	put_cose(&data, -7, point);

	put_head(w, 5, 3);
	put_int(w, 1);
	put_text(w, "packed");
	put_int(w, 2);
	put_bytes(w, data.data, data.size);
	put_int(w, 3);
	put_head(w, 5, 3);
	put_text(w, "alg");
	put_int(w, -7);
	put_text(w, "sig");
	put(&data, client_hash, HASH);
	put_signature(w, key->attestation, &data);
	put_text(w, "x5c");
	put_head(w, 4, 1);
	put_bytes(w, key->certificate, (size_t)key->certificate_size);
	return OK;
}

/* The first credential of the list that is ours. */
static bool find_credential(const struct key *key, struct reader list,
			    const uint8_t rp[HASH], uint8_t ret_id[CRED_ID])
{
	size_t count = list.at ? read_count(&list, 4) : 0;

	for (size_t i = 0; i < count && !list.is_bad; i++) {
		struct reader item = list;
		size_t size;
		const uint8_t *id = find_named(item, "id", &size);

		if (id && size == CRED_ID) {
			make_cred_id(key, id, rp, ret_id);
			if (memcmp(ret_id, id, CRED_ID) == 0)
				return true;
		}
		skip(&list, 0);
	}
	return false;
}

static uint8_t get_assertion(const struct key *key, struct reader in,
			     struct writer *w)
{
	struct reader rp_at = find(in, 1), hash_at = find(in, 2);
	struct reader options = find(in, 5);
	uint8_t rp[HASH], id[CRED_ID], point[POINT];
	struct writer data = {.size = 0};
	bool is_verified;
	size_t size, rp_size;

	const uint8_t *rp_id = read_string(&rp_at, &rp_size);
	const uint8_t *client_hash = read_string(&hash_at, &size);
	if (size != HASH || rp_at.is_bad)
		return INVALID_CBOR;
	SHA256(rp_id, rp_size, rp);
	uint8_t status = verify(key, find(in, 6), options, client_hash,
				&is_verified);
	if (status != OK)
		return status;
	if (!find_credential(key, find(in, 3), rp, id))
		return NO_CREDENTIALS;
	bool is_touch = !options.at || find_option(options, "up", true);
	if (is_touch)
		status = ask_touch(key);
	if (status != OK)
		return status;

	put_auth_data(&data, rp, (uint8_t)(is_touch | (is_verified ? 4 : 0)));
	put_head(w, 5, 3);
	put_int(w, 1);
	put_head(w, 5, 2);
	put_text(w, "id");
	put_bytes(w, id, CRED_ID);
	put_text(w, "type");
	put_text(w, "public-key");
	put_int(w, 2);
	put_bytes(w, data.data, data.size);
	put_int(w, 3);
	put(&data, client_hash, HASH);
	EVP_PKEY *with = derive_key(key, "credential", id, CRED_ID, point);
	put_signature(w, with, &data);
	EVP_PKEY_free(with);
	return OK;
}

static void aes(const uint8_t secret[HASH], const uint8_t in[16],
		uint8_t out[16], bool is_encrypt)
{
	static const uint8_t iv[16];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int size = 0;

	MUST(ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_cbc(), NULL, secret, iv,
				      is_encrypt));
	EVP_CIPHER_CTX_set_padding(ctx, 0);
	MUST(EVP_CipherUpdate(ctx, out, &size, in, 16) && size == 16);
	EVP_CIPHER_CTX_free(ctx);
}

/* The secret shared with the platform whose COSE key is at `cose`. */
static bool agree(const struct key *key, struct reader cose,
		  uint8_t ret_secret[HASH])
{
	struct reader x_at = find(cose, -2), y_at = find(cose, -3);
	uint8_t point[POINT] = {4}, x[HASH];
	size_t x_size, y_size, size = sizeof(x);

	const uint8_t *at = read_string(&x_at, &x_size);
	if (x_size != 32)
		return false;
	memcpy(point + 1, at, 32);
	at = read_string(&y_at, &y_size);
	if (y_size != 32)
		return false;
	memcpy(point + 33, at, 32);
	EVP_PKEY *peer = make_key(NULL, point);
	if (!peer)
		return false;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->agreement, NULL);
	MUST(ctx && EVP_PKEY_derive_init(ctx) == 1);
	bool is_ok = EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
		     EVP_PKEY_derive(ctx, x, &size) == 1;
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	SHA256(x, sizeof(x), ret_secret);
	return is_ok;
}

static uint8_t client_pin(const struct key *key, struct reader in,
			  struct writer *w)
{
	struct reader sub_at = find(in, 2), hash_at = find(in, 6);
	uint8_t secret[HASH], hash[HASH], given[16], point[POINT];
	char pin[32];
	size_t size;

	int64_t sub = read_int(&sub_at);
	if (sub == 2) {
		EVP_PKEY_free(
			derive_key(key, "agreement", key->master, 1, point));
		put_head(w, 5, 1);
		put_int(w, 1);
		put_cose(w, -25, point);
		return OK;
	}
	if (sub != 5)
		return INVALID_COMMAND;
	const uint8_t *encrypted = read_string(&hash_at, &size);
	if (size != 16 || !agree(key, find(in, 3), secret))
		return INVALID_CBOR;
	control(key, "pin", pin);
	SHA256((const uint8_t *)pin, strlen(pin), hash);
	aes(secret, encrypted, given, false);
	if (!pin[0] || memcmp(given, hash, 16) != 0)
		return PIN_INVALID;
	aes(secret, key->pin_token, given, true);
	put_head(w, 5, 1);
	put_int(w, 2);
	put_bytes(w, given, 16);
	return OK;
}

/* ---- CTAPHID ------------------------------------------------------------------ */

static void answer_cbor(struct key *key)
{
	struct writer body = {.size = 0};
	uint8_t reply[MESSAGE_MAX + 1];
	struct reader in = {key->message + 1, key->message + key->wanted,
			    false};
	uint8_t command = key->wanted ? key->message[0] : 0;
	uint8_t status = INVALID_COMMAND;

	if (command == 1)
		status = make_credential(key, in, &body);
	else if (command == 2)
		status = get_assertion(key, in, &body);
	else if (command == 4)
		status = (get_info(key, &body), OK);
	else if (command == 6)
		status = client_pin(key, in, &body);
	fprintf(stderr, "command %u status %02x\n", command, status);
	reply[0] = status;
	memcpy(reply + 1, body.data, body.size);
	send_message(key, key->channel, HID_CBOR, reply,
		     status == OK ? body.size + 1 : 1);
}

static void answer(struct key *key)
{
	/* nonce, channel, protocol 2, version, CBOR and no U2F */
	uint8_t init[17] = {[8] = 0x11, 0x22, 0x33, 0x44, 2, 1, 0, 0, 0x0c};

	switch (key->command) {
	case HID_INIT:
		memcpy(init, key->message, 8);
		send_message(key, key->channel, HID_INIT, init, sizeof(init));
		break;
	case HID_CBOR:
		answer_cbor(key);
		break;
	case HID_CANCEL:
		break;
	default:
		send_message(key, key->channel, HID_ERROR,
			     (const uint8_t *)"\1", 1);
	}
}

static void take_report(struct key *key, const uint8_t *data, size_t size)
{
	uint32_t channel;
	size_t head = 5;

	if (size == REPORT + 1) { /* the report number in front */
		data++;
		size--;
	}
	if (size != REPORT)
		return;
	memcpy(&channel, data, 4);
	channel = be32toh(channel);
	if (data[4] & 0x80) {
		key->channel = channel;
		key->command = data[4] & 0x7f;
		key->wanted = (size_t)data[5] << 8 | data[6];
		key->have = 0;
		head = 7;
	} else if (channel != key->channel) {
		return;
	}
	if (key->wanted > MESSAGE_MAX || key->have > key->wanted)
		return;
	size_t n = key->wanted - key->have;
	n = n < REPORT - head ? n : REPORT - head;
	memcpy(key->message + key->have, data + head, n);
	key->have += n;
	if (key->have == key->wanted)
		answer(key);
}

static void plug_in(struct key *key)
{
	struct uhid_event event = {.type = UHID_CREATE2};
	struct uhid_create2_req *req = &event.u.create2;

	key->fd = open("/dev/uhid", O_RDWR | O_CLOEXEC);
	if (key->fd < 0)
		die("/dev/uhid");
	snprintf((char *)req->name, sizeof(req->name), "Sekimori test key");
	snprintf((char *)req->uniq, sizeof(req->uniq), "TEST-%02x%02x",
		 key->master[0], key->master[1]);
	memcpy(req->rd_data, report_descriptor, sizeof(report_descriptor));
	req->rd_size = sizeof(report_descriptor);
	req->bus = 3; /* USB */
	req->vendor = 0x1209;
	req->product = 0xf1d0;
	if (write(key->fd, &event, sizeof(event)) < 0)
		die("uhid");
}

static void load_master(struct key *key)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/master", key->folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	if (read(fd, key->master, HASH) != (ssize_t)HASH) {
		MUST(RAND_bytes(key->master, HASH));
		MUST(pwrite(fd, key->master, HASH, 0) == (ssize_t)HASH);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	struct key key = {.folder = argc > 1 ? argv[1] : "."};
	struct uhid_event event;
	uint8_t point[POINT];

	load_master(&key);
	MUST(RAND_bytes(key.pin_token, sizeof(key.pin_token)));
	key.agreement = derive_key(&key, "agreement", key.master, 1, point);
	make_certificate(&key);
	plug_in(&key);
	while (read(key.fd, &event, sizeof(event)) > 0)
		if (event.type == UHID_OUTPUT)
			take_report(&key, event.u.output.data,
				    event.u.output.size);
	die("uhid");
}
