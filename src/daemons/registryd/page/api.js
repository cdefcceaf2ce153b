// SPDX-License-Identifier: Apache-2.0
// The service's API: requests with the key that this tab knows, and the events.
import {ask, h, say} from "./dom.js";

const KEY = "modelfleet.key";

/** What the service answers with when it cannot: a problem document (RFC 9457). */
export class Problem extends Error {
	constructor(status, document) {
		super(document.detail ?? `status ${status}`);
		Object.assign(this, document, {status});
	}
}

function headers(more) {
	const key = sessionStorage.getItem(KEY);
	return key ? {...more, Authorization: `Bearer ${key}`} : {...more};
}

async function problemOf(response) {
	const text = await response.text();
	try {
		return new Problem(response.status, JSON.parse(text));
	} catch {
		return new Problem(response.status, {title: response.statusText, detail: text});
	}
}

let asking = null;

/** Asks for a key, once for all who wait; false when that was not answered. */
export function askForKey(why) {
	asking ??= ask({
		title: "Key", confirm: "Use",
		content: [h("p", null, why ?? "An API key or a token, kept until this tab is closed."),
			h("label", {for: "key-input"}, "API key or token"),
			h("input", {id: "key-input", name: "key", type: "password",
				autocomplete: "off", spellcheck: "false"})],
		act: async (form) => {
			const key = form.get("key").trim();
			if (key)
				sessionStorage.setItem(KEY, key);
			else
				sessionStorage.removeItem(KEY);
			say(key ? "The key is used from now on." : "The key is forgotten.");
		},
	}).finally(() => { asking = null; });
	return asking;
}

async function send(path, options, again) {
	let response;
	try {
		response = await fetch(path, {...options, headers: headers(options.headers)});
	} catch (error) {
		if (error.name === "AbortError")
			throw error;
		throw new Problem(0, {title: "No answer", detail: "The service cannot be reached."});
	}
	if (response.ok)
		return response;
	const problem = await problemOf(response);
	/* A dialog that is open asks for something else: it shows what is wrong. */
	if (response.status === 401 && again && !(document.getElementById("dialog").open && !asking)) {
		if (await askForKey(problem.detail))
			return send(path, options, true);
	}
	throw problem;
}

async function result(response) {
	const type = response.headers.get("Content-Type") ?? "";
	const body = response.status === 204 || !type.includes("json") ? null : await response.json();
	return {body, etag: response.headers.get("ETag")};
}

/** GET: {body, etag}. */
export async function get(path, signal) {
	return result(await send(path, {signal, cache: "no-cache"}, true));
}

/** Any other method, with a JSON body or none. */
export async function change(method, path, body, more) {
	const options = {method, headers: {...more}};
	if (body !== undefined) {
		options.headers["Content-Type"] = "application/json";
		options.body = JSON.stringify(body);
	}
	return result(await send(path, options, true));
}

/** The path of a version; of a model without one. */
export function modelPath(name, ...rest) {
	return ["/api/v1/registry/models", encodeURIComponent(name), ...rest].join("/");
}

// ---- events ----

/** Pieces of a stream of server-sent events as {event, id, data}. */
async function* read(body) {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let text = "";
	for (;;) {
		const {value, done} = await reader.read();
		if (done)
			return;
		text += value;
		const parts = text.split("\n\n");
		text = parts.pop();
		for (const part of parts) {
			const event = {event: "message", data: ""};
			for (const line of part.split("\n")) {
				const colon = line.indexOf(":");
				if (colon > 0)
					event[line.slice(0, colon)] = line.slice(colon + 1).trimStart();
			}
			yield event;
		}
	}
}

/**
 * Calls `tell` for every event until the signal. It is fetched and not an EventSource, because
 * that could not send a key. After a cut it goes on behind the last event; `tell` gets an event
 * "again" then, because what has no number may have been missed.
 */
export async function watch(tell, connected, signal) {
	let last = null;
	for (let pause = 500; !signal.aborted; pause = Math.min(pause * 2, 15000)) {
		try {
			const more = last === null ? {} : {"Last-Event-ID": last};
			const response = await fetch("/api/v1/events", {signal, headers: headers(more)});
			if (!response.ok)
				throw await problemOf(response);
			connected(true);
			if (last !== null)
				tell({event: "again"});
			pause = 500;
			for await (const event of read(response.body)) {
				last = event.id ?? last;
				tell(event);
			}
		} catch {
			/* A key may come, the service may: it is tried again either way. */
		}
		connected(false);
		await new Promise((resolve) => { setTimeout(resolve, pause); });
	}
}
