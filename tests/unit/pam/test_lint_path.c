/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linter's walk through a stack against libpam itself: stacks drawn at
 * random (always the same ones) are run with every value that their modules can
 * return and a gate that refuses. The linter must see a way in exactly where
 * libpam finds one.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/pam/lint_parts.h"
#include "tests/pam/rows.h"

#define STACKS	    300
#define FREE_MAX    3 /* modules that may return anything */
#define STACK_LINES 5

static const char *const controls[] = {
	"required",
	"requisite",
	"sufficient",
	"optional",
	"[success=1 default=ignore]",
	"[success=2 default=bad]",
	"[default=1]",
	"[success=done default=die]",
	"[success=ignore default=done]",
	"[default=ok]",
	"[success=ok default=reset]",
	"[success=ok new_authtok_reqd=done ignore=bad default=ignore]",
};

/* One of each class that a control tells apart. */
static const int values[] = {PAM_SUCCESS, PAM_AUTH_ERR, PAM_NEW_AUTHTOK_REQD,
			     PAM_IGNORE};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* A stack, its modules' values still open: "rc=@0" … */
struct drawn {
	char main[1024];
	char sub[512];
	unsigned free_count;
};

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) +
		UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static void draw_line(uint64_t *seed, struct drawn *d, char *text, size_t size)
{
	const char *control = controls[draw(seed, COUNT(controls))];
	size_t len = strlen(text);
	uint32_t kind = draw(seed, 8);

	if (kind == 0)
		snprintf(text + len, size - len, "auth %s pam_deny.so\n",
			 control);
	else if (kind == 1)
		snprintf(text + len, size - len, "auth %s pam_permit.so\n",
			 control);
	else if (kind < 4 || d->free_count == FREE_MAX)
		snprintf(text + len, size - len, "auth %s %%M gate\n", control);
	else
		snprintf(text + len, size - len,
			 "auth %s %%D/pam_other.so rc=@%u\n", control,
			 d->free_count++);
}

static void draw_stack(uint64_t *seed, struct drawn *d)
{
	uint32_t lines = 1 + draw(seed, STACK_LINES);
	uint32_t at = draw(seed, 3) ? UINT32_MAX : draw(seed, lines);

	*d = (struct drawn){.free_count = 0};
	for (uint32_t i = 0; i < lines; i++) {
		if (i != at) {
			draw_line(seed, d, d->main, sizeof(d->main));
			continue;
		}
		snprintf(d->main + strlen(d->main),
			 sizeof(d->main) - strlen(d->main),
			 "auth substack %%W/pam.d/sub\n");
		for (uint32_t n = 1 + draw(seed, 2); n > 0; n--)
			draw_line(seed, d, d->sub, sizeof(d->sub));
	}
}

/* The text with each rc=@N filled in from the digits of `choice`. */
static void fill(const char *text, unsigned choice, char *ret, size_t size)
{
	size_t len = 0;

	for (; *text && len + 4 < size; text++) {
		if (*text != '@') {
			ret[len++] = *text;
			continue;
		}
		unsigned place = (unsigned)(*++text - '0');
		unsigned digit = choice;

		while (place--)
			digit /= COUNT(values);
		len += (size_t)snprintf(ret + len, size - len, "%d",
					values[digit % COUNT(values)]);
	}
	ret[len] = '\0';
}

static void write_stack(struct world *world, const struct drawn *d,
			unsigned choice)
{
	char text[1024];

	fill(d->main, choice, text, sizeof(text));
	world_file(world, "pam.d/login", 0644, text);
	fill(d->sub, choice, text, sizeof(text));
	world_file(world, "pam.d/sub", 0644, text);
}

/* Which ways libpam lets the person in, with some of the values: bit 0 by
 * success, bit 1 by that or a password to renew, as after account. */
static unsigned libpam_lets_in(struct world *world, const struct drawn *d)
{
	unsigned choices = 1;
	unsigned ways = 0;

	for (unsigned i = 0; i < d->free_count; i++)
		choices *= COUNT(values);
	for (unsigned choice = 0; choice < choices && ways != 3; choice++) {
		struct login login = {.flags = PAM_SILENT};

		write_stack(world, d, choice);
		login_start(world, &login);
		login_auth(&login);
		login_end(&login);
		if (login.auth == PAM_SUCCESS)
			ways |= 3;
		else if (login.auth == PAM_NEW_AUTHTOK_REQD)
			ways |= 2;
	}
	return ways;
}

static void no_trouble(void *data, enum stack_trouble trouble, const char *file,
		       unsigned line)
{
	(void)data;
	(void)trouble;
	(void)file;
	(void)line;
}

static unsigned linter_sees(struct world *world, const struct drawn *d)
{
	const struct stack_entry *leak = NULL;
	struct stack stack;
	char path[128];

	/* By absolute names: Debian 12's libpam looks for included ones in
	 * /etc whatever folder it was given. */
	write_stack(world, d, 0);
	snprintf(path, sizeof(path), "%s/pam.d/login", world->dir);
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct stack_source source = {root, getuid(), no_trouble, NULL};
	assert_int_equal(stack_load(&source, path, STACK_AUTH, &stack), 0);
	unsigned ways = lint_can_bypass(&stack, STACK_AUTH, &leak) ? 1 : 0;
	if (lint_can_bypass(&stack, STACK_ACCOUNT, &leak))
		ways |= 2;
	stack_fini(&stack);
	close(root);
	return ways;
}

static void the_walk_is_libpams(void **state)
{
	struct world *world = *state;
	uint64_t seed = 20261120;
	unsigned ways = 0;

	world_remove(world, "run"); /* no records, no fsync */
	for (unsigned n = 0; n < STACKS; n++) {
		struct drawn d;

		draw_stack(&seed, &d);
		unsigned lets_in = libpam_lets_in(world, &d);
		unsigned sees = linter_sees(world, &d);
		if (lets_in & ~sees)
			fail_msg("way in (%u, not %u) not seen in stack "
				 "%u:\n%ssub:\n%s",
				 lets_in, sees, n, d.main, d.sub);
		/* What a reset in a substack goes back to is not followed. */
		if (sees & ~lets_in && !strstr(d.sub, "reset"))
			fail_msg("no way in (%u, not %u), but seen in stack "
				 "%u:\n%ssub:\n%s",
				 lets_in, sees, n, d.main, d.sub);
		ways += lets_in & 1;
	}
	/* Both kinds were drawn. */
	assert_true(ways > STACKS / 10 && ways < STACKS * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_walk_is_libpams, rows_setup,
						rows_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
