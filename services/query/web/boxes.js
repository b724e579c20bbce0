// What was found where in a picture: boxes over it.

import { h } from "./dom.js";

// Boxes are pixels of the upright picture; they are drawn in per cent of it, at whatever size it is shown.
export function boxesOf(record, shown) {
  const { width, height } = record.image;
  const place = (element, { x, y, w, h: tall }) => {
    Object.assign(element.style, { left: `${(x / width) * 100}%`, top: `${(y / height) * 100}%`, width: `${(w / width) * 100}%`, height: `${(tall / height) * 100}%` });
    return element;
  };
  const layer = h("div", { class: shown ? "boxes" : "boxes off", "aria-hidden": "true" });
  const analysis = record.analysis ?? {};
  (analysis.objects ?? []).forEach((object, n) =>
    layer.append(place(h("div", { class: "box", data: { of: `object-${n}` } }, h("span", {}, object.name)), object.box)));
  (analysis.people ?? []).forEach((person, n) =>
    layer.append(place(h("div", { class: "box", data: { of: `person-${n}` } }, h("span", {}, "person")), person.box)));
  (analysis.text ?? []).forEach((line, n) => {
    const xs = line.polygon.map((point) => point[0]);
    const ys = line.polygon.map((point) => point[1]);
    const [x, y] = [Math.min(...xs), Math.min(...ys)];
    layer.append(place(h("div", { class: "box text", data: { of: `text-${n}` } }), { x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y }));
  });
  return layer;
}

/** Listeners for a line of the list: pointing at it points at its box. */
export function pointing(boxes, of) {
  const set = (on) => () => {
    boxes.classList.toggle("pointed", on);
    boxes.querySelector(`[data-of="${of}"]`)?.classList.toggle("on", on);
  };
  return { onmouseenter: set(true), onmouseleave: set(false), onfocusin: set(true), onfocusout: set(false) };
}
