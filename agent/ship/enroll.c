/* SPDX-License-Identifier: Apache-2.0 */
/*
 * First enrolment is somebody at the keyboard: each thing that can be wrong has
 * its own line. Nothing is stored until the whole answer has been checked.
 */
#include "agent/ship/enroll.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/base/cleanup.h"
#include "agent/base/fd.h"
#include "agent/ship/http.h"

#include "agent/base/banned.h"

#define EST_PATH     "/.well-known/est/"
#define EST_USER     "agent"
#define TOKEN_MAX    128u
#define CSR_TYPE     "application/pkcs10"
#define CSR_TRANSFER "Content-Transfer-Encoding: base64"

static const char *const csr_headers[] = {CSR_TRANSFER, NULL};

DEFINE_CLEANUP(http, struct http *, http_free);

struct enrolment {
	const struct enroll_options *options;
	const struct log *log;
	int root_fd;
	int state_fd;
	struct settings settings;
	char collector[COLLECTOR_MAX + 1];
	char token[TOKEN_MAX + 1];
	char pin[PKI_PIN_DIGITS_MAX + 1]; /* "" = none */
	char host_id[HEX_SIZE(FRAME_ID_SIZE)];
	struct buf ca;
	struct buf key;
	struct buf cert;
};

/* One exchange; says on the log what went wrong. 0 or -errno. */
static int exchange(const struct enrolment *e, bool with_ca,
		    const struct http_request *request,
		    struct http_response *response)
{
	const struct http_config config = {
		.base_url = e->collector,
		.proxy = e->settings.proxy,
		.ca_pem = with_ca ? buf_text(&e->ca) : NULL,
		.timeout_s = e->settings.request_timeout_s,
	};
	_cleanup_(cleanup_http) struct http *http = NULL;

	int r = http_new(&config, &http);
	if (r == 0)
		r = http_send(http, request, response);
	if (r < 0) {
		log_error(e->log, "Cannot ask '%s': %s", e->collector,
			  errno_text(r));
		return r;
	}
	if (response->status == 0) {
		log_error(e->log, "No answer from '%s': %s", e->collector,
			  response->error);
		return -EAGAIN;
	}
	if (response->status != 200) {
		log_error(e->log, "'%s' answers %ld: %.200s", e->collector,
			  response->status, buf_text(&response->body));
		return -EACCES;
	}
	return 0;
}

/* A file the administrator names; read before root is given up. */
static int read_ca_file(struct enrolment *e)
{
	_cleanup_free_ char *text = NULL;
	const char *path = e->options->ca_file;

	int r = read_small_file(AT_FDCWD, path, PEM_FILE_MAX, &text, NULL);
	if (r == 0)
		r = pki_check_ca(text);
	if (r < 0) {
		log_error(e->log, "CA file '%s': %s", path, errno_text(r));
		return r;
	}
	return buf_append_text(&e->ca, text);
}

/* The CA by its pin: fetched without trust, believed for its digest. */
static int fetch_ca(struct enrolment *e)
{
	struct http_response response = {0};
	const struct http_request request = {.path = EST_PATH "cacerts"};

	int r = exchange(e, false, &request, &response);
	if (r == 0) {
		r = pki_find_ca(buf_text(&response.body), response.body.size,
				e->pin, &e->ca);
		if (r == -ENOKEY)
			log_error(e->log,
				  "The CA of '%s' is not the one with the pin "
				  "'%s': wrong address, or somebody in between",
				  e->collector, e->pin);
		else if (r < 0)
			log_error(e->log, "'%s' sends no CA certificate",
				  e->collector);
	}
	http_response_fini(&response);
	return r;
}

/* The key of an earlier try, so that its certificate is not an impostor's. */
static int find_key(struct enrolment *e)
{
	_cleanup_free_ char *text = NULL;

	int r = read_small_file(e->state_fd, IDENTITY_KEY, PEM_FILE_MAX, &text,
				NULL);
	if (r == 0)
		return buf_append_text(&e->key, text);
	return r == -ENOENT ? pki_new_key(&e->key) : r;
}

static int request_cert(struct enrolment *e)
{
	_cleanup_buf_ struct buf csr = BUF_INIT(PEM_FILE_MAX);
	char login[sizeof(EST_USER) + 1 + TOKEN_MAX];
	struct http_response response = {0};
	char uri[PKI_URI_SIZE];

	(void)snprintf(uri, sizeof(uri), "urn:agent:%s:%s", e->settings.tenant,
		       e->host_id);
	(void)snprintf(login, sizeof(login), EST_USER ":%s", e->token);
	int r = pki_request(buf_text(&e->key), e->host_id, uri, &csr);
	if (r < 0) {
		log_error(e->log, "Cannot make a certificate request: %s",
			  errno_text(r));
		return r;
	}

	const struct http_request request = {
		.path = EST_PATH "simpleenroll",
		.content_type = CSR_TYPE,
		.user_password = login,
		.body = span_of(csr.data, csr.size),
		.headers = csr_headers,
	};
	r = exchange(e, true, &request, &response);
	explicit_bzero(login, sizeof(login));
	if (r == 0) {
		r = pki_find_issued(buf_text(&response.body),
				    response.body.size, buf_text(&e->key),
				    &e->cert);
		if (r < 0)
			log_error(e->log,
				  "'%s' sends no certificate for our key",
				  e->collector);
	}
	http_response_fini(&response);
	return r;
}

/* The certificate last: it is what `run` waits for. */
static int store(const struct enrolment *e)
{
	int r = write_atomic(e->state_fd, IDENTITY_KEY, buf_text(&e->key),
			     e->key.size, 0600);
	if (r == 0)
		r = write_atomic(e->state_fd, IDENTITY_CA, buf_text(&e->ca),
				 e->ca.size, 0644);
	if (r == 0)
		r = write_atomic(e->state_fd, IDENTITY_CERT, buf_text(&e->cert),
				 e->cert.size, 0644);
	if (r < 0)
		log_error(e->log, "Cannot write to '/%s': %s", STATE_PATH,
			  errno_text(r));
	return r;
}

/* Everything that speaks with the network, as whoever we now are. */
static int obtain(struct enrolment *e)
{
	int r = http_global_init();

	if (r == 0 && !e->options->ca_file)
		r = fetch_ca(e);
	if (r == 0)
		r = find_key(e);
	if (r == 0)
		r = request_cert(e);
	return r == 0 ? store(e) : r;
}

/* For good: root's groups, then group, then user. */
static int become_owner(int state_fd)
{
	struct stat status;

	if (fstat(state_fd, &status) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(status.st_gid, status.st_gid, status.st_gid) < 0 ||
	    setresuid(status.st_uid, status.st_uid, status.st_uid) < 0)
		return -errno;
	return 0;
}

static int obtain_as_owner(struct enrolment *e)
{
	int status = 0;

	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child == 0) {
		int r = become_owner(e->state_fd);

		if (r < 0)
			log_error(e->log, "Cannot give up root: %s",
				  errno_text(r));
		else
			r = obtain(e);
		_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECANCELED;
}

/* "TOKEN" or "TOKEN.PIN". */
static int split_token(struct enrolment *e)
{
	const char *token = e->options->token;
	const char *dot = strchrnul(token, '.');
	size_t length = (size_t)(dot - token);

	if (length == 0 || length > TOKEN_MAX || strchr(token, ':')) {
		log_error(e->log, "The token is not one of "
				  "'sekimori-collector token'");
		return -EINVAL;
	}
	memcpy(e->token, token, length);
	e->token[length] = '\0';

	const char *pin = e->options->pin ? e->options->pin
			  : *dot	  ? dot + 1
					  : NULL;
	if (pin && pki_parse_pin(pin, e->pin) < 0) {
		log_error(e->log, "The CA's pin is %u to %u hexadecimal digits",
			  PKI_PIN_DIGITS_MIN, PKI_PIN_DIGITS_MAX);
		return -EINVAL;
	}
	if (!pin && !e->options->ca_file) {
		log_error(e->log, "Whom to trust? Give a token with a pin, "
				  "--ca-sha256 or --ca-file");
		return -EINVAL;
	}
	return 0;
}

static int prepare(struct enrolment *e)
{
	const char *tenant = e->options->tenant;
	char error[CONF_ERROR_MAX];

	if (settings_check_collector(e->options->collector, e->collector) < 0) {
		log_error(e->log, "'%s' is not https://HOST[:PORT]",
			  e->options->collector);
		return -EINVAL;
	}
	int r = settings_load(e->root_fd, &e->settings, error);
	if (r < 0) {
		log_error(e->log, "%s", error);
		return r;
	}
	if (tenant) {
		if (!settings_is_tenant(tenant)) {
			log_error(e->log, "'%s' is not a tenant", tenant);
			return -EINVAL;
		}
		(void)snprintf(e->settings.tenant, sizeof(e->settings.tenant),
			       "%s", tenant);
	}
	r = identity_host_id(e->root_fd, e->host_id);
	if (r < 0) {
		log_error(e->log, "'/%s': %s (start sekimorid first)",
			  TERMINAL_PATH, errno_text(r));
		return r;
	}
	e->state_fd = open_below(e->root_fd, STATE_PATH, O_RDONLY | O_DIRECTORY,
				 0);
	if (e->state_fd < 0) {
		log_error(e->log, "'/%s': %s", STATE_PATH,
			  errno_text(e->state_fd));
		return e->state_fd;
	}
	r = split_token(e);
	return r == 0 && e->options->ca_file ? read_ca_file(e) : r;
}

static void enrolment_fini(struct enrolment *e)
{
	explicit_bzero(e->token, sizeof(e->token));
	if (e->key.data)
		explicit_bzero(e->key.data, e->key.capacity);
	buf_fini(&e->key);
	buf_fini(&e->ca);
	buf_fini(&e->cert);
	cleanup_close(&e->state_fd);
}

int enroll_run(int root_fd, const struct enroll_options *options,
	       const struct log *log)
{
	_cleanup_(enrolment_fini) struct enrolment e = {
		.options = options,
		.log = log,
		.root_fd = root_fd,
		.state_fd = -1,
		.ca = BUF_INIT(PEM_FILE_MAX),
		.key = BUF_INIT(PEM_FILE_MAX),
		.cert = BUF_INIT(PEM_FILE_MAX),
	};
	bool is_root = geteuid() == 0;

	int r = prepare(&e);
	if (r == 0)
		r = is_root ? obtain_as_owner(&e) : obtain(&e);
	if (r < 0)
		return r;
	if (!is_root) {
		log_notice(log, "Set 'collector = %s' in /%s", e.collector,
			   SETTINGS_PATH);
		return 0;
	}
	r = settings_save(root_fd, e.collector, options->tenant);
	if (r < 0)
		log_error(log, "Cannot write '/%s': %s", SETTINGS_PATH,
			  errno_text(r));
	return r;
}

int enroll_renew(int state_fd, const struct settings *settings,
		 const struct identity *identity)
{
	_cleanup_buf_ struct buf csr = BUF_INIT(PEM_FILE_MAX);
	_cleanup_buf_ struct buf cert = BUF_INIT(PEM_FILE_MAX);
	_cleanup_(cleanup_http) struct http *http = NULL;
	_cleanup_(http_response_fini) struct http_response response = {0};
	const struct http_config config = {
		.base_url = settings->collector,
		.proxy = settings->proxy,
		.ca_pem = identity->ca_pem,
		.cert_pem = identity->cert_pem,
		.key_pem = identity->key_pem,
		.clock = identity_clock(identity),
		.timeout_s = settings->request_timeout_s,
	};

	const char *name = strrchr(identity->uri, ':');
	int r = pki_request(identity->key_pem, name ? name + 1 : "",
			    identity->uri, &csr);
	if (r == 0)
		r = http_new(&config, &http);
	if (r < 0)
		return r;

	const struct http_request request = {
		.path = EST_PATH "simplereenroll",
		.content_type = CSR_TYPE,
		.body = span_of(csr.data, csr.size),
		.headers = csr_headers,
	};
	r = http_send(http, &request, &response);
	if (r < 0)
		return r;
	if (response.status != 200)
		return response.status == 401 || response.status == 403
			       ? -EACCES
			       : -EAGAIN;
	r = pki_find_issued(buf_text(&response.body), response.body.size,
			    identity->key_pem, &cert);
	return r < 0 ? r
		     : write_atomic(state_fd, IDENTITY_CERT, buf_text(&cert),
				    cert.size, 0644);
}
