/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, certs-only answers, pins and pairs; and the sandbox. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/base/hex.h"
#include "agent/ship/identity.h"
#include "agent/ship/limits.h"
#include "agent/ship/pki.h"
#include "agent/ship/sandbox.h"

#define URI "urn:agent:999999:00112233445566778899aabbccddeeff"

static EVP_PKEY *key_of(const struct buf *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->size);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	assert_non_null(key);
	return key;
}

/* A certificate for `key`, signed by itself; a CA if `is_ca`. */
static X509 *make_cert(EVP_PKEY *key, const char *san, bool is_ca)
{
	X509 *cert = X509_new();
	X509_EXTENSION *extension;

	assert_int_equal(X509_set_version(cert, 2), 1);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 90 * 86400);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
				   MBSTRING_ASC, (const uint8_t *)"x", -1, -1,
				   0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_set_pubkey(cert, key);
	if (san) {
		extension = X509V3_EXT_conf_nid(NULL, NULL,
						NID_subject_alt_name, san);
		X509_add_ext(cert, extension, -1);
		X509_EXTENSION_free(extension);
	}
	if (is_ca) {
		extension = X509V3_EXT_conf_nid(NULL, NULL,
						NID_basic_constraints,
						"critical,CA:TRUE");
		X509_add_ext(cert, extension, -1);
		X509_EXTENSION_free(extension);
	}
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

/* certs-only PKCS#7 in base64, broken into lines as some servers do. */
static char *pkcs7_of(X509 *cert)
{
	PKCS7 *pkcs7 = PKCS7_new();
	unsigned char *der = NULL;

	PKCS7_set_type(pkcs7, NID_pkcs7_signed);
	PKCS7_content_new(pkcs7, NID_pkcs7_data);
	PKCS7_set_detached(pkcs7, 1);
	PKCS7_add_certificate(pkcs7, cert);
	int size = i2d_PKCS7(pkcs7, &der);
	assert_true(size > 0);

	EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
	char *text = calloc(1, (size_t)size * 2 + 100);
	int used = 0, more = 0;
	EVP_EncodeInit(context);
	EVP_EncodeUpdate(context, (unsigned char *)text, &used, der, size);
	EVP_EncodeFinal(context, (unsigned char *)text + used, &more);
	EVP_ENCODE_CTX_free(context);
	OPENSSL_free(der);
	PKCS7_free(pkcs7);
	return text;
}

static void a_request_proves_the_key_and_names_the_terminal(void **state)
{
	_cleanup_buf_ struct buf key = BUF_INIT(PEM_FILE_MAX);
	_cleanup_buf_ struct buf csr = BUF_INIT(PEM_FILE_MAX);
	unsigned char der[4096];

	(void)state;
	assert_int_equal(pki_new_key(&key), 0);
	assert_int_equal(pki_request(buf_text(&key), "host", URI, &csr), 0);
	assert_null(strchr(buf_text(&csr), '\n'));
	int size = EVP_DecodeBlock(der, (const uint8_t *)csr.data,
				   (int)csr.size);
	const unsigned char *at = der;
	X509_REQ *request = d2i_X509_REQ(NULL, &at, size);
	assert_non_null(request);
	assert_int_equal(
		X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 1);
	GENERAL_NAMES *names = X509V3_get_d2i(extensions, NID_subject_alt_name,
					      NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 1);
	const ASN1_STRING *uri =
		sk_GENERAL_NAME_value(names, 0)->d.uniformResourceIdentifier;
	assert_int_equal(ASN1_STRING_length(uri), strlen(URI));
	assert_memory_equal(ASN1_STRING_get0_data(uri), URI, strlen(URI));
	assert_int_equal(pki_request("no key", "host", URI, &csr), -EBADMSG);
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(request);
}

static void the_answer_must_hold_a_certificate_of_our_key(void **state)
{
	_cleanup_buf_ struct buf mine = BUF_INIT(PEM_FILE_MAX);
	_cleanup_buf_ struct buf other = BUF_INIT(PEM_FILE_MAX);
	_cleanup_buf_ struct buf cert = BUF_INIT(PEM_FILE_MAX);
	struct pki_life life;
	char uri[PKI_URI_SIZE];

	(void)state;
	assert_int_equal(pki_new_key(&mine), 0);
	assert_int_equal(pki_new_key(&other), 0);
	EVP_PKEY *key = key_of(&mine);
	X509 *x509 = make_cert(key, "URI:" URI, false);
	char *text = pkcs7_of(x509);

	assert_int_equal(pki_find_issued(text, strlen(text), buf_text(&other),
					 &cert),
			 -EBADMSG);
	assert_int_equal(cert.size, 0);
	assert_int_equal(
		pki_find_issued(text, strlen(text), buf_text(&mine), &cert), 0);
	assert_int_equal(
		pki_check_pair(buf_text(&cert), buf_text(&mine), &life), 0);
	assert_int_equal(life.not_after_s - life.not_before_s,
			 90 * 86400 + 3600);
	assert_int_equal(pki_check_pair(buf_text(&cert), buf_text(&other),
					&life),
			 -EBADMSG);
	assert_int_equal(pki_read_uri(buf_text(&cert), uri), 0);
	assert_string_equal(uri, URI);

	/* Nonsense, cut at every length. */
	for (size_t cut = 0; cut + 8 < strlen(text); cut += 5)
		assert_int_equal(pki_find_issued(text, cut, buf_text(&mine),
						 &cert),
				 -EBADMSG);
	assert_int_equal(pki_find_issued("<html>", 6, buf_text(&mine), &cert),
			 -EBADMSG);
	free(text);
	X509_free(x509);
	EVP_PKEY_free(key);
}

static void the_ca_must_have_the_pinned_digest(void **state)
{
	_cleanup_buf_ struct buf pem = BUF_INIT(PEM_FILE_MAX);
	_cleanup_buf_ struct buf found = BUF_INIT(PEM_FILE_MAX);
	uint8_t digest[32];
	char pin[HEX_SIZE(32)];
	unsigned char *spki = NULL;

	(void)state;
	assert_int_equal(pki_new_key(&pem), 0);
	EVP_PKEY *key = key_of(&pem);
	X509 *ca = make_cert(key, NULL, true);
	char *text = pkcs7_of(ca);

	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca), &spki);
	EVP_Digest(spki, (size_t)size, digest, NULL, EVP_sha256(), NULL);
	hex_encode(digest, 32, pin);
	assert_int_equal(pki_find_ca(text, strlen(text), pin, &found), 0);
	assert_int_equal(pki_check_ca(buf_text(&found)), 0);
	pin[20] = '\0'; /* cut to 80 bits */
	assert_int_equal(pki_find_ca(text, strlen(text), pin, &found), 0);
	pin[19] ^= 1;
	assert_int_equal(pki_find_ca(text, strlen(text), pin, &found), -ENOKEY);
	X509_digest(ca, EVP_sha256(), digest, NULL);
	hex_encode(digest, 32, pin);
	assert_int_equal(pki_find_ca(text, strlen(text), pin, &found), 0);
	free(text);

	/* The right key, but not a CA. */
	X509 *leaf = make_cert(key, NULL, false);
	text = pkcs7_of(leaf);
	X509_digest(leaf, EVP_sha256(), digest, NULL);
	hex_encode(digest, 32, pin);
	buf_clear(&found);
	/* A self-signed v3 certificate without constraints is none. */
	assert_int_equal(pki_find_ca(text, strlen(text), pin, &found), -ENOKEY);
	free(text);
	OPENSSL_free(spki);
	X509_free(leaf);
	X509_free(ca);
	EVP_PKEY_free(key);
}

static void pins_are_normalised_or_refused(void **state)
{
	char pin[PKI_PIN_DIGITS_MAX + 1] = "unchanged";
	char longest[PKI_PIN_DIGITS_MAX + 2];
	const char *const bad[] = {"", "sha256:", "0123456789abcdef012",
				   "0123456789abcdef0123x", longest};

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[PKI_PIN_DIGITS_MAX + 1] = '\0';
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(pki_parse_pin(bad[i], pin), -EINVAL);
	assert_string_equal(pin, "unchanged");
	assert_int_equal(pki_parse_pin("sha256:01:23:45:67-89AB cdef0123", pin),
			 0);
	assert_string_equal(pin, "0123456789abcdef0123");
}

static void only_an_uri_alone_names_a_terminal(void **state)
{
	_cleanup_buf_ struct buf pem = BUF_INIT(PEM_FILE_MAX);
	const char *const names[] = {"DNS:a", "URI:" URI ",DNS:a", NULL};
	char uri[PKI_URI_SIZE];

	(void)state;
	assert_int_equal(pki_new_key(&pem), 0);
	EVP_PKEY *key = key_of(&pem);
	for (size_t i = 0; i < 3; i++) {
		X509 *cert = make_cert(key, names[i], false);
		BIO *bio = BIO_new(BIO_s_mem());
		char *data = NULL;
		char text[4096];

		PEM_write_bio_X509(bio, cert);
		long size = BIO_get_mem_data(bio, &data);
		(void)snprintf(text, sizeof(text), "%.*s", (int)size, data);
		assert_int_equal(pki_read_uri(text, uri), -EBADMSG);
		BIO_free(bio);
		X509_free(cert);
	}
	assert_int_equal(pki_read_uri("no certificate", uri), -EBADMSG);
	EVP_PKEY_free(key);
}

static void renewal_is_due_at_two_thirds_and_names_are_compared(void **state)
{
	struct identity identity = {.uri = URI, .life = {1000, 1000 + 90}};

	(void)state;
	assert_int_equal(identity_renew_at_s(&identity), 1060);
	assert_true(
		identity_is_of(&identity, "00112233445566778899aabbccddeeff"));
	assert_false(
		identity_is_of(&identity, "ffffffffffffffffffffffffffffffff"));
	identity.uri[0] = '\0';
	assert_false(identity_is_of(&identity, ""));
}

/* In the child: enters and tries; the exit status says what was possible. */
static int try_sandbox(int state_fd)
{
	struct sandbox_result result = {0};

	if (sandbox_enter(state_fd, &result) < 0)
		return 10;
	if (write_atomic(state_fd, "cursor", "x", 1, 0644) < 0)
		return 11;
	if (result.has_landlock) {
		if (open("/tmp/sandbox-outside", O_WRONLY | O_CREAT, 0600) >=
			    0 ||
		    errno != EACCES)
			return 12;
		if (mkdirat(state_fd, "sub", 0700) == 0)
			return 13;
	}
	execl("/bin/true", "true", (char *)NULL);
	if (errno != EPERM && errno != EACCES)
		return 14;
	/* Harmless and free for all, but on the list. */
	if (unshare(CLONE_FILES) == 0 || errno != EPERM)
		return 17;
	if (socket(AF_INET, SOCK_STREAM, 0) < 0)
		return 15; /* its work must still be possible */
	int fd = open("/etc/hostname", O_RDONLY);
	if (fd < 0 && errno == EACCES)
		return 16;
	return result.has_landlock ? 0 : 1;
}

static void the_sandbox_leaves_only_its_own_directory(void **state)
{
	char path[] = "/tmp/sandbox-XXXXXX";
	int status = 0;

	(void)state;
	assert_non_null(mkdtemp(path));
	int state_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t child = fork();
	if (child == 0)
		_exit(try_sandbox(state_fd));
	assert_int_equal(waitpid(child, &status, 0), child);
	(void)unlinkat(state_fd, "cursor", 0);
	(void)unlinkat(state_fd, "sub", AT_REMOVEDIR);
	(void)close(state_fd);
	(void)rmdir(path);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 1) {
		print_message("no Landlock in this kernel\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_request_proves_the_key_and_names_the_terminal),
		cmocka_unit_test(the_answer_must_hold_a_certificate_of_our_key),
		cmocka_unit_test(the_ca_must_have_the_pinned_digest),
		cmocka_unit_test(pins_are_normalised_or_refused),
		cmocka_unit_test(only_an_uri_alone_names_a_terminal),
		cmocka_unit_test(
			renewal_is_due_at_two_thirds_and_names_are_compared),
		cmocka_unit_test(the_sandbox_leaves_only_its_own_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
