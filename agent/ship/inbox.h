/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inbox: the answer to GET /v1/inbox (sekimori-collector(8)) as files, for the
 * daemon to find. It reads no document: only the daemon knows what is good.
 */
#pragma once

#include "agent/wire/otlp.h"

#define INBOX_DOCUMENTS_MAX 16
#define INBOX_NAME_MAX	    40

/*
 * Stores the lines "NAME TEXT\n" of an answer as files of the folder INBOX_FD,
 * those that changed. How many were written; -EBADMSG: not such lines, the ones
 * before the wrong one are stored; or -errno.
 */
int inbox_store(int inbox_fd, struct span text)
	__attribute__((warn_unused_result));
