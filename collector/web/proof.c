/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proof: GET /proof: the newest checkpoint, to be printed and kept, and how
 * anybody checks the records against it.
 */
#include "collector/web/view.h"

#include <errno.h>
#include <string.h>

#include "agent/base/fd.h"
#include "collector/logkey.h"

#include "agent/base/banned.h"

static void add_explanation(struct view *view)
{
	view_both(view,
		  "<p>受け取った記録はすべて一つの木(RFC 6962)に入り、"
		  "下の検証票がその全体に署名しています。印刷して保管すれば、"
		  "あとから記録を消したり直したりできないことを確かめられます。"
		  "</p>\n",
		  "<p>Every record received is a leaf of one tree (RFC 6962), "
		  "and the checkpoint below signs the whole of it. Print and "
		  "keep it: nobody, the operator included, can remove or edit "
		  "a record unseen.</p>\n");
}

static void add_commands(struct view *view)
{
	view_both(view, "<h2>確かめ方</h2>\n<ol><li>記録を書き出す: ",
		  "<h2>How to check</h2>\n<ol><li>Export the records: ");
	view_add(view, "<code>sekimori-collector export --proof &gt; "
		       "export.ndjson</code></li><li>");
	view_both(view, "別の機械で、印刷した検証票と照らし合わせる: ",
		  "On another machine, against the checkpoint you kept: ");
	view_add(view, "<code>sekimori-collector verify --key log.vkey "
		       "--checkpoint checkpoint.txt export.ndjson</code>"
		       "</li></ol>\n<p><a href=\"/checkpoint\" "
		       "download=\"checkpoint.txt\">");
	view_both(view, "検証票をファイルで保存",
		  "Save the checkpoint as a file");
	view_add(view, "</a></p>\n");
}

void web_proof(struct console_request *request)
{
	_cleanup_free_ char *text = NULL;
	struct view view;
	size_t size = 0;
	int r = read_small_file(request->console->dirfd, LOGKEY_CHECKPOINT,
				NOTE_BYTES_MAX, &text, &size);

	view_begin(&view, request, VIEW_PROOF, "");
	add_explanation(&view);
	if (r == -ENOENT) {
		view_both(&view, "<p>検証票はまだありません。</p>\n",
			  "<p>There is no checkpoint yet.</p>\n");
	} else if (r == 0) {
		view_both(&view,
			  "<h2>最新の検証票</h2>\n"
			  "<pre id=\"checkpoint\" tabindex=\"0\">",
			  "<h2>The newest checkpoint</h2>\n"
			  "<pre id=\"checkpoint\" tabindex=\"0\">");
		view_lines(&view, text);
		view_add(&view, "</pre>\n");
	}
	add_commands(&view);
	view_end(&view, r == -ENOENT ? 0 : r);
}
