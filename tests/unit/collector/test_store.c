/* SPDX-License-Identifier: Apache-2.0 */
/* The store, on either database: exactly once, gaps, forks, tokens, certificates, queries. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/collector/database.h"

struct test {
	char *folder;
	struct store *store;
	struct fixture fixture;
};

static int set_up(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	database_make(&t->folder, &t->store);
	fixture_init(&t->fixture, FIXTURE_STREAM, 0);
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct test *t = *state;

	store_close(t->store);
	fixture_remove(t->folder);
	free(t);
	return 0;
}

static int64_t ask(const struct test *t, const char *sql)
{
	return database_ask(t->folder, sql);
}

struct put {
	struct store_batch batch;
	struct store_ack ack;
	int verdict;
};

static int put_in(struct store *store, void *ctx)
{
	struct put *put = ctx;

	put->verdict = store->ops->put_batch(store, &put->batch, &put->ack);
	return put->verdict < 0 ? put->verdict : 0;
}

static struct put put_of(struct test *t, struct fixture *f, uint64_t first,
			 uint64_t last)
{
	struct put put = {.batch = fixture_batch(f, first, last)};

	assert_int_equal(store_transact(t->store, put_in, &put), 0);
	return put;
}

static struct put put(struct test *t, uint64_t first, uint64_t last)
{
	return put_of(t, &t->fixture, first, last);
}

static void a_batch_is_stored_whole(void **state)
{
	struct test *t = *state;
	struct put p = put(t, 1, 10);

	assert_int_equal(p.verdict, 0);
	assert_int_equal(p.ack.seq, 10);
	assert_int_equal(p.ack.stored, 10);
	assert_int_equal(p.ack.duplicates, 0);
	assert_int_equal(ask(t, "SELECT count(*) FROM events"), 10);
	assert_int_equal(ask(t, "SELECT seq FROM streams"), 10);
	assert_int_equal(ask(t, "SELECT count(*) FROM hosts"), 1);
	assert_int_equal(ask(t, "SELECT count(*) FROM incidents"), 0);
}

static void overlaps_are_stored_once(void **state)
{
	struct test *t = *state;
	static const struct {
		uint64_t first, last, ack;
		size_t stored;
	} rows[] = {
		{1, 4, 4, 4}, {1, 4, 4, 0},   {3, 7, 7, 3},    {2, 3, 7, 0},
		{7, 7, 7, 0}, {1, 12, 12, 5}, {12, 13, 13, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct put p = put(t, rows[i].first, rows[i].last);

		assert_int_equal(p.verdict, 0);
		assert_int_equal(p.ack.seq, rows[i].ack);
		assert_int_equal(p.ack.stored, rows[i].stored);
		assert_int_equal(p.ack.stored + p.ack.duplicates,
				 rows[i].last - rows[i].first + 1);
	}
	assert_int_equal(ask(t, "SELECT count(*) FROM events"), 13);
	assert_int_equal(ask(t, "SELECT count(DISTINCT seq) FROM events"), 13);
	assert_int_equal(ask(t, "SELECT sum(count) FROM rollups"), 13);
}

static void a_gap_stores_nothing_and_says_what_is_there(void **state)
{
	struct test *t = *state;
	struct put p = put(t, 2, 3);

	assert_int_equal(p.verdict, STORE_GAP);
	assert_int_equal(p.ack.seq, 0);
	put(t, 1, 3);
	p = put(t, 5, 6);
	assert_int_equal(p.verdict, STORE_GAP);
	assert_int_equal(p.ack.seq, 3);
	assert_int_equal(ask(t, "SELECT count(*) FROM events"), 3);
	assert_int_equal(put(t, 4, 6).verdict, 0);
}

static void what_is_lost_is_skipped_only_when_it_is_all_that_misses(
	void **state)
{
	struct test *t = *state;
	struct put p;

	put(t, 1, 3);
	t->fixture.headers.lost_seq = 5; /* but 4 is not known to be lost */
	assert_int_equal(put(t, 7, 8).verdict, STORE_GAP);
	t->fixture.headers.lost_seq = 2; /* more than misses here */
	p = put(t, 7, 8);
	assert_int_equal(p.verdict, 0);
	assert_int_equal(p.ack.seq, 8);
	assert_int_equal(p.ack.stored, 2);
	assert_int_equal(ask(t, "SELECT count(*) FROM incidents WHERE kind ="
				" 'stream.lost' AND detail LIKE '%4 to 6%'"),
			 1);
	t->fixture.headers.lost_seq = 0;
	assert_int_equal(put(t, 8, 10).ack.stored, 2);
	assert_int_equal(ask(t, "SELECT count(*) FROM events"), 7);
}

static void a_fork_is_a_mismatch_wherever_it_begins(void **state)
{
	struct test *t = *state;
	static struct fixture fork;

	fixture_init(&fork, FIXTURE_STREAM, 1);
	put(t, 1, 8);
	assert_int_equal(put_of(t, &fork, 9, 10).verdict, STORE_MISMATCH);
	assert_int_equal(put_of(t, &fork, 1, 8).verdict, STORE_MISMATCH);
	assert_int_equal(put_of(t, &fork, 5, 12).verdict, STORE_MISMATCH);
	assert_int_equal(put_of(t, &fork, 2, 3).verdict, STORE_MISMATCH);
	assert_int_equal(ask(t, "SELECT count(*) FROM events"), 8);
	assert_int_equal(ask(t, "SELECT count FROM incidents"), 4);
	assert_int_equal(put(t, 9, 10).verdict, 0);
}

static void a_stream_must_begin_at_its_own_origin(void **state)
{
	struct test *t = *state;
	struct fixture *f = &t->fixture;

	f->hashes[0][5] ^= 1;
	assert_int_equal(put(t, 1, 3).verdict, STORE_MISMATCH);
	assert_int_equal(ask(t, "SELECT count(*) FROM events"), 0);
}

static void a_new_stream_of_a_known_terminal_is_an_incident(void **state)
{
	struct test *t = *state;
	static struct fixture other;

	fixture_init(&other, "ffffffffffffffffffffffffffffffff", 0);
	put(t, 1, 3);
	assert_int_equal(put_of(t, &other, 1, 2).verdict, 0);
	assert_int_equal(ask(t, "SELECT count(*) FROM incidents"
				" WHERE kind = 'stream.new'"),
			 1);
	assert_int_equal(ask(t, "SELECT count(*) FROM events"), 5);
}

static void what_was_not_committed_never_was(void **state)
{
	struct test *t = *state;
	struct put p = {.batch = fixture_batch(&t->fixture, 1, 5)};

	assert_int_equal(t->store->ops->begin(t->store), 0);
	assert_int_equal(put_in(t->store, &p), 0);
	assert_int_equal(p.ack.seq, 5);
	t->store->ops->rollback(t->store);
	assert_int_equal(ask(t, "SELECT count(*) FROM events"), 0);
	assert_int_equal(ask(t, "SELECT count(*) FROM hosts"), 0);

	/* One step undone, the other kept. */
	assert_int_equal(t->store->ops->begin(t->store), 0);
	assert_int_equal(t->store->ops->step_begin(t->store), 0);
	p.batch = fixture_batch(&t->fixture, 1, 5);
	assert_int_equal(put_in(t->store, &p), 0);
	assert_int_equal(t->store->ops->step_end(t->store, true), 0);
	assert_int_equal(t->store->ops->step_begin(t->store), 0);
	p.batch = fixture_batch(&t->fixture, 6, 9);
	assert_int_equal(put_in(t->store, &p), 0);
	assert_int_equal(t->store->ops->step_end(t->store, false), 0);
	assert_int_equal(t->store->ops->commit(t->store), 0);
	assert_int_equal(ask(t, "SELECT max(seq) FROM events"), 5);
	assert_int_equal(put(t, 6, 9).ack.stored, 4);
}

static void a_reopened_store_goes_on(void **state)
{
	struct test *t = *state;
	struct store *reader = NULL;

	put(t, 1, 5);
	store_close(t->store);
	t->store = NULL;
	assert_int_equal(database_open(t->folder, STORE_CREATE, &t->store), 0);
	assert_int_equal(put(t, 4, 8).ack.stored, 3);
	assert_int_equal(database_open(t->folder, STORE_READ, &reader), 0);
	assert_int_equal(reader->ops->meta_set(reader, "a", "b"), -EACCES);
	store_close(reader);
}

static void what_is_no_store_is_not_opened(void **state)
{
	struct test *t = *state;
	struct store *store = NULL;
	char path[256];
	FILE *f;

	if (database_name())
		skip(); /* a file of SQLite's */
	assert_int_equal(store_sqlite_open("/nonexistent", STORE_READ, &store),
			 -ENOENT);
	snprintf(path, sizeof(path), "%s/collector.db", t->folder);
	put(t, 1, 1);
	store_close(t->store);
	t->store = NULL;
	f = fopen(path, "r+e");
	assert_non_null(f);
	assert_true(fputs("this is not a database at all", f) >= 0);
	fclose(f);
	assert_int_equal(store_sqlite_open(t->folder, STORE_WRITE, &store),
			 -EBADMSG);
	assert_null(store);
}

static void a_server_that_is_not_there_is_told(void **state)
{
	struct store *store = NULL;

	(void)state;
	assert_int_equal(store_postgres_open("postgresql:///?host=/nonexistent",
					     STORE_WRITE, &store),
			 -ECONNREFUSED);
	if (!database_name())
		return;
	database_run(NULL, "DROP SCHEMA sekimori CASCADE");
	assert_int_equal(database_open("", STORE_WRITE, &store), -ENOENT);
	assert_null(store);
}

#define BAD_BODY "{\"a\":\"\xff\xfe\0b\"}"

static int check_body(const struct store_row *row, void *ctx)
{
	if (row->seq == 1) {
		assert_int_equal(row->body_len, sizeof(BAD_BODY) - 1);
		(void)ctx;
		assert_memory_equal(row->body, BAD_BODY, sizeof(BAD_BODY) - 1);
		assert_int_equal(row->quarantine, 1);
	}
	return 0;
}

static void what_no_text_can_hold_is_stored_all_the_same(void **state)
{
	struct test *t = *state;
	struct store_event *event = &t->fixture.events[1];

	event->body = BAD_BODY;
	event->body_len = sizeof(BAD_BODY) - 1;
	event->quarantine = 1;
	(void)snprintf(event->unit, sizeof(event->unit), "\xe5\xb8");
	assert_int_equal(put(t, 1, 2).ack.quarantined, 1);
	assert_int_equal(t->store->ops->each_row(t->store,
						 &(struct store_query){0},
						 check_body, NULL),
			 0);
}

static int count_row(const struct store_row *row, void *ctx)
{
	int64_t *seqs = ctx; /* [0]: how many */

	seqs[++seqs[0]] = (int64_t)row->seq;
	return 0;
}

static void rows_come_in_order_and_by_page(void **state)
{
	struct test *t = *state;
	static const struct {
		struct store_query query;
		int64_t seqs[16]; /* [0]: how many */
	} rows[] = {
		{{.limit = 3}, {3, 1, 2, 3}},
		{{.after = 9, .limit = 9}, {3, 10, 11, 12}},
		{{.is_newest_first = true, .limit = 2}, {2, 12, 11}},
		{{.is_newest_first = true, .after = 11, .limit = 2},
		 {2, 10, 9}},
		{{.code = "even.code"}, {6, 2, 4, 6, 8, 10, 12}},
		{{.code = "even.code", .after = 6, .limit = 2}, {2, 8, 10}},
		{{.code = "none"}, {0}},
		{{.min_severity = 4}, {4, 4, 5, 10, 11}},
		{{.min_severity = 3, .after = 4}, {4, 5, 9, 10, 11}},
		{{.min_severity = 1, .limit = 6}, {6, 1, 2, 3, 4, 5, 7}},
		{{.host = FIXTURE_HOST, .min_severity = 5}, {2, 5, 11}},
		{{.host = FIXTURE_HOST, .code = "odd.code", .after = 8},
		 {2, 9, 11}},
		{{.host = "0"}, {0}},
	};

	put(t, 1, 12);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t got[64] = {0};

		assert_int_equal(t->store->ops->each_row(t->store,
							 &rows[i].query,
							 count_row, got),
				 0);
		assert_memory_equal(got, rows[i].seqs, sizeof(rows[i].seqs));
	}
}

static int take_token(struct store *store, void *ctx)
{
	int *out = ctx; /* [0] verdict, [1] reenrol, [2] now */
	uint8_t hash[SECRET_HASH_BYTES] = {(uint8_t)out[3]};
	bool is_reenrol = false;

	out[0] = store->ops->token_find(store, hash, out[2], &is_reenrol);
	out[1] = is_reenrol;
	if (out[0] == 0)
		return store->ops->token_use(store, hash);
	return 0;
}

static int add_tokens(struct store *store, void *ctx)
{
	struct store_token token = {
		.created_ms = 0, .expires_ms = 1000, .uses = 1, .hash = {1}};
	int r = store->ops->token_add(store, &token);

	(void)ctx;
	token.hash[0] = 2;
	token.uses = 2;
	token.is_reenrol = true;
	return r < 0 ? r : store->ops->token_add(store, &token);
}

static void tokens_are_spent_and_expire(void **state)
{
	struct test *t = *state;
	static const int rows[][4] = {
		/* token, now, verdict, reenrol */
		{3, 1, STORE_TOKEN_UNKNOWN, 0},
		{1, 1000, STORE_TOKEN_EXPIRED, 0},
		{1, 999, 0, 0},
		{1, 999, STORE_TOKEN_USED, 0},
		{2, 1, 0, 1},
		{2, 1, 0, 1},
		{2, 1, STORE_TOKEN_USED, 0},
	};

	assert_int_equal(store_transact(t->store, add_tokens, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int out[4] = {-1, -1, rows[i][1], rows[i][0]};

		assert_int_equal(store_transact(t->store, take_token, out), 0);
		assert_int_equal(out[0], rows[i][2]);
		assert_int_equal(out[1], rows[i][3]);
	}
}

static int add_cert(struct store *store, void *ctx)
{
	return store->ops->cert_add(store, ctx, 1);
}

static int revoke_certs(struct store *store, void *ctx)
{
	int r = store->ops->cert_revoke(store, FIXTURE_HOST, ctx, 2);

	return r < 0 ? r : 0;
}

static void a_revoked_certificate_stores_nothing(void **state)
{
	struct test *t = *state;
	struct ca_cert *cert = &t->fixture.peer;
	struct ca_cert other = *cert;
	struct store_cert_state s;

	cert->not_after_s = 100;
	cert->key_hash[0] = 1;
	assert_int_equal(put(t, 1, 1).verdict, 0); /* unknown: CA vouches */
	assert_int_equal(store_transact(t->store, add_cert, cert), 0);
	assert_int_equal(put(t, 2, 2).verdict, 0);

	/* Another key is only a conflict while the first one lives. */
	other.key_hash[0] = 2;
	assert_int_equal(t->store->ops->cert_find_other(t->store, cert, 50), 0);
	assert_int_equal(t->store->ops->cert_find_other(t->store, &other, 50),
			 1);
	assert_int_equal(
		t->store->ops->cert_find_other(t->store, &other, 100000), 0);

	assert_int_equal(store_transact(t->store, revoke_certs, cert->key_hash),
			 0);
	assert_int_equal(put(t, 3, 3).verdict, 0); /* not of this key */
	assert_int_equal(store_transact(t->store, revoke_certs, NULL), 0);
	assert_int_equal(put(t, 4, 4).verdict, STORE_REVOKED);
	assert_int_equal(ask(t, "SELECT count(*) FROM events"), 3);
	assert_int_equal(t->store->ops->cert_state(t->store, "0a", &s), 0);
	assert_true(s.is_known && s.is_revoked);
	assert_int_equal(t->store->ops->cert_find_other(t->store, &other, 50),
			 0);
}

static void rollups_count_by_day_unit_and_code(void **state)
{
	struct test *t = *state;

	put(t, 1, 7);
	put(t, 5, 12);
	assert_int_equal(ask(t, "SELECT count(*) FROM rollups"), 4);
	assert_int_equal(ask(t, "SELECT count FROM rollups WHERE day = 20000"
				" AND unit = 'B' AND code = 'odd.code'"),
			 2);
	assert_int_equal(ask(t, "SELECT sum(count) FROM rollups"), 12);
}

struct counted {
	size_t rows;
	uint64_t sum;
	int64_t day;
};

static int see_count(int64_t day, const char *unit, const char *code,
		     uint64_t count, void *ctx)
{
	struct counted *counted = ctx;

	assert_true(strcmp(unit, "A") == 0 || strcmp(unit, "B") == 0);
	assert_true(code[0] != '\0');
	counted->rows++;
	counted->sum += count;
	counted->day = day;
	return 0;
}

static void counts_are_read_by_day(void **state)
{
	struct test *t = *state;
	struct counted all = {0}, later = {0};

	put(t, 1, 12);
	assert_int_equal(
		t->store->ops->each_count(t->store, 20000, see_count, &all), 0);
	assert_int_equal(all.rows, 4);
	assert_int_equal(all.sum, 12);
	assert_int_equal(all.day, 20000);
	assert_int_equal(t->store->ops->each_count(t->store, 20001, see_count,
						   &later),
			 0);
	assert_int_equal(later.rows, 0);
	/* 23:59 and midnight in Japan */
	assert_int_equal(store_day(INT64_C(1763564399999)) + 1,
			 store_day(INT64_C(1763564400000)));
}

static void many_kinds_in_one_batch_are_all_counted(void **state)
{
	struct test *t = *state;
	static char codes[FIXTURE_MAX + 1][8];

	for (unsigned int n = 1; n <= FIXTURE_MAX; n++) {
		snprintf(codes[n], sizeof(codes[n]), "c%u", n);
		t->fixture.events[n].code =
			(struct event_text){codes[n], strlen(codes[n])};
	}
	put(t, 1, FIXTURE_MAX);
	assert_int_equal(ask(t, "SELECT count(*) FROM rollups"), FIXTURE_MAX);
	assert_int_equal(ask(t, "SELECT sum(count) FROM rollups"), FIXTURE_MAX);
}

static int see_terminal(const struct store_terminal *terminal, void *ctx)
{
	struct store_terminal *out = ctx;

	assert_string_equal(terminal->host, FIXTURE_HOST);
	assert_string_equal(terminal->tier, "T1");
	assert_string_equal(terminal->policy, "7");
	assert_string_equal(terminal->hostname, "kz");
	*out = *terminal;
	return 42;
}

static void a_terminals_line_follows_what_it_says(void **state)
{
	struct test *t = *state;
	struct store_terminal seen;

	t->fixture.status = (struct store_status){.is_set = true,
						  .tier = "T1",
						  .policy = "7"};
	t->fixture.headers.tail_seq = 20;
	t->fixture.headers.wall_time_ms = 86400000ll * 20000;
	put(t, 1, 4);
	t->fixture.status = (struct store_status){.is_set = true};
	t->fixture.headers.tail_seq = 0;
	put(t, 5, 6);
	assert_int_equal(t->store->ops->each_terminal(t->store, NULL,
						      see_terminal, &seen),
			 42);
	assert_int_equal(seen.acked, 6);
	assert_int_equal(seen.tail, 20);
	assert_int_equal(seen.events, 6);
	assert_int_equal(seen.skew_ms, 5);
	/* By its id and by its name, and nobody else */
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(t->store->ops->each_terminal(t->store, FIXTURE_HOST,
						      see_terminal, &seen),
			 42);
	assert_int_equal(seen.events, 6);
	assert_int_equal(seen.tail, 20);
	assert_int_equal(t->store->ops->each_terminal(t->store, "nobody",
						      see_terminal, &seen),
			 0);
}

static int see_id(const struct store_row *row, void *ctx)
{
	*(int64_t *)ctx = row->id;
	return 1;
}

static void severe_events_and_days_are_found(void **state)
{
	struct test *t = *state;
	const struct store_query query = {.min_severity = 4,
					  .is_newest_first = true,
					  .limit = 1};
	int64_t id = 0;

	for (unsigned int n = 1; n <= 9; n++)
		t->fixture.events[n].severity = n == 3 ? 4 : 3;
	put(t, 1, 6);
	assert_int_equal(t->store->ops->each_row(t->store, &query, see_id, &id),
			 1);
	assert_int_equal(id, 3);
	assert_int_equal(store_find_received(t->store, INT64_MAX, &id), 0);
	assert_int_equal(id, 6);
	assert_int_equal(store_find_received(t->store, 1, &id), 0);
	assert_int_equal(id, 0);
	struct put later = {.batch = fixture_batch(&t->fixture, 7, 9)};
	later.batch.recv_ms += 1000;
	assert_int_equal(store_transact(t->store, put_in, &later), 0);
	assert_int_equal(
		store_find_received(t->store, later.batch.recv_ms, &id), 0);
	assert_int_equal(id, 6);
	assert_int_equal(
		store_find_received(t->store, later.batch.recv_ms + 1, &id), 0);
	assert_int_equal(id, 9);
}

struct retiring {
	int64_t before_ms, id;
};

static int retire(struct store *store, void *ctx)
{
	struct retiring *retiring = ctx;

	return store->ops->retire(store, retiring->before_ms, 3, &retiring->id);
}

static void retention_empties_from_the_oldest_on(void **state)
{
	struct test *t = *state;
	struct retiring retiring = {0};
	int64_t recv_ms;

	put(t, 1, 7);
	recv_ms = ask(t, "SELECT min(recv_ms) FROM events");
	retiring.before_ms = recv_ms;
	assert_int_equal(store_transact(t->store, retire, &retiring), 0);
	assert_int_equal(retiring.id, 0);

	database_run(t->folder, "UPDATE events SET recv_ms = recv_ms + 1000"
				" WHERE id = 5");
	retiring.before_ms = recv_ms + 1;
	for (int64_t last = 3; last <= 5; last++) {
		int64_t wanted = last < 4 ? last : 4;

		assert_int_equal(store_transact(t->store, retire, &retiring),
				 0);
		assert_int_equal(retiring.id, wanted);
	}
	assert_int_equal(ask(t, "SELECT count(*) FROM events"
				" WHERE quarantine = 64 AND length(body) = 0"),
			 4);
	assert_int_equal(ask(t, "SELECT min(length(body)) FROM events"
				" WHERE id > 4") > 0,
			 1);
	assert_int_equal(put(t, 1, 7).ack.duplicates, 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_batch_is_stored_whole),
		TEST(overlaps_are_stored_once),
		TEST(a_gap_stores_nothing_and_says_what_is_there),
		TEST(what_is_lost_is_skipped_only_when_it_is_all_that_misses),
		TEST(a_fork_is_a_mismatch_wherever_it_begins),
		TEST(a_stream_must_begin_at_its_own_origin),
		TEST(a_new_stream_of_a_known_terminal_is_an_incident),
		TEST(what_was_not_committed_never_was),
		TEST(a_reopened_store_goes_on),
		TEST(what_is_no_store_is_not_opened),
		TEST(a_server_that_is_not_there_is_told),
		TEST(what_no_text_can_hold_is_stored_all_the_same),
		TEST(rows_come_in_order_and_by_page),
		TEST(tokens_are_spent_and_expire),
		TEST(a_revoked_certificate_stores_nothing),
		TEST(rollups_count_by_day_unit_and_code),
		TEST(counts_are_read_by_day),
		TEST(many_kinds_in_one_batch_are_all_counted),
		TEST(a_terminals_line_follows_what_it_says),
		TEST(severe_events_and_days_are_found),
		TEST(retention_empties_from_the_oldest_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
