/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pace: how often one terminal may send while much waits, before the collector
 * has to refuse (429). Pure.
 */
#pragma once

#include <stddef.h>

/*
 * Requests a minute for X-Agent-Rate, of the events that wait to be stored and
 * the octets that all requests hold; 0: there is no need to say anything.
 */
unsigned int pace_per_minute(size_t waiting_events, size_t held_bytes)
	__attribute__((warn_unused_result));
