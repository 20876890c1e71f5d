/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Feeds files to a fuzz target without a fuzzer: `make check` replays every
 * seed, and each seed cut short at every length up to 4096 octets, so that a
 * parser that reads past its end is seen under the sanitizers.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	static uint8_t whole[1 << 20];
	FILE *f = fopen(path, "rbe");
	size_t n;

	if (!f) {
		perror(path);
		return 1;
	}
	n = fread(whole, 1, sizeof(whole), f);
	fclose(f);

	/* An exact-size copy, so that one octet too far is caught. */
	for (size_t cut = 0; cut <= n; cut += cut < 4096 ? 1 : 997) {
		uint8_t *copy = malloc(cut ? cut : 1);

		if (!copy)
			return 1;
		memcpy(copy, whole, cut);
		if (LLVMFuzzerTestOneInput(copy, cut) != 0)
			return 1;
		free(copy);
	}
	return LLVMFuzzerTestOneInput(whole, n);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (replay(argv[i]) != 0)
			return 1;
	return 0;
}
