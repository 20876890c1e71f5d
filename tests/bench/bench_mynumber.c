/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What counting 個人番号 costs beside SHA-256 of the same bytes, which every
 * written file has anyway: prose in Japanese, a table full of numbers, bytes
 * of a picture.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "policy/mynumber.h"

#define SIZE   ((size_t)16 << 20)
#define ROUNDS 8

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void print_speed(const char *name, uint64_t ns)
{
	printf("%s %.0f MB/s\n", name,
	       (double)SIZE * ROUNDS / ((double)ns / 1e9) / 1e6);
}

static void measure(const char *name, const char *data)
{
	uint64_t begin_ns = now_ns();

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct mynumber counter = {0};
		mynumber_feed(&counter, data, SIZE);
		mynumber_end(&counter);
	}
	print_speed(name, now_ns() - begin_ns);
}

static void measure_sha256(const char *data)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	uint64_t begin_ns = now_ns();

	for (unsigned i = 0; i < ROUNDS; i++)
		if (EVP_Digest(data, SIZE, sum, NULL, EVP_sha256(), NULL) != 1)
			exit(1);
	print_speed("sha256_of_the_same", now_ns() - begin_ns);
}

static void repeat(char *data, const char *text)
{
	size_t len = strlen(text);

	for (size_t at = 0; at < SIZE; at++)
		data[at] = text[at % len];
}

int main(void)
{
	char *data = malloc(SIZE);
	uint64_t random = 88172645463325252u;

	if (!data)
		return 1;
	repeat(data, "個人番号の利用等に関する法律の規定により、令和8年に"
		     "端末からの情報持ち出しを禁じる。\n");
	measure("mynumber_prose", data);
	repeat(data, "1024,情報太郎,123456789012,昭和64年1月7日,"
		     "1234-5678-9012\n");
	measure("mynumber_table", data);
	for (size_t at = 0; at < SIZE; at++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		data[at] = (char)random;
	}
	measure("mynumber_picture", data);
	measure_sha256(data);
	free(data);
	return 0;
}
