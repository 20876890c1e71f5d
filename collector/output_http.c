/* SPDX-License-Identifier: Apache-2.0 */
/* output_http: one easy handle, its connection kept between requests. */
#include "collector/output_http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "agent/base/fd.h"

#include "agent/base/banned.h"

#define URL_SIZE	  1024u
#define HEADER_SIZE	  (OUTPUT_SECRET_MAX + 64u)
#define CONNECT_S	  10L
#define REQUEST_S	  60L
#define RETRY_AFTER_MAX_S 3600L

struct output_http {
	CURL *curl;
	const struct output_config *config;
	char base[URL_SIZE];
	atomic_bool is_cancelled;
	struct buf *body; /* of the answer that comes */
};

DEFINE_CLEANUP(slist, struct curl_slist *, curl_slist_free_all);

/* ---- life ----------------------------------------------------------------- */

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c,
		       curl_off_t d)
{
	const struct output_http *http = ctx;

	(void)a, (void)b, (void)c, (void)d; /* how far is of no interest */
	return atomic_load(&http->is_cancelled) ? 1 : 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
	struct output_http *http = ctx;

	return buf_append(http->body, data, size * count) == 0 ? size * count
							       : 0;
}

static CURLcode set_files(CURL *curl, const struct output_config *config)
{
	CURLcode code = CURLE_OK;

	if (config->ca[0]) {
		code = curl_easy_setopt(curl, CURLOPT_CAINFO, config->ca);
		/* That one only, not beside the system's. */
		if (code == CURLE_OK)
			code = curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
	}
	if (code == CURLE_OK && config->cert[0]) {
		code = curl_easy_setopt(curl, CURLOPT_SSLCERT, config->cert);
		if (code == CURLE_OK)
			code = curl_easy_setopt(curl, CURLOPT_SSLKEY,
						config->key);
	}
	return code;
}

static CURLcode set_options(struct output_http *http)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_NOPROGRESS, 0},
		{CURLOPT_CONNECTTIMEOUT, CONNECT_S},
		{CURLOPT_TIMEOUT, REQUEST_S},
	};
	CURLcode code = CURLE_OK;
	CURL *curl = http->curl;

	for (size_t i = 0;
	     code == CURLE_OK && i < sizeof(numbers) / sizeof(*numbers); i++)
		code = curl_easy_setopt(curl, numbers[i].option,
					numbers[i].value);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR,
					"http,https");
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_USERAGENT,
					"sekimori-collector/" SEKIMORI_VERSION);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION,
					on_progress);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
	return code == CURLE_OK ? set_files(curl, http->config) : code;
}

/* Nothing that would be a user, a query or a second line. */
static bool is_base(const char *base)
{
	size_t skip = strncmp(base, "https://", 8) == 0	 ? 8
		      : strncmp(base, "http://", 7) == 0 ? 7
							 : 0;

	if (skip == 0 || strlen(base) >= URL_SIZE / 2 || base[skip] == '\0' ||
	    base[skip] == '/' || base[skip] == ':')
		return false;
	for (const char *at = base; *at; at++)
		if (*at <= ' ' || *at > '~' || strchr("@?#\"<>\\^`{|}", *at))
			return false;
	return true;
}

int output_http_open(const struct output_config *config, const char *base,
		     struct output_http **ret_http)
{
	struct output_http *http;

	if (!is_base(base))
		return -EINVAL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return -ENOMEM;
	http = calloc(1, sizeof(*http));
	if (http) {
		http->config = config;
		(void)snprintf(http->base, sizeof(http->base), "%s",
			       base); /* is_base() bounds it */
		http->curl = curl_easy_init();
	}
	if (!http || !http->curl || set_options(http) != CURLE_OK) {
		output_http_close(http);
		return -ENOMEM;
	}
	*ret_http = http;
	return 0;
}

void output_http_close(struct output_http *http)
{
	if (http)
		curl_easy_cleanup(http->curl);
	free(http);
	curl_global_cleanup(); /* counted by libcurl */
}

void output_http_cancel(struct output_http *http)
{
	atomic_store(&http->is_cancelled, true);
}

/* ---- headers -------------------------------------------------------------- */

static int append_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *next = curl_slist_append(*list, line);

	if (!next)
		return -ENOMEM;
	*list = next;
	return 0;
}

static int make_basic(CURL *curl, const char *secret)
{
	return curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC) ==
				       CURLE_OK &&
			       curl_easy_setopt(curl, CURLOPT_USERPWD,
						secret) == CURLE_OK
		       ? 0
		       : -ENOMEM;
}

static int show_secret(struct output_http *http, enum output_http_auth auth,
		       const char *secret, struct curl_slist **list)
{
	bool is_whole = strncmp(secret, "ApiKey ", 7) == 0 ||
			strncmp(secret, "Bearer ", 7) == 0;
	char line[HEADER_SIZE];
	int r;

	if (auth == OUTPUT_HTTP_BASIC && !is_whole)
		return make_basic(http->curl, secret);
	(void)snprintf(line, sizeof(line), "Authorization: %s%s",
		       auth == OUTPUT_HTTP_SPLUNK ? "Splunk " : "",
		       secret); /* OUTPUT_SECRET_MAX bounds it */
	r = append_header(list, line);
	explicit_bzero(line, sizeof(line));
	return r;
}

/* Read each time, so that a new password needs no restart. */
static int add_secret(struct output_http *http, enum output_http_auth auth,
		      struct curl_slist **list, char *ret_problem)
{
	const char *path = http->config->secret;
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r;

	if (!path[0])
		return 0;
	r = read_small_file(AT_FDCWD, path, OUTPUT_SECRET_MAX, &text, &size);
	if (r == 0) {
		text[strcspn(text, "\r\n")] = '\0';
		r = text[0] ? show_secret(http, auth, text, list) : -ENODATA;
		explicit_bzero(text, size);
	}
	if (r < 0)
		(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE,
			       "output_secret '%.150s' cannot be used (%s): "
			       "its first line must be the password or token, "
			       "readable for the service",
			       path, errno_text(r)); /* cut is fine */
	return r;
}

static int make_headers(struct output_http *http,
			const struct output_http_post *post,
			struct curl_slist **list, char *ret_problem)
{
	char line[128];
	int r;

	(void)snprintf(line, sizeof(line), "Content-Type: %s",
		       post->type); /* ours, and short */
	r = append_header(list, line);
	if (r == 0)
		r = append_header(list, "Expect:"); /* no wait for 100 */
	if (r == 0 && post->header)
		r = append_header(list, post->header);
	return r < 0 ? r : add_secret(http, post->auth, list, ret_problem);
}

/* ---- a request ------------------------------------------------------------ */

static int set_request(struct output_http *http,
		       const struct output_http_post *post,
		       struct curl_slist *headers)
{
	char url[URL_SIZE];
	CURLcode code;
	int n = snprintf(url, sizeof(url), "%s%s", http->base, post->path);

	if (n < 0 || (size_t)n >= sizeof(url))
		return -EINVAL;
	code = curl_easy_setopt(http->curl, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER,
					headers);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE,
					(curl_off_t)post->size);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS,
					post->data);
	return code == CURLE_OK ? 0 : -ENOMEM;
}

static const struct failure {
	CURLcode code;
	int error;
	const char *advice;
} FAILURES[] = {
	{CURLE_PEER_FAILED_VERIFICATION, EKEYREJECTED,
	 "its certificate is not signed by output_ca or does not name it"},
	{CURLE_SSL_CACERT_BADFILE, ENOENT,
	 "output_ca cannot be read or is not PEM"},
	{CURLE_SSL_CERTPROBLEM, ENOENT,
	 "output_cert and output_key cannot be read, are not PEM or no pair"},
	{CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH,
	 "its name has no address: check the URL and the name service"},
	{CURLE_COULDNT_CONNECT, ECONNREFUSED,
	 "check the port, the firewall and that it runs"},
	{CURLE_OPERATION_TIMEDOUT, ETIMEDOUT,
	 "no answer in time: check its load"},
	{CURLE_WRITE_ERROR, EFBIG, "its answer is larger than any we know"},
	{CURLE_OUT_OF_MEMORY, ENOMEM, "this machine has no memory left"},
};

static int explain(CURLcode code, char *ret_problem)
{
	const char *advice = "events are sent again";
	int r = -EIO;

	if (code == CURLE_ABORTED_BY_CALLBACK)
		return -ECANCELED;
	for (size_t i = 0; i < sizeof(FAILURES) / sizeof(*FAILURES); i++)
		if (FAILURES[i].code == code) {
			r = -FAILURES[i].error;
			advice = FAILURES[i].advice;
		}
	(void)snprintf(ret_problem, OUTPUT_PROBLEM_SIZE, "%s: %s",
		       curl_easy_strerror(code), advice); /* cut is fine */
	return r;
}

static void read_answer(struct output_http *http,
			struct output_http_answer *answer)
{
	curl_off_t retry_after = 0;

	answer->status = 0;
	/* Both are there after a transfer; else they stay 0. */
	(void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE,
				&answer->status);
	(void)curl_easy_getinfo(http->curl, CURLINFO_RETRY_AFTER, &retry_after);
	if (retry_after < 0)
		retry_after = 0;
	if (retry_after > RETRY_AFTER_MAX_S)
		retry_after = RETRY_AFTER_MAX_S;
	answer->retry_after_s = (unsigned int)retry_after;
}

int output_http_post(struct output_http *http,
		     const struct output_http_post *post,
		     struct output_http_answer *answer, char *ret_problem)
{
	_cleanup_(cleanup_slist) struct curl_slist *headers = NULL;
	int r = make_headers(http, post, &headers, ret_problem);

	if (r == 0)
		r = set_request(http, post, headers);
	if (r < 0)
		return r;
	if (atomic_load(&http->is_cancelled))
		return -ECANCELED;
	buf_clear(&answer->body);
	answer->body.limit = OUTPUT_ANSWER_MAX;
	http->body = &answer->body;
	CURLcode code = curl_easy_perform(http->curl);
	http->body = NULL;
	/* The list is freed below, and a connection kept holds none of it. */
	(void)curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
	if (code != CURLE_OK)
		return explain(code, ret_problem);
	read_answer(http, answer);
	return 0;
}
