// One picture, large, with everything that is known of it.

import { json, show } from "./api.js";
import { byId, bytes, h, icon, moment, percent, statusChip, statusName, titleOf } from "./dom.js";

const dialog = byId("detail");
let current = null;
let boxesShown = true;

/** `neighbour(id, step)` gives the id beside it in the gallery; `onClose(id)` runs when the view ends. */
export function install({ neighbour, onClose, onTag, onLabel, onClaim }) {
  const choose = (act) => (name) => {
    close();
    act(name);
  };
  const acts = { onTag: choose(onTag), onLabel: choose(onLabel), onClaim: choose(onClaim) };

  const go = (step) => {
    const id = current && neighbour(current, step);
    if (id) location.replace(`#${id}`);
  };
  const route = async () => {
    const id = location.hash.slice(1);
    if (!/^[0-9a-f]{32}$/.test(id)) {
      if (dialog.open) dialog.close();
      return;
    }
    current = id;
    if (!dialog.open) dialog.showModal();
    await load(id, { go, acts, neighbour });
  };

  addEventListener("hashchange", route);
  dialog.addEventListener("close", () => {
    const id = current;
    current = null;
    dialog.replaceChildren();
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    onClose(id);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  route();
  return { refresh: (id = current) => id !== null && id === current && load(id, { go, acts, neighbour }) };
}

function close() {
  if (dialog.open) dialog.close();
}

async function load(id, context) {
  try {
    const record = await json(`/v1/images/${id}`);
    if (current === id) draw(record, context);
  } catch (problem) {
    if (current === id) drawProblem(problem);
  }
}

function draw(record, { go, acts, neighbour }) {
  const title = titleOf(record) ?? (record.status === "received" ? "Being looked at" : "Nothing was recognised");
  const boxes = boxesOf(record);
  const focused = dialog.querySelector(":focus")?.getAttribute("aria-label");
  const sideTop = dialog.querySelector(".side")?.scrollTop ?? 0;
  const same = dialog.dataset.shown === record.id && dialog.querySelector(".picture");
  const picture = same || pictureOf(record, title);
  picture.querySelector(".boxes")?.remove();
  picture.append(boxes);
  dialog.dataset.shown = record.id;
  dialog.replaceChildren(
    h("div", { class: "stage" }, tools(record, boxes, go, neighbour), picture),
    h("div", { class: "side", tabindex: "-1" }, side(record, title, boxes, acts)),
  );
  dialog.querySelector(".side").scrollTop = sideTop;
  if (!dialog.querySelector(":focus")) (dialog.querySelector(`[aria-label="${focused ?? "Close"}"]`) ?? dialog.querySelector("[data-close]")).focus();
}

function drawProblem(problem) {
  dialog.replaceChildren(
    h("div", { class: "stage" }, h("div", { class: "stage-tools" }, h("span", { class: "spring" }), closeButton()), icon("picture")),
    h("div", { class: "side" }, h("h2", {}, problem.status === 404 ? "There is no such picture" : problem.title), h("p", { class: "lede" }, problem.message)));
}

function pictureOf(record, title) {
  const image = h("img", { alt: title, width: record.image.width, height: record.image.height });
  image.addEventListener("error", () => show(image, `/v1/images/${record.id}/thumbnail`), { once: true });
  image.style.height = "auto";
  image.style.width = "auto";
  image.style.aspectRatio = `${record.image.width} / ${record.image.height}`;
  show(image, `/v1/images/${record.id}/content`);
  return h("div", { class: "picture" }, image);
}

const closeButton = () => h("button", { type: "button", class: "icon", "aria-label": "Close", data: { close: "" }, onclick: close }, icon("close"));

function tools(record, boxes, go, neighbour) {
  const step = (by, name, glyph) =>
    neighbour(record.id, by) && h("button", { type: "button", class: "icon", "aria-label": name, onclick: () => go(by) }, icon(glyph));
  const toggle = h("button", { type: "button", "aria-pressed": String(boxesShown), onclick: () => {
    boxesShown = !boxesShown;
    toggle.setAttribute("aria-pressed", String(boxesShown));
    boxes.classList.toggle("off", !boxesShown);
  } }, icon("frame"), "Boxes");
  return h("div", { class: "stage-tools" },
    boxes.querySelector(".box:not(.text)") && toggle,
    h("span", { class: "spring" }),
    step(-1, "Previous picture", "left"), step(1, "Next picture", "right"),
    closeButton());
}

// Boxes are pixels of the upright picture; they are drawn in per cent of it, at whatever size it is shown.
function boxesOf(record) {
  const { width, height } = record.image;
  const place = (element, { x, y, w, h: tall }) => {
    Object.assign(element.style, { left: `${(x / width) * 100}%`, top: `${(y / height) * 100}%`, width: `${(w / width) * 100}%`, height: `${(tall / height) * 100}%` });
    return element;
  };
  const layer = h("div", { class: boxesShown ? "boxes" : "boxes off", "aria-hidden": "true" });
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
function pointing(boxes, of) {
  const set = (on) => () => {
    boxes.classList.toggle("pointed", on);
    boxes.querySelector(`[data-of="${of}"]`)?.classList.toggle("on", on);
  };
  return { onmouseenter: set(true), onmouseleave: set(false), onfocusin: set(true), onfocusout: set(false) };
}

function side(record, title, boxes, { onTag, onLabel, onClaim }) {
  const analysis = record.analysis ?? {};
  const bar = (name, confidence, attributes, act) =>
    h("li", attributes, h("button", { type: "button", onclick: act, title: `Find pictures with “${name}”` }, name), meter(confidence), h("data", { value: confidence }, `${percent(confidence)}%`));
  const objects = (analysis.objects ?? []).map((object, n) => bar(object.name, object.confidence, pointing(boxes, `object-${n}`), () => onTag(object.name)));
  const people = (analysis.people ?? []).map((person, n) => bar("person", person.confidence, pointing(boxes, `person-${n}`), () => onTag("person")));
  return [
    h("div", { class: "side-top" }, statusChip(record.status), record.claim_id && h("button", { type: "button", class: "link", onclick: () => onClaim(record.claim_id) }, `Claim ${record.claim_id}`)),
    h("h2", {}, title),
    h("p", { class: "lede" }, `Received ${moment(record.received_at)}`),
    record.reason && h("p", { class: "reason" }, record.reason.detail, h("code", {}, record.reason.code)),
    labels(record, onLabel),
    section("Tags", (analysis.tags ?? []).length && h("ul", { class: "bars" }, analysis.tags.map((tag) => bar(tag.name, tag.confidence, {}, () => onTag(tag.name))))),
    section("Objects", (objects.length || people.length) && h("ul", { class: "bars" }, objects, people)),
    section("Text in the picture", (analysis.text ?? []).length && h("ul", { class: "read" }, analysis.text.map((line, n) => h("li", pointing(boxes, `text-${n}`), line.content)))),
    section("Picture", facts(record)),
    section("History", (record.history ?? []).length && h("ol", { class: "history" }, [...record.history].reverse().map(past))),
    h("p", { class: "links" }, outward(`/v1/images/${record.id}/content`, "Original"), outward(`/v1/images/${record.id}`, "JSON")),
  ];
}

const section = (name, content) => (content ? [h("h3", {}, name), content] : null);
const outward = (href, name) => h("a", { href, target: "_blank", rel: "noopener" }, name, icon("out"));

function meter(confidence) {
  const element = h("i");
  element.style.setProperty("--value", confidence);
  return element;
}

function labels(record, onLabel) {
  const pills = [
    ...(record.review?.labels ?? []).map((name) => h("button", { type: "button", class: "person", title: `By ${record.review.by}`, onclick: () => onLabel(name) }, name)),
    ...(record.labels ?? []).map((label) => h("button", { type: "button", title: label.source, onclick: () => onLabel(label.name) }, label.name, h("small", {}, `${percent(label.confidence)}%`))),
  ];
  return section("Labels", pills.length && [h("div", { class: "pills" }, pills), review(record)]);
}

function review({ review: given }) {
  return given?.note && h("blockquote", { class: "note" }, given.note, h("cite", {}, `${given.by}, ${moment(given.at)}`));
}

function facts(record) {
  const { image, analysis, metadata } = record;
  const rows = [
    ["Size", `${image.width} × ${image.height}, ${bytes(image.size)}`],
    ["Format", image.content_type.replace("image/", "").toUpperCase()],
    ["Taken", image.taken_at && moment(image.taken_at)],
    ["Camera", image.camera],
    ["Engine", analysis && `${analysis.engine}, ${analysis.model_version}`],
    ...Object.entries(metadata ?? {}),
    ["Id", h("code", {}, record.id)],
  ];
  return h("dl", { class: "facts" }, rows.filter(([, value]) => value).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}

function past(entry) {
  const by = [entry.engine, entry.model_version].filter(Boolean).join(", ");
  const name = entry.status === "received" ? "Received" : statusName(entry.status);
  return h("li", {}, name, h("small", {}, [moment(entry.at), by].filter(Boolean).join(" · ")));
}
