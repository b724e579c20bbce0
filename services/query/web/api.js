// Talking to query and ingest: keys, problems, pictures, the stream of changes.

import { byId } from "./dom.js";

const config = JSON.parse(byId("config").textContent);
export const ingestUrl = config.ingest;

const COMMAND_MS = 60000;
let key = sessionStorage.getItem("claimlens-key");
let asking = null;

export const authorization = () => (key ? { Authorization: `Bearer ${key}` } : {});

/** What went wrong, in words for a person. `retryAfter` in seconds, where the service said so. */
export class Problem extends Error {
  constructor({ title, detail, status = 0, trace_id: traceId = "", retryAfter = 0 }) {
    super(detail || title || "Something went wrong.");
    Object.assign(this, { title, status, traceId, retryAfter });
  }
}

export const unreachable = (what) =>
  new Problem({ title: "No connection.", detail: `${what} does not answer.` });

/** `timeoutMs` is for each try; how long a person takes to find the key does not count. */
export async function request(path, { timeoutMs, ...options } = {}) {
  for (;;) {
    let response;
    try {
      const signal = timeoutMs ? AbortSignal.timeout(timeoutMs) : options.signal;
      response = await fetch(path, { ...options, signal, headers: { ...options.headers, ...authorization() } });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw unreachable(ingestUrl && path.startsWith(ingestUrl) ? "The ingest service" : "The query service");
    }
    if (response.status !== 401) return response.ok ? response : Promise.reject(await problemOf(response));
    await askForKey();
  }
}

export async function problemOf(response) {
  const retryAfter = Number(response.headers.get("retry-after")) || 0;
  const body = await response.json().catch(() => ({}));
  return new Problem({ title: `HTTP ${response.status}`, ...body, status: response.status, retryAfter });
}

export const json = async (path, options) => (await request(path, options)).json();

/** A command to ingest about one picture; `body`, where there is one, goes as JSON. */
export function command(method, id, what = "", body = undefined) {
  const content = body && { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return request(`${ingestUrl}/v1/images/${id}${what}`, { method, timeoutMs: COMMAND_MS, ...content });
}

/** Show the picture at `path`. With a key it is fetched, since an img element sends no headers. */
export async function show(image, path) {
  if (!key) {
    image.src = path;
    return;
  }
  try {
    const url = URL.createObjectURL(await (await request(path)).blob());
    image.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
    image.src = url;
  } catch {
    image.dispatchEvent(new Event("error"));
  }
}

/** Asks once, however many requests were refused; gives when there is a new key to try. */
function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = byId("key");
    dialog.querySelector(".key-error").textContent = key ? "That key is not known here." : "";
    dialog.addEventListener("close", () => {
      key = dialog.querySelector("input").value.trim();
      sessionStorage.setItem("claimlens-key", key);
      asking = null;
      resolve();
    }, { once: true });
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.showModal();
  });
  return asking;
}

const STREAM_RETRY_MS = [1000, 2000, 5000, 10000];
const SILENCE_MS = 45000;

/**
 * Calls `onChange({id, status, claim_id})` for each change, `onLost()` whenever some may have been missed, and
 * `onState("live" | "polling" | "offline")`. While the stream is away, `onLost` is called at intervals instead.
 */
export async function watch({ onChange, onLost, onState }) {
  for (let failures = 0; ; failures += 1) {
    try {
      await stream(() => { failures = 0; onState("live"); onLost(); }, onChange, onLost);
    } catch {
      // Away, or refused: told below, and tried again.
    }
    onState(navigator.onLine ? "polling" : "offline");
    const pause = STREAM_RETRY_MS[Math.min(failures, STREAM_RETRY_MS.length - 1)];
    await new Promise((resolve) => { setTimeout(resolve, pause); });
    if (failures > 0) onLost();
  }
}

async function stream(onOpen, onChange, onLost) {
  const ending = new AbortController();
  let silence = setTimeout(() => ending.abort(), SILENCE_MS);
  try {
    const response = await request("/v1/events", { signal: ending.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    onOpen();
    for (let rest = ""; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => ending.abort(), SILENCE_MS);
      const frames = (rest + value).split("\n\n");
      rest = frames.pop();
      for (const frame of frames) {
        const field = (name) => frame.match(new RegExp(`^${name}: ?(.*)$`, "m"))?.[1];
        if (field("event") === "image") onChange(JSON.parse(field("data")));
        if (field("event") === "reset") onLost();
      }
    }
  } finally {
    clearTimeout(silence);
    ending.abort();
  }
}
