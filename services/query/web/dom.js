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
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
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

/** What to call a picture that may have no caption. */
export function titleOf(record) {
  const caption = record.analysis?.caption?.text;
  if (caption) return caption[0].toUpperCase() + caption.slice(1);
  const tags = record.analysis?.tags ?? [];
  if (tags.length) return tags.slice(0, 3).map((tag) => tag.name).join(", ");
  return null;
}
