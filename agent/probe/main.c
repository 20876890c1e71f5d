/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-probe: started by sekimorid with the medium as descriptor 3 and a
 * pipe as stdout; no arguments, no environment, no other use.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/probe/probe.h"

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		(void)puts("sekimori-probe " SEKIMORI_VERSION);
		return PROBE_EXIT_OK;
	}
	if (argc > 1 || fcntl(PROBE_FD, F_GETFD) < 0) {
		(void)fputs("sekimori-probe is run by sekimorid(8)\n", stderr);
		return PROBE_EXIT_USAGE;
	}
	if (sandbox_enter() < 0)
		return PROBE_EXIT_SANDBOX;
	return probe_run(PROBE_FD, STDOUT_FILENO);
}
