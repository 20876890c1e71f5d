/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL behind texts; every object is freed where it was made. */
#include "agent/ship/pki.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "agent/base/hex.h"
#include "agent/ship/limits.h"

#include "agent/base/banned.h"

DEFINE_CLEANUP(bio, BIO *, BIO_free_all);

/* Adaptors: DEFINE_CLEANUP wants an expression, these return void. */
static int free_key(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
	return 0;
}

static int free_request(X509_REQ *request)
{
	X509_REQ_free(request);
	return 0;
}

static int free_cert(X509 *cert)
{
	X509_free(cert);
	return 0;
}

static int free_pkcs7(PKCS7 *pkcs7)
{
	PKCS7_free(pkcs7);
	return 0;
}

DEFINE_CLEANUP(key, EVP_PKEY *, free_key);
DEFINE_CLEANUP(request, X509_REQ *, free_request);
DEFINE_CLEANUP(cert, X509 *, free_cert);
DEFINE_CLEANUP(pkcs7, PKCS7 *, free_pkcs7);

static int append_bio(BIO *bio, struct buf *out)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);

	return size > 0 ? buf_append(out, data, (size_t)size) : -EIO;
}

static EVP_PKEY *read_key(const char *pem)
{
	_cleanup_(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, -1);

	return bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
}

static X509 *read_cert(const char *pem)
{
	_cleanup_(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, -1);

	return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

int pki_new_key(struct buf *ret_pem)
{
	_cleanup_(cleanup_key)
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	_cleanup_(cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!key || !bio ||
	    PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL,
					  NULL) != 1)
		return -EIO;
	return append_bio(bio, ret_pem);
}

static int add_san(X509_REQ *request, const char *uri)
{
	char value[512];

	(void)snprintf(value, sizeof(value), "URI:%s", uri);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL,
						  NID_subject_alt_name, value);
	STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
	bool ok = san && list && sk_X509_EXTENSION_push(list, san) > 0;

	if (!ok)
		X509_EXTENSION_free(san); /* else the list owns it */
	ok = ok && X509_REQ_add_extensions(request, list) == 1;
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	return ok ? 0 : -EIO;
}

/* Base64 on one line, as RFC 8951 has it. */
static int append_base64(const uint8_t *data, size_t size, struct buf *out)
{
	size_t coded = 4 * ((size + 2) / 3);

	int r = buf_reserve(out, coded);
	if (r < 0)
		return r;
	(void)EVP_EncodeBlock((unsigned char *)out->data + out->size, data,
			      (int)size);
	out->size += coded;
	return 0;
}

int pki_request(const char *key_pem, const char *name, const char *uri,
		struct buf *ret_base64)
{
	_cleanup_(cleanup_key) EVP_PKEY *key = read_key(key_pem);
	_cleanup_(cleanup_request) X509_REQ *request = X509_REQ_new();
	unsigned char *der = NULL;

	if (!key)
		return -EBADMSG;
	if (!request || X509_REQ_set_version(request, 0) != 1 ||
	    X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN",
				       MBSTRING_UTF8,
				       (const unsigned char *)name, -1, -1,
				       0) != 1 ||
	    X509_REQ_set_pubkey(request, key) != 1 ||
	    add_san(request, uri) < 0 ||
	    X509_REQ_sign(request, key, EVP_sha256()) == 0)
		return -EIO;

	int size = i2d_X509_REQ(request, &der);
	if (size <= 0)
		return -EIO;
	int r = append_base64(der, (size_t)size, ret_base64);
	OPENSSL_free(der);
	return r;
}

/* Decodes base64 that may be broken into lines; text beyond it is refused. */
static PKCS7 *read_pkcs7(const char *base64, size_t size)
{
	_cleanup_free_ char *packed = malloc(size + 1);
	_cleanup_free_ unsigned char *der = malloc(size + 4);
	size_t length = 0;

	if (!packed || !der || size > ANSWER_BODY_MAX)
		return NULL;
	for (size_t i = 0; i < size; i++)
		if (!strchr(" \t\r\n", base64[i]))
			packed[length++] = base64[i];
	packed[length] = '\0';
	if (length == 0 || length % 4 != 0)
		return NULL;

	int der_size = EVP_DecodeBlock(der, (const unsigned char *)packed,
				       (int)length);
	if (der_size <= 0)
		return NULL;
	/* The padding decodes to zeros, which d2i leaves behind. */
	const unsigned char *at = der;
	return d2i_PKCS7(NULL, &at, der_size);
}

static STACK_OF(X509) * certs_of(PKCS7 *pkcs7)
{
	if (!pkcs7 || OBJ_obj2nid(pkcs7->type) != NID_pkcs7_signed ||
	    !pkcs7->d.sign)
		return NULL;
	return pkcs7->d.sign->cert;
}

static int append_cert(X509 *cert, struct buf *out)
{
	_cleanup_(cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || PEM_write_bio_X509(bio, cert) != 1)
		return -EIO;
	return append_bio(bio, out);
}

int pki_find_issued(const char *base64, size_t size, const char *key_pem,
		    struct buf *ret_pem)
{
	_cleanup_(cleanup_pkcs7) PKCS7 *pkcs7 = read_pkcs7(base64, size);
	_cleanup_(cleanup_key) EVP_PKEY *key = read_key(key_pem);
	STACK_OF(X509) *certs = certs_of(pkcs7);

	if (!key)
		return -EBADMSG;
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);

		if (X509_check_private_key(cert, key) == 1)
			return append_cert(cert, ret_pem);
	}
	return -EBADMSG;
}

static bool has_prefix(const uint8_t digest[PKI_DIGEST_SIZE], const char *pin)
{
	char text[HEX_SIZE(PKI_DIGEST_SIZE)];

	hex_encode(digest, PKI_DIGEST_SIZE, text);
	return strncmp(text, pin, strlen(pin)) == 0;
}

static bool is_pinned(X509 *cert, const char *pin)
{
	uint8_t digest[PKI_DIGEST_SIZE];
	unsigned char *spki = NULL;
	unsigned size = 0;

	if (X509_check_ca(cert) < 1)
		return false;
	if (X509_digest(cert, EVP_sha256(), digest, &size) == 1 &&
	    has_prefix(digest, pin))
		return true;

	int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
	bool ok = length > 0 &&
		  EVP_Digest(spki, (size_t)length, digest, NULL, EVP_sha256(),
			     NULL) == 1 &&
		  has_prefix(digest, pin);
	OPENSSL_free(spki);
	return ok;
}

int pki_find_ca(const char *base64, size_t size, const char *pin,
		struct buf *ret_pem)
{
	_cleanup_(cleanup_pkcs7) PKCS7 *pkcs7 = read_pkcs7(base64, size);
	STACK_OF(X509) *certs = certs_of(pkcs7);

	if (!certs)
		return -EBADMSG;
	for (int i = 0; i < sk_X509_num(certs); i++) {
		X509 *cert = sk_X509_value(certs, i);

		if (is_pinned(cert, pin))
			return append_cert(cert, ret_pem);
	}
	return -ENOKEY;
}

int pki_parse_pin(const char *text, char ret_pin[PKI_PIN_DIGITS_MAX + 1])
{
	char pin[PKI_PIN_DIGITS_MAX + 1];
	size_t length = 0;

	if (strncmp(text, "sha256:", 7) == 0)
		text += 7;
	for (; *text; text++) {
		char c = *text;

		if (strchr(":- ", c))
			continue;
		if (c >= 'A' && c <= 'F')
			c = (char)(c - 'A' + 'a');
		if (!strchr("0123456789abcdef", c) ||
		    length == PKI_PIN_DIGITS_MAX)
			return -EINVAL;
		pin[length++] = c;
	}
	if (length < PKI_PIN_DIGITS_MIN)
		return -EINVAL;
	pin[length] = '\0';
	memcpy(ret_pin, pin, length + 1);
	return 0;
}

static int unix_time(const ASN1_TIME *time, int64_t *ret_s)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return -EBADMSG;
	*ret_s = timegm(&tm);
	return 0;
}

int pki_check_pair(const char *cert_pem, const char *key_pem,
		   struct pki_life *ret_life)
{
	_cleanup_(cleanup_cert) X509 *cert = read_cert(cert_pem);
	_cleanup_(cleanup_key) EVP_PKEY *key = read_key(key_pem);
	struct pki_life life;

	if (!cert || !key || X509_check_private_key(cert, key) != 1 ||
	    unix_time(X509_get0_notBefore(cert), &life.not_before_s) < 0 ||
	    unix_time(X509_get0_notAfter(cert), &life.not_after_s) < 0)
		return -EBADMSG;
	*ret_life = life;
	return 0;
}

int pki_check_ca(const char *pem)
{
	_cleanup_(cleanup_cert) X509 *cert = read_cert(pem);

	return cert ? 0 : -EBADMSG;
}

static int copy_uri(const GENERAL_NAME *name, char ret_uri[PKI_URI_SIZE])
{
	if (name->type != GEN_URI)
		return -EBADMSG;

	const ASN1_STRING *text = name->d.uniformResourceIdentifier;
	int length = ASN1_STRING_length(text);
	const unsigned char *data = ASN1_STRING_get0_data(text);
	if (length <= 0 || length >= (int)PKI_URI_SIZE ||
	    memchr(data, '\0', (size_t)length))
		return -EBADMSG;
	memcpy(ret_uri, data, (size_t)length);
	ret_uri[length] = '\0';
	return 0;
}

int pki_read_uri(const char *cert_pem, char ret_uri[PKI_URI_SIZE])
{
	_cleanup_(cleanup_cert) X509 *cert = read_cert(cert_pem);
	int r = -EBADMSG;

	if (!cert)
		return r;
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name,
						NULL, NULL);
	if (names && sk_GENERAL_NAME_num(names) == 1)
		r = copy_uri(sk_GENERAL_NAME_value(names, 0), ret_uri);
	GENERAL_NAMES_free(names);
	return r;
}
