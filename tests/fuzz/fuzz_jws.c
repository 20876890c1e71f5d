/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes as a signed text, as what such a text carries and as a file of keys:
 * all that the untrusted inbox can hold. What is read must be written back to
 * the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/wire/jws.h"
#include "agent/wire/order.h"
#include "agent/wire/parcel.h"
#include "agent/wire/trust.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parcel(struct span text)
{
	struct parcel parcel;
	const char *why = NULL;
	size_t len = 0;

	if (parcel_read(text, &parcel, &why) != 0) {
		if (!why)
			abort();
		return;
	}
	char *again = malloc(text.len + 1);
	if (!again)
		return;
	if (parcel_write(&parcel, again, text.len, &len) != 0 ||
	    len != text.len || memcmp(again, text.ptr, len) != 0)
		abort();
	free(again);
}

static void check_order(struct span text)
{
	struct order order;
	const char *why = NULL;
	char again[ORDER_MAX_BYTES];
	size_t len = 0;

	if (order_read(text, &order, &why) != 0) {
		if (!why)
			abort();
		return;
	}
	if (order_write(&order, again, sizeof(again), &len) != 0 ||
	    len != text.len || memcmp(again, text.ptr, len) != 0)
		abort();
}

static void check_payload(const struct jws *jws)
{
	size_t size = jws_payload_size(jws);
	uint8_t *payload = malloc(size + 1);
	char *again = malloc(BASE64URL_CHARS(size) + 1);

	if (payload && again && jws_payload(jws, payload) == 0) {
		base64url_encode(payload, size, again);
		if (BASE64URL_CHARS(size) != jws->payload.len ||
		    memcmp(again, jws->payload.ptr, jws->payload.len) != 0)
			abort();
		check_parcel(span_of((char *)payload, size));
		check_order(span_of((char *)payload, size));
	}
	free(payload);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);
	struct trust trust = {0};
	struct jws jws;

	if (jws_read(text, &jws) == 0)
		check_payload(&jws);
	check_parcel(text);
	check_order(text);
	if (trust_read(text, &trust) == 0) {
		/* The keys it gives can be used, and signed nothing */
		if (jws_read(SPAN("eyJhbGciOiJFUzI1NiJ9.e30."
				  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
				  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
			     &jws) != 0 ||
		    jws_verify(&jws, trust.keys[0]) != JWS_FORGED)
			abort();
		trust_fini(&trust);
	}
	return 0;
}
