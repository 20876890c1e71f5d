/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record: every code writes, hostile input stays inside, missing parts are
 * refused. `test_record --ndjson` prints one record of every code, plain,
 * with everything filled, and in monitor mode, for test_record_schema.py.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy/record.h"
#include "tests/unit/policy/sample_login.h"
#include "tests/unit/policy/sample_order.h"

struct sample {
	struct record_terminal terminal;
	struct record_policy policy;
	struct record_actor actor;
	struct record_process process;
	struct usb_fact usb;
	struct media_fact media;
	struct record_guard guard;
	struct record_file file;
	struct record_channel channel;
	struct record_layer layers[RECORD_LAYERS_MAX + 1];
	struct record_holder holders[RECORD_HOLDERS_MAX + 1];
	struct record rec;
};

static void sample_facts(struct sample *s)
{
	s->usb = (struct usb_fact){
		.channels = USB_CHANNEL_BIT(USB_CHANNEL_STORAGE),
		.vendor_id = 0x0781,
		.product_id = 0x5581,
		.serial = "4C530001260524115055",
		.name = "Ultra",
		.manufacturer = "SanDisk",
		.hash = "jEP/6WzviqdJ5VSeTUY8PatCNBKeaREvo2OqdplND/o=",
		.via_port = "1-4.2",
		.connect_type = "hotplug",
		.interface_count = 3,
		.interfaces = {{.class_code = 8, .subclass = 6, .protocol = 80},
			       {.class_code = 8, .subclass = 6, .protocol = 98},
			       {.class_code = 8,
				.subclass = 6,
				.protocol = 80}},
	};
	s->media = (struct media_fact){
		.parent = &s->usb,
		.bus = MEDIA_BUS_USB,
		.dev_major = 8,
		.dev_minor = 16,
		.diskseq = 12,
		.size_bytes = 32000000000,
		.is_size_known = true,
		.devname = "sdb",
		.fs_type = "exfat",
		.label = "窓口データ",
		.fs_uuid = "1234-ABCD",
	};
	s->guard = (struct record_guard){
		.hook = "lsm/sb_kern_mount",
		.node = "/dev/sdb1",
		.major = 8,
		.minor = 17,
		.target = "/media/s012345/UNTITLED",
		.flags = "rw,nosuid",
	};
	s->channel = (struct record_channel){
		.kind = "wifi",
		.name = "rfkill0",
		.model = "phy0",
		.address = "02:00:00:00:00:01",
		.interface = "wlan0",
	};
	s->file = (struct record_file){
		.path = "窓口/.名簿.csv.tmp",
		.mount = "/media/s012345/DATA",
		.node = "/dev/sdb1",
		.has_size = true,
		.size_bytes = 1234,
		.sha256 = "9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f"
			  "9c1f9c1f9c1f9c1f9c1f9c1f9c1f9c1f",
		.write_count = 2,
		.user_by = "login",
	};
}

static void sample_part(struct sample *s)
{
	struct record *rec = &s->rec;

	memset(&rec->u, 0, sizeof(rec->u));
	s->layers[0] = (struct record_layer){"usb_authorize", RECORD_LAYER_OK,
					     NULL};
	s->layers[1] = (struct record_layer){"lsm", RECORD_LAYER_ABSENT,
					     "bpf is not in the LSM list"};
	s->holders[0] = (struct record_holder){.pid = 4242,
					       .uid = 1000,
					       .name = "soffice.bin",
					       .path = "/media/x/a.ods",
					       .is_writer = true};
	switch (rec->code) {
	case RECORD_MEDIA_ENDING:
	case RECORD_MEDIA_ENDED:
		rec->u.ending = (struct record_ending){
			.stage = rec->code == RECORD_MEDIA_ENDED ? "unmounted"
								 : "held",
			.access = "deny",
			.left_s = rec->code == RECORD_MEDIA_ENDED ? 0 : 59,
			.mount_count = 1,
			.holders = s->holders,
			.holder_count = 1,
			.process_count = 1,
			.is_synced = true,
		};
		break;
	case RECORD_POLICY_LOADED:
	case RECORD_POLICY_REJECTED:
		rec->u.change = (struct record_change){
			.name = "マイナンバー系 標準",
			.serial = 119,
			.from_serial = 118,
			.digest = "sha256:9c1f",
			.rule_count = 42,
		};
		if (rec->code == RECORD_POLICY_REJECTED) {
			rec->decision.reason = RECORD_REASON_POLICY_SYNTAX;
			rec->u.change.error = "10-usb.rules:7:12: error: …";
		}
		break;
	case RECORD_AGENT_START:
		rec->u.agent = (struct record_agent){.pid = 812,
						     .prev_stop = "crash",
						     .gap_s = 9,
						     .code_key = "AlFc"};
		break;
	case RECORD_AGENT_STOP:
		rec->u.agent = (struct record_agent){.pid = 812,
						     .reason = "signal",
						     .is_held = true};
		break;
	case RECORD_AGENT_DEGRADED:
	case RECORD_AGENT_RECOVERED:
	case RECORD_AGENT_HEARTBEAT:
		rec->u.health = (struct record_health){
			.tier = "T2",
			.floor = "T1",
			.layers = s->layers,
			.layer_count = 2,
			.spool_pending = 3,
			.uptime_s = 61,
			.why = "the LSM list has no bpf",
			.is_compliant = rec->code != RECORD_AGENT_DEGRADED,
		};
		break;
	case RECORD_AGENT_TAMPER:
		rec->u.tamper = (struct record_tamper){.kind = "sigkill",
						       .detected_by = "start",
						       .is_held = true,
						       .gap_ms = 640};
		break;
	case RECORD_LOG_GAP:
	case RECORD_SPOOL_RESET:
		rec->u.gap = (struct record_gap){
			.first = 5, .last = 9, .count = 5, .why = "disk full"};
		break;
	case RECORD_FILE_RENAMED:
		s->file.to = "窓口/名簿.csv";
		break;
	case RECORD_FILE_SUMMARY:
		rec->u.files =
			(struct record_files){.mount = "/media/s012345/DATA",
					      .node = "/dev/sdb1",
					      .written = 12,
					      .bytes = 4096,
					      .unhashed = 1,
					      .mynumbers = 2,
					      .why = "unmounted"};
		break;
	case RECORD_CLOCK_STEP:
		rec->u.step = (struct record_step){.step_ms = -3600000,
						   .source = "settime"};
		break;
	default:
		if (rec->code >= RECORD_LOGIN_FIRST)
			sample_login(&s->rec);
		break;
	}
	sample_order(rec);
}

static void sample_make(struct sample *s, enum record_code code)
{
	*s = (struct sample){
		.terminal = {.uid = "3f0e9a546f0c4a4e9d1c5b0b6c1f7a21",
			     .hostname = "kz-shimin-014",
			     .tenant = "999999",
			     .org = "情報市",
			     .unit = "市民課",
			     .zone = "mynumber",
			     .asset = "PC-0142",
			     .contact = "情報政策課 内線 2345",
			     .os_name = "Debian GNU/Linux",
			     .os_version = "12",
			     .kernel = "6.1.0-49-amd64",
			     .boot_uid = "b2c1d7f0-5d3f-4a8a-8d5f-0b9b5f2f4b11",
			     .version = "0.1.0"},
		.policy = {.name = "マイナンバー系 標準",
			   .serial = 118,
			   .digest = "sha256:9c1f",
			   .mode = RECORD_MODE_ENFORCE},
		.actor = {.user = "s012345",
			  .has_uid = true,
			  .uid = 1014,
			  .session = "c3",
			  .tty = "tty2",
			  .wall_since_ms = 1764567000000,
			  .is_remote = RECORD_NO,
			  .is_mfa = RECORD_YES},
		.process = {.pid = 2211,
			    .has_uid = true,
			    .uid = 0,
			    .name = "udisksd",
			    .path = "/usr/libexec/udisks2/udisksd"},
	};
	sample_facts(s);
	s->rec = (struct record){
		.code = code,
		.wall_time_ms = 1764572461000,
		.timezone_minutes = 540,
		.sequence = 41202,
		.stream = "000102030405060708090a0b0c0d0e0f",
		.uid = {0x01, 0x93, 0x13, 0x72, 0x9d, 0xee, 0x7a, 0x10, 0x8c,
			0x3e, 0x9b, 0x51, 0x2f, 0x6f, 0x7c, 0x9a},
		.correlation = "plug-1-4.2-7",
		.clock = {.is_synced = true,
			  .has_offset = true,
			  .offset_ms = 3},
		.terminal = &s->terminal,
		.policy = &s->policy,
		.actor = &s->actor,
		.process = &s->process,
		.usb = &s->usb,
		.media = &s->media,
		.guard = &s->guard,
		.file = &s->file,
		.channel = &s->channel,
		.decision = {.rule = SPAN("storage-denied"),
			     .rule_file = "10-usb.rules",
			     .rule_line = 12,
			     .layer = "usb_authorize",
			     .reason = RECORD_REASON_RULE,
			     .latency_us = 840},
	};
	sample_part(s);
}

/* Only what the code requires. */
static void sample_strip(struct sample *s)
{
	struct record *rec = &s->rec;

	/* Empty, as a configuration file that sets nothing leaves them. */
	s->terminal = (struct record_terminal){.tenant = "",
					       .org = "",
					       .unit = "",
					       .asset = "",
					       .zone = "",
					       .uid = s->terminal.uid,
					       .hostname = "t1",
					       .os_name = "Debian",
					       .version = "0.1.0"};
	s->policy = (struct record_policy){.mode = RECORD_MODE_ENFORCE};
	s->usb.name[0] = s->usb.serial[0] = s->usb.manufacturer[0] = '\0';
	s->media = (struct media_fact){.devname = "mmcblk0"};
	s->guard = (struct record_guard){.hook = "cgroup/dev", .major = 8};
	s->file = (struct record_file){.path = "a", .to = s->file.to};
	s->channel = (struct record_channel){.kind = "x",
					     .name = "y",
					     .interface = "z"};
	rec->actor = NULL;
	rec->process = NULL;
	rec->correlation = NULL;
	rec->clock = (struct record_clock){0};
	rec->decision = (struct record_decision){
		.layer = "guard", .reason = rec->decision.reason};
	if (rec->code >= RECORD_MEDIA_ALLOWED)
		rec->usb = NULL;
	if (rec->code >= RECORD_MOUNT_BLOCKED)
		rec->media = NULL;
}

static char hostile[4400]; /* set once, by fill() */

static const char *fill(void)
{
	/* Four-byte code points that stay, and quotes: the widest there is. */
	for (size_t i = 0; i + 4 < sizeof(hostile) - 1; i += 4)
		memcpy(hostile + i, "\xf0\x9f\x98\x80", 4);
	return hostile;
}

static void fill_array(char *array, size_t size)
{
	for (size_t i = 0; i + 4 < size; i += 4)
		memcpy(array + i, "\xf0\x9f\x98\x80", 4);
}

static void sample_flood_part(struct record *rec)
{
	const char *h = hostile;

	flood_order(rec, h);
	if (rec->code == RECORD_AGENT_HEARTBEAT ||
	    rec->code == RECORD_AGENT_DEGRADED) {
		rec->u.health.layer_count = RECORD_LAYERS_MAX + 1;
		rec->u.health.why = rec->u.health.floor = h;
		rec->u.health.tier = h;
	} else if (rec->code == RECORD_POLICY_REJECTED) {
		rec->u.change.name = rec->u.change.digest = h;
		rec->u.change.signer = rec->u.change.error = h;
	} else if (rec->code == RECORD_AGENT_TAMPER) {
		rec->u.tamper.kind = rec->u.tamper.detected_by = h;
	} else if (rec->code == RECORD_MEDIA_ENDED) {
		struct record_ending *ending = &rec->u.ending;
		struct record_holder *list =
			(struct record_holder *)(uintptr_t)ending->holders;
		for (size_t i = 0; i <= RECORD_HOLDERS_MAX; i++)
			list[i] = (struct record_holder){UINT32_MAX, UINT32_MAX,
							 h,	     h,
							 true,	     true};
		ending->holder_count = RECORD_HOLDERS_MAX + 1;
		ending->stage = ending->access = h;
	} else if (rec->code == RECORD_SPOOL_RESET) {
		rec->u.gap.why = rec->u.gap.old_stream = h;
	} else if (rec->code == RECORD_FILE_SUMMARY) {
		rec->u.files.mount = rec->u.files.node = h;
		rec->u.files.why = h;
	} else if (rec->code == RECORD_MFA_SESSION_VIOLATION) {
		flood_login(&rec->u.login, h);
	}
}

/* Every string longer than its limit, every list longer than its limit. */
static void sample_flood(struct sample *s)
{
	const char *h = fill();

	s->terminal = (struct record_terminal){h, h, h, h, h, h, h,
					       h, h, h, h, h, h};
	s->policy.name = s->policy.digest = h;
	s->actor.user = s->actor.session = s->actor.tty = h;
	s->process.name = s->process.path = h;
	fill_array(s->usb.serial, sizeof(s->usb.serial));
	fill_array(s->usb.name, sizeof(s->usb.name));
	fill_array(s->usb.manufacturer, sizeof(s->usb.manufacturer));
	fill_array(s->usb.hash, sizeof(s->usb.hash));
	fill_array(s->usb.via_port, sizeof(s->usb.via_port));
	fill_array(s->usb.connect_type, sizeof(s->usb.connect_type));
	s->usb.channels = (1u << USB_CHANNEL_COUNT) - 1;
	s->usb.interface_count = USB_INTERFACES_MAX;
	for (size_t i = 0; i < USB_INTERFACES_MAX; i++)
		s->usb.interfaces[i].class_code = (uint8_t)i;
	fill_array(s->media.devname, sizeof(s->media.devname));
	fill_array(s->media.fs_type, sizeof(s->media.fs_type));
	fill_array(s->media.label, sizeof(s->media.label));
	fill_array(s->media.fs_uuid, sizeof(s->media.fs_uuid));
	fill_array(s->media.model, sizeof(s->media.model));
	fill_array(s->media.serial, sizeof(s->media.serial));
	s->guard = (struct record_guard){h, h, UINT32_MAX, UINT32_MAX, h, h};
	s->channel = (struct record_channel){h, h, h, h, h};
	s->file = (struct record_file){h,	   h, h, h,	     true, true,
				       UINT64_MAX, h, h, UINT32_MAX, h,	   true,
				       UINT64_MAX};
	s->rec.wall_first_ms = s->rec.wall_last_ms = INT64_MAX;
	s->rec.decision.rule = span_str(h);
	s->rec.decision.rule_file = s->rec.decision.layer = h;
	s->rec.decision.detail = s->rec.decision.user_ref = h;
	s->rec.stream = s->rec.correlation = h;
	for (size_t i = 0; i <= RECORD_LAYERS_MAX; i++)
		s->layers[i] = (struct record_layer){h, RECORD_LAYER_DEGRADED,
						     h};
	sample_flood_part(&s->rec);
}

static const char *written(const struct sample *s)
{
	static char buf[RECORD_MAX_BYTES + 1];
	size_t len = 0;

	assert_int_equal(record_write(&s->rec, buf, RECORD_MAX_BYTES, &len), 0);
	assert_true(len > 0 && len <= RECORD_MAX_BYTES);
	buf[len] = '\0';
	return buf;
}

static void assert_has(const char *json, const char *part)
{
	if (!strstr(json, part))
		fail_msg("no %s in %s", part, json);
}

static void assert_lacks(const char *json, const char *part)
{
	if (strstr(json, part))
		fail_msg("%s in %s", part, json);
}

static void every_code_has_a_name_and_writes(void **state)
{
	struct sample s;
	(void)state;

	for (int c = RECORD_NONE + 1; c < RECORD_CODE_COUNT_; c++) {
		enum record_code back = RECORD_NONE;

		assert_string_not_equal(record_code_to_str(c), "none");
		assert_int_equal(
			record_code_from_str(record_code_to_str(c), &back), 0);
		assert_int_equal(back, c);
		assert_in_range(record_code_severity(c), 1, 5);
		sample_make(&s, c);
		assert_has(written(&s), record_code_to_str(c));
		sample_strip(&s);
		assert_has(written(&s), record_code_to_str(c));
		/* OCSF: an organization has a name or a uid. */
		assert_lacks(written(&s), "\"org\":{}");
	}
}

static void what_is_no_code_is_refused(void **state)
{
	enum record_code code = RECORD_LOG_GAP;
	char buf[RECORD_MAX_BYTES];
	struct sample s;
	size_t len = 777;
	(void)state;

	sample_make(&s, RECORD_NONE);
	assert_int_equal(record_write(&s.rec, buf, sizeof(buf), &len), -EINVAL);
	s.rec.code = RECORD_CODE_COUNT_;
	assert_int_equal(record_write(&s.rec, buf, sizeof(buf), &len), -EINVAL);
	s.rec.code = (enum record_code) - 1;
	assert_int_equal(record_write(&s.rec, buf, sizeof(buf), &len), -EINVAL);
	assert_int_equal(len, 777);
	assert_int_equal(record_code_from_str("usb.device", &code), -ENOENT);
	assert_int_equal(code, RECORD_LOG_GAP);
	assert_string_equal(record_code_to_str(RECORD_CODE_COUNT_), "none");
	assert_int_equal(record_code_severity(RECORD_NONE), 0);
}

static void a_missing_part_is_refused(void **state)
{
	char buf[RECORD_MAX_BYTES];
	size_t len = 777;
	struct sample s;
	(void)state;

#define REFUSED(code, change)                                                  \
	do {                                                                   \
		sample_make(&s, code);                                         \
		change;                                                        \
		assert_int_equal(record_write(&s.rec, buf, sizeof(buf), &len), \
				 -EINVAL);                                     \
		assert_int_equal(len, 777);                                    \
	} while (0)
	REFUSED(RECORD_LOG_GAP, s.rec.terminal = NULL);
	REFUSED(RECORD_LOG_GAP, s.rec.policy = NULL);
	REFUSED(RECORD_LOG_GAP, s.rec.stream = NULL);
	REFUSED(RECORD_LOG_GAP, s.rec.sequence = 0);
	REFUSED(RECORD_LOG_GAP, s.terminal.uid = "");
	REFUSED(RECORD_LOG_GAP, s.terminal.os_name = NULL);
	REFUSED(RECORD_USB_DEVICE_REMOVED, s.rec.usb = NULL);
	REFUSED(RECORD_USB_DEVICE_BLOCKED, s.rec.decision.layer = NULL);
	REFUSED(RECORD_MEDIA_DENIED, s.rec.media = NULL);
	REFUSED(RECORD_MOUNT_BLOCKED, s.rec.guard = NULL);
	REFUSED(RECORD_FILE_WRITTEN, s.rec.file = NULL);
	REFUSED(RECORD_CHANNEL_BLOCKED, s.rec.channel = NULL);
	REFUSED(RECORD_NETWORK_ROUTE, s.channel.kind = NULL);
	REFUSED(RECORD_NETWORK_ADDED, s.channel.name = "");
	REFUSED(RECORD_FILE_WRITTEN, s.file.path = "");
	REFUSED(RECORD_FILE_WRITTEN, s.rec.media = NULL);
	REFUSED(RECORD_MOUNT_BLOCKED, s.guard.hook = NULL);
#undef REFUSED
}

static void the_rule_is_named_as_well_as_it_can_be(void **state)
{
	struct sample s;
	(void)state;

	sample_make(&s, RECORD_USB_DEVICE_BLOCKED);
	assert_has(written(&s), "\"rule\":\"storage-denied\"");
	s.rec.decision.rule = (struct span){0};
	assert_has(written(&s), "\"rule\":\"10-usb.rules:12\"");
	s.rec.decision.rule_file = NULL;
	assert_has(written(&s), "\"rule\":\"implicit\"");
}

static void monitor_mode_never_says_blocked(void **state)
{
	struct sample s;
	(void)state;

	sample_make(&s, RECORD_USB_DEVICE_BLOCKED);
	assert_has(written(&s), "\"action_id\":2,");
	assert_has(written(&s), "遮断しました");
	s.policy.mode = RECORD_MODE_MONITOR;
	assert_has(written(&s), "\"action_id\":3,");
	assert_has(written(&s), "\"disposition_id\":17,");
	assert_has(written(&s), "\"status_id\":1,");
	assert_has(written(&s), "\"mode\":\"monitor\"");
	assert_lacks(written(&s), "遮断しました");
	/* What is a fact in either mode stays one. */
	sample_make(&s, RECORD_AGENT_TAMPER);
	s.policy.mode = RECORD_MODE_MONITOR;
	assert_has(written(&s), "\"disposition_id\":15,");
}

static void the_person_is_told_whom_to_call(void **state)
{
	struct sample s;
	(void)state;

	sample_make(&s, RECORD_USB_DEVICE_BLOCKED);
	assert_has(written(&s), "USB記憶装置「Ultra」を遮断しました(規則による)"
				"。業務で必要な場合は情報政策課 内線 2345へ");
	s.rec.decision.user_ref = "7F2K91XY-3";
	assert_has(written(&s), "業務で必要な場合は受付番号 7F2K91XY-3 を"
				"添えて情報政策課 内線 2345へ");
	s.terminal.contact = NULL;
	s.rec.decision.user_ref = NULL;
	assert_lacks(written(&s), "業務で必要");
	s.usb.channels |= USB_CHANNEL_BIT(USB_CHANNEL_HID);
	assert_has(written(&s), "複合USB機器「Ultra」");
}

static void a_device_cannot_break_out_of_its_name(void **state)
{
	struct sample s;
	(void)state;

	sample_make(&s, RECORD_USB_DEVICE_BLOCKED);
	snprintf(s.usb.name, sizeof(s.usb.name), "%s",
		 "\",\"action_id\":1,\"x\":\"\n\x1b[2J%k%h\xff");
	assert_has(written(&s), "\"name\":\"\\\",\\\"action_id\\\":1,"
				"\\\"x\\\":\\\" [2J%k%h\xef\xbf\xbd\"");
	assert_has(written(&s), "\"altered\":1}");
	assert_lacks(written(&s), "\x1b");
	assert_lacks(written(&s), "\n");
}

static void a_string_is_cut_and_counted_once(void **state)
{
	struct sample s;
	(void)state;

	sample_make(&s, RECORD_USB_DEVICE_BLOCKED);
	assert_lacks(written(&s), "truncated");
	memset(s.usb.serial, 'A', RECORD_NAME_MAX + 1);
	s.usb.serial[RECORD_NAME_MAX + 1] = '\0';
	assert_has(written(&s), "\"truncated\":1}");
	s.usb.serial[RECORD_NAME_MAX] = '\0';
	assert_lacks(written(&s), "truncated");
}

static void a_flood_fits_and_a_smaller_buffer_is_told(void **state)
{
	static char buf[RECORD_MAX_BYTES];
	struct sample s;
	size_t largest = 0;
	(void)state;

	for (int c = RECORD_NONE + 1; c < RECORD_CODE_COUNT_; c++) {
		size_t len = 0, kept = 777;

		sample_make(&s, c);
		sample_flood(&s);
		assert_int_equal(record_write(&s.rec, buf, sizeof(buf), &len),
				 0);
		largest = len > largest ? len : largest;
		assert_int_equal(record_write(&s.rec, buf, len - 1, &kept),
				 -ENOBUFS);
		assert_int_equal(kept, 777);
	}
	print_message("largest record: %zu bytes\n", largest);
	/* In reserve for a part to come. */
	assert_true(largest < RECORD_MAX_BYTES - 4096);
}

static void the_end_of_a_medium_names_who_holds_it(void **state)
{
	struct sample s;
	(void)state;

	sample_make(&s, RECORD_MEDIA_ENDING);
	assert_has(written(&s), "を終わらせます(残り59秒。開いている"
				"ファイルを閉じてください)");
	assert_has(written(&s),
		   "\"ending\":{\"stage\":\"held\",\"access\":\"deny\","
		   "\"left_s\":59,\"mounts\":1,\"synced\":true,"
		   "\"processes\":1,\"open\":[{\"pid\":4242,\"uid\":1000,"
		   "\"name\":\"soffice.bin\",\"path\":\"/media/x/a.ods\","
		   "\"raw\":false,\"write\":true}]}");
	s.rec.u.ending.left_s = 600;
	assert_has(written(&s), "(残り10分。");
	sample_make(&s, RECORD_MEDIA_ENDED);
	assert_has(written(&s), "(開かれたまま切り離しました)");
	s.rec.u.ending.process_count = s.rec.u.ending.holder_count = 0;
	assert_has(written(&s), "使用を終わらせました\"");
	assert_has(written(&s), "\"open\":[]");
}

static void reasons_have_numbers(void **state)
{
	(void)state;
	assert_string_equal(record_reason_to_str(RECORD_REASON_NONE), "");
	for (int r = 1; r < RECORD_REASON_COUNT_; r++) {
		enum record_reason back = RECORD_REASON_NONE;
		assert_int_equal(strlen(record_reason_to_str(r)), 10);
		assert_int_equal(record_reason_from_str(record_reason_to_str(r),
							&back),
				 0);
		assert_int_equal(back, r);
		assert_string_not_equal(record_reason_english(r), "");
		assert_string_not_equal(record_reason_japanese(r), "");
	}
	enum record_reason kept = RECORD_REASON_LOST;
	assert_int_equal(record_reason_from_str("", &kept), -ENOENT);
	assert_int_equal(kept, RECORD_REASON_LOST);
	assert_string_equal(record_reason_to_str(RECORD_REASON_COUNT_), "");
	assert_int_equal(record_reason_from_verdict(VERDICT_IMPLICIT),
			 RECORD_REASON_DEFAULT);
	for (int v = 0; v < VERDICT_REASON_COUNT; v++)
		assert_int_not_equal(record_reason_from_verdict(v),
				     RECORD_REASON_NONE);
}

static void print_one(const struct sample *s)
{
	static uint64_t sequence;
	static char buf[RECORD_MAX_BYTES];
	struct record rec = s->rec;
	size_t len = 0;

	rec.sequence = ++sequence;
	int r = record_write(&rec, buf, sizeof(buf), &len);
	printf("%.*s\n", r < 0 ? 0 : (int)len, buf);
	if (r < 0)
		printf("failed: %s %d\n", record_code_to_str(rec.code), r);
}

static int print_all(void)
{
	struct sample s;

	for (int c = RECORD_NONE + 1; c < RECORD_CODE_COUNT_; c++) {
		sample_make(&s, c);
		print_one(&s);
		s.policy.mode = RECORD_MODE_MONITOR;
		s.rec.count = 3;
		print_one(&s);
		sample_make(&s, c);
		sample_strip(&s);
		print_one(&s);
		sample_make(&s, c);
		sample_flood(&s);
		s.rec.stream = "000102030405060708090a0b0c0d0e0f";
		print_one(&s);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_a_name_and_writes),
		cmocka_unit_test(what_is_no_code_is_refused),
		cmocka_unit_test(a_missing_part_is_refused),
		cmocka_unit_test(the_rule_is_named_as_well_as_it_can_be),
		cmocka_unit_test(monitor_mode_never_says_blocked),
		cmocka_unit_test(the_person_is_told_whom_to_call),
		cmocka_unit_test(a_device_cannot_break_out_of_its_name),
		cmocka_unit_test(a_string_is_cut_and_counted_once),
		cmocka_unit_test(a_flood_fits_and_a_smaller_buffer_is_told),
		cmocka_unit_test(the_end_of_a_medium_names_who_holds_it),
		cmocka_unit_test(reasons_have_numbers),
	};

	if (argc == 2 && strcmp(argv[1], "--ndjson") == 0)
		return print_all();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
