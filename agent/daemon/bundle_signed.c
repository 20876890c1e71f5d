/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps from a text to a rule set; see bundle_signed.h.
 */
#include "agent/daemon/bundle_signed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent/base/cleanup.h"
#include "agent/base/hex.h"
#include "agent/wire/parcel.h"

/* What is needed while one text is judged; together too much for a stack. */
struct work {
	struct parcel parcel;
	struct rules_text texts[PARCEL_FILES_MAX];
	char names[PARCEL_FILES_MAX][PARCEL_NAME_MAX + 1];
};

/* SHA-256 of the text as it stands: what sha256sum says of the file. */
static int digest_text(struct span text, char ret_digest[BUNDLE_DIGEST_SIZE])
{
	uint8_t digest[32];

	if (EVP_Digest(text.ptr, text.len, digest, NULL, EVP_sha256(), NULL) !=
	    1)
		return -ENOMEM;
	memcpy(ret_digest, "sha256:", 7);
	hex_encode(digest, sizeof(digest), ret_digest + 7);
	return 0;
}

static int prove(struct bundle *bundle, struct span text,
		 const struct trust *trust, struct jws *ret_jws)
{
	int r = trust_verify(trust, text, ret_jws);

	if (r < 0)
		return r;
	if (r > 0)
		return bundle_refuse(bundle, BUNDLE_FORGED, "signed policy: %s",
				     jws_outcome_to_str(r));
	if (strcmp(ret_jws->typ, PARCEL_TYP) != 0)
		return bundle_refuse(bundle, BUNDLE_FORGED,
				     "signed policy: signed as something "
				     "else than a policy");
	return 0;
}

/* The payload as bytes, taken apart; *ret_payload owns them. */
static int unpack(struct bundle *bundle, const struct jws *jws,
		  struct parcel *parcel, char **ret_payload)
{
	size_t size = jws_payload_size(jws);
	_cleanup_free_ char *payload = malloc(size + 1);
	const char *why = "the payload is not base64url";

	if (!payload)
		return -ENOMEM;
	if (jws_payload(jws, (uint8_t *)payload) != 0 ||
	    parcel_read(span_of(payload, size), parcel, &why) != 0)
		return bundle_refuse(bundle, BUNDLE_REJECTED,
				     "signed policy: %s", why);
	*ret_payload = TAKE_PTR(payload);
	return 0;
}

static int check_time(struct bundle *bundle, const struct parcel *parcel,
		      uint64_t now)
{
	if (parcel->wall_not_before_s && now < parcel->wall_not_before_s)
		return bundle_refuse(bundle, BUNDLE_ELSEWHERE,
				     "signed policy: does not begin yet");
	if (parcel->wall_not_after_s && now >= parcel->wall_not_after_s)
		return bundle_refuse(bundle, BUNDLE_ELSEWHERE,
				     "signed policy: has expired");
	return 0;
}

static int check_terms(struct bundle *bundle, const struct parcel *parcel,
		       const struct bundle_terms *terms)
{
	uint64_t lowest = terms->serial_floor + !terms->is_kept;

	if (terms->zone[0] && !span_equals_str(parcel->zone, terms->zone))
		return bundle_refuse(bundle, BUNDLE_ELSEWHERE,
				     "signed policy: for zone '%.*s', this "
				     "terminal is in '%s'",
				     (int)parcel->zone.len, parcel->zone.ptr,
				     terms->zone);
	if (parcel->serial < lowest)
		return bundle_refuse(bundle, BUNDLE_OLD,
				     "signed policy: serial %" PRIu64
				     " does not rise above %" PRIu64,
				     parcel->serial, terms->serial_floor);
	return terms->is_kept ? 0
			      : check_time(bundle, parcel, terms->wall_now_s);
}

/* The rules may repeat the terms but not contradict them: people read both. */
static int check_header(struct bundle *bundle, const struct parcel *parcel,
			const struct ruleset *ruleset)
{
	uint64_t serial = ruleset_serial(ruleset);
	struct span zone = ruleset_zone(ruleset);

	if (serial != 0 && serial != parcel->serial)
		return bundle_refuse(bundle, BUNDLE_REJECTED,
				     "signed policy: serial %" PRIu64
				     ", but its rules say %" PRIu64,
				     parcel->serial, serial);
	if (zone.len > 0 && !span_equals(zone, parcel->zone))
		return bundle_refuse(bundle, BUNDLE_REJECTED,
				     "signed policy: its rules are for "
				     "another zone than itself");
	return 0;
}

static int compile(struct bundle *bundle, struct work *work,
		   struct bundle_info *offer, struct ruleset **ret_ruleset)
{
	const struct parcel *parcel = &work->parcel;
	_cleanup_ruleset_ struct ruleset *ruleset = NULL;

	for (size_t i = 0; i < parcel->count; i++) {
		const struct parcel_file *file = &parcel->files[i];
		memcpy(work->names[i], file->name.ptr, file->name.len);
		work->names[i][file->name.len] = '\0';
		work->texts[i] = (struct rules_text){work->names[i],
						     file->text};
	}
	int r = bundle_compile(bundle, work->texts, parcel->count, offer,
			       &ruleset);
	if (r == 0)
		r = check_header(bundle, parcel, ruleset);
	if (r != 0)
		return r;
	offer->serial = parcel->serial;
	*ret_ruleset = TAKE_PTR(ruleset);
	return 0;
}

static int judge(struct bundle *bundle, const struct jws *jws,
		 const struct bundle_terms *terms, struct bundle_info *offer,
		 struct ruleset **ret_ruleset)
{
	_cleanup_free_ struct work *work = calloc(1, sizeof(*work));
	_cleanup_free_ char *payload = NULL;

	if (!work)
		return -ENOMEM;
	int r = unpack(bundle, jws, &work->parcel, &payload);
	if (r != 0)
		return r;
	offer->serial = work->parcel.serial;
	offer->wall_until_s = work->parcel.wall_not_after_s;
	(void)snprintf(offer->zone, sizeof(offer->zone), "%.*s",
		       (int)work->parcel.zone.len, work->parcel.zone.ptr);
	r = check_terms(bundle, &work->parcel, terms);
	if (r != 0)
		return r;
	return compile(bundle, work, offer, ret_ruleset);
}

int bundle_judge_signed(struct bundle *bundle, struct span text,
			const struct bundle_terms *terms,
			struct bundle_info *ret_offer,
			struct ruleset **ret_ruleset)
{
	struct bundle_info offer = {0};
	struct jws jws;

	bundle->error[0] = '\0';
	int r = digest_text(text, offer.digest);
	if (r == 0 && bundle->ruleset && bundle->info.signer[0] &&
	    strcmp(offer.digest, bundle->info.digest) == 0)
		return BUNDLE_SAME;
	if (r == 0)
		r = prove(bundle, text, terms->trust, &jws);
	if (r == 0) {
		memcpy(offer.signer, jws.kid, JWS_KEY_ID_CHARS + 1);
		r = judge(bundle, &jws, terms, &offer, ret_ruleset);
	}
	*ret_offer = offer;
	return r;
}
