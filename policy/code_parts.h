/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What code.c (letters) and code_key.c (keys) share, and nobody else: how a
 * scope and a proof become the sixty bits of a code.
 */
#pragma once

#include "policy/code.h"

#define CODE_PROOF_BITS 48

/* access - 1 in bits 11-10, minutes / 5 - 1 in 9-3, uses - 1 in 2-0. false,
 * *ret_bits unchanged: it does not fit. */
bool code_scope_to_bits(const struct code_scope *scope, uint16_t *ret_bits)
	__attribute__((nonnull, warn_unused_result));

/* The text of a code; 12 bits of scope, 48 of proof. */
void code_write(uint16_t scope_bits, uint64_t proof, char ret_text[CODE_SIZE])
	__attribute__((nonnull));
