/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal: who a simulated terminal is and what it has to send: a certificate
 * of the collector's own CA, a stream with its chain, and the requests of it,
 * made anew from their numbers whenever they are sent. So a terminal is a few
 * hundred octets and a thousand of them may hold weeks of events. Only load
 * generators and benchmarks use it; what goes wrong in it ends the program.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/base/hex.h"
#include "agent/wire/frame.h"

#define TERMINAL_TENANT	   "999999"
#define TERMINAL_BATCH_MAX 500u
#define TERMINAL_EVENT_MAX 8192u

/* The collector's CA with its key, and one client key for all: that many keys
 * would only be slower to make. */
struct authority {
	X509 *cert;
	EVP_PKEY *key;
	EVP_PKEY *client_key;
};

struct load {
	uint64_t events;	  /* of each terminal */
	unsigned int batch;	  /* events a request */
	unsigned int event_bytes; /* of JSON, about */
	uint64_t newest_ns;	  /* wall time of the last event */
	uint64_t spread_ns;	  /* from the first event's time to it */
	bool is_zstd;		  /* the server has offered it */
};

struct terminal {
	char host[HEX_SIZE(FRAME_ID_SIZE)];
	char stream[HEX_SIZE(FRAME_ID_SIZE)];
	uint8_t *cert; /* DER */
	size_t cert_size;
	uint64_t acked;
	uint8_t acked_hash[FRAME_HASH_SIZE];
	uint64_t sent; /* last of the request that is under way */
	uint8_t sent_hash[FRAME_HASH_SIZE];
};

struct request {
	uint8_t *data;
	size_t size;
};

/* `dir`: the collector's folder, with ca.crt and ca.key. */
void authority_read(const char *dir, struct authority *ret_authority);
void authority_fini(struct authority *authority);

/* Number `number` of the run `seed`: the same pair is the same terminal. */
void terminal_init(struct terminal *t, const struct authority *ca,
		   uint64_t seed, uint64_t number);
void terminal_fini(struct terminal *t);

/* The batch behind `acked` as octets for the connection; sets `sent`. The
 * caller frees request->data. */
void terminal_make_request(struct terminal *t, const struct load *load,
			   struct request *ret_request);

/* All up to `seq` is stored: acked, or asked for by the server. */
void terminal_move(struct terminal *t, const struct load *load, uint64_t seq);
