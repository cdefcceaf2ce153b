// SPDX-License-Identifier: Apache-2.0
// Hosts and what they have, and rollouts as they run.
import {get} from "./api.js";
import {badge, calmly, h, number, say, scroller, table, when} from "./dom.js";

const BREATH = 150; // milliseconds: events come in heaps

// ---- the fleet ----

function cell(state) {
	if (!state)
		return h("td", null, h("span", {class: "unseen"}, "none"));
	const drift = state.drift ? ` ${state.drift}` : "";
	const title = [state.drifted?.join("\n"), state.error,
		state.state === "behind" && `production is ${state.production}`].filter(Boolean).join("\n");
	return h("td", null, h("span", {class: "version"}, state.version ?? "–"),
		state.state !== "ok" && [" ", badge(state.state), drift],
		title && h("small", {class: "why"}, title));
}

function worst(host) {
	return host.away || host.health === "unhealthy" ||
		[...host.models.values()].some((m) => m.state !== "ok" && m.state !== "in store");
}

function collect({hosts, models}) {
	const all = new Map(hosts.map((host) => [host.host, {...host, models: new Map(),
		away: host.state === "away" || host.state === "unreachable"}]));
	const names = new Set();
	for (const model of models) {
		if (!all.has(model.host))
			all.set(model.host, {host: model.host, seen: model.seen, models: new Map()});
		all.get(model.host).models.set(model.model, model);
		names.add(model.model);
	}
	return {hosts: [...all.values()].sort((a, b) => a.host.localeCompare(b.host, "en",
		{numeric: true})), names: [...names].sort()};
}

function hostRow(host, names) {
	return h("tr", null,
		h("th", {scope: "row"}, host.host, host.away && [" ", badge("away")],
			host.health && host.health !== "healthy" && [" ", badge(host.health)],
			host.away && host.error && h("small", {class: "why"}, host.error)),
		names.map((name) => cell(host.models.get(name))),
		h("td", {class: "seen"}, when(host.seen)));
}

function fleetTable(hosts, names) {
	const columns = [{title: "Host"}, ...names.map((title) => ({title})), {title: "Seen"}];
	return scroller("Hosts and models", table("Hosts and the versions that they have", columns,
		hosts.map((host) => hostRow(host, names)), {class: "matrix"}));
}

function summary(hosts) {
	const models = hosts.flatMap((host) => [...host.models.values()]);
	const count = (state) => models.filter((m) => m.state === state).length;
	const parts = [`${number(hosts.length)} hosts`, `${number(count("ok"))} versions as wanted`];
	for (const state of ["behind", "drifted", "failed", "rolled_back"])
		if (count(state))
			parts.push(`${number(count(state))} ${badge(state).textContent}`);
	const away = hosts.filter((host) => host.away).length;
	return away ? [...parts, `${number(away)} away`].join(" · ") : parts.join(" · ");
}

function rolloutState(rollout) {
	return badge(rollout.silent ? "silent" : rollout.state);
}

function rolloutRow(rollout) {
	return h("tr", null,
		h("th", {scope: "row"}, h("a", {href: `#/rollouts/${encodeURIComponent(rollout.id)}`},
			rollout.id)),
		h("td", null, rolloutState(rollout)),
		h("td", {class: "number"}, `${rollout.done}/${rollout.hosts}`),
		h("td", {class: "number wide"}, rollout.failed ? String(rollout.failed) : ""),
		h("td", {class: "wide"}, rollout.by ?? ""),
		h("td", {class: "wide"}, when(rollout.started)));
}

const rolloutColumns = [{title: "Rollout"}, {title: "State"}, {title: "Hosts", class: "number"},
	{title: "Failed", class: "number wide"}, {title: "By", class: "wide"},
	{title: "Began", class: "wide"}];

/** The view of all hosts and the last rollouts. */
export async function showFleet(page) {
	const place = h("div"), rollouts = h("div"), count = h("p", {class: "count"});
	const search = h("input", {id: "hosts", type: "search", autocomplete: "off",
		oninput: calmly(100, drawHosts)});
	const only = h("input", {id: "only", type: "checkbox", onchange: drawHosts});
	let known = {hosts: [], names: []};

	function drawHosts() {
		const word = search.value.trim().toLowerCase();
		const found = known.hosts.filter((host) => (!only.checked || worst(host)) &&
			(!word || host.host.toLowerCase().includes(word) ||
			[...host.models.keys()].some((name) => name.toLowerCase().includes(word))));
		count.textContent = summary(known.hosts);
		place.replaceChildren(found.length ? fleetTable(found, known.names)
			: h("p", {class: "empty"}, known.hosts.length ? "No host is like that."
				: "No host was reported yet. deploy-models and fleet-status report here when ",
			!known.hosts.length && h("code", null, "registry_url"),
			!known.hosts.length && " is set."));
	}

	async function draw() {
		const [fleet, runs] = await Promise.all([get("/api/v1/fleet", page.signal),
			get("/api/v1/fleet/rollouts", page.signal)]);
		known = collect(fleet.body);
		drawHosts();
		rollouts.replaceChildren(runs.body.rollouts.length
			? table("Rollouts, the newest first", rolloutColumns,
				runs.body.rollouts.map(rolloutRow))
			: h("p", {class: "empty"}, "None yet."));
	}

	await draw();
	page.show("Fleet", h("div", {class: "bar"},
		h("div", {class: "field"}, h("label", {for: "hosts"}, "Host or model"), search),
		h("div", {class: "check"}, only, h("label", {for: "only"}, "Only what differs")), count),
	place, h("h2", null, "Rollouts"), rollouts);
	const again = calmly(BREATH, () => { draw().catch(() => {}); });
	for (const event of ["fleet", "rollout", "models"])
		page.on(event, again);
}

// ---- a rollout ----

const hostColumns = [{title: "Host"}, {title: "State"}, {title: "Phase"},
	{title: "Models", class: "wide"}, {title: "Error", class: "grow"}];

function hostLine(host) {
	return h("tr", null,
		h("th", {scope: "row"}, host.host),
		h("td", null, badge(host.state)),
		h("td", null, host.phase ?? ""),
		h("td", {class: "wide"}, host.models.map((m) =>
			`${m.model} ${m.version} ${m.outcome}`).join(", ")),
		h("td", {class: "grow"}, host.error ?? ""));
}

/** The view of one rollout. */
export async function showRollout(page, id) {
	const place = h("div"), head = h("div", {class: "bar"});
	let told = null;

	async function draw() {
		const {rollout, hosts} = (await get(
			`/api/v1/fleet/rollouts/${encodeURIComponent(id)}`, page.signal)).body;
		const over = rollout.done + rollout.failed;
		const text = `${over} of ${rollout.hosts} hosts done` +
			(rollout.failed ? `, ${rollout.failed} failed` : "");
		head.replaceChildren(rolloutState(rollout),
			h("progress", {max: rollout.hosts || 1, value: over, "aria-label": "Hosts done"}),
			h("p", null, text), h("p", {class: "count"}, rollout.by, rollout.by && " · ",
				"began ", when(rollout.started), rollout.ended && [", ended ", when(rollout.ended)]));
		place.replaceChildren(scroller("Hosts of the rollout",
			table("Hosts of the rollout", hostColumns, hosts.map(hostLine))));
		if (told !== null && told !== text)
			say(text);
		told = text;
	}

	await draw();
	page.show(id,
		h("p", {class: "trail"}, h("a", {href: "#/fleet"}, "Fleet")), head, place);
	const again = calmly(BREATH, () => { draw().catch(() => {}); });
	page.on("rollout", (event) => {
		if (!event.data || JSON.parse(event.data).rollout === id)
			again();
	});
}
