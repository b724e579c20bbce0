// Pictures that look like the one shown.

import { json, show } from "./api.js";
import { h, icon, titleOf } from "./dom.js";

const MOST = 12;

/** Fills itself at each `draw(record)`; is hidden while there is nothing alike. */
export function make() {
  const strip = h("ul", { class: "strip" });
  const element = h("section", { class: "alike", "aria-label": "Looks alike", hidden: true }, h("h3", {}, "Looks alike"), strip);
  const items = new Map();

  async function draw({ id }) {
    let found = [];
    try {
      found = (await json(`/v1/images/${id}/similar?limit=${MOST}`)).items;
    } catch {
      return; // What was found before stays; the picture itself tells of trouble.
    }
    const shown = new Set(found.map(({ record }) => record.id));
    for (const [known, item] of items) {
      if (shown.has(known)) continue;
      item.remove();
      items.delete(known);
    }
    for (const { distance, record } of found) {
      if (!items.has(record.id)) items.set(record.id, thumbnail(distance, record));
      if (!strip.contains(items.get(record.id))) strip.append(items.get(record.id));
    }
    element.hidden = items.size === 0;
  }

  return { element, draw };
}

function thumbnail(distance, record) {
  const where = record.claim_id ? `Claim ${record.claim_id}` : "No claim";
  const how = distance === 0 ? "the same" : "nearly the same";
  const image = h("img", { alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith(icon("picture")));
  show(image, `/v1/images/${record.id}/thumbnail`);
  return h("li", {},
    h("a", { href: `#${record.id}`, "aria-label": `${titleOf(record) ?? "Picture"}, ${where}, ${how}` },
      h("span", { class: "thumb" }, image), h("span", { class: "where" }, record.claim_id ?? "No claim")));
}
