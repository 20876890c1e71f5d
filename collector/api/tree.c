/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree: GET /checkpoint and /tile/8/<L>/<N>[.p/<W>] (C2SP tlog-tiles). Entry
 * bundles do not exist: the events are not for everybody.
 */
#include "collector/console.h"

#include <errno.h>

#include "agent/base/fd.h"
#include "collector/logkey.h"
#include "collector/tree.h"

#include "agent/base/banned.h"

void api_checkpoint(struct console_request *request)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = read_small_file(request->console->dirfd, LOGKEY_CHECKPOINT,
				NOTE_BYTES_MAX, &text, &size);

	if (r == -ENOENT) {
		http_reply_text(&request->reply, MHD_HTTP_NOT_FOUND,
				"no checkpoint was signed yet");
		return;
	}
	buf_clear(&request->reply.body);
	if (r == 0)
		r = buf_append(&request->reply.body, text, size);
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
}

void api_tile(struct console_request *request, const char *name)
{
	struct store *store = request->console->store;
	uint8_t hashes[MERKLE_TILE_BYTES];
	struct tree_tile tile;
	size_t width = 0;
	int r;

	if (tree_parse_tile(name, &tile) < 0) {
		http_reply_text(&request->reply, MHD_HTTP_NOT_FOUND,
				"no such tile");
		return;
	}
	r = store->ops->tile_read(store, tile.level, tile.index, hashes,
				  &width);
	if (r == -ENOENT || (r == 0 && width < tile.width)) {
		http_reply_text(&request->reply, MHD_HTTP_NOT_FOUND,
				"the tree is not that large yet");
		return;
	}
	buf_clear(&request->reply.body);
	if (r == 0)
		r = buf_append(&request->reply.body, hashes,
			       tile.width * MERKLE_HASH_SIZE);
	if (r < 0) {
		console_failed(request, r);
		return;
	}
	request->reply.status = MHD_HTTP_OK;
	request->reply.type = "application/octet-stream";
}
