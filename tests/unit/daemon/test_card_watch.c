/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's side of pcscd's socket; this test is pcscd. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/daemon/card_watch.h"
#include "tests/fakes/cards.h"
#include "tests/fakes/tree.h"

#define TURN_US 20000 /* nothing happens for so long: nothing will */

struct desk {
	struct fake_tree tree;
	sd_event *loop;
	struct card_watch *watch;
	int listener;
	int pcscd; /* the accepted connection; -1 */
	unsigned int answers;
	unsigned int losses;
	bool is_told_why;
	size_t count; /* of the last answer */
	struct token first;
};

static void seen(void *userdata, const struct token *cards, size_t count,
		 const char *why)
{
	struct desk *d = userdata;

	if (!cards) {
		d->losses++;
		d->is_told_why = why != NULL;
		return;
	}
	d->answers++;
	d->count = count;
	if (count)
		d->first = cards[0];
}

static int setup(void **state)
{
	static struct desk d;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	d = (struct desk){.pcscd = -1};
	fake_tree_init(&d.tree);
	fake_dir(&d.tree, "run/pcscd");
	d.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
		       "%s/" CARD_SOCKET, d.tree.path);
	assert_int_equal(bind(d.listener, (struct sockaddr *)&address,
			      sizeof(address)),
			 0);
	assert_int_equal(listen(d.listener, 1), 0);
	assert_true(sd_event_new(&d.loop) >= 0);
	assert_int_equal(card_watch_new(d.loop, d.tree.fd, seen, &d, &d.watch),
			 0);
	*state = &d;
	return 0;
}

static int teardown(void **state)
{
	struct desk *d = *state;

	card_watch_free(d->watch);
	sd_event_unref(d->loop);
	close(d->listener);
	if (d->pcscd >= 0)
		close(d->pcscd);
	fake_tree_fini(&d->tree);
	return 0;
}

static void turn(struct desk *d)
{
	while (sd_event_run(d->loop, TURN_US) > 0)
		;
}

static void expect(struct desk *d, const void *wanted, size_t size)
{
	uint8_t request[64];

	assert_int_equal(recv(d->pcscd, request, sizeof(request), MSG_DONTWAIT),
			 size);
	assert_memory_equal(request, wanted, size);
}

static void answer(struct desk *d, const void *data, size_t size)
{
	assert_int_equal(send(d->pcscd, data, size, MSG_NOSIGNAL), size);
	turn(d);
}

static const uint32_t ask_version[] = {12, 0x11, 4, 4, 0};
static const uint32_t ask_states[] = {0, 0x13};
static const uint32_t accepted[] = {4, 4, 0};

/* Wanted, connected, and asked for the table. */
static void pick_up(struct desk *d)
{
	card_watch_want(d->watch, true);
	d->pcscd = accept(d->listener, NULL, NULL);
	assert_true(d->pcscd >= 0);
	expect(d, ask_version, sizeof(ask_version));
	answer(d, accepted, sizeof(accepted));
	expect(d, ask_states, sizeof(ask_states));
}

static void nobody_is_called_before_a_card_is_in_use(void **state)
{
	struct desk *d = *state;

	turn(d);
	card_watch_want(d->watch, false);
	assert_int_equal(accept(d->listener, NULL, NULL), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(d->losses, 0);
}

static void cards_come_and_go(void **state)
{
	static const uint32_t event[] = {0, 0};
	uint8_t table[CARD_STATES_BYTES] = {0};
	struct desk *d = *state;

	pick_up(d);
	fake_reader(table, 0, "Reader", CARD_PRESENT, 2);
	/* in pieces, as a socket may have it */
	answer(d, table, 100);
	assert_int_equal(d->answers, 0);
	answer(d, table + 100, sizeof(table) - 100);
	assert_int_equal(d->answers, 1);
	assert_int_equal(d->count, 1);
	assert_string_equal(d->first.devpath, "pcsc:Reader");
	answer(d, event, sizeof(event));
	assert_int_equal(d->answers, 1);
	expect(d, ask_states, sizeof(ask_states));
	fake_reader(table, 0, "Reader", CARD_ABSENT, 0);
	answer(d, table, sizeof(table));
	assert_int_equal(d->answers, 2);
	assert_int_equal(d->count, 0);
	assert_int_equal(d->losses, 0);
}

static void a_lost_pcscd_is_told_once_and_called_again(void **state)
{
	struct desk *d = *state;

	pick_up(d);
	close(d->pcscd);
	d->pcscd = -1;
	turn(d);
	assert_int_equal(d->losses, 1);
	assert_true(d->is_told_why);
	/* Five seconds later, and as long as it is wanted */
	assert_true(sd_event_run(d->loop, 7000000) > 0);
	d->pcscd = accept(d->listener, NULL, NULL);
	assert_true(d->pcscd >= 0);
	expect(d, ask_version, sizeof(ask_version));
}

static void another_protocol_is_told(void **state)
{
	static const uint32_t refused[] = {5, 0, 0x8010001e};
	struct desk *d = *state;

	card_watch_want(d->watch, true);
	d->pcscd = accept(d->listener, NULL, NULL);
	expect(d, ask_version, sizeof(ask_version));
	answer(d, refused, sizeof(refused));
	assert_int_equal(d->losses, 1);
	assert_int_equal(recv(d->pcscd, (char[1]){0}, 1, MSG_DONTWAIT), 0);
}

static void who_is_not_wanted_hangs_up(void **state)
{
	struct desk *d = *state;

	pick_up(d);
	card_watch_want(d->watch, false);
	assert_int_equal(recv(d->pcscd, (char[1]){0}, 1, MSG_DONTWAIT), 0);
	assert_int_equal(d->losses, 1);
	assert_false(d->is_told_why);
	assert_int_equal(unlinkat(d->tree.fd, CARD_SOCKET, 0), 0);
	card_watch_want(d->watch, true);
	assert_true(d->is_told_why); /* no pcscd at all */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_called_before_a_card_is_in_use),
		TEST(cards_come_and_go),
		TEST(a_lost_pcscd_is_told_once_and_called_again),
		TEST(another_protocol_is_told),
		TEST(who_is_not_wanted_hangs_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
