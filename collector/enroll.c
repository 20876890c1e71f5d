/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enroll: EST-shaped enrolment (RFC 7030): cacerts, simpleenroll with a one-time
 * token, simplereenroll under the old certificate. The request is checked on the
 * connection's thread; token, rules, signature and record are one step of the
 * writer's transaction, so a token is spent exactly when a certificate is given.
 */
#include "collector/request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/base/clock.h"
#include "agent/base/hex.h"
#include "collector/limits.h"

#include "agent/base/banned.h"

#define GRACE_S (LIFE_GRACE_DAYS * INT64_C(86400))
/* "enrol.TOKEN.KEY.HOST", hashes in hex. */
#define USE_KEY_SIZE (4 * SECRET_HASH_BYTES + IDENT_HEX_LEN + 16)

enum refusal {
	REFUSED_TOKEN = 1,
	REFUSED_CONFLICT,
	REFUSED_REVOKED,
	REFUSED_UNKNOWN,
};

static void reply_pkcs7(struct request *request, const char *pkcs7)
{
	struct http_reply *reply = &request->reply;

	buf_clear(&reply->body);
	if (buf_append_text(&reply->body, pkcs7) < 0) {
		request_unavailable(request, -ENOMEM);
		return;
	}
	reply->status = MHD_HTTP_OK;
	reply->type = "application/pkcs7-mime; smime-type=certs-only";
	http_reply_header(reply, "Content-Transfer-Encoding", "base64");
}

void enroll_cacerts(struct request *request)
{
	_cleanup_free_ char *pkcs7 = NULL;
	int r = ca_certs(request->service->ca, &pkcs7);

	if (r < 0)
		request_unavailable(request, r);
	else
		reply_pkcs7(request, pkcs7);
}

/* Whoever had it could tell of removals that nobody made. */
static int refuse_own_name(struct request *request)
{
	log_warning(request->service->log,
		    "Refused to enrol a terminal under the collector's id");
	http_reply_text(&request->reply, MHD_HTTP_FORBIDDEN,
			"this is the collector's own id");
	return -EACCES;
}

/* The body as a checked request; false: the reply says why not. */
static bool read_csr(struct request *request)
{
	struct enrolment *e = &request->enrolment;
	ssize_t n;
	int r;

	e->csr = malloc(LIMIT_CSR_BYTES);
	if (!e->csr) {
		request_overload(request);
		return false;
	}
	n = secret_from_base64(buf_text(&request->body), request->body.size,
			       e->csr, LIMIT_CSR_BYTES);
	e->csr_len = n > 0 ? (size_t)n : 0;
	r = n > 0 ? ca_read_request(e->csr, e->csr_len, &e->wanted)
		  : CA_REFUSED_SYNTAX;
	if (r < 0)
		request_unavailable(request, r);
	else if (r > 0)
		http_reply_text(&request->reply, MHD_HTTP_BAD_REQUEST,
				"the request is refused: %s",
				ca_refusal_to_str(r));
	else if (strcmp(e->wanted.ident.host, request->service->own.host) == 0)
		r = refuse_own_name(request);
	e->now_ms = (int64_t)(clock_wall_ns() / NS_PER_MS);
	return r == 0;
}

/* Signs and records. */
static int issue(struct request *request, struct store *store,
		 char ret_serial[CA_SERIAL_SIZE])
{
	struct enrolment *e = &request->enrolment;
	struct ca_issued issued = {0};
	int r;

	r = ca_sign_request(request->service->ca, e->csr, e->csr_len,
			    e->now_ms / 1000, &issued);
	if (r != 0)
		return r < 0 ? r : -EIO; /* it was accepted before */
	e->pkcs7 = issued.pkcs7;
	memcpy(ret_serial, issued.cert.serial, CA_SERIAL_SIZE);
	return store->ops->cert_add(store, &issued.cert, e->now_ms);
}

/*
 * An answer can be lost on its way, and with it the one use of a token. So what
 * a token gave to which key is kept, and the same key, proved by its request,
 * may have a certificate with that token again: until the token expires, and
 * while the certificate that it got is not revoked.
 */
static int make_use_key(const struct enrolment *e, char key[USE_KEY_SIZE])
{
	char token[2 * SECRET_HASH_BYTES + 1], hash[2 * SECRET_HASH_BYTES + 1];

	hex_encode(e->token, SECRET_HASH_BYTES, token);
	hex_encode(e->wanted.key_hash, SECRET_HASH_BYTES, hash);
	return snprintf(key, USE_KEY_SIZE, "enrol.%s.%s.%s", token, hash,
			e->wanted.ident.host) < (int)USE_KEY_SIZE
		       ? 0
		       : -EINVAL;
}

/* 1: this key has used the token; 0; -errno. */
static int has_used(const struct enrolment *e, struct store *store)
{
	_cleanup_free_ char *serial = NULL;
	struct store_cert_state state = {0};
	char key[USE_KEY_SIZE];
	int r = make_use_key(e, key);

	if (r == 0)
		r = store->ops->meta_get(store, key, &serial);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = store->ops->cert_state(store, serial, &state);
	return r < 0 ? r : state.is_known && !state.is_revoked;
}

static int use_token(struct request *request, struct store *store)
{
	const struct enrolment *e = &request->enrolment;
	char key[USE_KEY_SIZE], serial[CA_SERIAL_SIZE];
	int r = store->ops->token_use(store, e->token);

	if (r == 0)
		r = issue(request, store, serial);
	if (r == 0)
		r = make_use_key(e, key);
	return r < 0 ? r : store->ops->meta_set(store, key, serial);
}

static int note_conflict(struct request *request, struct store *store)
{
	const struct store_incident incident = {
		.kind = "enrol.conflict",
		.host = request->enrolment.wanted.ident.host,
		.stream = "",
		.detail = "another key asked for an enrolled terminal's name",
		.recv_ms = request->enrolment.now_ms,
	};
	int r = store->ops->put_incident(store, &incident);

	return r < 0 ? r : REFUSED_CONFLICT;
}

static int simple_run(struct job *job, struct store *store)
{
	struct request *request = (struct request *)job;
	struct enrolment *e = &request->enrolment;
	char serial[CA_SERIAL_SIZE];
	bool is_reenrol = false;
	int r;

	r = store->ops->token_find(store, e->token, e->now_ms, &is_reenrol);
	if (r == 0 || r == STORE_TOKEN_USED) {
		int used = has_used(e, store);

		if (used != 0)
			return used < 0 ? used : issue(request, store, serial);
	}
	if (r != 0)
		return r < 0 ? r : REFUSED_TOKEN;
	r = store->ops->cert_find_other(store, &e->wanted, e->now_ms);
	if (r < 0)
		return r;
	if (r > 0 && !is_reenrol)
		return note_conflict(request, store);

	/* The key it replaces is lost or stolen: it must not go on. */
	if (r > 0)
		r = store->ops->cert_revoke(store, e->wanted.ident.host,
					    e->wanted.key_hash, e->now_ms);
	return r < 0 ? r : use_token(request, store);
}

/*
 * Our CA signed it, but this store does not know of it: the store was put back
 * from a backup, or the CA's key was copied. What was revoked in between is
 * forgotten too, so no new certificate follows from it; an operator's token does.
 */
static int note_unknown(struct request *request, struct store *store)
{
	const struct store_incident incident = {
		.kind = "cert.unknown",
		.host = request->peer->cert.ident.host,
		.stream = "",
		.detail = "a certificate of this CA that the store does not "
			  "know tried to renew; a token lets it in again",
		.recv_ms = request->enrolment.now_ms,
	};
	int r = store->ops->put_incident(store, &incident);

	return r < 0 ? r : REFUSED_UNKNOWN;
}

static int again_run(struct job *job, struct store *store)
{
	struct request *request = (struct request *)job;
	struct store_cert_state state = {0};
	char serial[CA_SERIAL_SIZE];
	int r;

	r = store->ops->cert_state(store, request->peer->cert.serial, &state);
	if (r < 0)
		return r;
	if (!state.is_known)
		return note_unknown(request, store);
	return state.is_revoked ? REFUSED_REVOKED
				: issue(request, store, serial);
}

static void enroll_done(struct job *job, int r)
{
	struct request *request = (struct request *)job;
	const struct ident *ident = &request->enrolment.wanted.ident;

	switch (r) {
	case 0:
		reply_pkcs7(request, request->enrolment.pkcs7);
		atomic_fetch_add(&request->service->counters.enrolled, 1);
		log_info(request->service->log,
			 "Enrolled terminal '%s' of tenant '%s'", ident->host,
			 ident->tenant);
		break;
	case REFUSED_TOKEN:
		http_reply_text(&request->reply, MHD_HTTP_UNAUTHORIZED,
				"the enrolment token is unknown, used or"
				" expired");
		http_reply_header(&request->reply, "WWW-Authenticate",
				  "Basic realm=\"enrolment\"");
		break;
	case REFUSED_CONFLICT:
		log_warning(request->service->log,
			    "Refused another key for enrolled terminal '%s'",
			    ident->host);
		http_reply_text(&request->reply, MHD_HTTP_CONFLICT,
				"this terminal is enrolled with another key;"
				" a token made with --reenrol replaces it");
		break;
	case REFUSED_REVOKED:
		http_reply_text(&request->reply, MHD_HTTP_FORBIDDEN,
				"the certificate is revoked");
		break;
	case REFUSED_UNKNOWN:
		log_warning(request->service->log,
			    "Refused to renew a certificate of terminal '%s' "
			    "that the store does not know",
			    ident->host);
		http_reply_text(&request->reply, MHD_HTTP_FORBIDDEN,
				"the certificate is not known here (was the"
				" collector restored from a backup?); enrol"
				" again with a token");
		break;
	default:
		request_unavailable(request, r);
		break;
	}
	request_resume(request);
}

static void submit(struct request *request,
		   int (*run)(struct job *job, struct store *store))
{
	request->job =
		(struct job){.weight = 1, .run = run, .done = enroll_done};
	request_submit(request);
}

void enroll_simple(struct request *request)
{
	char user[HEADERS_BASIC_SIZE], password[HEADERS_BASIC_SIZE];
	int r;

	r = headers_parse_basic(http_header(request->connection,
					    "Authorization"),
				user, password);
	if (r < 0) {
		http_reply_text(&request->reply, MHD_HTTP_UNAUTHORIZED,
				"an enrolment token is needed");
		http_reply_header(&request->reply, "WWW-Authenticate",
				  "Basic realm=\"enrolment\"");
		return;
	}
	r = secret_hash(password, strlen(password), request->enrolment.token);
	explicit_bzero(password, sizeof(password));
	if (r < 0)
		request_unavailable(request, r);
	else if (read_csr(request))
		submit(request, simple_run);
}

void enroll_again(struct request *request)
{
	const struct ident *old = &request->peer->cert.ident;
	const struct ident *wanted = &request->enrolment.wanted.ident;

	if (!request_is_in_time(request, GRACE_S) || !read_csr(request))
		return;
	if (strcmp(old->host, wanted->host) != 0 ||
	    strcmp(old->tenant, wanted->tenant) != 0) {
		http_reply_text(&request->reply, MHD_HTTP_FORBIDDEN,
				"a certificate renews its own name only");
		return;
	}
	submit(request, again_run);
}
