/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field numbers of opentelemetry-proto v1 (collector/logs/v1/logs_service,
 * logs/v1/logs, common/v1/common, resource/v1/resource) and the names of our
 * attributes: one list for encoder and decoder. Only otlp_*.c include this.
 */
#pragma once

enum {
	REQUEST_RESOURCE_LOGS = 1,

	RESOURCE_LOGS_RESOURCE = 1,
	RESOURCE_LOGS_SCOPE_LOGS = 2,

	RESOURCE_ATTRIBUTES = 1,

	SCOPE_LOGS_SCOPE = 1,
	SCOPE_LOGS_LOG_RECORDS = 2,

	SCOPE_NAME = 1,

	LOG_RECORD_TIME = 1,
	LOG_RECORD_SEVERITY_NUMBER = 2,
	LOG_RECORD_BODY = 5,
	LOG_RECORD_ATTRIBUTES = 6,
	LOG_RECORD_OBSERVED_TIME = 11,
	LOG_RECORD_EVENT_NAME = 12,

	KEY_VALUE_KEY = 1,
	KEY_VALUE_VALUE = 2,

	ANY_VALUE_STRING = 1,
	ANY_VALUE_INT = 3,

	RESPONSE_PARTIAL_SUCCESS = 1,

	PARTIAL_SUCCESS_REJECTED = 1,
	PARTIAL_SUCCESS_MESSAGE = 2,
};

#define OTLP_SCOPE_NAME	  "sekimori"
#define OTLP_ATTR_SEQ	  "agent.seq"
#define OTLP_ATTR_FLAGS	  "agent.flags"
#define OTLP_ATTR_MONO_NS "agent.mono_ns"
#define OTLP_ATTR_ID	  "event.id"
#define OTLP_ATTR_ACTION  "event.action"

/* name, member of struct otlp_resource */
#define OTLP_RESOURCE_ATTRIBUTES(X)                                            \
	X("host.id", host_id)                                                  \
	X("host.name", host_name)                                              \
	X("service.name", service_name)                                        \
	X("service.version", service_version)                                  \
	X("agent.stream", stream)                                              \
	X("agent.boot.id", boot_id)                                            \
	X("os.description", os_description)
