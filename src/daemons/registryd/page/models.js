// SPDX-License-Identifier: Apache-2.0
// Models and their versions.
import {change, get, modelPath} from "./api.js";
import {ask, badge, calmly, h, number, say, table, trouble, when} from "./dom.js";

const SHOWN = 200; // rows of a table before somebody asks for more
const METRICS = 6; // columns

async function entries(signal, name) {
	const query = name ? `?model_name=${encodeURIComponent(name)}` : "";
	return (await get(`/api/v1/registry/models${query}`, signal)).body.models;
}

// ---- all models ----

function group(all) {
	const models = new Map();
	for (const entry of all) {
		const model = models.get(entry.model_name) ?? {name: entry.model_name, versions: []};
		model.versions.push(entry);
		models.set(entry.model_name, model);
	}
	for (const model of models.values()) {
		model.production = model.versions.find((v) => v.status === "production");
		model.newest = model.versions.reduce((a, b) => (b.version > a.version ? b : a));
		model.text = model.versions.map((v) => [v.model_name, v.path, v.date,
			v.metadata?.description].join(" ")).join(" ").toLowerCase();
	}
	return [...models.values()].sort((a, b) => a.name.localeCompare(b.name));
}

function modelRow(model) {
	const {production, newest} = model;
	const waits = production && newest.version > production.version && newest.status === "staging";
	return h("tr", null,
		h("th", {scope: "row"}, h("a", {href: `#/models/${encodeURIComponent(model.name)}`},
			model.name)),
		h("td", {class: "number"}, production ? String(production.version)
			: h("span", {class: "badge dim"}, "none")),
		h("td", {class: "wide"}, production?.date ?? ""),
		h("td", {class: "number"}, String(newest.version), waits && h("span",
			{class: "badge busy"}, "waits")),
		h("td", {class: "number wide"}, String(model.versions.length)),
		h("td", {class: "wide"}, when(newest.creation_timestamp)));
}

const columns = [{title: "Model"}, {title: "Production", class: "number"},
	{title: "Date", class: "wide"}, {title: "Newest", class: "number"},
	{title: "Versions", class: "number wide"}, {title: "Registered", class: "wide"}];

/** The view of all models. */
export async function showModels(page) {
	let models = group(await entries(page.signal));
	let shown = SHOWN;
	const place = h("div"), count = h("p", {class: "count", role: "status"});
	const search = h("input", {id: "search", type: "search", autocomplete: "off",
		oninput: calmly(100, () => { shown = SHOWN; draw(); })});

	function draw() {
		const words = search.value.toLowerCase().split(/\s+/);
		const found = models.filter((m) => words.every((word) => m.text.includes(word)));
		const many = found.length === 1 ? "1 model" : `${number(found.length)} models`;
		count.textContent = words.join("") ? `${many} of ${number(models.length)}` : many;
		place.replaceChildren(
			found.length ? table("Models and what is in production", columns,
				found.slice(0, shown).map(modelRow))
				: h("p", {class: "empty"}, models.length ? "No model has these words."
					: "Nothing is registered yet. The first one comes by ",
				!models.length && h("code", null, "modelfleet registry register"),
				!models.length && "."));
		if (found.length > shown)
			place.append(h("button", {type: "button",
				onclick: () => { shown += SHOWN; draw(); }}, "More"));
	}

	page.show("Models", h("div", {class: "bar"},
		h("div", {class: "field"}, h("label", {for: "search"}, "Search"), search), count), place);
	draw();
	page.on("models", async () => {
		models = group(await entries(page.signal));
		draw();
	});
}

// ---- one model ----

/** The version that a roll back goes to, of those that are shown; the service knows it. */
async function previous(signal, name, versions) {
	try {
		const {version} = (await get(modelPath(name, "previous"), signal)).body;
		return versions.find((v) => v.version === version);
	} catch (problem) {
		if (problem.status === 404)
			return undefined;
		throw problem;
	}
}

function metricNames(versions) {
	const names = new Set();
	for (const version of versions)
		for (const [name, value] of Object.entries(version.metadata?.metrics ?? {}))
			if (typeof value === "number")
				names.add(name);
	return [...names].sort().slice(0, METRICS);
}

function metric(version, name) {
	const value = version.metadata?.metrics?.[name];
	return typeof value === "number" ? number(value) : "";
}

/** What metrics gain or lose, for the question. */
function comparison(from, to, metrics) {
	const rows = metrics.filter((name) => metric(from, name) && metric(to, name)).map((name) =>
		h("tr", null, h("th", {scope: "row"}, name), h("td", {class: "number"}, metric(from, name)),
			h("td", {class: "number"}, metric(to, name))));
	return rows.length ? table("Metrics", [{title: "Metric"},
		{title: `Version ${from.version}`, class: "number"},
		{title: `Version ${to.version}`, class: "number"}], rows) : null;
}

async function activate(page, entry, production, metrics, back) {
	const name = entry.model_name, version = String(entry.version);
	const {etag} = await get(modelPath(name, version), page.signal);
	return ask({
		title: back ? `Roll ${name} back to version ${version}?`
			: `Make version ${version} of ${name} the production one?`,
		confirm: back ? "Roll back" : "Activate", danger: back,
		content: [
			h("p", null, production ? `Version ${production.version} is in production now and goes `
				+ "to staging." : "Nothing of this model is in production now."),
			entry.date && h("p", null, "model_registry.yaml is changed and committed: ",
				h("code", null, `${name} ${entry.date}`), ". Hosts get it by the next deploy."),
			production && comparison(production, entry, metrics)],
		act: async () => {
			await change("PUT", modelPath(name, version, "activate"), undefined, {"If-Match": etag});
			say(`Version ${version} of ${name} is in production.`);
		},
	});
}

function versionRow(version, metrics, button) {
	const {metadata} = version;
	return h("tr", null,
		h("th", {scope: "row", class: "number"}, String(version.version)),
		h("td", null, badge(version.status)),
		h("td", {class: "wide"}, version.date ?? ""),
		metrics.map((name) => h("td", {class: "number wide"}, metric(version, name))),
		h("td", {class: "wide"}, when(version.creation_timestamp)),
		h("td", {class: "grow"}, typeof metadata?.description === "string" && h("span", null,
			metadata.description), h("code", {class: "path"}, version.path)),
		h("td", {class: "act"}, button));
}

/** The view of one model's versions. */
export async function showModel(page, name) {
	const place = h("div");
	const problem = h("div");

	async function act(entry, production, metrics, back) {
		problem.replaceChildren();
		try {
			if (await activate(page, entry, production, metrics, back)) {
				await draw();
				page.focus();
			}
		} catch (error) {
			problem.replaceChildren(trouble(error));
		}
	}

	function rows(versions, production, metrics) {
		return versions.map((version) => versionRow(version, metrics,
			version.status !== "production" && h("button", {type: "button",
				"aria-label": `Activate version ${version.version}`,
				onclick: () => act(version, production, metrics, false)}, "Activate")));
	}

	async function draw() {
		const versions = (await entries(page.signal, name)).sort((a, b) => b.version - a.version);
		const production = versions.find((v) => v.status === "production");
		const former = production && await previous(page.signal, name, versions);
		const metrics = metricNames(versions);
		const titles = [{title: "Version", class: "number"}, {title: "Status"},
			{title: "Date", class: "wide"},
			...metrics.map((m) => ({title: m, class: "number wide"})),
			{title: "Registered", class: "wide"}, {title: "About", class: "grow"},
			{title: "Actions", hidden: true}];
		place.replaceChildren(h("div", {class: "bar"},
			h("p", null, production ? ["In production: ", h("strong", null,
				`version ${production.version}`), production.date && ` of ${production.date}`]
				: "Nothing of this model is in production."),
			former && h("button", {type: "button", class: "danger",
				onclick: () => act(former, production, metrics, true)},
			`Roll back to ${former.version}`)),
		versions.length ? table(`Versions of ${name}, the newest first`, titles,
			rows(versions, production, metrics))
			: h("p", {class: "empty"}, "This model has no versions."));
	}

	await draw();
	page.show(name, h("p", {class: "trail"}, h("a", {href: "#/models"}, "All models")), problem,
		place);
	page.on("models", draw);
}
