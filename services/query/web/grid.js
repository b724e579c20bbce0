// The cards.

import { show } from "./api.js";
import { byId, h, icon, needsReview, reviewChip, statusChip, statusName, time, titleOf } from "./dom.js";

const SKELETONS = 8;
const TAGS = 4;
const grid = byId("grid");
const cards = new Map();

/** What of a record its card shows: the card is made anew when this changes. */
const face = (record) =>
  JSON.stringify([record.status, record.analysis?.caption, record.analysis?.tags?.slice(0, TAGS), record.labels, record.review?.labels]);

export function skeleton() {
  cards.clear();
  grid.setAttribute("aria-busy", "true");
  grid.replaceChildren(
    ...Array.from({ length: SKELETONS }, () =>
      h("li", { class: "card skeleton", "aria-hidden": "true" }, h("div", { class: "frame" }), h("div", { class: "bar" }), h("div", { class: "bar" }))),
  );
}

/** Make the grid show these records. Cards that stay are kept, with their pictures and focus. */
export function render(records, { onTag, onLabel, onClaim }, animate) {
  grid.removeAttribute("aria-busy");
  const shown = new Set(records.map((record) => record.id));
  for (const [id, card] of cards) {
    if (!shown.has(id)) {
      card.element.remove();
      cards.delete(id);
    }
  }
  grid.querySelectorAll(".skeleton").forEach((element) => element.remove());
  records.forEach((record, position) => {
    const known = cards.get(record.id);
    const look = face(record);
    let element = known?.element;
    if (known?.look !== look) {
      element = card(record, { onTag, onLabel, onClaim }, known?.element.querySelector(".frame"));
      known?.element.replaceWith(element);
      if (!known && animate) element.classList.add("new");
      cards.set(record.id, { element, look });
    }
    if (grid.children[position] !== element) grid.insertBefore(element, grid.children[position] ?? null);
  });
}

/** Whether there is such a card, which has the focus then. */
export function focus(id) {
  const link = cards.get(id)?.element.querySelector("a");
  link?.focus();
  return Boolean(link);
}

function card(record, { onTag, onLabel, onClaim }, oldFrame) {
  const title = titleOf(record);
  const labels = [...new Set([...(record.review?.labels ?? []), ...(record.labels ?? []).map((label) => label.name)])];
  const tags = (record.analysis?.tags ?? []).map((tag) => tag.name).filter((name) => !labels.includes(name));
  const chips = [
    ...labels.slice(0, 2).map((name) => h("button", { type: "button", class: "label", onclick: () => onLabel(name) }, name)),
    ...tags.slice(0, TAGS).map((name) => h("button", { type: "button", onclick: () => onTag(name) }, name)),
  ];
  return h("li", { class: "card" },
    h("a", { href: `#${record.id}`, "aria-label": `${title ?? "Picture"}, ${statusName(record.status)}${needsReview(record) ? ", needs review" : ""}` },
      frame(record, oldFrame),
      h("p", { class: title ? "caption" : "caption none" }, title ?? waiting(record))),
    h("p", { class: "meta" },
      record.claim_id && h("button", { type: "button", title: "Only this claim", onclick: () => onClaim(record.claim_id) }, record.claim_id),
      h("span", {}, time(record.received_at))),
    chips.length > 0 && h("div", { class: "tags" }, chips));
}

function waiting(record) {
  if (record.status === "received") return "Being looked at";
  return record.reason?.detail ?? "Nothing was recognised";
}

function frame(record, old) {
  const made = old ?? h("div", { class: "frame" }, picture(record));
  made.querySelectorAll(".status").forEach((chip) => chip.remove());
  // Most pictures are classified; saying so on each would be noise.
  if (record.status !== "classified") made.append(statusChip(record.status));
  else if (needsReview(record)) made.append(reviewChip());
  return made;
}

function picture(record) {
  const image = h("img", { alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("load", () => image.classList.add("shown"));
  image.addEventListener("error", () => image.replaceWith(icon("picture")));
  show(image, `/v1/images/${record.id}/thumbnail`);
  return image;
}
