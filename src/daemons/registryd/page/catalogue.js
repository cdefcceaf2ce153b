// SPDX-License-Identifier: Apache-2.0
// The Hub's LiteRT models, and how they come here.
import {change, get} from "./api.js";
import {ask, badge, calmly, h, number, say, table, trouble, when} from "./dom.js";

const fields = [["text", "Search"], ["task", "Task"], ["license", "License"]];
const REST = 2000; // milliseconds between looks at a sync that runs

function targetOf(model) {
	return model.hf_model_id.replace("/", "--");
}

function importModel(model) {
	return ask({
		title: `Import ${model.hf_model_id}?`, confirm: "Import",
		content: [h("p", null, "Its files are fetched from the Hub at the revision that the "
			+ "catalogue knows, and become the next version, as staging."),
		h("label", {for: "target"}, "Name in the registry"),
		h("input", {id: "target", name: "target", value: targetOf(model), required: true,
			pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]*", spellcheck: "false"})],
		act: async (form) => {
			const name = form.get("target");
			say(`${model.hf_model_id} is being imported …`);
			const {body} = await change("POST", `/models/${model.id}/versions`,
				{name});
			const version = body?.version ? `, version ${body.version}` : "";
			say(`${model.hf_model_id} is imported as ${name}${version}.`);
		},
	});
}

function modelRow(model) {
	return h("tr", null,
		h("th", {scope: "row"}, h("a", {href: model.origin_repo_url, rel: "noreferrer",
			target: "_blank"}, model.hf_model_id),
		model.gated && h("span", {class: "badge warn"}, "gated")),
		h("td", {class: "wide"}, model.task ?? ""),
		h("td", {class: "wide"}, model.license_type),
		h("td", {class: "number wide"}, number(model.downloads)),
		h("td", {class: "wide"}, when(model.last_modified)),
		h("td", {class: "act"}, h("button", {type: "button",
			"aria-label": `Import ${model.hf_model_id}`,
			onclick: () => importModel(model)}, "Import")));
}

const columns = [{title: "Model"}, {title: "Task", class: "wide"},
	{title: "License", class: "wide"}, {title: "Downloads", class: "number wide"},
	{title: "Changed", class: "wide"}, {title: "Actions", hidden: true}];

function list(page) {
	const place = h("div"), rows = [];
	const inputs = new Map();
	let next = null;

	async function load(cursor) {
		const query = new URLSearchParams();
		for (const [name, input] of inputs)
			if (input.value.trim())
				query.set(name, input.value.trim());
		if (cursor)
			query.set("cursor", cursor);
		const asked = query.toString();
		load.asked = asked;
		try {
			const {body} = await get(`/models?${asked}`, page.signal);
			if (load.asked !== asked)
				return; /* somebody has typed on */
			if (!cursor)
				rows.length = 0;
			rows.push(...body.models);
			next = body.next;
			draw();
		} catch (error) {
			if (error.name !== "AbortError")
				place.replaceChildren(trouble(error));
		}
	}

	function draw() {
		place.replaceChildren(rows.length
			? table("Models of the catalogue", columns, rows.map(modelRow))
			: h("p", {class: "empty"}, "The catalogue has no such model."));
		if (next)
			place.append(h("button", {type: "button", onclick: () => load(next)}, "More"));
	}

	const search = calmly(250, () => load(null));
	const form = h("form", {class: "bar", role: "search", onsubmit: (event) => {
		event.preventDefault();
		load(null);
	}}, fields.map(([name, title]) => {
		const input = h("input", {id: `catalogue-${name}`, type: "search", autocomplete: "off",
			oninput: search});
		inputs.set(name, input);
		return h("div", {class: "field"}, h("label", {for: input.id}, title), input);
	}));
	return {elements: [form, place], load};
}

// ---- syncs ----

function runRow(run) {
	return h("tr", null,
		h("th", {scope: "row"}, when(run.started_at)),
		h("td", null, badge(run.status)),
		h("td", {class: "number wide"}, number(run.created)),
		h("td", {class: "number wide"}, number(run.updated)),
		h("td", {class: "number wide"}, number(run.vanished)),
		h("td", {class: "number wide"}, number(run.skipped)),
		h("td", {class: "grow"}, run.message));
}

const runColumns = [{title: "Began"}, {title: "Status"}, {title: "Created", class: "number wide"},
	{title: "Updated", class: "number wide"}, {title: "Vanished", class: "number wide"},
	{title: "Skipped", class: "number wide"}, {title: "Message", class: "grow"}];

function syncs(page, changed) {
	const place = h("div"), problem = h("div"), about = h("p");
	const button = h("button", {type: "button", onclick: start}, "Sync now");

	async function draw() {
		const {body} = await get("/sync/status", page.signal);
		button.disabled = body.running;
		about.replaceChildren(body.running ? "A sync runs now." : body.next
			? "The next sync is due " : "There is no schedule; syncs run on request.",
		!body.running && body.next ? when(body.next) : "");
		place.replaceChildren(body.history.length
			? table("Syncs with the Hub, the newest first", runColumns, body.history.map(runRow))
			: h("p", {class: "empty"}, "Nothing was synchronised yet."));
		return body.running;
	}

	/* The answer comes when the sync has ended; meanwhile the history tells how far it is. */
	async function start() {
		problem.replaceChildren();
		button.disabled = true;
		say("The catalogue is being synchronised …");
		const timer = setInterval(() => { draw().catch(() => {}); }, REST);
		try {
			const {body} = await change("POST", "/sync/huggingface/litert");
			say(body.message);
			changed();
		} catch (error) {
			problem.replaceChildren(trouble(error));
		} finally {
			clearInterval(timer);
		}
		await draw();
		button.focus();
	}

	return {head: [h("div", {class: "bar"}, about, button), problem],
		history: [h("h2", null, "Syncs"), place], draw};
}

/** The view of the catalogue. */
export async function showCatalogue(page) {
	const models = list(page);
	const runs = syncs(page, () => models.load(null));
	await Promise.all([models.load(null), runs.draw()]);
	page.show("Catalogue", h("p", {class: "about"}, "LiteRT models of the Hugging Face Hub. "
		+ "What is imported becomes a version of the registry."), ...runs.head,
	...models.elements, ...runs.history);
}
