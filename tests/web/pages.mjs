/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages: the console in a real browser, driven by test_pages.py. Reads its task
 * as JSON from the first argument, prints "ok NAME" or "not ok NAME: why" a
 * test, and "want NAME" where it waits for the other side to do something.
 */
import fs from "node:fs";
import { createRequire } from "node:module";

const task = JSON.parse(process.argv[2]);
const require = createRequire(task.modules + "/");
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const PAGES = { now: "/", terminals: "/terminals", terminal: "/terminal?id=" + task.host,
	events: "/events", event: "/event?id=" + task.event, requests: "/requests",
	proof: "/proof" };
const SIZES = { wide: { width: 1366, height: 768 }, narrow: { width: 390, height: 844 } };

const browser = await chromium.launch({ executablePath: task.chromium,
	args: ["--no-sandbox", "--disable-gpu"] });
const troubles = [];

async function open(options = {}) {
	const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: "ja-JP",
		viewport: SIZES.wide, httpCredentials: { username: "admin", password: task.token },
		...options });
	const page = await context.newPage();
	page.on("console", (message) => {
		if (message.type() === "error")
			troubles.push(`${page.url()}: ${message.text()}`);
	});
	page.on("pageerror", (error) => troubles.push(`${page.url()}: ${error}`));
	page.on("dialog", (dialog) => {
		troubles.push(`a dialog: ${dialog.message()}`);
		dialog.dismiss();
	});
	return page;
}

function equal(got, wanted, what = "") {
	if (JSON.stringify(got) !== JSON.stringify(wanted))
		throw new Error(`${what} got ${JSON.stringify(got)}, wanted ${JSON.stringify(wanted)}`);
}

const numbers = (texts) => texts.map((text) => parseInt(text, 10));

const tests = {
	async the_first_page_counts_what_the_database_holds() {
		const page = await open();
		await page.goto(task.url);
		equal(numbers(await page.locator(".tiles .figure").allTextContents()), task.tiles, "tiles");
		const wanting = await page.locator("main table").first().locator("tbody tr").count();
		equal(wanting, Math.min(task.tiles[2], 30), "terminals to look at");
		await page.locator("details summary").click();
		equal(parseInt(await page.locator("#days td").first().textContent(), 10), task.tiles[5],
			"today in the table");
		await page.context().close();
	},
	async terminals_are_found_by_name_and_by_state() {
		const page = await open();
		await page.goto(task.url + "/terminals");
		equal(numbers([await page.locator("#count").textContent()]), [task.terminals]);
		await page.getByLabel("名前・課").fill("市民課");
		await page.getByRole("button", { name: "表示" }).click();
		equal(numbers([await page.locator("#count").textContent()]), [task.in_shimin]);
		equal(new URL(page.url()).search, "?q=%E5%B8%82%E6%B0%91%E8%AA%B2", "no empty field");
		await page.getByLabel("確認が必要な端末だけ").check();
		await page.getByRole("button", { name: "表示" }).click();
		await page.goto(task.url + "/terminals?state=wanting");
		equal(numbers([await page.locator("#count").textContent()]), [task.tiles[2]]);
		await page.locator("tbody th a").first().click();
		await page.locator("dl.facts").waitFor();
		await page.context().close();
	},
	async events_are_searched_paged_and_saved() {
		const page = await open();
		await page.goto(task.url + "/events");
		equal(await page.locator("tbody tr").count(), Math.min(100, task.events), "a page");
		await page.getByRole("link", { name: "さらに前" }).click();
		equal(await page.locator("tbody tr").count(), Math.min(100, task.events - 100), "the next");
		await page.goto(task.url + "/events?code=usb.device.blocked");
		equal(await page.locator("tbody tr").count(), task.blocked, "by code");
		equal(await page.getByLabel("できごと").inputValue(), "usb.device.blocked");
		const [download] = await Promise.all([page.waitForEvent("download"),
			page.getByRole("link", { name: "CSV" }).click()]);
		const text = fs.readFileSync(await download.path(), "utf8");
		equal(text.trim().split("\r\n").length, task.blocked + 1, "lines of CSV");
		equal(/[\n,]"[=+@]/.test(text), false, "a formula");
		await page.context().close();
	},
	async exceptions_show_who_waits_and_what_lasts() {
		const page = await open();
		await page.goto(task.url);
		await page.getByRole("link", { name: "返事待ちの申請" }).click();
		const lists = page.locator("main tbody");
		equal(await lists.nth(0).locator("tr").count(), 3, "open");
		equal(await lists.nth(1).locator("tr").count(), 1, "over");
		equal(await lists.nth(0).getByText("返事待ち").count(), 2);
		equal(await lists.nth(0).getByText("使用中").count(), 1);
		await page.context().close();
	},
	async hostile_texts_are_shown_and_do_nothing() {
		const page = await open();
		for (const path of Object.values(PAGES)) {
			await page.goto(task.url + path);
			equal(await page.evaluate(() => document.querySelectorAll("main script, main img, main iframe")
				.length), 0, path);
		}
		await page.goto(task.url + "/events?terminal=" + task.evil_host);
		equal((await page.locator("tbody").textContent()).includes("<script>alert(1)"), true);
		equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true,
			"a name of 10 kB does not widen the page");
		await page.context().close();
	},
	async a_new_event_appears_within_two_seconds() {
		const page = await open();
		await page.goto(task.url + "/events?min_severity=5");
		await page.getByText("新しいできごとを表示しています").waitFor();
		const before = await page.locator("tbody tr").count();
		console.log("want event");
		await page.locator("tbody tr.new").first().waitFor({ timeout: 10000 });
		equal(await page.locator("tbody tr").count(), before + 1);
		equal(await page.locator("tbody tr").first().locator("bdi")
			.allTextContents().then((t) => t.includes("live now")), true, "its own words");
		const took = Date.now() - parseInt(await page.locator("tbody tr.new td.user").textContent(), 10);
		console.log(`# shown ${took} ms after it was sent`);
		equal(took < 2000, true, `${took} ms`);
		await page.context().close();
	},
	async english_stays_chosen() {
		const page = await open();
		await page.goto(task.url + "/?lang=en");
		await page.getByRole("link", { name: "Terminals", exact: true }).click();
		equal(await page.locator("h1").textContent(), "Terminals");
		equal(await page.locator("html").getAttribute("lang"), "en");
		await page.context().close();
	},
	async the_keyboard_reaches_everything() {
		const page = await open();
		await page.goto(task.url);
		await page.keyboard.press("Tab");
		equal(await page.evaluate(() => document.activeElement.className), "skip");
		for (let i = 0; i < 3; i++) /* past now and terminals */
			await page.keyboard.press("Tab");
		await page.keyboard.press("Enter");
		await page.waitForURL("**/events");
		await page.context().close();
	},
	async nothing_serious_is_found_by_axe() {
		for (const colorScheme of ["light", "dark"]) {
			const page = await open({ colorScheme, bypassCSP: true });
			for (const [name, path] of Object.entries(PAGES)) {
				await page.goto(task.url + path);
				await page.evaluate(axe);
				const found = await page.evaluate(() => window.axe.run());
				const bad = found.violations.filter((v) => ["serious", "critical"].includes(v.impact))
					.map((v) => `${v.id} ${v.nodes[0].target} ${v.nodes[0].failureSummary}`);
				equal(bad, [], `${name} ${colorScheme}`);
			}
			await page.context().close();
		}
	},
	async every_page_is_seen_in_both_schemes_and_sizes() {
		for (const colorScheme of ["light", "dark"])
			for (const [size, viewport] of Object.entries(SIZES)) {
				const page = await open({ colorScheme, viewport });
				for (const [name, path] of Object.entries(PAGES)) {
					await page.goto(task.url + path);
					const file = `${task.shots}/${name}-${colorScheme}-${size}.png`;
					await page.screenshot({ path: file, fullPage: name === "now" });
					equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
						true, `${name} ${size} scrolls sideways`);
				}
				await page.context().close();
			}
	},
	async the_browser_had_nothing_to_complain_about() {
		equal(troubles, []);
	},
};

for (const [name, test] of Object.entries(tests)) {
	try {
		await test();
		console.log(`ok ${name}`);
	} catch (error) {
		console.log(`not ok ${name}: ${String(error).split("\n").slice(0, 3).join(" | ")}`);
	}
}
await browser.close();
