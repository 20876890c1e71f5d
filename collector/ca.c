/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca: what is signed and what is believed. Names and lifetimes are ours, never
 * the requester's: of a request only its key and its one SAN URI are used.
 */
#include "collector/ca.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "agent/base/buf.h"
#include "agent/base/fd.h"
#include "collector/limits.h"
#include "collector/x509.h"

#include "agent/base/banned.h"

#define PEM_FILE_MAX 16384
#define DAY_S	     INT64_C(86400)
#define SAN_MAX	     ((size_t)CA_HOSTS_MAX * (CA_HOST_MAX + 8u))

/* Clocks of terminals may be behind ours. */
#define BACKDATE_S 3600

struct ca {
	EVP_PKEY *key;
	X509 *cert;
	X509_STORE *trust;
	char *pem;
	uint8_t pin[CA_PIN_BYTES];
};

DEFINE_CLEANUP(ca, struct ca *, ca_free);

void ca_free(struct ca *ca)
{
	if (!ca)
		return;
	X509_STORE_free(ca->trust);
	X509_free(ca->cert);
	EVP_PKEY_free(ca->key);
	free(ca->pem);
	free(ca);
}

static bool is_dns_name(const char *host)
{
	size_t len = strnlen(host, CA_HOST_MAX + 1);

	if (len == 0 || len > CA_HOST_MAX || host[0] == '-' || host[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((host[i] >= 'a' && host[i] <= 'z') ||
		      (host[i] >= 'A' && host[i] <= 'Z') ||
		      (host[i] >= '0' && host[i] <= '9') || host[i] == '-' ||
		      host[i] == '.'))
			return false;
	return true;
}

/* "DNS:a,IP:1.2.3.4": the text X509V3 wants; a comma cannot get in. */
static int format_san(const char *const *hosts, size_t count, struct buf *san)
{
	if (count == 0 || count > CA_HOSTS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		uint8_t address[16];
		bool is_ip = inet_pton(AF_INET, hosts[i], address) == 1 ||
			     inet_pton(AF_INET6, hosts[i], address) == 1;
		int r;

		if (!is_ip && !is_dns_name(hosts[i]))
			return -EINVAL;
		r = buf_printf(san, "%s%s:%s", i > 0 ? "," : "",
			       is_ip ? "IP" : "DNS", hosts[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int save_cert(int dirfd, const char *name, X509 *cert)
{
	_cleanup_free_ char *pem = NULL;
	int r = x509_to_pem(cert, &pem);

	if (r < 0)
		return r;
	return write_atomic(dirfd, name, pem, strlen(pem), 0644);
}

static int save_key(int dirfd, const char *name, EVP_PKEY *key)
{
	_cleanup_free_ char *pem = NULL;
	int r = x509_key_to_pem(key, &pem);

	if (r < 0)
		return r;
	r = write_atomic(dirfd, name, pem, strlen(pem), 0600);
	OPENSSL_cleanse(pem, strlen(pem));
	return r;
}

static int make_authority(const char *name, EVP_PKEY *key, X509 **ret_cert)
{
	int64_t now_s = (int64_t)time(NULL);
	const struct x509_spec spec = {
		.common_name = "Sekimori CA",
		.organisation = name,
		.key_usage = "critical,keyCertSign,cRLSign",
		.constraints = "critical,CA:TRUE,pathlen:0",
		.not_before_s = now_s - BACKDATE_S,
		.not_after_s = now_s + LIFE_CA_DAYS * DAY_S,
		.key = key,
	};

	return x509_make(&spec, NULL, key, ret_cert);
}

static int make_server(X509 *issuer, EVP_PKEY *issuer_key, EVP_PKEY *key,
		       const char *san, X509 **ret_cert)
{
	int64_t now_s = (int64_t)time(NULL);
	const struct x509_spec spec = {
		.common_name = "Sekimori collector",
		.san = san,
		.key_usage = "critical,digitalSignature",
		.extended_usage = "serverAuth",
		.constraints = "critical,CA:FALSE",
		.not_before_s = now_s - BACKDATE_S,
		.not_after_s = now_s + LIFE_SERVER_DAYS * DAY_S,
		.key = key,
	};

	return x509_make(&spec, issuer, issuer_key, ret_cert);
}

int ca_create(int dirfd, const char *name, const char *const *hosts,
	      size_t count)
{
	_cleanup_(cleanup_evp_pkey) EVP_PKEY *key = NULL, *server_key = NULL;
	_cleanup_(cleanup_x509) X509 *cert = NULL, *server = NULL;
	_cleanup_buf_ struct buf san = BUF_INIT(SAN_MAX);
	_cleanup_close_ int there = open_below(dirfd, "ca.key", O_PATH, 0);
	int r;

	if (there >= 0)
		return -EEXIST;
	r = format_san(hosts, count, &san);
	if (r < 0)
		return r;

	key = EVP_EC_gen("P-256");
	server_key = EVP_EC_gen("P-256");
	if (!key || !server_key)
		return -EIO;
	r = make_authority(name, key, &cert);
	if (r == 0)
		r = make_server(cert, key, server_key, buf_text(&san), &server);

	/* ca.key last: while it is absent, `init` may simply be repeated. */
	if (r == 0)
		r = save_key(dirfd, "server.key", server_key);
	if (r == 0)
		r = save_cert(dirfd, "server.crt", server);
	if (r == 0)
		r = save_cert(dirfd, "ca.crt", cert);
	if (r == 0)
		r = save_key(dirfd, "ca.key", key);
	return r;
}

static int load_text(int dirfd, const char *name, char **ret_text)
{
	size_t size;

	return read_small_file(dirfd, name, PEM_FILE_MAX, ret_text, &size);
}

/* Trusts this one certificate, for clients, whatever the time is. */
static int make_trust(struct ca *ca)
{
	ca->trust = X509_STORE_new();
	if (!ca->trust || !X509_STORE_add_cert(ca->trust, ca->cert) ||
	    !X509_STORE_set_purpose(ca->trust, X509_PURPOSE_SSL_CLIENT) ||
	    !X509_STORE_set_flags(ca->trust, X509_V_FLAG_NO_CHECK_TIME |
						     X509_V_FLAG_X509_STRICT))
		return -EIO;
	return 0;
}

int ca_load(int dirfd, struct ca **ret_ca)
{
	_cleanup_(cleanup_ca) struct ca *ca = calloc(1, sizeof(*ca));
	_cleanup_free_ char *key_pem = NULL;
	int r;

	if (!ca)
		return -ENOMEM;
	r = load_text(dirfd, "ca.key", &key_pem);
	if (r == 0)
		r = load_text(dirfd, "ca.crt", &ca->pem);
	if (r < 0)
		return r;

	r = x509_key_from_pem(key_pem, &ca->key);
	OPENSSL_cleanse(key_pem, strlen(key_pem));
	if (r == 0)
		r = x509_from_pem(ca->pem, &ca->cert);
	if (r == 0 && !X509_check_private_key(ca->cert, ca->key))
		r = -EBADMSG;
	if (r == 0)
		r = x509_key_hash(ca->key, ca->pin);
	if (r == 0)
		r = make_trust(ca);
	ERR_clear_error();
	if (r == 0)
		*ret_ca = TAKE_PTR(ca);
	return r;
}

void ca_pin(const struct ca *ca, uint8_t ret_pin[static CA_PIN_BYTES])
{
	memcpy(ret_pin, ca->pin, CA_PIN_BYTES);
}

const char *ca_pem(const struct ca *ca)
{
	return ca->pem;
}

/* One name of the old certificate as format_san() would have written it. */
static int append_general_name(const GENERAL_NAME *name, struct buf *san)
{
	const ASN1_STRING *value = NULL;
	char address[INET6_ADDRSTRLEN];
	int family;

	if (name->type == GEN_DNS) {
		value = name->d.dNSName;
		return buf_printf(san, "%sDNS:%.*s", san->size > 0 ? "," : "",
				  ASN1_STRING_length(value),
				  (const char *)ASN1_STRING_get0_data(value));
	}
	if (name->type != GEN_IPADD)
		return -EINVAL;
	value = name->d.iPAddress;
	family = ASN1_STRING_length(value) == 4 ? AF_INET : AF_INET6;
	if (!inet_ntop(family, ASN1_STRING_get0_data(value), address,
		       sizeof(address)))
		return -EINVAL;
	return buf_printf(san, "%sIP:%s", san->size > 0 ? "," : "", address);
}

static int read_server_names(X509 *cert, struct buf *san)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name,
						NULL, NULL);
	int r = names ? 0 : -EINVAL;

	for (int i = 0; r == 0 && i < sk_GENERAL_NAME_num(names); i++)
		r = append_general_name(sk_GENERAL_NAME_value(names, i), san);
	GENERAL_NAMES_free(names);
	return r;
}

int ca_renew_server(const struct ca *ca, int dirfd, int64_t now_s)
{
	_cleanup_(cleanup_x509) X509 *old = NULL, *cert = NULL;
	_cleanup_(cleanup_evp_pkey) EVP_PKEY *key = NULL;
	_cleanup_buf_ struct buf san = BUF_INIT(SAN_MAX);
	_cleanup_free_ char *pem = NULL, *key_pem = NULL;
	int64_t not_after_s = 0;
	int r;

	r = load_text(dirfd, "server.crt", &pem);
	if (r == 0)
		r = x509_from_pem(pem, &old);
	if (r == 0)
		r = x509_time(X509_get0_notAfter(old), &not_after_s);
	if (r < 0)
		return r;
	if (not_after_s - now_s > LIFE_SERVER_RENEW_DAYS * DAY_S)
		return 0;

	r = load_text(dirfd, "server.key", &key_pem);
	if (r == 0)
		r = x509_key_from_pem(key_pem, &key);
	if (r == 0)
		r = read_server_names(old, &san);
	if (r == 0)
		r = make_server(ca->cert, ca->key, key, buf_text(&san), &cert);
	if (r == 0)
		r = save_cert(dirfd, "server.crt", cert);
	return r < 0 ? r : 1;
}

const char *ca_refusal_to_str(int refusal)
{
	switch (refusal) {
	case CA_REFUSED_SYNTAX:
		return "not a PKCS#10 request";
	case CA_REFUSED_PROOF:
		return "the signature does not prove possession of the key";
	case CA_REFUSED_KEY:
		return "the key is neither ECDSA P-256 nor Ed25519";
	case CA_REFUSED_NAME:
		return "not exactly one SAN URI urn:agent:<tenant>:<host-id>";
	default:
		return "not refused";
	}
}

static int parse_request(const uint8_t *der, size_t len, X509_REQ **ret_req,
			 struct ca_cert *ret_cert)
{
	_cleanup_(cleanup_x509_req) X509_REQ *req = NULL;
	STACK_OF(X509_EXTENSION) * exts;
	const unsigned char *at = der;
	EVP_PKEY *key;
	int r;

	req = d2i_X509_REQ(NULL, &at, (long)len);
	if (!req || at != der + len)
		return CA_REFUSED_SYNTAX;
	key = X509_REQ_get0_pubkey(req);
	if (!key || !x509_is_key_allowed(key))
		return CA_REFUSED_KEY;
	if (X509_REQ_verify(req, key) != 1)
		return CA_REFUSED_PROOF;

	exts = X509_REQ_get_extensions(req);
	r = exts ? x509_read_ident(exts, &ret_cert->ident) : -ENOENT;
	sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	if (r < 0)
		return CA_REFUSED_NAME;
	r = x509_key_hash(key, ret_cert->key_hash);
	if (r < 0)
		return r;
	*ret_req = TAKE_PTR(req);
	return 0;
}

int ca_read_request(const uint8_t *der, size_t len, struct ca_cert *ret_cert)
{
	_cleanup_(cleanup_x509_req) X509_REQ *req = NULL;
	struct ca_cert cert = {0};
	int r = parse_request(der, len, &req, &cert);

	ERR_clear_error();
	if (r == 0)
		*ret_cert = cert;
	return r;
}

int ca_sign_request(const struct ca *ca, const uint8_t *der, size_t len,
		    int64_t now_s, struct ca_issued *ret_issued)
{
	_cleanup_(cleanup_x509_req) X509_REQ *req = NULL;
	_cleanup_(cleanup_x509) X509 *cert = NULL;
	char san[sizeof("URI:") + IDENT_URI_SIZE] = "URI:";
	struct ca_issued issued = {0};
	int r;

	r = parse_request(der, len, &req, &issued.cert);
	ERR_clear_error();
	if (r)
		return r;

	ident_format_uri(&issued.cert.ident, san + 4);
	issued.cert.not_before_s = now_s - BACKDATE_S;
	issued.cert.not_after_s = now_s + LIFE_CLIENT_DAYS * DAY_S;
	const struct x509_spec spec = {
		.common_name = issued.cert.ident.host,
		.san = san,
		.key_usage = "critical,digitalSignature",
		.extended_usage = "clientAuth",
		.constraints = "critical,CA:FALSE",
		.not_before_s = issued.cert.not_before_s,
		.not_after_s = issued.cert.not_after_s,
		.key = X509_REQ_get0_pubkey(req),
	};
	r = x509_make(&spec, ca->cert, ca->key, &cert);
	if (r == 0)
		r = x509_serial(cert, issued.cert.serial);
	if (r == 0)
		r = x509_to_pkcs7(cert, &issued.pkcs7);
	if (r == 0)
		*ret_issued = issued;
	return r;
}

int ca_certs(const struct ca *ca, char **ret_pkcs7)
{
	return x509_to_pkcs7(ca->cert, ret_pkcs7);
}

static bool is_signed_by(const struct ca *ca, X509 *cert)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool is_ok = ctx &&
		     X509_STORE_CTX_init(ctx, ca->trust, cert, NULL) == 1 &&
		     X509_verify_cert(ctx) == 1;

	X509_STORE_CTX_free(ctx);
	return is_ok;
}

static int read_client(const struct ca *ca, const uint8_t *der, size_t len,
		       struct ca_cert *cert)
{
	_cleanup_(cleanup_x509) X509 *x = NULL;
	const unsigned char *at = der;
	int r;

	x = d2i_X509(NULL, &at, (long)len);
	if (!x || at != der + len || !is_signed_by(ca, x))
		return -EPERM;
	/* The CA itself is trusted by the store, but it is nobody's terminal. */
	if (X509_cmp(x, ca->cert) == 0)
		return -EPERM;
	r = x509_read_ident(X509_get0_extensions(x), &cert->ident);
	if (r == 0)
		r = x509_serial(x, cert->serial);
	if (r == 0)
		r = x509_key_hash(X509_get0_pubkey(x), cert->key_hash);
	if (r == 0)
		r = x509_time(X509_get0_notBefore(x), &cert->not_before_s);
	if (r == 0)
		r = x509_time(X509_get0_notAfter(x), &cert->not_after_s);
	return r < 0 ? -EPERM : 0;
}

int ca_check_client(const struct ca *ca, const uint8_t *der, size_t len,
		    struct ca_cert *ret_cert)
{
	struct ca_cert cert = {0};
	int r = read_client(ca, der, len, &cert);

	ERR_clear_error();
	if (r == 0)
		*ret_cert = cert;
	return r;
}
