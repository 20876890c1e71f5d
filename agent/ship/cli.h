/* SPDX-License-Identifier: Apache-2.0 */
/* cli: the command line of sekimori-ship(8). */
#pragma once

/* Runs a command. Returns the exit status: 0, 1 failed, 2 wrong usage, 3 not
 * enrolled (status). */
int cli_main(int argc, char **argv);
