/* SPDX-License-Identifier: Apache-2.0 */
/* What pcscd says of its readers, and what it would never say. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/sense/card.h"
#include "tests/fakes/cards.h"

static void a_card_is_reader_and_atr(void **state)
{
	uint8_t table[CARD_STATES_BYTES] = {0};
	struct token cards[CARD_READERS_MAX];

	(void)state;
	fake_reader(table, 0, "Reader 00 00", CARD_ABSENT, 0);
	fake_reader(table, 3, "Reader 01 00", CARD_PRESENT, 2);
	assert_int_equal(card_parse(table, cards, CARD_READERS_MAX), 1);
	assert_int_equal(cards[0].kind, TOKEN_CARD);
	assert_string_equal(cards[0].devpath, "pcsc:Reader 01 00");
	assert_string_equal(cards[0].identity, "Reader 01 00 3b3b");
}

static void no_more_than_asked_for(void **state)
{
	uint8_t table[CARD_STATES_BYTES] = {0};
	struct token cards[CARD_READERS_MAX + 1];

	(void)state;
	memset(cards, 0x55, sizeof(cards));
	for (size_t i = 0; i < CARD_READERS_MAX; i++)
		fake_reader(table, i, "R", CARD_PRESENT, 33);
	assert_int_equal(card_parse(table, cards, 3), 3);
	assert_int_equal(cards[3].devpath[0], 0x55);
	assert_int_equal(card_parse(table, cards, 99), CARD_READERS_MAX);
	assert_int_equal(strlen(cards[15].identity), 2 + 66);
}

static void what_pcscd_would_not_say_is_left_out(void **state)
{
	uint8_t table[CARD_STATES_BYTES] = {0};
	struct token cards[CARD_READERS_MAX];

	(void)state;
	fake_reader(table, 0, "", CARD_PRESENT, 2);
	fake_reader(table, 1, "two\nlines", CARD_PRESENT, 2);
	fake_reader(table, 2, "x", CARD_PRESENT, 2);
	memset(table + 2 * CARD_READER_BYTES, 'x', 128); /* no end */
	assert_int_equal(card_parse(table, cards, CARD_READERS_MAX), 0);
	/* A card that is not powered yet has no ATR, and is there */
	fake_reader(table, 4, "Reader", CARD_PRESENT, 34);
	assert_int_equal(card_parse(table, cards, CARD_READERS_MAX), 1);
	assert_string_equal(cards[0].identity, "Reader ");
}

static void another_protocol_is_not_spoken(void **state)
{
	uint8_t request[CARD_REQUEST_MAX];
	static const uint32_t ask[] = {12, 0x11, 4, 4, 0};
	uint32_t answer[] = {4, 6, 0};

	(void)state;
	assert_int_equal(card_ask_version(request), sizeof(ask));
	assert_memory_equal(request, ask, sizeof(ask));
	assert_int_equal(card_check_version((uint8_t *)answer), 0);
	answer[2] = 0x8010001e; /* SCARD_E_SERVICE_STOPPED */
	assert_int_equal(card_check_version((uint8_t *)answer),
			 -EPROTONOSUPPORT);
	answer[2] = 0;
	answer[0] = 5;
	assert_int_equal(card_check_version((uint8_t *)answer),
			 -EPROTONOSUPPORT);
}

static void an_event_may_be_the_end(void **state)
{
	uint32_t event[] = {0, 0};

	(void)state;
	assert_int_equal(card_check_event((uint8_t *)event), 0);
	event[1] = 0x80100002; /* SCARD_E_CANCELLED */
	assert_int_equal(card_check_event((uint8_t *)event), -ECANCELED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_card_is_reader_and_atr),
		cmocka_unit_test(no_more_than_asked_for),
		cmocka_unit_test(what_pcscd_would_not_say_is_left_out),
		cmocka_unit_test(another_protocol_is_not_spoken),
		cmocka_unit_test(an_event_may_be_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
