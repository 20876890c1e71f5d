/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sekimori-ship: carries the spool's events to the collector. Runs as the user
 * sekimori-ship, who may read the spool and write /var/lib/sekimori-ship and
 * nothing else; apart from the daemon so that no code with a network socket runs
 * as root. It keeps no privileges: `run` drops even what its user could do.
 */
#include "agent/ship/cli.h"

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
