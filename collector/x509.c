/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509: thin functions over OpenSSL 3. Each leaves the library's error queue
 * empty, so that an old entry is never taken for a new failure.
 */
#include "collector/x509.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "agent/base/hex.h"
#include "collector/secret.h"

#include "agent/base/banned.h"

DEFINE_CLEANUP(bio, BIO *, BIO_free_all);
DEFINE_CLEANUP(bignum, BIGNUM *, BN_free);
DEFINE_CLEANUP(pkcs7, PKCS7 *, PKCS7_free);

#define SERIAL_BITS 127 /* positive in DER, 16 octets */

static int set_serial(X509 *cert)
{
	_cleanup_(cleanup_bignum) BIGNUM *serial = BN_new();

	/* The top bit set: fixed length, never zero. */
	if (!serial ||
	    !BN_rand(serial, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY))
		return -EIO;
	return BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) ? 0
								       : -EIO;
}

static int add_name(X509_NAME *name, const char *field, const char *text)
{
	if (!text)
		return 0;
	return X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
					  (const unsigned char *)text, -1, -1,
					  0)
		       ? 0
		       : -EIO;
}

static int add_extension(X509 *cert, X509V3_CTX *ctx, int nid,
			 const char *value)
{
	X509_EXTENSION *ext;
	int ok;

	if (!value)
		return 0;
	ext = X509V3_EXT_nconf_nid(NULL, ctx, nid, value);
	if (!ext)
		return -EIO;
	ok = X509_add_ext(cert, ext, -1);
	X509_EXTENSION_free(ext);
	return ok ? 0 : -EIO;
}

static int add_extensions(X509 *cert, X509 *issuer,
			  const struct x509_spec *spec)
{
	X509V3_CTX ctx;
	int r;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	r = add_extension(cert, &ctx, NID_basic_constraints, spec->constraints);
	if (r == 0)
		r = add_extension(cert, &ctx, NID_key_usage, spec->key_usage);
	if (r == 0)
		r = add_extension(cert, &ctx, NID_ext_key_usage,
				  spec->extended_usage);
	if (r == 0)
		r = add_extension(cert, &ctx, NID_subject_alt_name, spec->san);
	if (r == 0)
		r = add_extension(cert, &ctx, NID_subject_key_identifier,
				  "hash");
	if (r == 0)
		r = add_extension(cert, &ctx, NID_authority_key_identifier,
				  "keyid");
	return r;
}

static int fill(X509 *cert, const struct x509_spec *spec, X509 *issuer)
{
	X509_NAME *name = X509_get_subject_name(cert);
	int r;

	if (!X509_set_version(cert, X509_VERSION_3) ||
	    !ASN1_TIME_set(X509_getm_notBefore(cert),
			   (time_t)spec->not_before_s) ||
	    !ASN1_TIME_set(X509_getm_notAfter(cert),
			   (time_t)spec->not_after_s) ||
	    !X509_set_pubkey(cert, spec->key))
		return -EIO;
	r = set_serial(cert);
	if (r == 0)
		r = add_name(name, "O", spec->organisation);
	if (r == 0)
		r = add_name(name, "CN", spec->common_name);
	if (r < 0)
		return r;
	if (!X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer)
					       : name))
		return -EIO;
	return add_extensions(cert, issuer ? issuer : cert, spec);
}

int x509_make(const struct x509_spec *spec, X509 *issuer, EVP_PKEY *issuer_key,
	      X509 **ret_cert)
{
	_cleanup_(cleanup_x509) X509 *cert = X509_new();
	int r = cert ? fill(cert, spec, issuer) : -EIO;

	if (r == 0 && !X509_sign(cert, issuer_key, EVP_sha256()))
		r = -EIO;
	ERR_clear_error();
	if (r == 0)
		*ret_cert = TAKE_PTR(cert);
	return r;
}

static int bio_to_text(BIO *bio, char **ret_text)
{
	char *data = NULL, *text;
	long len = BIO_get_mem_data(bio, &data);

	if (len <= 0)
		return -ENOMEM;
	text = strndup(data, (size_t)len);
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

int x509_to_pem(X509 *cert, char **ret_pem)
{
	_cleanup_(cleanup_bio) BIO *bio = BIO_new(BIO_s_mem());

	if (!bio || !PEM_write_bio_X509(bio, cert))
		return -ENOMEM;
	return bio_to_text(bio, ret_pem);
}

int x509_key_to_pem(EVP_PKEY *key, char **ret_pem)
{
	_cleanup_(cleanup_bio) BIO *bio = BIO_new(BIO_s_secmem());

	if (!bio ||
	    !PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return -ENOMEM;
	return bio_to_text(bio, ret_pem);
}

/* Instead of OpenSSL's own, which would ask on the terminal. */
static int no_passphrase(char *buf, int size, int rwflag, void *user)
{
	(void)buf, (void)size, (void)rwflag, (void)user; /* there is none */
	return -1;
}

int x509_from_pem(const char *pem, X509 **ret_cert)
{
	_cleanup_(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)
			 : NULL;

	ERR_clear_error();
	if (!cert)
		return -EBADMSG;
	*ret_cert = cert;
	return 0;
}

int x509_key_from_pem(const char *pem, EVP_PKEY **ret_key)
{
	_cleanup_(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase,
						      NULL)
			    : NULL;

	ERR_clear_error();
	if (!key)
		return -EBADMSG;
	*ret_key = key;
	return 0;
}

int x509_to_pkcs7(X509 *cert, char **ret_base64)
{
	_cleanup_(cleanup_pkcs7) PKCS7 *p7 = PKCS7_new();
	unsigned char *der = NULL;
	int len, r = -EIO;

	if (!p7 || !PKCS7_set_type(p7, NID_pkcs7_signed) ||
	    !PKCS7_content_new(p7, NID_pkcs7_data) ||
	    !PKCS7_set_detached(p7, 1) || !PKCS7_add_certificate(p7, cert))
		goto out;
	len = i2d_PKCS7(p7, &der);
	if (len > 0)
		r = secret_to_base64(der, (size_t)len, ret_base64);
	OPENSSL_free(der);
out:
	ERR_clear_error();
	return r;
}

int x509_read_ident(const STACK_OF(X509_EXTENSION) * exts,
		    struct ident *ret_ident)
{
	const GENERAL_NAME *name;
	GENERAL_NAMES *names;
	int r = -EINVAL, critical = 0;

	names = X509V3_get_d2i(exts, NID_subject_alt_name, &critical, NULL);
	ERR_clear_error();
	if (!names)
		return critical == -1 ? -ENOENT : -EINVAL;
	name = sk_GENERAL_NAME_num(names) == 1 ? sk_GENERAL_NAME_value(names, 0)
					       : NULL;
	if (name && name->type == GEN_URI) {
		const ASN1_IA5STRING *uri = name->d.uniformResourceIdentifier;

		r = ident_parse_uri((const char *)ASN1_STRING_get0_data(uri),
				    (size_t)ASN1_STRING_length(uri), ret_ident);
	}
	GENERAL_NAMES_free(names);
	return r;
}

int x509_key_hash(EVP_PKEY *key, uint8_t ret_hash[static 32])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der), r;

	ERR_clear_error();
	if (len <= 0)
		return -EIO;
	r = secret_hash(der, (size_t)len, ret_hash);
	OPENSSL_free(der);
	return r;
}

bool x509_is_key_allowed(EVP_PKEY *key)
{
	char group[32] = "";
	size_t len = 0;

	if (EVP_PKEY_get_id(key) == EVP_PKEY_ED25519)
		return true;
	if (EVP_PKEY_get_id(key) != EVP_PKEY_EC)
		return false;
	/* A curve written out in parameters has no name and is refused. */
	if (!EVP_PKEY_get_group_name(key, group, sizeof(group), &len)) {
		ERR_clear_error();
		return false;
	}
	return strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0;
}

int x509_time(const ASN1_TIME *time, int64_t *ret_s)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm))
		return -EINVAL;
	*ret_s = (int64_t)timegm(&tm);
	return 0;
}

int x509_serial(X509 *cert, char ret_serial[static CA_SERIAL_SIZE])
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);
	int len = ASN1_STRING_length(serial);

	if (len < 1 || len > (int)(CA_SERIAL_SIZE - 1) / 2 ||
	    ASN1_STRING_type(serial) != V_ASN1_INTEGER)
		return -EINVAL;
	hex_encode(ASN1_STRING_get0_data(serial), (size_t)len, ret_serial);
	return 0;
}
