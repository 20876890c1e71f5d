/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's easy interface. Everything a server sends is bounded here: header
 * values are cut, a body over its limit ends the transfer.
 */
#include "agent/ship/http.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "agent/base/clock.h"

#include "agent/base/banned.h"

#define URL_MAX 512u

struct http {
	CURL *curl;
	/* Of the transfer in the background */
	CURLM *multi;
	struct curl_slist *headers;
	struct http_response *response;
	struct pki_life clock;
	char base_url[URL_MAX];
};

int http_global_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -EIO;
}

static CURLcode set_blob(CURL *curl, CURLoption option, const char *pem)
{
	/* curl's blob lacks the const; CURL_BLOB_COPY only reads. */
	struct curl_blob blob = {.data = (void *)(uintptr_t)pem, /* NOLINT */
				 .len = strlen(pem),
				 .flags = CURL_BLOB_COPY};

	return curl_easy_setopt(curl, option, &blob);
}

static int set_identity(CURL *curl, const struct http_config *config)
{
	CURLcode code = CURLE_OK;

	if (config->cert_pem) {
		code = set_blob(curl, CURLOPT_SSLCERT_BLOB, config->cert_pem);
		if (code == CURLE_OK)
			code = set_blob(curl, CURLOPT_SSLKEY_BLOB,
					config->key_pem);
	}
	if (code == CURLE_OK && config->ca_pem)
		code = set_blob(curl, CURLOPT_CAINFO_BLOB, config->ca_pem);
	return code == CURLE_OK ? 0 : -EINVAL;
}

/*
 * A clock that lost its battery would keep a terminal from ever delivering what
 * it saw. Where the terminal's own certificate proves the clock wrong, the
 * server's times cannot be judged; its name and the pinned CA still are. With a
 * clock that may be right, nothing is relaxed.
 */
static CURLcode on_tls(CURL *curl, void *context, void *userdata)
{
	const struct http *http = userdata;
	int64_t now_s = (int64_t)(clock_wall_ns() / NS_PER_S);

	(void)curl;
	if (http->clock.not_after_s != 0 && (now_s < http->clock.not_before_s ||
					     now_s > http->clock.not_after_s))
		(void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context),
						  X509_V_FLAG_NO_CHECK_TIME);
	return CURLE_OK;
}

static int set_options(CURL *curl, const struct http_config *config)
{
	long verify = config->ca_pem ? 1 : 0;
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_3},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_SSL_VERIFYPEER, verify},
		{CURLOPT_SSL_VERIFYHOST, verify ? 2 : 0},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_TCP_KEEPALIVE, 1},
		{CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S},
		{CURLOPT_TIMEOUT, (long)config->timeout_s},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (curl_easy_setopt(curl, numbers[i].option,
				     numbers[i].value) != CURLE_OK)
			return -EINVAL;
	if (curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https") !=
		    CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_PROXY, config->proxy) != CURLE_OK ||
	    /* The pinned CA is the only one, not beside the system's. */
	    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_USERAGENT,
			     "sekimori-ship/" SEKIMORI_VERSION) != CURLE_OK)
		return -EINVAL;
	return set_identity(curl, config);
}

struct http *http_free(struct http *http)
{
	if (!http)
		return NULL;
	http_cancel(http);
	curl_easy_cleanup(http->curl);
	curl_multi_cleanup(http->multi);
	free(http);
	return NULL;
}

DEFINE_CLEANUP(http, struct http *, http_free);

int http_new(const struct http_config *config, struct http **ret_http)
{
	_cleanup_(cleanup_http) struct http *http = calloc(1, sizeof(*http));
	if (!http)
		return -ENOMEM;
	if (strlen(config->base_url) >= sizeof(http->base_url))
		return -EINVAL;

	(void)snprintf(http->base_url, sizeof(http->base_url), "%s",
		       config->base_url);
	http->curl = curl_easy_init();
	if (!http->curl)
		return -ENOMEM;
	http->clock = config->clock;
	int r = set_options(http->curl, config);
	if (r < 0)
		return r;
	if (curl_easy_setopt(http->curl, CURLOPT_SSL_CTX_FUNCTION, on_tls) !=
		    CURLE_OK ||
	    curl_easy_setopt(http->curl, CURLOPT_SSL_CTX_DATA, http) !=
		    CURLE_OK)
		return -EINVAL;
	*ret_http = TAKE_PTR(http);
	return 0;
}

/* Copies the value of a header line if it has this name. */
static void keep(const char *line, size_t size, const char *name,
		 char ret_value[ANSWER_HEADER_MAX])
{
	size_t length = strlen(name);

	if (size <= length || strncasecmp(line, name, length) != 0 ||
	    line[length] != ':')
		return;
	line += length + 1;
	size -= length + 1;
	while (size > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		size--;
	}
	while (size > 0 && (line[size - 1] == '\r' || line[size - 1] == '\n' ||
			    line[size - 1] == ' '))
		size--;
	(void)snprintf(ret_value, ANSWER_HEADER_MAX, "%.*s",
		       (int)(size < ANSWER_HEADER_MAX ? size
						      : ANSWER_HEADER_MAX),
		       line);
}

static size_t on_header(char *line, size_t size, size_t count, void *userdata)
{
	struct http_response *response = userdata;
	size_t length = size * count;

	keep(line, length, "X-Agent-Ack", response->ack);
	keep(line, length, "X-Agent-Expect", response->expect);
	keep(line, length, "X-Agent-Chain", response->chain);
	keep(line, length, "Retry-After", response->retry_after);
	keep(line, length, "X-Agent-Rate", response->rate);
	keep(line, length, "Accept-Encoding", response->accept_encoding);
	keep(line, length, "ETag", response->etag);
	return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *userdata)
{
	struct http_response *response = userdata;

	if (buf_append(&response->body, data, size * count) < 0)
		return 0; /* ends the transfer as a failure */
	return size * count;
}

static int append_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

static int make_headers(const struct http_request *request,
			struct curl_slist **list)
{
	char type[ANSWER_HEADER_MAX];
	int r = 0;

	if (request->content_type) {
		(void)snprintf(type, sizeof(type), "Content-Type: %s",
			       request->content_type);
		r = append_header(list, type);
	}
	/* No "100 Continue" round trip. */
	if (r == 0)
		r = append_header(list, "Expect:");
	for (size_t i = 0; r == 0 && request->headers && request->headers[i];
	     i++)
		r = append_header(list, request->headers[i]);
	return r;
}

static void cleanup_slist(struct curl_slist **list)
{
	curl_slist_free_all(*list);
}

static CURLcode set_request(struct http *http,
			    const struct http_request *request,
			    struct curl_slist *headers)
{
	char url[2 * URL_MAX];
	CURLcode code;

	(void)snprintf(url, sizeof(url), "%s%s", http->base_url, request->path);
	code = curl_easy_setopt(http->curl, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER,
					headers);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_USERPWD,
					request->user_password);
	if (code == CURLE_OK && !request->content_type)
		return curl_easy_setopt(http->curl, CURLOPT_HTTPGET, 1L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_POST, 1L);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_POSTFIELDSIZE_LARGE,
					(curl_off_t)request->body.len);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS,
					request->body.ptr);
	return code;
}

static CURLcode set_answer(struct http *http, struct http_response *response)
{
	const struct {
		CURLoption option;
		void *value;
	} targets[] = {
		{CURLOPT_HEADERDATA, response},
		{CURLOPT_WRITEDATA, response},
		{CURLOPT_ERRORBUFFER, response->error},
	};
	CURLcode code = CURLE_OK;

	static_assert(HTTP_ERROR_MAX >= CURL_ERROR_SIZE, "curl writes so much");
	for (size_t i = 0; code == CURLE_OK && i < 3; i++)
		code = curl_easy_setopt(http->curl, targets[i].option,
					targets[i].value);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_HEADERFUNCTION,
					on_header);
	if (code == CURLE_OK)
		code = curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION,
					on_body);
	return code;
}

static int prepare(struct http *http, const struct http_request *request,
		   struct http_response *ret_response,
		   struct curl_slist **headers)
{
	*ret_response = (struct http_response){
		.body.limit = request->body_max ? request->body_max
						: ANSWER_BODY_MAX,
	};
	if (make_headers(request, headers) < 0)
		return -ENOMEM;
	CURLcode code = set_request(http, request, *headers);
	if (code == CURLE_OK)
		code = set_answer(http, ret_response);
	return code == CURLE_OK ? 0 : -ENOMEM;
}

static int finish(struct http *http, CURLcode code,
		  struct http_response *response)
{
	if (code == CURLE_OK) {
		(void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE,
					&response->status);
		return 0;
	}
	/* Half an answer is none: its headers may promise what was cut. */
	response->status = 0;
	if (!response->error[0])
		(void)snprintf(response->error, HTTP_ERROR_MAX, "%s",
			       curl_easy_strerror(code));
	return code == CURLE_OUT_OF_MEMORY ? -ENOMEM : 0;
}

int http_send(struct http *http, const struct http_request *request,
	      struct http_response *ret_response)
{
	_cleanup_(cleanup_slist) struct curl_slist *headers = NULL;
	int r = prepare(http, request, ret_response, &headers);

	return r < 0 ? r
		     : finish(http, curl_easy_perform(http->curl),
			      ret_response);
}

int http_begin(struct http *http, const struct http_request *request,
	       struct http_response *ret_response)
{
	int r;

	assert(!http->response);
	if (!http->multi)
		http->multi = curl_multi_init();
	if (!http->multi)
		return -ENOMEM;
	r = prepare(http, request, ret_response, &http->headers);
	if (r == 0 &&
	    curl_multi_add_handle(http->multi, http->curl) != CURLM_OK)
		r = -ENOMEM;
	http->response = ret_response;
	if (r < 0)
		http_cancel(http);
	return r;
}

void http_cancel(struct http *http)
{
	if (http->response) /* one that was not added is not taken out */
		(void)curl_multi_remove_handle(http->multi, http->curl);
	curl_slist_free_all(http->headers);
	http->headers = NULL;
	http->response = NULL;
}

/* True: the transfer has ended, well or not. */
static bool move_on(struct http *http)
{
	struct http_response *response = http->response;
	CURLcode code = CURLE_OK;
	int running = 0, left = 0;

	if (curl_multi_perform(http->multi, &running) != CURLM_OK)
		code = CURLE_OUT_OF_MEMORY;
	else if (running > 0)
		return false;
	const struct CURLMsg *message = curl_multi_info_read(http->multi,
							     &left);
	if (message && message->msg == CURLMSG_DONE)
		code = message->data.result;
	http_cancel(http);
	(void)finish(http, code, response); /* in the response */
	return true;
}

enum http_progress http_wait(struct http *http, int fd, int timeout_ms)
{
	struct curl_waitfd extra = {.fd = fd, .events = CURL_WAIT_POLLIN};

	if (move_on(http))
		return HTTP_DONE;
	/* curl's own timers shorten it; an interrupted sleep is a short one */
	(void)curl_multi_poll(http->multi, &extra, 1,
			      timeout_ms < 0 ? INT_MAX : timeout_ms, NULL);
	return move_on(http) ? HTTP_DONE : HTTP_PENDING;
}

void http_response_fini(struct http_response *response)
{
	buf_fini(&response->body);
}
