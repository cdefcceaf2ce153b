// SPDX-License-Identifier: Apache-2.0
// What the steps share: a browser that is used as people use it who have keys alone.
import fs from "node:fs";
import path from "node:path";
import {createRequire} from "node:module";

const modules = createRequire(path.join(process.env.PAGE_MODULES, "x"));
const {chromium} = modules("playwright-core");
const AXE = fs.readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");
const OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
	"--disable-background-networking", "--disable-component-update", "--disable-sync"];
const PATIENCE = 60000; // milliseconds that only a hang reaches
const TABS = 80; // of a page of the tests; who is not there by then cannot be reached

/** Fails unless it is so. */
export function expect(is, what) {
	if (!is)
		throw new Error(what);
}

export class Browser {
	static async start(profile) {
		const self = new Browser();
		self.errors = [];
		/* A profile of its own, which is a directory that the caller removes. */
		self.profile = profile;
		return self;
	}

	/** Opens a page; one at a time. */
	async open(url, {width = 1100, scheme = "light", motion = "reduce"} = {}) {
		await this.close();
		this.context = await chromium.launchPersistentContext(fs.mkdtempSync(
			path.join(this.profile, "profile.")), {executablePath: process.env.CHROMIUM,
			args: OPTIONS, viewport: {width, height: 720}, colorScheme: scheme,
			reducedMotion: motion, timeout: PATIENCE});
		this.context.setDefaultTimeout(PATIENCE);
		this.page = this.context.pages()[0] ?? await this.context.newPage();
		this.page.on("pageerror", (error) => this.errors.push(String(error)));
		this.page.on("console", (message) => {
			/* A refusal by the policy, or a mistake; not an answer that the test asks for. */
			if (message.type() === "error" && !/status of [45]\d\d/.test(message.text()))
				this.errors.push(message.text());
		});
		await this.page.goto(url);
		await this.page.waitForSelector("main h1, dialog[open]");
	}

	/** What has the focus, by the name that a screen reader says. */
	focused() {
		return this.page.evaluate(() => {
			const e = document.activeElement;
			return (e.getAttribute("aria-label") ?? e.labels?.[0]?.textContent ?? e.textContent).trim();
		});
	}

	/** Presses Tab until something of that name has the focus. */
	async tabTo(name) {
		const passed = [];
		for (let i = 0; i < TABS; i++) {
			await this.page.keyboard.press("Tab");
			passed.push(await this.focused());
			if (name instanceof RegExp ? name.test(passed.at(-1)) : passed.at(-1) === name)
				return;
		}
		throw new Error(`Tab does not come to ${name}: ${passed.join(" | ")}`);
	}

	async press(name, key = "Enter") {
		await this.tabTo(name);
		await this.page.keyboard.press(key);
	}

	/** Waits until the page says that, anywhere in it. */
	async see(text) {
		await this.page.waitForFunction(([wanted, pattern]) => {
			const said = document.body.innerText;
			return pattern ? new RegExp(wanted, "s").test(said) : said.includes(wanted);
		}, text instanceof RegExp ? [text.source, true] : [text, false]);
	}

	/** The state of a host's or version's row. */
	row(name) {
		return this.page.evaluate((wanted) => [...document.querySelectorAll("main tbody tr")]
			.find((row) => row.querySelector("th").innerText.trim() === wanted)?.innerText ?? "", name);
	}

	async seeRow(name, text) {
		await this.page.waitForFunction(([wanted, said]) =>
			[...document.querySelectorAll("main tbody tr")].some((row) =>
				row.querySelector("th").innerText.trim() === wanted && row.innerText.includes(said)),
		[name, text]);
	}

	async heading(text) {
		await this.page.waitForFunction((wanted) =>
			document.querySelector("main h1")?.textContent === wanted, text);
	}

	/** Nothing that axe knows is wrong, and nothing sticks out on the right. */
	async check(what) {
		/* The policy of the page keeps scripts of others out, but not the debugger's. */
		await this.page.evaluate(AXE);
		const found = await this.page.evaluate(() => window.axe.run(document));
		const wrong = found.violations.map((v) =>
			`${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(", ")} (${v.help})`);
		expect(wrong.length === 0, `${what}: ${wrong.join("\n")}`);
		const [needs, has] = await this.page.evaluate(() =>
			[document.documentElement.scrollWidth, window.innerWidth]);
		expect(needs <= has, `${what}: ${needs} pixels wide on ${has}`);
	}

	async shot(name) {
		fs.mkdirSync(process.env.PAGE_SHOTS, {recursive: true});
		await this.page.screenshot({path: path.join(process.env.PAGE_SHOTS, `${name}.png`)});
	}

	async close() {
		await this.context?.close();
		this.context = null;
	}
}
