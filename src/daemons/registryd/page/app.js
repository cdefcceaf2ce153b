// SPDX-License-Identifier: Apache-2.0
// Which view is shown: the part of the address behind "#".
import {askForKey, watch} from "./api.js";
import {showCatalogue} from "./catalogue.js";
import {h, trouble} from "./dom.js";
import {showFleet, showRollout} from "./fleet.js";
import {showModel, showModels} from "./models.js";

const main = document.getElementById("main");
const views = [
	[/^#\/models$/, showModels],
	[/^#\/models\/([^/]+)$/, showModel],
	[/^#\/fleet$/, showFleet],
	[/^#\/rollouts\/([^/]+)$/, showRollout],
	[/^#\/catalogue$/, showCatalogue],
];

/** One showing of a view: what it shows, hears and asks ends with it. */
class Page {
	#end = new AbortController();
	#listeners = [];
	signal = this.#end.signal;

	show(title, ...content) {
		if (this.signal.aborted)
			return;
		document.title = `${title} · modelfleet`;
		this.title = h("h1", {tabindex: "-1"}, title);
		main.replaceChildren(this.title, ...content);
		main.setAttribute("aria-busy", "false");
		/* Who came by keys goes on from here; the first page begins where browsers begin. */
		if (this.moved)
			this.focus();
	}

	focus() {
		this.title.focus();
	}

	on(event, listener) {
		this.#listeners.push([event, listener]);
	}

	tell(event) {
		for (const [name, listener] of this.#listeners)
			if (name === event.event || event.event === "again")
				Promise.resolve(listener(event)).catch(() => {});
	}

	end() {
		this.#end.abort();
		this.#listeners.length = 0;
	}
}

let page = new Page();
let moved = false;

function mark(hash) {
	const root = hash.startsWith("#/rollouts") ? "#/fleet" : hash.split("/").slice(0, 2).join("/");
	for (const link of document.querySelectorAll("nav a")) {
		if (link.getAttribute("href") === root)
			link.setAttribute("aria-current", "page");
		else
			link.removeAttribute("aria-current");
	}
}

async function go() {
	const hash = location.hash || "#/models";
	const [pattern, view] = views.find(([p]) => p.test(hash)) ?? [];
	page.end();
	page = new Page();
	page.moved = moved;
	moved = true;
	mark(hash);
	main.setAttribute("aria-busy", "true");
	const mine = page;
	if (!view) {
		page.show("Not found", h("p", null, "There is no such view. ",
			h("a", {href: "#/models"}, "Models")));
		return;
	}
	try {
		await view(page, ...hash.match(pattern).slice(1).map(decodeURIComponent));
	} catch (error) {
		if (error.name !== "AbortError" && mine === page)
			page.show("Not shown", trouble(error), h("button", {type: "button", onclick: go},
				"Try again"));
	}
}

document.querySelector(".skip").addEventListener("click", (event) => {
	event.preventDefault();
	main.focus();
});
document.getElementById("key").addEventListener("click", async () => {
	if (await askForKey())
		go();
});
addEventListener("hashchange", go);
await go();
watch((event) => page.tell(event), (live) => {
	document.documentElement.dataset.live = live;
}, new AbortController().signal);
