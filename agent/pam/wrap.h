/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrap: runs another PAM module in the same handle and keeps what its success
 * proves. The return value is the module's own, so that a wrapped line behaves
 * in any stack as the module alone would; only PAM_SUCCESS is a proof.
 */
#pragma once

#include <security/pam_modules.h>

#include "agent/pam/line.h"
#include "agent/pam/places.h"

/*
 * pam_sm_authenticate of the wrapped module. Returns its value, PAM_SYSTEM_ERR
 * when the file may not be believed, PAM_MODULE_UNKNOWN when it cannot be
 * loaded.
 */
int wrap_authenticate(pam_handle_t *pamh, const struct pam_places *places,
		      int flags, const struct line *line)
	__attribute__((nonnull, warn_unused_result));

/* pam_sm_setcred of the wrapped module, with its own arguments. As above. */
int wrap_setcred(pam_handle_t *pamh, const struct pam_places *places, int flags,
		 const struct line *line)
	__attribute__((nonnull, warn_unused_result));
