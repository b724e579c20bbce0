// The gallery: what is asked for, what is shown, and keeping the two equal while pictures change.

import { json, watch } from "./api.js";
import * as detail from "./detail.js";
import { ago, byId, h, icon, number, statusName } from "./dom.js";
import * as grid from "./grid.js";
import * as upload from "./upload.js";

const PAGE = 48;
const REFRESH_MS = 400;
const TYPING_MS = 220;
const FACETS = 24;
const FORGET_MS = 10000;
const NEWEST = "-received_at";

const form = byId("filters");
const more = byId("more");
const state = { q: "", tag: [], label: [], claim_id: "", status: "", needs_review: "", sort: NEWEST, items: [], cursor: null, total: 0, facets: null };
const labelsSeen = new Set();
const gone = new Set();
let asked = null;
let view = null;
let beside = null;

// ---- what is asked for

function readAddress() {
  const params = new URLSearchParams(location.search);
  for (const name of ["q", "claim_id", "status", "needs_review"]) state[name] = params.get(name) ?? "";
  state.sort = params.get("sort") ?? NEWEST;
  for (const name of ["tag", "label"]) state[name] = params.getAll(name);
  for (const name of ["q", "claim_id"]) {
    // Not while it is typed in: a space at the end would vanish.
    if (form.elements[name].value.trim() !== state[name]) form.elements[name].value = state[name];
  }
  form.elements.sort.value = state.sort;
}

function params() {
  const made = new URLSearchParams();
  for (const name of ["q", "claim_id", "status", "needs_review"]) if (state[name]) made.set(name, state[name]);
  for (const name of ["tag", "label"]) state[name].forEach((value) => made.append(name, value));
  if (state.sort !== NEWEST) made.set("sort", state.sort);
  return made;
}

const filtered = () => Boolean(state.q || state.claim_id || state.status || state.needs_review || state.tag.length || state.label.length);

function change(changes, { typing = false } = {}) {
  Object.assign(state, changes);
  const query = params().toString();
  const address = location.pathname + (query ? `?${query}` : "") + location.hash;
  if (typing) history.replaceState(null, "", address);
  else history.pushState(null, "", address);
  readAddress();
  search();
}

const toggled = (list, name) => (list.includes(name) ? list.filter((other) => other !== name) : [...list, name]);
const acts = {
  onTag: (name) => change({ tag: toggled(state.tag, name.toLowerCase()) }),
  onLabel: (name) => change({ label: toggled(state.label, name.toLowerCase()) }),
  onClaim: (name) => change({ claim_id: name }),
};
const clearFilters = () => change({ q: "", claim_id: "", status: "", needs_review: "", tag: [], label: [] });

// ---- getting it

async function fetchPage(cursor) {
  asked?.abort();
  asked = new AbortController();
  const query = params();
  query.set("limit", PAGE);
  if (cursor) query.set("cursor", cursor);
  return json(`/v1/images?${query}`, { signal: asked.signal });
}

async function search() {
  const waiting = setTimeout(grid.skeleton, state.items.length ? 250 : 0);
  byId("empty").hidden = true;
  more.hidden = true;
  try {
    const page = await fetchPage();
    clearTimeout(waiting);
    take(page, page.items, page.next_cursor);
    draw();
  } catch (problem) {
    clearTimeout(waiting);
    fail(problem, search);
  }
}

async function loadMore() {
  more.disabled = true;
  try {
    const page = await fetchPage(state.cursor);
    const known = new Set(state.items.map((item) => item.id));
    take(page, [...state.items, ...page.items.filter((item) => !known.has(item.id))], page.next_cursor);
    draw();
  } catch (problem) {
    fail(problem, loadMore);
  } finally {
    more.disabled = false;
  }
}

/** Asks for the first page again and joins it with the pages that were loaded after it. */
async function refresh() {
  try {
    const page = await fetchPage();
    const first = new Set(page.items.map((item) => item.id));
    const last = page.items.at(-1);
    const beyond = state.items.slice(PAGE).length > 0 && page.next_cursor
      ? state.items.filter((item) => !first.has(item.id) && (state.sort !== NEWEST || item.received_at <= last.received_at))
      : [];
    take(page, [...page.items, ...beyond], beyond.length ? state.cursor : page.next_cursor);
    draw(true);
    const open = new Map(page.items.map((item) => [item.id, item.status]));
    upload.unsettled().forEach((id) => open.has(id) && upload.note({ id, status: open.get(id) }));
  } catch (problem) {
    fail(problem, refresh);
  }
}

function take(page, items, cursor) {
  const there = items.filter((item) => !gone.has(item.id));
  Object.assign(state, { items: there, cursor, total: page.total - (items.length - there.length), facets: page.facets });
  Object.keys(page.facets.label).forEach((name) => labelsSeen.add(name));
}

// ---- showing it

function draw(animate = false) {
  byId("notice").hidden = true;
  grid.render(state.items, acts, animate);
  more.hidden = !state.cursor;
  drawSummary();
  drawFacets();
  drawStatuses();
  drawEmpty();
}

function drawSummary() {
  const found = h("span", {}, h("strong", {}, number(state.total)), state.total === 1 ? " picture" : " pictures");
  byId("summary").replaceChildren(...(state.total ? [found] : []), ...(filtered() && state.total ? [h("button", { type: "button", class: "link", onclick: clearFilters }, "Clear filters")] : []));
}

function drawFacets() {
  const chip = (kind, act) => ([name, count]) => {
    const pressed = state[kind].includes(name);
    return h("button", { type: "button", class: kind, "aria-pressed": String(pressed), onclick: () => act(name) }, name, count === null ? icon("close") : h("small", {}, number(count)));
  };
  const chips = (kind, act, limit) => {
    const counted = Object.entries(state.facets[kind]);
    const missing = state[kind].filter((name) => !(name in state.facets[kind])).map((name) => [name, null]);
    const [on, off] = [counted.filter(([name]) => state[kind].includes(name)), counted.filter(([name]) => !state[kind].includes(name))];
    return [...missing, ...on, ...off].slice(0, limit).map(chip(kind, act));
  };
  const bar = byId("facets");
  const all = [...chips("label", acts.onLabel, 8), ...chips("tag", acts.onTag, FACETS)];
  const pressed = (button) => button.getAttribute("aria-pressed") === "true";
  // What is filtered by comes first: on a phone the rest is out of sight.
  bar.replaceChildren(...all.filter(pressed), ...all.filter((button) => !pressed(button)));
  bar.hidden = !bar.children.length;
}

// One row of choices: the statuses, and what a person should look at.
const CHOICES = [
  ["", "All", {}],
  ...["received", "classified", "rejected", "failed"].map((status) => [status, statusName(status), { status }]),
  ["review", "Needs review", { needs_review: "true" }],
];

function drawStatuses() {
  const fieldset = byId("statuses");
  if (fieldset.children.length === 1) {
    for (const [value, name, asks] of CHOICES) {
      fieldset.append(h("label", {}, h("input", { type: "radio", name: "status", value, onchange: () => change({ status: "", needs_review: "", ...asks }) }), h("span", {}, name)));
    }
  }
  const chosen = state.needs_review === "true" ? "review" : state.status;
  for (const input of fieldset.querySelectorAll("input")) {
    if (input.checked === (input.value === chosen)) continue;
    input.checked = input.value === chosen;
    // On a phone the row is wider than the screen.
    if (input.checked) fieldset.scrollLeft = input.parentElement.offsetLeft + input.parentElement.offsetWidth / 2 - fieldset.clientWidth / 2;
  }
}

function drawEmpty() {
  const empty = byId("empty");
  empty.hidden = state.items.length > 0;
  if (empty.hidden) return;
  empty.replaceChildren(
    icon("picture"),
    ...(filtered()
      ? [h("h2", {}, "Nothing matches"), h("p", { class: "quiet" }, "No picture has all of that. Fewer words or filters may find it."), h("button", { type: "button", onclick: clearFilters }, "Clear filters")]
      : [h("h2", {}, "No pictures yet"), h("p", { class: "quiet" }, "Drop a photo onto this page. Seconds later you see what is in it."), h("button", { type: "button", class: "primary", onclick: () => byId("files")?.click() }, "Choose photos")]),
  );
}

function fail(problem, again) {
  if (problem.name === "AbortError") return;
  if (!state.items.length) grid.render([], acts);
  const notice = byId("notice");
  notice.hidden = false;
  notice.replaceChildren(
    h("span", {}, h("strong", {}, problem.title ?? "Trouble"), ` ${problem.message}`),
    problem.traceId ? h("code", {}, `trace ${problem.traceId}`) : "",
    h("button", { type: "button", onclick: again }, "Try again"),
  );
}

// ---- keeping it so

function soon(act, wait) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => {
      timer = null;
      act();
    }, wait);
  };
}

function settled(act, wait) {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  };
}

function onDeleted(id) {
  const position = state.items.findIndex((item) => item.id === id);
  beside = (state.items[position + 1] ?? state.items[position - 1])?.id ?? null;
  // The index learns of it by an event: a search on its way may still have the picture.
  gone.add(id);
  setTimeout(() => gone.delete(id), FORGET_MS);
  if (position < 0) return;
  state.items.splice(position, 1);
  state.total -= 1;
  draw();
}

function onClose(id) {
  if (!grid.focus(id) && !grid.focus(beside)) byId("results").focus();
  beside = null;
}

const refreshSoon = soon(refresh, REFRESH_MS);

function onChange(changed) {
  upload.note(changed);
  view.refresh(changed.id);
  refreshSoon();
}

function onState(name) {
  const live = byId("live");
  live.dataset.state = name;
  live.querySelector("span").textContent = { live: "Live", polling: "Reconnecting", offline: "Offline" }[name];
}

readAddress();
drawStatuses();
upload.install();
view = detail.install({
  neighbour: (id, step) => state.items[state.items.findIndex((item) => item.id === id) + step]?.id ?? null,
  labels: () => [...labelsSeen],
  onClose,
  onDeleted,
  ...acts,
});
form.addEventListener("submit", (event) => event.preventDefault());
form.elements.q.addEventListener("input", settled(() => change({ q: form.elements.q.value.trim() }, { typing: true }), TYPING_MS));
form.elements.claim_id.addEventListener("change", () => change({ claim_id: form.elements.claim_id.value.trim() }));
form.elements.sort.addEventListener("change", () => change({ sort: form.elements.sort.value }));
more.addEventListener("click", loadMore);
addEventListener("popstate", () => {
  // Opening a picture changes the address too, after the "#", and asks for nothing.
  const before = params().toString();
  readAddress();
  if (params().toString() !== before) search();
});
addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea, dialog");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    form.elements.q.focus();
  }
});
setInterval(() => {
  for (const element of document.querySelectorAll("time")) element.textContent = ago(element.dateTime);
}, 60000);
search().then(() => {
  view.refresh();
  watch({ onChange, onLost: () => { view.refresh(); refreshSoon(); }, onState });
});
