/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client: the collector's console by HTTPS (libcurl): TLS 1.3, the CA that was
 * given and no other, no redirects, a bounded answer.
 */
#include "collector/desk/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "agent/base/fd.h"

#include "agent/base/banned.h"

#define ANSWER_MAX ((size_t)16 << 20)
#define TIMEOUT_S  30L
#define PATH_SIZE  1024u
#define SECRET_MAX 256u

struct client {
	CURL *curl;
	struct buf answer;
	char error[CURL_ERROR_SIZE];
};

struct client *client_free(struct client *client)
{
	if (!client)
		return NULL;
	curl_easy_cleanup(client->curl);
	buf_fini(&client->answer);
	free(client);
	return NULL;
}

static size_t take(char *data, size_t size, size_t count, void *userdata)
{
	struct client *client = userdata;

	/* A short count ends the transfer */
	return buf_append(&client->answer, data, size * count) < 0
		       ? 0
		       : size * count;
}

static int set_options(const struct desk *desk, struct client *client,
		       const char *secret)
{
	CURL *curl = client->curl;
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_3},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_HTTPAUTH, CURLAUTH_BASIC},
		{CURLOPT_TIMEOUT, TIMEOUT_S},
	};
	const struct {
		CURLoption option;
		const void *value;
	} others[] = {
		{CURLOPT_PROTOCOLS_STR, "https"},
		{CURLOPT_CAINFO, desk->ca},
		{CURLOPT_CAPATH, NULL},
		{CURLOPT_USERNAME, desk->user},
		{CURLOPT_PASSWORD, secret},
		{CURLOPT_ERRORBUFFER, client->error},
		{CURLOPT_WRITEDATA, client},
		{CURLOPT_USERAGENT, "sekimori-desk/" SEKIMORI_VERSION},
	};
	CURLcode code = CURLE_OK;

	for (size_t i = 0;
	     code == CURLE_OK && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		code = curl_easy_setopt(curl, numbers[i].option,
					numbers[i].value);
	for (size_t i = 0;
	     code == CURLE_OK && i < sizeof(others) / sizeof(others[0]); i++)
		code = curl_easy_setopt(curl, others[i].option,
					others[i].value);
	if (code == CURLE_OK)
		code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	return code == CURLE_OK ? 0 : -EINVAL;
}

static int failed(const struct desk *desk, const char *what, const char *why)
{
	(void)desk;
	fprintf(stderr, "sekimori-desk: '%s': %s\n", what, why);
	return DESK_FAILED;
}

int client_open(struct desk *desk)
{
	char secret[SECRET_MAX] = "";

	if (!desk->collector || !desk->ca || !desk->token_file)
		return failed(desk, "collector, ca, token-file",
			      desk_say(desk, "設定または指定が必要です",
				       "must be set or given"));
	int r = read_line_file(AT_FDCWD, desk->token_file, secret,
			       sizeof(secret));
	if (r < 0)
		return failed(desk, desk->token_file, strerror(-r));
	struct client *client = calloc(1, sizeof(*client));
	if (client)
		client->curl = curl_easy_init();
	desk->client = client;
	if (!client || !client->curl)
		return failed(desk, "curl", strerror(ENOMEM));
	r = set_options(desk, client, secret);
	explicit_bzero(secret, sizeof(secret));
	return r < 0 ? failed(desk, desk->ca, "curl") : DESK_OK;
}

/* *ret_status; 0 or an exit code, told. */
static int perform(struct desk *desk, const char *path, long *ret_status)
{
	struct client *client = desk->client;
	char url[PATH_SIZE];

	int n = snprintf(url, sizeof(url), "%s%s", desk->collector, path);
	if (n < 0 || (size_t)n >= sizeof(url))
		return failed(desk, desk->collector, strerror(ENAMETOOLONG));
	buf_fini(&client->answer);
	client->answer = (struct buf)BUF_INIT(ANSWER_MAX);
	client->error[0] = '\0';
	CURLcode code = curl_easy_setopt(client->curl, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_perform(client->curl);
	if (code != CURLE_OK)
		return failed(desk, desk->collector,
			      client->error[0] ? client->error
					       : curl_easy_strerror(code));
	code = curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE,
				 ret_status);
	return code == CURLE_OK ? DESK_OK : DESK_FAILED;
}

/* What the collector says about it, one line. */
static int refused(const struct desk *desk, const char *path, long status)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s",
		       buf_text(&desk->client->answer));
	text[strcspn(text, "\r\n")] = '\0';
	fprintf(stderr, "sekimori-desk: %s: %ld ", path, status);
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c >= 0x20)
			fputc(*c, stderr);
	fputc('\n', stderr);
	return DESK_FAILED;
}

int client_get(struct desk *desk, const char *path, json_t **ret_json)
{
	struct client *client = desk->client;
	long status = 0;

	if (curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L) != CURLE_OK)
		return DESK_FAILED;
	int r = perform(desk, path, &status);
	if (r != DESK_OK)
		return r;
	if (status != 200)
		return refused(desk, path, status);
	json_t *json = json_loadb(buf_text(&client->answer),
				  client->answer.size, JSON_REJECT_DUPLICATES,
				  NULL);
	if (!json)
		return failed(desk, path, "JSON");
	*ret_json = json;
	return DESK_OK;
}

int client_post_jose(struct desk *desk, const char *path, const char *text)
{
	struct client *client = desk->client;
	struct curl_slist *headers =
		curl_slist_append(NULL, "Content-Type: application/jose");
	long status = 0;
	int r = DESK_FAILED;

	if (headers &&
	    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, text) ==
		    CURLE_OK &&
	    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers) ==
		    CURLE_OK)
		r = perform(desk, path, &status);
	/* A constant: what was set cannot fail to be unset */
	(void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	if (r != DESK_OK)
		return r;
	return status == 202 ? DESK_OK : refused(desk, path, status);
}
