// SPDX-License-Identifier: Apache-2.0
// steps.mjs NAME FACTS: one walk through the page. FACTS is JSON: url, and what the walk needs.
import {spawn} from "node:child_process";
import fs from "node:fs";
import {Browser, expect} from "./browser.mjs";

const walks = {
	/** From the start to a version in production, and back again. */
	async activate(b, {url}) {
		await b.open(url);
		await b.press("Skip to content");
		await b.tabTo("Search");
		await b.page.keyboard.type("face");
		await b.see("1 model of 2");
		await b.press("face");
		await b.heading("face");
		expect(await b.focused() === "face", "the view's heading has the focus");
		await b.press("Activate version 3");
		await b.see("model_registry.yaml is changed and committed: face 2026-02-02");
		await b.check("the question");
		await b.page.keyboard.press("Escape");
		expect(await b.focused() === "Activate version 3", "who says no is where they were");
		await b.page.keyboard.press("Enter");
		await b.see("goes to staging");
		await b.page.keyboard.press("Enter");
		await b.see("In production: version 3 of 2026-02-02");
		await b.seeRow("3", "production");
		await b.seeRow("1", "staging");
	},

	async rollBack(b, {url}) {
		await b.open(`${url}/#/models/face`);
		await b.press("Roll back to 1");
		await b.see("Roll face back to version 1?");
		await b.page.keyboard.press("Enter");
		await b.see("In production: version 1");
	},

	/** The version before is what was in production, not what has the number below. */
	async rollBackTo(b, {url, version}) {
		await b.open(`${url}/#/models/face`);
		await b.press(`Roll back to ${version}`);
		await b.see(`Roll face back to version ${version}?`);
		await b.page.keyboard.press("Enter");
		await b.see(`In production: version ${version}`);
	},

	/** What others do shows without a reload. */
	async follow(b, {url}) {
		await b.open(`${url}/#/models/face`);
		await b.see("In production: version 1");
		await b.page.waitForFunction(() => document.documentElement.dataset.live === "true");
		const answer = await fetch(`${url}/api/v1/registry/models/face/3/activate`, {method: "PUT"});
		expect(answer.ok, "activated");
		await b.see("In production: version 3");
	},

	/** A refusal is said in the dialog, in the service's words; no way back, no button for it. */
	async refuse(b, {url}) {
		await b.open(`${url}/#/models/face`);
		await b.see("In production: version 1");
		expect(!(await b.page.innerText("main")).includes("Roll back"), "no button");
		await b.press("Activate version 3");
		await b.see("goes to staging");
		await b.page.keyboard.press("Enter");
		await b.see("not today");
		await b.check("a refusal");
		await b.page.keyboard.press("Escape");
		await b.see("In production: version 1");
	},

	/** A key is asked for, and what it may not do is said. */
	async key(b, {url}) {
		await b.open(url);
		await b.see("API key or token");
		await b.check("the question for a key");
		await b.page.keyboard.type("wrong");
		await b.page.keyboard.press("Enter");
		await b.page.waitForFunction(() => document.getElementById("key-input")?.value === "");
		await b.page.keyboard.type("screen-key");
		await b.page.keyboard.press("Enter");
		await b.heading("Models");
		await b.press("face");
		await b.heading("face");
		await b.press("Activate version 3");
		await b.see("goes to staging");
		await b.page.keyboard.press("Enter");
		await b.see("this needs the role write; yours is read");
		expect(!(await b.page.content()).includes("screen-key"), "the key is not in the page");
		await b.page.reload();
		await b.heading("face");
	},

	/** Three hosts that each wait for a file of the test. */
	async rollout(b, {url, command, cwd, gates}) {
		await b.open(`${url}/#/fleet`);
		await b.page.waitForFunction(() => document.documentElement.dataset.live === "true");
		const deploy = spawn(command[0], command.slice(1), {cwd, stdio: ["ignore", "pipe", "pipe"]});
		const said = [];
		for (const stream of [deploy.stdout, deploy.stderr])
			stream.on("data", (data) => said.push(String(data)));
		const ended = new Promise((resolve) => { deploy.on("close", resolve); });
		try {
			await b.see(/-deploy-\S+\s+running/);
			await b.press(/-deploy-/);
			for (const host of ["h1", "h2", "h3"])
				await b.seeRow(host, "running");
			await b.see("0 of 3 hosts done");
			await b.shot("rollout-running");
			for (const [i, host] of ["h1", "h2", "h3"].entries()) {
				fs.writeFileSync(`${gates}/${host}`, "");
				await b.seeRow(host, "changed");
				await b.see(`${i + 1} of 3 hosts done`);
				if (i < 2)
					expect((await b.row("h3")).includes("running"), "h3 waits for its file");
			}
			await b.see(/done\s+3 of 3 hosts done/);
			await b.check("a rollout that is over");
		} finally {
			for (const host of ["h1", "h2", "h3"])
				fs.writeFileSync(`${gates}/${host}`, "");
			const code = await ended;
			expect(code === 0, `deploy-models ended with ${code}: ${said.join("")}`);
		}
		await b.press("Fleet");
		await b.seeRow("h2", "2026-02-01");
	},

	/** A sync on request, and a model of it in the registry. */
	async importModel(b, {url}) {
		await b.open(`${url}/#/catalogue`);
		await b.see("Nothing was synchronised yet.");
		await b.press("Sync now");
		await b.see("google/mobilenet");
		await b.tabTo("Search");
		await b.page.keyboard.type("mobilenet");
		await b.press("Import google/mobilenet");
		await b.see("Import google/mobilenet?");
		await b.page.keyboard.press("Enter");
		await b.see("is imported as google--mobilenet, version 1");
	},

	/** Every view, wide and narrow, light and dark. */
	async views(b, {url, views}) {
		for (const [width, scheme] of [[1100, "light"], [1100, "dark"], [360, "light"]]) {
			await b.open(url, {width, scheme});
			for (const [name, hash, heading] of views) {
				await b.page.goto(`${url}/${hash}`);
				await b.heading(heading);
				await b.check(`${name}, ${width} pixels, ${scheme}`);
				await b.shot(`${name}-${width}-${scheme}`);
			}
		}
	},
};

const [name, facts] = process.argv.slice(2);
const browser = await Browser.start(process.env.PAGE_PROFILES);
try {
	await walks[name](browser, JSON.parse(facts));
	expect(browser.errors.length === 0, browser.errors.join("\n"));
} catch (error) {
	await browser.shot(`failed-${name}`).catch(() => {});
	const said = await browser.page?.evaluate(() => document.body.innerText).catch(() => "");
	console.error(`${error.stack}\n--- the page ---\n${said}\n${browser.errors.join("\n")}`);
	process.exitCode = 1;
} finally {
	await browser.close();
}
