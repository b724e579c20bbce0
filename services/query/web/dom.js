// Small helpers: elements, icons, and how things are written.

/** An element. `properties` beginning with "on" are listeners; `data`, `class` and attributes as one expects. */
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "data") Object.assign(element.dataset, value);
    else if (key === "class") element.className = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...there(children));
  return element;
}

const there = (children) => children.flat(3).filter((child) => child !== null && child !== undefined && child !== false);
const nameOf = (element) => element.getAttribute("aria-label") ?? element.textContent;

/** Gives an element new children. Of the same name as the one that had the focus, one has it then; or the first. */
export function redraw(element, ...children) {
  const name = element.contains(document.activeElement) ? nameOf(document.activeElement) : null;
  element.replaceChildren(...there(children));
  if (name === null) return;
  const able = [...element.querySelectorAll("a, button")];
  (able.find((other) => nameOf(other) === name) ?? able[0])?.focus({ preventScroll: true });
}

/** Two lines that tell, aloud too, how a command goes: `say(text)`, `complain(problem)`; each clears the other. */
export function outcome() {
  const said = h("p", { class: "said", role: "status" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const tell = (good, ...bad) => {
    said.textContent = good;
    wrong.replaceChildren(...bad);
  };
  const complain = (problem) => tell("", problem.message, problem.traceId ? h("code", {}, `trace ${problem.traceId}`) : "");
  return { elements: [said, wrong], say: (text) => tell(text), complain };
}

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export const byId = (id) => document.getElementById(id);

export const number = (value) => value.toLocaleString("en");
export const percent = (value) => `${Math.round(value * 100)}`;
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

const STATUS = { received: "Received", classified: "Classified", rejected: "Rejected", failed: "Failed" };
export const statusName = (status) => STATUS[status] ?? status;
export const statusChip = (status) => h("span", { class: "status", data: { status } }, statusName(status));

export const reviewChip = () => h("span", { class: "status", data: { status: "review" } }, "Needs review");

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60]];

export function ago(text) {
  const seconds = (Date.now() - new Date(text).getTime()) / 1000;
  const [unit, size] = UNITS.find(([, length]) => seconds >= length) ?? ["second", 1];
  return unit === "second" ? "just now" : relative.format(-Math.floor(seconds / size), unit);
}

export const moment = (text) => new Date(text).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
export const time = (text) => h("time", { datetime: text, title: moment(text) }, ago(text));

export function bytes(size) {
  return size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${(size / 1e6).toFixed(1)} MB`;
}

/** Whether the machine is not sure of its labels, and no person has said what is right. */
export const needsReview = (record) => !record.review && (record.labels ?? []).some((label) => label.review);

/** What to call a picture that may have no caption. */
export function titleOf(record) {
  const caption = record.analysis?.caption?.text;
  if (caption) return caption[0].toUpperCase() + caption.slice(1);
  const tags = record.analysis?.tags ?? [];
  if (tags.length) return tags.slice(0, 3).map((tag) => tag.name).join(", ");
  return null;
}
