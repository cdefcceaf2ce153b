// SPDX-License-Identifier: Apache-2.0
// Elements, texts, dialogs: what all views are made of. Text never becomes markup.

/** An element: h("a", {href: "#"}, "text", child, ...). Members that begin with "on" listen. */
export function h(name, attributes, ...children) {
	const element = document.createElement(name);
	for (const [key, value] of Object.entries(attributes ?? {})) {
		if (key.startsWith("on"))
			element.addEventListener(key.slice(2), value);
		else if (value !== false && value != null)
			element.setAttribute(key, value === true ? "" : value);
	}
	element.append(...children.flat().filter((child) => child != null && child !== false));
	return element;
}

/** Says something to those who see and to those who listen. */
export function say(text, failed = false) {
	const status = document.getElementById("status");
	status.textContent = text;
	status.classList.toggle("failed", failed);
	clearTimeout(say.timer);
	say.timer = setTimeout(() => { status.textContent = ""; }, 12000);
}

/** What went wrong, where it belongs. */
export function trouble(error) {
	const fields = error.errors?.length > 1 &&
		h("ul", null, error.errors.map((e) => h("li", null, `${e.field}: ${e.detail}`)));
	return h("div", {class: "trouble", role: "alert"}, h("strong", null, error.title ?? "Error"),
		" ", error.detail ?? error.message, fields);
}

/** A table with a caption for those who listen; columns are {title, class}. */
export function table(caption, columns, rows, attributes) {
	return h("table", attributes,
		h("caption", {class: "unseen"}, caption),
		h("thead", null, h("tr", null, columns.map((c) =>
			h("th", {scope: "col", class: c.class}, c.hidden
				? h("span", {class: "unseen"}, c.title) : c.title)))),
		h("tbody", null, rows));
}

/** A table that may be wider than the screen: it scrolls by itself, also by keys. */
export function scroller(label, content) {
	return h("div", {class: "scroller", role: "region", tabindex: "0", "aria-label": label},
		content);
}

const words = {
	production: ["good", "production"], staging: ["", "staging"], archived: ["dim", "archived"],
	ok: ["good", "as wanted"], behind: ["warn", "behind"], drifted: ["warn", "drifted"],
	failed: ["bad", "failed"], rolled_back: ["bad", "taken back"], absent: ["bad", "absent"],
	differs: ["warn", "differs"], "runs other": ["warn", "runs another"],
	"no config": ["warn", "no config"], "in store": ["good", "in store"],
	waiting: ["dim", "waiting"], running: ["busy", "running"], done: ["good", "done"],
	changed: ["good", "changed"], unchanged: ["good", "unchanged"],
	unreachable: ["bad", "unreachable"], away: ["bad", "away"], as_wanted: ["good", "as wanted"],
	interrupted: ["warn", "interrupted"], not_run: ["dim", "not run"],
	silent: ["warn", "silent"], success: ["good", "success"],
	healthy: ["good", "healthy"], unhealthy: ["bad", "unhealthy"],
};

/** A state in its word, with a mark that does not need colours to be told apart. */
export function badge(state) {
	const [kind, word] = words[state] ?? ["", state.replaceAll("_", " ")];
	return h("span", {class: `badge ${kind}`}, word);
}

/** A time as people say it, whole in the title. */
export function when(text) {
	if (!text)
		return "";
	const seconds = (Date.now() - Date.parse(text)) / 1000;
	if (Number.isNaN(seconds))
		return text;
	const steps = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600],
		[86400 * 14, "day", 86400]];
	const step = steps.find(([limit]) => Math.abs(seconds) < limit);
	const format = new Intl.RelativeTimeFormat("en", {numeric: "auto"});
	const short = step ? format.format(-Math.round(seconds / step[2]), step[1])
		: text.slice(0, 10);
	return h("time", {datetime: text, title: text}, short);
}

/** A number with groups of digits. */
export function number(n) {
	return n == null ? "" : n.toLocaleString("en");
}

/** Waits until nobody has called it for a while. */
export function calmly(milliseconds, action) {
	let timer;
	return () => {
		clearTimeout(timer);
		timer = setTimeout(action, milliseconds);
	};
}

/**
 * Asks. `content` is shown above the buttons; `act` is called with the form's data when it is
 * sent, and what it throws is shown in the dialog. True once act has ended well.
 */
export function ask({title, content, confirm, danger, act}) {
	const dialog = document.getElementById("dialog");
	if (dialog.open)
		return Promise.resolve(false); /* one question at a time */
	const before = document.activeElement;
	const problem = h("div");
	const send = h("button", {class: danger ? "danger" : "primary"}, confirm);
	return new Promise((resolve) => {
		const form = h("form", {method: "dialog", onsubmit: async (event) => {
			event.preventDefault();
			send.disabled = true;
			problem.replaceChildren();
			try {
				await act(new FormData(form));
				finish(true);
			} catch (error) {
				problem.replaceChildren(trouble(error));
				send.disabled = false;
			}
		}}, h("h2", {id: "dialog-title"}, title), content, problem,
		h("div", {class: "buttons"},
			h("button", {type: "button", onclick: () => finish(false)}, "Cancel"), send));
		function finish(done) {
			dialog.oncancel = null;
			dialog.close();
			if (before?.isConnected)
				before.focus();
			resolve(done);
		}
		dialog.oncancel = (event) => { event.preventDefault(); finish(false); };
		dialog.replaceChildren(form);
		dialog.showModal();
		(form.querySelector("input") ?? send).focus();
	});
}
