/* SPDX-License-Identifier: Apache-2.0 */
/* The words of login lines, shared by parser and printer. Private. */
#pragma once

#include "policy/login.h"

enum login_value_type {
	LOGIN_VALUE_STRING,
	LOGIN_VALUE_COMBINATION,
	LOGIN_VALUE_NUMBER,
	LOGIN_VALUE_DURATION,
	LOGIN_VALUE_WORD,
};

struct login_info {
	const char *word;
	enum login_value_type type;
	bool is_set;		  /* may stand in braces */
	const char *const *words; /* LOGIN_VALUE_WORD, NULL-ended */
};

/* One attribute of a login rule; first is in the set's values. */
struct login_attr {
	uint8_t key; /* enum login_key */
	uint16_t count;
	uint32_t first;
};

const struct login_info *login_info(enum login_key key);
const char *login_kind_to_str(enum login_kind kind);
extern const char *const login_kind_words[];
extern const char *const login_factor_words[];
