/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OTLP decoder: a pull parser over borrowed bytes. It accepts fields in any
 * order, as protobuf demands, and skips what it does not know; it refuses
 * a known field twice, since two readers could then see two different events.
 */
#include "agent/wire/otlp.h"

#include <errno.h>

#include "agent/wire/otlp_fields.h"
#include "agent/wire/protobuf.h"

uint32_t otlp_severity_id(uint32_t severity_number)
{
	uint32_t id = 6;

	while (id > 0 && severity_number < otlp_severity_number(id))
		id--;
	return id;
}

/* Whether this is the field `number` with the type it must have. */
static int match(const struct protobuf_field *field, uint32_t number,
		 enum protobuf_type type)
{
	if (field->number != number)
		return 0;
	return field->type == type ? 1 : -EBADMSG;
}

/* AnyValue: a string or an integer; other kinds leave both unset. */
struct any_value {
	struct span text;
	uint64_t number;
	bool is_text;
	bool is_number;
};

static int decode_any_value(struct span data, struct any_value *ret_value)
{
	struct any_value value = {0};
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&data, &field)) == 0) {
		int is_text = match(&field, ANY_VALUE_STRING, PROTOBUF_BYTES);
		int is_number = match(&field, ANY_VALUE_INT, PROTOBUF_VARINT);

		if (is_text < 0 || is_number < 0 || value.is_text ||
		    value.is_number)
			return -EBADMSG;
		if (is_text) {
			value.text = field.bytes;
			value.is_text = true;
		} else if (is_number) {
			value.number = field.value;
			value.is_number = true;
		}
	}
	if (r < 0)
		return r;
	*ret_value = value;
	return 0;
}

static int decode_key_value(struct span data, struct span *ret_key,
			    struct any_value *ret_value)
{
	struct protobuf_field field;
	bool has_key = false;
	bool has_value = false;
	int r;

	*ret_key = (struct span){0};
	*ret_value = (struct any_value){0};
	while ((r = protobuf_next(&data, &field)) == 0) {
		int is_key = match(&field, KEY_VALUE_KEY, PROTOBUF_BYTES);
		int is_value = match(&field, KEY_VALUE_VALUE, PROTOBUF_BYTES);

		if (is_key < 0 || is_value < 0 || (is_key && has_key) ||
		    (is_value && has_value))
			return -EBADMSG;
		if (is_key) {
			*ret_key = field.bytes;
			has_key = true;
		} else if (is_value) {
			has_value = true;
			if (decode_any_value(field.bytes, ret_value) < 0)
				return -EBADMSG;
		}
	}
	return r < 0 ? r : 0;
}

/* Text into a member that has none yet. */
static int set_text(struct span *member, const struct any_value *value)
{
	if (!value->is_text || member->ptr)
		return -EBADMSG;
	*member = value->text;
	return 0;
}

static int set_resource_attribute(struct otlp_resource *resource,
				  struct span key,
				  const struct any_value *value)
{
#define SET(name, member)                                                      \
	if (span_equals_str(key, name))                                        \
		return set_text(&resource->member, value);
	OTLP_RESOURCE_ATTRIBUTES(SET)
#undef SET
	return 0;
}

static int decode_resource(struct span data, struct otlp_resource *resource)
{
	struct protobuf_field field;
	size_t count = 0;
	int r;

	while ((r = protobuf_next(&data, &field)) == 0) {
		struct any_value value;
		struct span key;

		int is_attribute = match(&field, RESOURCE_ATTRIBUTES,
					 PROTOBUF_BYTES);
		if (is_attribute < 0)
			return is_attribute;
		if (!is_attribute)
			continue;
		if (++count > OTLP_ATTRIBUTES_MAX)
			return -E2BIG;
		if (decode_key_value(field.bytes, &key, &value) < 0 ||
		    set_resource_attribute(resource, key, &value) < 0)
			return -EBADMSG;
	}
	return r < 0 ? r : 0;
}

/* What of a record has been seen; each may come once. */
struct record_state {
	struct otlp_record record;
	size_t attribute_count;
	bool has_time;
	bool has_observed;
	bool has_severity;
	bool has_body;
	bool has_flags;
	bool has_boot;
	struct span action;
};

/* A number that has not been there and is at most `max`. */
static int set_number(bool *has, const struct any_value *value, uint64_t max,
		      uint64_t *ret_number)
{
	if (*has || !value->is_number || value->number > max)
		return -EBADMSG;
	*has = true;
	*ret_number = value->number;
	return 0;
}

static int set_record_attribute(struct record_state *state, struct span key,
				const struct any_value *value)
{
	struct otlp_record *record = &state->record;
	uint64_t flags = 0;

	if (span_equals_str(key, OTLP_ATTR_SEQ))
		return set_number(&record->has_seq, value, INT64_MAX,
				  &record->seq);
	if (span_equals_str(key, OTLP_ATTR_MONO_NS))
		return set_number(&state->has_boot, value, INT64_MAX,
				  &record->boot_ns);
	if (span_equals_str(key, OTLP_ATTR_ID))
		return set_text(&record->event_id, value);
	if (span_equals_str(key, OTLP_ATTR_ACTION))
		return set_text(&state->action, value);
	if (!span_equals_str(key, OTLP_ATTR_FLAGS))
		return 0;

	int r = set_number(&state->has_flags, value, UINT32_MAX, &flags);
	if (r == 0)
		record->flags = (uint32_t)flags;
	return r;
}

static int decode_body(struct record_state *state, struct span data)
{
	struct any_value value;

	if (state->has_body || decode_any_value(data, &value) < 0 ||
	    !value.is_text)
		return -EBADMSG;
	state->has_body = true;
	state->record.body = value.text;
	return 0;
}

static int decode_attribute(struct record_state *state, struct span data)
{
	struct any_value value;
	struct span key;

	if (++state->attribute_count > OTLP_ATTRIBUTES_MAX)
		return -E2BIG;
	if (decode_key_value(data, &key, &value) < 0)
		return -EBADMSG;
	return set_record_attribute(state, key, &value);
}

static int set_once(bool *has, const struct protobuf_field *field,
		    enum protobuf_type type, uint64_t *ret_value)
{
	if (*has || field->type != type)
		return -EBADMSG;
	*has = true;
	*ret_value = field->value;
	return 0;
}

static int decode_record_field(struct record_state *state,
			       const struct protobuf_field *field)
{
	struct otlp_record *record = &state->record;
	uint64_t severity = 0;
	int r;

	switch (field->number) {
	case LOG_RECORD_TIME:
		return set_once(&state->has_time, field, PROTOBUF_FIXED64,
				&record->wall_ns);
	case LOG_RECORD_OBSERVED_TIME:
		return set_once(&state->has_observed, field, PROTOBUF_FIXED64,
				&record->observed_ns);
	case LOG_RECORD_SEVERITY_NUMBER:
		r = set_once(&state->has_severity, field, PROTOBUF_VARINT,
			     &severity);
		if (r == 0)
			record->severity_id = otlp_severity_id(
				severity > 24 ? 24 : (uint32_t)severity);
		return r;
	case LOG_RECORD_BODY:
	case LOG_RECORD_ATTRIBUTES:
	case LOG_RECORD_EVENT_NAME:
		if (field->type != PROTOBUF_BYTES)
			return -EBADMSG;
		if (field->number == LOG_RECORD_BODY)
			return decode_body(state, field->bytes);
		if (field->number == LOG_RECORD_ATTRIBUTES)
			return decode_attribute(state, field->bytes);
		if (record->event_name.ptr)
			return -EBADMSG;
		record->event_name = field->bytes;
		return 0;
	default:
		return 0;
	}
}

static int decode_record(struct span data, struct otlp_record *ret_record)
{
	struct record_state state = {0};
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&data, &field)) == 0) {
		r = decode_record_field(&state, &field);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;

	/* Senders before OTLP 1.5 have no event_name. */
	if (!state.record.event_name.ptr)
		state.record.event_name = state.action;
	*ret_record = state.record;
	return 0;
}

void otlp_reader_init(struct otlp_reader *reader, struct span data)
{
	*reader = (struct otlp_reader){.request = data};
}

/* Finds the next field `number` in *rest. 0, PROTOBUF_END or -EBADMSG. */
static int find_field(struct span *rest, uint32_t number,
		      struct span *ret_bytes)
{
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(rest, &field)) == 0) {
		int is_it = match(&field, number, PROTOBUF_BYTES);

		if (is_it < 0)
			return is_it;
		if (is_it) {
			*ret_bytes = field.bytes;
			return 0;
		}
	}
	return r;
}

/* The resource may stand behind the records, so it is looked for first. */
static int enter_resource_logs(struct otlp_reader *reader, struct span data)
{
	struct otlp_resource resource = {0};
	struct span rest = data;
	struct span found;
	bool seen = false;
	int r;

	while ((r = find_field(&rest, RESOURCE_LOGS_RESOURCE, &found)) == 0) {
		if (seen)
			return -EBADMSG;
		seen = true;
		r = decode_resource(found, &resource);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;

	reader->resource = resource;
	reader->resource_logs = data;
	return 0;
}

/* Moves on to the next scope, entering a resource where needed. */
static int enter_scope_logs(struct otlp_reader *reader)
{
	struct span found;

	for (;;) {
		int r = find_field(&reader->resource_logs,
				   RESOURCE_LOGS_SCOPE_LOGS,
				   &reader->scope_logs);
		if (r < 0)
			return r;
		if (++reader->empty_count > OTLP_EMPTY_MAX)
			return -E2BIG;
		if (r == 0)
			return 0;

		r = find_field(&reader->request, REQUEST_RESOURCE_LOGS, &found);
		if (r == PROTOBUF_END)
			return OTLP_END;
		if (r == 0)
			r = enter_resource_logs(reader, found);
		if (r < 0)
			return r;
	}
}

int otlp_reader_next(struct otlp_reader *reader, struct otlp_record *ret_record)
{
	struct span found;

	for (;;) {
		int r = find_field(&reader->scope_logs, SCOPE_LOGS_LOG_RECORDS,
				   &found);
		if (r < 0)
			return r;
		if (r == 0) {
			reader->empty_count = 0;
			if (++reader->record_count > OTLP_RECORDS_MAX)
				return -E2BIG;
			return decode_record(found, ret_record);
		}

		r = enter_scope_logs(reader);
		if (r != 0)
			return r;
	}
}

static int decode_partial_success(struct span data,
				  struct otlp_response *response)
{
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&data, &field)) == 0) {
		int is_count = match(&field, PARTIAL_SUCCESS_REJECTED,
				     PROTOBUF_VARINT);
		int is_text = match(&field, PARTIAL_SUCCESS_MESSAGE,
				    PROTOBUF_BYTES);

		if (is_count < 0 || is_text < 0)
			return -EBADMSG;
		if (is_count)
			response->rejected = field.value;
		else if (is_text)
			response->message = span_take(field.bytes,
						      OTLP_ERROR_TEXT_MAX);
	}
	return r < 0 ? r : 0;
}

int otlp_decode_response(struct span data, struct otlp_response *ret_response)
{
	struct otlp_response response = {0};
	struct span found;
	int r;

	while ((r = find_field(&data, RESPONSE_PARTIAL_SUCCESS, &found)) == 0) {
		r = decode_partial_success(found, &response);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	*ret_response = response;
	return 0;
}
