/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter: which events a request asks for, the same for the page, the API, the
 * export and the live tail: terminal= (its id or its host name), code=,
 * min_severity=, from= and until= (days of receipt, YYYY-MM-DD, both included,
 * in the server's time zone), after= and limit=.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "collector/console.h"

struct filter {
	struct store_query query; /* its texts are below */
	int64_t first;		  /* ids behind this … */
	int64_t last;		  /* … up to this */
	char host[IDENT_HEX_LEN + 1];
	char code[LIMIT_CODE_BYTES + 1];
	bool is_nobody; /* no terminal has that name: no event fits */
};

/*
 * Reads them. False: the reply is a 400 that says what is wrong, or a 500. An
 * empty argument is one not given. `filter` must not be moved afterwards. The
 * query begins at `first` or `after`, whichever is later, oldest first.
 */
bool filter_read(struct console_request *request, uint64_t limit_default,
		 struct filter *filter)
	__attribute__((nonnull, warn_unused_result));

/*
 * Walks the events that fit, in the query's order, within first..last. As the
 * store's each_row; 0 as well when a bound was reached.
 */
int filter_each(const struct filter *filter, struct store *store,
		store_row_fn *fn, void *ctx)
	__attribute__((nonnull(1, 2, 3), warn_unused_result));

/* A numeric argument of at most `max`; unchanged where there is none. */
bool filter_number(struct console_request *request, const char *name,
		   uint64_t max, uint64_t *value)
	__attribute__((nonnull, warn_unused_result));
