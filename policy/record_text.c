/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_text: the one sentence of an event that a person reads, in Japanese.
 * It is made from the template of the event's row; data never picks the words,
 * and what a device says of itself stands between 「 and 」. Must not be
 * parsed by anybody: the fields beside it carry the same facts.
 */
#include "policy/record_parts.h"

#include <string.h>

/* Names in a sentence stay short; the whole one is in its own field. */
#define TEXT_NAME_MAX 60u

static const struct {
	enum usb_channel channel;
	const char *noun;
} nouns[] = {
	{USB_CHANNEL_STORAGE, "USB記憶装置"},
	{USB_CHANNEL_MTP, "携帯端末"},
	{USB_CHANNEL_PTP, "カメラ"},
	{USB_CHANNEL_NETWORK, "ネットワーク機器"},
	{USB_CHANNEL_MODEM, "モデム"},
	{USB_CHANNEL_PRINTER, "プリンター"},
	{USB_CHANNEL_SMARTCARD, "カードリーダー"},
	{USB_CHANNEL_SECURITY_KEY, "セキュリティキー"},
	{USB_CHANNEL_HUB, "USBハブ"},
	{USB_CHANNEL_VIDEO, "映像機器"},
	{USB_CHANNEL_AUDIO, "音声機器"},
	{USB_CHANNEL_BLUETOOTH, "Bluetooth機器"},
	{USB_CHANNEL_HID, "入力機器"},
};

/* Several channels at once is a composite, which BadUSB is too: say so. */
static const char *noun_of(const struct usb_fact *usb)
{
	for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++)
		if (usb->channels == USB_CHANNEL_BIT(nouns[i].channel))
			return nouns[i].noun;
	if (usb->channels & (usb->channels - 1))
		return "複合USB機器";
	return "USB機器";
}

static void put_usb(struct json_out *out, const struct usb_fact *usb)
{
	json_out_piece(out, noun_of(usb), TEXT_NAME_MAX);
	json_out_piece(out, "「", 1);
	if (usb->name[0]) {
		json_out_piece(out, usb->name, TEXT_NAME_MAX);
	} else {
		json_out_piece_hex(out, usb->vendor_id, 4);
		json_out_piece(out, ":", 1);
		json_out_piece_hex(out, usb->product_id, 4);
	}
	json_out_piece(out, "」", 1);
}

static void put_media(struct json_out *out, const struct media_fact *media)
{
	const char *name = media->devname;

	if (media->label[0])
		name = media->label;
	else if (media->parent && media->parent->name[0])
		name = media->parent->name;
	else if (media->model[0])
		name = media->model;
	json_out_piece(out, "媒体「", 3);
	json_out_piece(out, name, TEXT_NAME_MAX);
	json_out_piece(out, "」", 1);
}

/* Whom to call, as far as it is known. */
static void put_help(struct json_out *out, const struct record *rec)
{
	const char *ref = rec->decision.user_ref;
	const char *contact = rec->terminal->contact;
	bool has_ref = ref && ref[0];
	bool has_contact = contact && contact[0];

	if (!has_ref && !has_contact)
		return;
	json_out_piece(out, "。業務で必要な場合は", TEXT_NAME_MAX);
	if (has_ref) {
		json_out_piece(out, "受付番号 ", TEXT_NAME_MAX);
		json_out_piece(out, ref, TEXT_NAME_MAX);
		json_out_piece(out, " を添えて", TEXT_NAME_MAX);
	}
	json_out_piece(out, has_contact ? contact : "情報担当課",
		       TEXT_NAME_MAX);
	json_out_piece(out, "へ", 1);
}

static void put_policy(struct json_out *out, const struct record *rec)
{
	const struct record_change *change = &rec->u.change;

	if (!change->name || !change->name[0])
		return;
	json_out_piece(out, "「", 1);
	json_out_piece(out, change->name, TEXT_NAME_MAX);
	if (change->serial) {
		json_out_piece(out, " 第", 2);
		json_out_piece_u64(out, change->serial);
		json_out_piece(out, "版", 1);
	}
	json_out_piece(out, "」", 1);
}

/* How long there is left, or what could not wait. */
static void put_ending(struct json_out *out, const struct record *rec)
{
	const struct record_ending *ending = &rec->u.ending;

	if (rec->code == RECORD_MEDIA_ENDED) {
		if (ending->process_count)
			json_out_piece(out, "(開かれたまま切り離しました)",
				       TEXT_NAME_MAX);
		return;
	}
	if (!ending->left_s)
		return;
	json_out_piece(out, "(残り", TEXT_NAME_MAX);
	if (ending->left_s % 60 == 0) {
		json_out_piece_u64(out, ending->left_s / 60);
		json_out_piece(out, "分", 1);
	} else {
		json_out_piece_u64(out, ending->left_s);
		json_out_piece(out, "秒", 1);
	}
	json_out_piece(out, "。開いているファイルを閉じてください)",
		       TEXT_NAME_MAX);
}

static void put_ways(struct json_out *out,
		     const struct record_selftest *selftest)
{
	json_out_piece(out, "遮断 ", TEXT_NAME_MAX);
	json_out_piece_u64(out, selftest->closed);
	json_out_piece(out, "、利用者のみ遮断 ", TEXT_NAME_MAX);
	json_out_piece_u64(out, selftest->users_only);
	json_out_piece(out, "、開いている ", TEXT_NAME_MAX);
	json_out_piece_u64(out, selftest->open);
}

static void put_detail(struct json_out *out, const struct record *rec,
		       const struct record_row *row)
{
	switch ((enum record_part)row->part) {
	case RECORD_PART_TAMPER:
		json_out_piece(out, rec->u.tamper.kind, TEXT_NAME_MAX);
		break;
	case RECORD_PART_ORDER:
		json_out_piece(out, rec->u.order.action, TEXT_NAME_MAX);
		break;
	case RECORD_PART_SELFTEST:
		put_ways(out, &rec->u.selftest);
		break;
	case RECORD_PART_HEALTH:
		if (rec->u.health.is_compliant || !rec->u.health.tier)
			break;
		json_out_piece(out, "(保護の段階 ", TEXT_NAME_MAX);
		json_out_piece(out, rec->u.health.tier, TEXT_NAME_MAX);
		json_out_piece(out, ")", 1);
		break;
	case RECORD_PART_ENDING:
		put_ending(out, rec);
		break;
	case RECORD_PART_LOGIN:
		json_out_piece(out, rec->u.login.mode, TEXT_NAME_MAX);
		break;
	case RECORD_PART_GRANT:
		record_put_grant_text(out, &rec->u.grant);
		break;
	case RECORD_PART_NONE:
	case RECORD_PART_CHANGE:
	case RECORD_PART_START:
	case RECORD_PART_STOP:
	case RECORD_PART_KEY:
	case RECORD_PART_GAP:
	case RECORD_PART_STEP:
	case RECORD_PART_FILES:
		break;
	}
}

static void put_count(struct json_out *out, const struct record *rec,
		      const struct record_row *row)
{
	if (row->part == RECORD_PART_GAP) {
		json_out_piece_u64(out, rec->u.gap.count);
		return;
	}
	if (row->part == RECORD_PART_FILES) {
		json_out_piece_u64(out, rec->u.files.written);
		return;
	}
	int64_t step = rec->u.step.step_ms;
	json_out_piece(out, step < 0 ? "-" : "+", 1);
	json_out_piece_u64(out, step < 0 ? 0 - (uint64_t)step : (uint64_t)step);
}

static void put_gap(struct json_out *out, const struct record *rec)
{
	if (!rec->u.agent.gap_s)
		return;
	json_out_piece(out, "(監視していなかった時間 ", TEXT_NAME_MAX);
	json_out_piece_u64(out, rec->u.agent.gap_s);
	json_out_piece(out, "秒)", 2);
}

static void put_held(struct json_out *out, const struct record *rec,
		     const struct record_row *row)
{
	bool is_held = row->part == RECORD_PART_STOP ? rec->u.agent.is_held
						     : rec->u.tamper.is_held;

	json_out_piece(out,
		       is_held ? "。遮断は続いています"
			       : "。遮断は続いていません",
		       TEXT_NAME_MAX);
}

static void put_person(struct json_out *out, const struct record *rec)
{
	bool is_known = rec->actor && rec->actor->user && rec->actor->user[0];

	json_out_piece(out, "利用者「", 4);
	json_out_piece(out, is_known ? rec->actor->user : "不明",
		       TEXT_NAME_MAX);
	json_out_piece(out, "」", 1);
}

static const char *node_of(const struct record *rec)
{
	if (rec->guard && rec->guard->node && rec->guard->node[0])
		return rec->guard->node;
	return "媒体";
}

static void put_placeholder(struct json_out *out, const struct record *rec,
			    const struct record_row *row, char which)
{
	switch (which) {
	case 'k':
		put_usb(out, record_usb(rec));
		break;
	case 'l':
		record_put_channel_text(out, rec->channel);
		break;
	case 'm':
		put_media(out, rec->media);
		break;
	case 'n':
		json_out_piece(out, node_of(rec), TEXT_NAME_MAX);
		break;
	case 't':
		json_out_piece(out, rec->guard->target, TEXT_NAME_MAX);
		break;
	case 'f':
		json_out_piece(out, rec->file->path, TEXT_NAME_MAX);
		break;
	case 'w':
		json_out_piece(
			out, record_reason_row(rec->decision.reason)->japanese,
			TEXT_NAME_MAX);
		break;
	case 'h':
		put_help(out, rec);
		break;
	case 'v':
		put_policy(out, rec);
		break;
	case 'd':
		put_detail(out, rec, row);
		break;
	case 'c':
		put_count(out, rec, row);
		break;
	case 'g':
		put_gap(out, rec);
		break;
	case 'i':
		put_held(out, rec, row);
		break;
	case 'u':
		put_person(out, rec);
		break;
	case 'p':
		record_put_factors_text(out, rec->u.login.factors);
		break;
	default:
		break;
	}
}

void record_put_message(struct json_out *out, const struct record *rec,
			const struct record_row *row)
{
	/* What is cut or cleaned here is counted where its field stands. */
	uint32_t truncated = out->truncated;
	uint32_t altered = out->altered;
	const char *text = record_is_observed(rec, row) ? row->monitor_message
							: row->message;

	json_out_begin_str(out, "message");
	while (*text) {
		size_t plain = strcspn(text, "%");
		json_out_piece_span(out, text, plain, plain);
		text += plain;
		if (text[0] == '%' && text[1]) {
			put_placeholder(out, rec, row, text[1]);
			text += 2;
		}
	}
	json_out_end_str(out);

	out->truncated = truncated;
	out->altered = altered;
}
