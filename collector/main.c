/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-collector: receives, keeps and shows what terminals recorded. It
 * runs as its own user on a server, with no capability; it is apart from the
 * agent because it must not trust it. Everything is in cli.c and beyond.
 */
#include "collector/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
