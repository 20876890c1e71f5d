/* SPDX-License-Identifier: Apache-2.0 */
/* The authority: what it makes, what it refuses to sign, whom it believes. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/pkcs7.h>
#include <openssl/x509v3.h>

#include "agent/base/fd.h"
#include "collector/limits.h"
#include "collector/x509.h"
#include "tests/unit/collector/fixture.h"

#define GOOD_NAME "URI:urn:agent:999999:" FIXTURE_HOST
#define DAY_S	  86400

struct test {
	char *folder;
	int dirfd;
	struct ca *ca;
};

static const char *const HOSTS[] = {"collector.example.lg.jp", "192.0.2.1",
				    "2001:db8::1"};

static int set_up(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->folder = fixture_folder();
	t->dirfd = open(t->folder, O_RDONLY | O_DIRECTORY);
	assert_true(t->dirfd >= 0);
	assert_int_equal(ca_create(t->dirfd, "情報市", HOSTS, 3), 0);
	assert_int_equal(ca_load(t->dirfd, &t->ca), 0);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct test *t = *state;

	ca_free(t->ca);
	close(t->dirfd);
	fixture_remove(t->folder);
	free(t);
	return 0;
}

/* A request in DER; `san` NULL: none. */
static size_t make_request(EVP_PKEY *key, const char *san, uint8_t **ret_der)
{
	X509_REQ *req = X509_REQ_new();
	int len;

	assert_true(req && X509_REQ_set_pubkey(req, key));
	if (san) {
		STACK_OF(X509_EXTENSION) *exts = sk_X509_EXTENSION_new_null();
		X509_EXTENSION *ext = X509V3_EXT_nconf_nid(NULL, NULL,
							   NID_subject_alt_name,
							   san);

		assert_true(exts && ext && sk_X509_EXTENSION_push(exts, ext));
		assert_true(X509_REQ_add_extensions(req, exts));
		sk_X509_EXTENSION_pop_free(exts, X509_EXTENSION_free);
	}
	assert_true(X509_REQ_sign(req, key,
				  EVP_PKEY_get_id(key) == EVP_PKEY_ED25519
					  ? NULL
					  : EVP_sha256()));
	*ret_der = NULL;
	len = i2d_X509_REQ(req, ret_der);
	assert_true(len > 0);
	X509_REQ_free(req);
	return (size_t)len;
}

static int read_request(EVP_PKEY *key, const char *san)
{
	struct ca_cert cert = {.serial = "unchanged"};
	uint8_t *der;
	size_t len = make_request(key, san, &der);
	int r = ca_read_request(der, len, &cert);

	assert_string_equal(cert.serial, r == 0 ? "" : "unchanged");
	OPENSSL_free(der);
	return r;
}

static void the_authority_is_made_once_and_kept_private(void **state)
{
	struct test *t = *state;
	struct stat st;

	assert_int_equal(ca_create(t->dirfd, "x", HOSTS, 1), -EEXIST);
	assert_int_equal(fstatat(t->dirfd, "ca.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fstatat(t->dirfd, "server.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void only_names_and_addresses_are_hosts(void **state)
{
	static const char *const bad[] = {"",	   "a b",	 "a,DNS:b",
					  "URI:x", "-a",	 "*.example.jp",
					  "日本",  "email:copy", "a\nb"};
	char *folder = fixture_folder();
	int fd = open(folder, O_RDONLY | O_DIRECTORY);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct stat st;

		assert_int_equal(ca_create(fd, "x", &bad[i], 1), -EINVAL);
		assert_int_equal(fstatat(fd, "ca.key", &st, 0), -1);
	}
	close(fd);
	fixture_remove(folder);
}

static void a_pair_that_does_not_belong_together_is_refused(void **state)
{
	struct test *t = *state;
	struct ca *ca = NULL;
	char *key;
	size_t size;

	assert_int_equal(
		read_small_file(t->dirfd, "server.key", 9999, &key, &size), 0);
	assert_int_equal(write_atomic(t->dirfd, "ca.key", key, size, 0600), 0);
	assert_int_equal(ca_load(t->dirfd, &ca), -EBADMSG);
	assert_int_equal(write_atomic(t->dirfd, "ca.key", "x", 1, 0600), 0);
	assert_int_equal(ca_load(t->dirfd, &ca), -EBADMSG);
	assert_int_equal(unlinkat(t->dirfd, "ca.key", 0), 0);
	assert_int_equal(ca_load(t->dirfd, &ca), -ENOENT);
	assert_null(ca);
	free(key);
}

static X509 *load_server(struct test *t)
{
	X509 *cert;
	char *pem;
	size_t size;

	assert_int_equal(
		read_small_file(t->dirfd, "server.crt", 9999, &pem, &size), 0);
	assert_int_equal(x509_from_pem(pem, &cert), 0);
	free(pem);
	return cert;
}

static void the_server_is_renewed_in_time_with_its_names(void **state)
{
	struct test *t = *state;
	int64_t now_s = time(NULL);
	X509 *cert;

	assert_int_equal(ca_renew_server(t->ca, t->dirfd, now_s), 0);
	assert_int_equal(ca_renew_server(t->ca, t->dirfd,
					 now_s + (LIFE_SERVER_DAYS -
						  LIFE_SERVER_RENEW_DAYS + 1) *
							 DAY_S),
			 1);
	cert = load_server(t);
	assert_int_equal(X509_check_host(cert, HOSTS[0], 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(cert, HOSTS[1], 0), 1);
	assert_int_equal(X509_check_ip_asc(cert, HOSTS[2], 0), 1);
	assert_int_equal(X509_check_ip_asc(cert, "192.0.2.2", 0), 0);
	X509_free(cert);
}

static void requests_are_checked(void **state)
{
	EVP_PKEY *p256 = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384");
	EVP_PKEY *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	const struct {
		EVP_PKEY *key;
		const char *san;
		int refusal;
	} rows[] = {
		{p256, GOOD_NAME, 0},
		{ed, GOOD_NAME, 0},
		{p384, GOOD_NAME, CA_REFUSED_KEY},
		{rsa, GOOD_NAME, CA_REFUSED_KEY},
		{p256, NULL, CA_REFUSED_NAME},
		{p256, "DNS:a", CA_REFUSED_NAME},
		{p256, GOOD_NAME ",DNS:a", CA_REFUSED_NAME},
		{p256, GOOD_NAME ",URI:urn:agent:1:" FIXTURE_HOST,
		 CA_REFUSED_NAME},
		{p256, "URI:http://x/", CA_REFUSED_NAME},
		{p256, "URI:urn:agent:999999:0011", CA_REFUSED_NAME},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(read_request(rows[i].key, rows[i].san),
				 rows[i].refusal);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(ed);
	EVP_PKEY_free(rsa);
}

static void a_changed_request_is_refused(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct ca_cert cert;
	uint8_t *der;
	size_t len = make_request(key, GOOD_NAME, &der);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		der[i] ^= 1;
		assert_true(ca_read_request(der, len, &cert) > 0);
		der[i] ^= 1;
	}
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(ca_read_request(der, cut, &cert),
				 CA_REFUSED_SYNTAX);
	assert_int_equal(ca_read_request(der, len, &cert), 0);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

static X509 *sign(struct test *t, EVP_PKEY *key, int64_t now_s,
		  struct ca_issued *issued)
{
	uint8_t *der, p7_der[8192];
	size_t len = make_request(key, GOOD_NAME, &der);
	const unsigned char *at = p7_der;
	PKCS7 *p7;
	X509 *cert;
	ssize_t n;

	assert_int_equal(ca_sign_request(t->ca, der, len, now_s, issued), 0);
	OPENSSL_free(der);
	n = secret_from_base64(issued->pkcs7, strlen(issued->pkcs7), p7_der,
			       sizeof(p7_der));
	assert_true(n > 0);
	p7 = d2i_PKCS7(NULL, &at, n);
	assert_true(p7 && PKCS7_type_is_signed(p7));
	assert_int_equal(sk_X509_num(p7->d.sign->cert), 1);
	cert = X509_dup(sk_X509_value(p7->d.sign->cert, 0));
	PKCS7_free(p7);
	return cert;
}

static int check_client(struct ca *ca, X509 *cert, struct ca_cert *ret)
{
	unsigned char *der = NULL;
	int len = i2d_X509(cert, &der), r;

	assert_true(len > 0);
	r = ca_check_client(ca, der, (size_t)len, ret);
	OPENSSL_free(der);
	return r;
}

static void what_it_signed_it_believes(void **state)
{
	struct test *t = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct ca_issued issued = {0};
	struct ca_cert seen;
	X509 *cert = sign(t, key, 1000000, &issued);

	assert_int_equal(check_client(t->ca, cert, &seen), 0);
	assert_string_equal(seen.ident.host, FIXTURE_HOST);
	assert_string_equal(seen.ident.tenant, "999999");
	assert_string_equal(seen.serial, issued.cert.serial);
	assert_memory_equal(seen.key_hash, issued.cert.key_hash, 32);
	assert_int_equal(seen.not_after_s, 1000000 + LIFE_CLIENT_DAYS * DAY_S);
	assert_int_equal(seen.not_after_s, issued.cert.not_after_s);
	assert_int_equal(X509_check_ca(cert), 0);
	X509_free(cert);
	free(issued.pkcs7);
	EVP_PKEY_free(key);
}

static void whom_it_did_not_sign_it_does_not_believe(void **state)
{
	struct test *t = *state, *other = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct ca_issued issued = {0};
	struct ca_cert seen = {.serial = "unchanged"};
	X509 *cert;
	char *pem = NULL;

	assert_int_equal(set_up((void **)&other), 0);
	cert = sign(other, key, time(NULL), &issued);
	assert_int_equal(check_client(t->ca, cert, &seen), -EPERM);
	X509_free(cert);
	free(issued.pkcs7);

	cert = load_server(t); /* ours, but for servers */
	assert_int_equal(check_client(t->ca, cert, &seen), -EPERM);
	X509_free(cert);
	pem = strdup(ca_pem(t->ca));
	assert_int_equal(x509_from_pem(pem, &cert), 0);
	assert_int_equal(check_client(t->ca, cert, &seen), -EPERM);
	X509_free(cert);
	free(pem);
	assert_int_equal(ca_check_client(t->ca, (const uint8_t *)"x", 1, &seen),
			 -EPERM);
	assert_string_equal(seen.serial, "unchanged");
	tear_down((void **)&other);
	EVP_PKEY_free(key);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_authority_is_made_once_and_kept_private),
		cmocka_unit_test(only_names_and_addresses_are_hosts),
		TEST(a_pair_that_does_not_belong_together_is_refused),
		TEST(the_server_is_renewed_in_time_with_its_names),
		cmocka_unit_test(requests_are_checked),
		cmocka_unit_test(a_changed_request_is_refused),
		TEST(what_it_signed_it_believes),
		TEST(whom_it_did_not_sign_it_does_not_believe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
