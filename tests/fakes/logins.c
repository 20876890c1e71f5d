/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions, records and processes as a real terminal would show them. */
#include "tests/fakes/logins.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/daemon/login_policy.h"
#include "agent/daemon/login_store.h"
#include "agent/daemon/record_copy.h"

static void remember(void *userdata, const struct record *record)
{
	struct people *w = userdata;

	assert_true(w->record_count < WORLD_RECORDS_MAX);
	w->records[w->record_count] = record_copy(record);
	assert_non_null(w->records[w->record_count++]);
}

static void look(void *userdata, const char *id)
{
	struct people *w = userdata;

	(void)id;
	w->looks++;
}

size_t people_told(const struct people *w, enum record_code code)
{
	size_t count = 0;

	for (size_t i = 0; i < w->record_count; i++)
		count += w->records[i]->code == code;
	return count;
}

const struct record *people_last(const struct people *w, enum record_code code)
{
	for (size_t i = w->record_count; i-- > 0;)
		if (w->records[i]->code == code)
			return w->records[i];
	fail_msg("no %s was told", record_code_to_str(code));
	return NULL;
}

size_t people_asked(const struct people *w, const char *line)
{
	size_t count = 0;

	for (size_t i = 0; i < dry_run_count(w->hand); i++)
		count += strcmp(dry_run_line(w->hand, i), line) == 0;
	return count;
}

static void make_logins(struct people *w)
{
	const struct logins_options options = {
		.root_fd = w->tree.fd,
		.run_fd = w->run_fd,
		.sink = {.emit = remember, .userdata = w},
		.lock = dry_run_lock(w->hand),
		.look = look,
		.userdata = w,
	};

	assert_int_equal(logins_new(&options, &w->logins), 0);
}

int people_setup(void **state)
{
	struct people *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	fake_tree_init(&w->tree);
	fake_dir(&w->tree, "run/sekimori");
	fake_text(&w->tree, LOGIN_BOOT_ID_PATH, WORLD_BOOT_ID "\n");
	fake_text(&w->tree, "etc/passwd", "sato:x:1001:500::/:/bin/sh\n");
	fake_text(&w->tree, "etc/group",
		  "staff:x:500:\nshimin:x:501:suzuki,sato\nother:x:502:x\n"
		  "sekimori-breakglass:x:503:kinkyu\n");
	w->run_fd = openat(w->tree.fd, "run/sekimori", O_RDONLY | O_DIRECTORY);
	assert_true(w->run_fd >= 0);
	assert_int_equal(login_store_make(w->tree.fd), 0);
	assert_int_equal(dry_run_new(&w->hand), 0);
	w->now = S(500); /* since when logins are looked at */
	login_policy_default(&w->policy);
	make_logins(w);
	logins_set_policy(w->logins, &w->policy, w->now);
	w->now = S(1000);
	*state = w;
	return 0;
}

int people_teardown(void **state)
{
	struct people *w = *state;

	logins_free(w->logins);
	dry_run_free(w->hand);
	while (w->record_count > 0)
		free(w->records[--w->record_count]);
	(void)close(w->run_fd);
	fake_tree_fini(&w->tree);
	free(w);
	return 0;
}

/* A new daemon over what the old one left. */
void people_restart(struct people *w)
{
	assert_int_equal(logins_save(w->logins), 0);
	logins_free(w->logins);
	make_logins(w);
	logins_set_policy(w->logins, &w->policy, w->now);
}

void people_set_policy(struct people *w)
{
	logins_set_policy(w->logins, &w->policy, w->now);
}

void people_process(struct people *w, uint32_t pid, uint64_t start,
		    const char *cgroup)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "proc/%u/stat", pid);
	fake_text(&w->tree, path,
		  "%u (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %llu 0",
		  pid, (unsigned long long)start);
	(void)snprintf(path, sizeof(path), "proc/%u/cgroup", pid);
	fake_text(&w->tree, path, "%s", cgroup);
}

struct login_session people_session(const char *id, uint32_t leader)
{
	struct login_session s = {
		.user = "sato",
		.uid = 1001,
		.leader = leader,
		.leader_start = WORLD_START,
		.service = "login",
		.seat = "seat0",
		.tty = "tty2",
		.type = "tty",
		.class_name = "user",
		.is_active = true,
	};

	(void)snprintf(s.id, sizeof(s.id), "%s", id);
	(void)snprintf(s.scope, sizeof(s.scope), "session-%s.scope", id);
	return s;
}

void people_write(struct people *w, const struct login_record *record,
		  const char *name)
{
	char text[LOGIN_TEXT_MAX_BYTES + 1], path[128];
	size_t size = login_record_format(record, text, sizeof(text) - 1);

	assert_true(size > 0);
	text[size] = '\0';
	(void)snprintf(path, sizeof(path), LOGIN_RUN_DIR "/%s/%s",
		       login_record_folder(record->kind), name);
	fake_text(&w->tree, path, "%s", text);
}

struct login_record people_record(uint32_t leader, uint64_t now)
{
	return (struct login_record){
		.kind = LOGIN_RECORD_OPEN,
		.process = {leader, WORLD_START},
		.user = "sato",
		.uid = 1001,
		.service = "login",
		.phase = "session",
		.outcome = LOGIN_ALLOW_FACTORS,
		.is_enforced = true,
		.factors = MFA_KNOWLEDGE | MFA_POSSESSION,
		.boot_ns = now,
		.proof_boot_ns = now,
		.proof_count = 2,
		.proofs = {{MFA_KNOWLEDGE, MFA_KNOWLEDGE, MFA_QUALITY_ROOT, now,
			    "pam_unix"},
			   {MFA_POSSESSION, MFA_POSSESSION, MFA_QUALITY_ROOT,
			    now, "pam_u2f"}},
	};
}

/* The gate of the session's leader passed with two factors. */
void people_open_record(struct people *w, uint32_t leader)
{
	struct login_record record = people_record(leader, w->now);
	char name[64];

	(void)snprintf(name, sizeof(name), "%u-%u", leader, WORLD_START);
	people_write(w, &record, name);
}

void people_evidence(struct people *w, uint32_t pid, char id)
{
	struct login_record record = people_record(pid, w->now);

	record.kind = LOGIN_RECORD_EVIDENCE;
	memset(record.id, id, LOGIN_ID_CHARS);
	memset(record.secret, 'f', LOGIN_ID_CHARS);
	people_write(w, &record, record.id);
	logins_read_records(w->logins, w->now);
}

enum mfa_state people_state(const struct people *w, const char *id)
{
	const struct login_entry *entry = logins_find(w->logins, id);

	assert_non_null(entry);
	return entry->mfa.state;
}

void people_see(struct people *w, const struct login_session *session)
{
	logins_seen(w->logins, session, w->now);
}

void people_pass(struct people *w, uint64_t seconds)
{
	w->now += S(seconds);
	logins_tick(w->logins, w->now);
}

/* Session "3" of sato, bound. */
struct login_session people_attested(struct people *w)
{
	struct login_session s = people_session("3", WORLD_LEADER);

	people_open_record(w, WORLD_LEADER);
	people_see(w, &s);
	assert_int_equal(people_state(w, "3"), MFA_STATE_ATTESTED);
	return s;
}

void people_lock(struct people *w, struct login_session *s)
{
	w->now += S(60);
	s->is_hint_locked = true;
	people_see(w, s);
	assert_int_equal(people_state(w, s->id), MFA_STATE_LOCKED);
	w->now += S(60);
}

static const char *key_devpath(unsigned int n)
{
	static char path[96];

	(void)snprintf(path, sizeof(path),
		       "/devices/virtual/misc/uhid/0003:1:2.%04u/hidraw/"
		       "hidraw%u",
		       n, n);
	return path;
}

const char *people_add_key(struct people *w, unsigned int n, const char *name)
{
	static const unsigned char descriptor[] = {0x06, 0xd0, 0xf1, 0x09,
						   0x01};
	char path[160], link[64], target[160];

	(void)snprintf(path, sizeof(path),
		       "sys/devices/virtual/misc/uhid/0003:1:2.%04u/"
		       "report_descriptor",
		       n);
	fake_bytes(&w->tree, path, descriptor, sizeof(descriptor));
	(void)snprintf(path, sizeof(path),
		       "sys/devices/virtual/misc/uhid/0003:1:2.%04u/uevent", n);
	fake_text(&w->tree, path,
		  "DRIVER=hid-generic\nHID_ID=0003:1:2\nHID_NAME=%s\n"
		  "HID_UNIQ=\n",
		  name);
	(void)snprintf(path, sizeof(path), "sys%s", key_devpath(n));
	fake_dir(&w->tree, path);
	(void)snprintf(link, sizeof(link), "sys/class/hidraw/hidraw%u", n);
	(void)snprintf(target, sizeof(target), "../..%s", key_devpath(n));
	fake_link(&w->tree, link, target);
	return key_devpath(n);
}

void people_plug_key(struct people *w, unsigned int n, const char *name)
{
	struct uevent event = {.action = UEVENT_ADD, .subsystem = "hidraw"};
	struct token token;

	(void)snprintf(event.devpath, sizeof(event.devpath), "%s",
		       people_add_key(w, n, name));
	assert_int_equal(token_of_uevent(w->tree.fd, &event, &token), 0);
	logins_token_added(w->logins, &token, w->now);
}

void people_pull_key(struct people *w, unsigned int n)
{
	char path[160];

	(void)snprintf(path, sizeof(path), "sys/class/hidraw/hidraw%u", n);
	fake_remove(&w->tree, path);
	logins_token_removed(w->logins, key_devpath(n), w->now);
}
