/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope: what a person reads of a code before it is used: 「読み取り専用・30
 * 分・1回」. Whether it is a right one only sekimorid can tell.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "policy/grant.h"

/* The access in words. */
const char *scope_access(enum grant_access access)
	__attribute__((returns_nonnull));

/*
 * What to say of a receipt number and a code as far as they are typed: "" while
 * the code is short, what is wrong, or the scope. True: both can be sent.
 */
bool scope_of_typed(const char *receipt, const char *code, char *ret_text,
		    size_t size) __attribute__((nonnull));
