/* SPDX-License-Identifier: Apache-2.0 */
/* Runs tables of logins. */
#include "tests/pam/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

int rows_setup(void **state)
{
	static struct world world;

	world_init(&world);
	world_file(&world, "etc/u2f_keys", 0644, "sato:…\n");
	*state = &world;
	return 0;
}

int rows_teardown(void **state)
{
	world_fini(*state);
	return 0;
}

void run_rows(void **state, const struct row *rows, size_t count)
{
	struct world *world = *state;

	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		char path[64];
		struct login login = {
			.service = row->service ? row->service : "login",
			.user = row->user,
			.tty = row->tty,
			.rhost = row->rhost,
			.env = row->env,
		};

		memcpy(login.answers, row->answers, sizeof(row->answers));
		snprintf(path, sizeof(path), "pam.d/%s", login.service);
		world_file(world, path, 0644, row->stack);
		world_file(world, "etc/login.policy", 0644,
			   row->policy ? row->policy : "");
		login_run(world, &login);
		if (login.auth != row->auth || login.account != row->account ||
		    login.session != row->session)
			fail_msg("%s: auth %d account %d session %d, not "
				 "%d %d %d; said '%s'",
				 row->name, login.auth, login.account,
				 login.session, row->auth, row->account,
				 row->session, login.said);
	}
}
