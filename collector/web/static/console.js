/* SPDX-License-Identifier: Apache-2.0 */
/*
 * console: what a page gains by script: new events appear by themselves, the
 * first page stays current, an empty field does not clutter an address. Markup
 * comes from the server only, which has escaped every text in it.
 */
const ROWS_MAX = 300;
const REFRESH_MS = 60000;

function keepFormsShort() {
	for (const form of document.querySelectorAll("form.filter"))
		form.addEventListener("formdata", (event) => {
			for (const [name, value] of [...event.formData])
				if (value === "")
					event.formData.delete(name);
		});
}

/* The server makes the row, so that one place knows how. */
function readRow(html) {
	const page = new DOMParser().parseFromString(`<table><tbody>${html}</tbody></table>`,
		"text/html");
	return page.querySelector("tr");
}

function followEvents() {
	const live = document.getElementById("live");
	const body = document.querySelector("main table tbody");
	if (!live || !body)
		return;
	let count = 0;
	const source = new EventSource(live.dataset.from);
	const say = () => {
		live.textContent = live.dataset.on + (count ? ` (${count}${live.dataset.new})` : "");
	};
	source.addEventListener("open", say);
	source.addEventListener("error", () => { live.textContent = live.dataset.off; });
	source.addEventListener("message", (event) => {
		const row = readRow(event.data);
		if (!row)
			return;
		row.classList.add("new");
		body.prepend(document.adoptNode(row));
		while (body.rows.length > ROWS_MAX)
			body.rows[body.rows.length - 1].remove();
		count++;
		say();
	});
}

/* Only while nobody selects or opens anything on it. */
function refreshNow() {
	if (!document.getElementById("tiles"))
		return;
	setInterval(async () => {
		if (document.hidden || document.querySelector("details[open]") ||
		    !getSelection().isCollapsed)
			return;
		const answer = await fetch("/");
		if (!answer.ok)
			return;
		const page = new DOMParser().parseFromString(await answer.text(), "text/html");
		document.getElementById("main").replaceWith(
			document.adoptNode(page.getElementById("main")));
	}, REFRESH_MS);
}

keepFormsShort();
followEvents();
refreshNow();
