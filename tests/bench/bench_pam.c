/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the PAM module adds to a login: the same two modules through the same
 * libpam, bare and wrapped with gates in all phases. The aim is under 5 ms.
 * Records go to a tmpfs, as /run is one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/base/clock.h"
#include "tests/pam/rows.h"

#define ROUNDS 500

static double login_ms(struct world *world, const char *service)
{
	uint64_t start = clock_mono_ns();

	for (unsigned i = 0; i < ROUNDS; i++) {
		struct login login = {.service = service,
				      .answers = {"pw", "key"}};

		login_run(world, &login);
		if (login.session != PAM_SUCCESS)
			abort();
	}
	return (double)(clock_mono_ns() - start) / ROUNDS / 1e6;
}

int main(void)
{
	char shm[] = "/dev/shm/sekimori-pam.XXXXXX";
	char run[128];
	struct world world;

	world_init(&world);
	snprintf(run, sizeof(run), "%s/run", world.dir);
	world_remove(&world, "run");
	if (!mkdtemp(shm) || symlink(shm, run) < 0)
		abort();
	world_file(&world, "etc/u2f_keys", 0644, "");
	world_file(&world, "pam.d/bare", 0644,
		   "auth requisite %D/pam_unix.so answer=pw\n"
		   "auth requisite " U2F "\n" REST);
	world_file(&world, "pam.d/gated", 0644, TWO);
	login_ms(&world, "bare"); /* warm */
	double bare = login_ms(&world, "bare");
	double gated = login_ms(&world, "gated");
	printf("pam.login_bare %.3f ms\n", bare);
	printf("pam.login_gated %.3f ms\n", gated);
	printf("pam.added %.3f ms\n", gated - bare);
	world_tree_remove(shm);
	world_fini(&world);
	return gated - bare < 5 ? 0 : 1;
}
