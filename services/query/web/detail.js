// One picture, large, with everything that is known of it.

import * as actions from "./actions.js";
import * as alike from "./alike.js";
import { json, show } from "./api.js";
import { boxesOf, pointing } from "./boxes.js";
import { byId, bytes, h, icon, moment, needsReview, percent, redraw, reviewChip, statusChip, statusName, titleOf } from "./dom.js";
import * as review from "./review.js";

const dialog = byId("detail");
let current = null;
let leaving = null; // The picture being deleted here: that it is gone is no news.
let parts = null;
let turns = 0;
let boxesShown = true;

/**
 * `neighbour(id, step)` gives the id beside it in the gallery; `labels()` those that are known; `onDeleted(id)` and
 * `onClose(id)` run when the picture is gone, and when the view ends.
 */
export function install({ neighbour, labels, onClose, onDeleted, onTag, onLabel, onClaim }) {
  const choose = (act) => (name) => {
    close();
    act(name);
  };
  const acts = { onTag: choose(onTag), onLabel: choose(onLabel), onClaim: choose(onClaim) };
  const refresh = (id = current) => id !== null && id === current && load(id, context);
  const gone = (id) => {
    onDeleted(id);
    if (id === current) close();
  };

  const go = (step) => {
    const id = current && neighbour(current, step);
    if (id) location.replace(`#${id}`);
  };
  const context = { go, acts, neighbour, labels, refresh, gone };
  const route = async () => {
    const id = location.hash.slice(1);
    if (!/^[0-9a-f]{32}$/.test(id)) {
      if (dialog.open) dialog.close();
      return;
    }
    current = id;
    leaving = null;
    if (!dialog.open) dialog.showModal();
    await load(id, context);
  };

  addEventListener("hashchange", route);
  dialog.addEventListener("close", () => {
    const id = current;
    current = null;
    leaving = null;
    parts = null;
    dialog.replaceChildren();
    if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    onClose(id);
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  });
  route();
  return { refresh };
}

function close() {
  if (dialog.open) dialog.close();
}

async function load(id, context) {
  const turn = (turns += 1);
  const latest = () => current === id && turn === turns;
  try {
    const record = await json(`/v1/images/${id}`);
    if (latest()) draw(record, context);
  } catch (problem) {
    // What is shown stays through a trouble that passes, and so does what is being written in it.
    const kept = parts?.id === id && problem.status !== 404;
    if (latest() && !kept && leaving !== id) drawProblem(problem);
  }
}

// What a person may be in the middle of is never taken out of the page: focus, selection and scrolling stay.
function draw(record, context) {
  const { go, acts, neighbour } = context;
  const title = titleOf(record) ?? (record.status === "received" ? "Being looked at" : "Nothing was recognised");
  const boxes = boxesOf(record, boxesShown);
  const fresh = parts?.id !== record.id;
  const focused = dialog.querySelector(":focus")?.getAttribute("aria-label");
  if (fresh) parts = lay(record, title, context);
  parts.picture.querySelector(".boxes")?.remove();
  parts.picture.append(boxes);
  parts.picture.querySelector("img").alt = title;
  redraw(parts.tools, tools(record, boxes, go, neighbour));
  redraw(parts.top, top(record, title, acts));
  for (const part of parts.living) part.draw(record);
  redraw(parts.seen, seen(record, boxes, acts));
  redraw(parts.rest, rest(record));
  if (fresh && !dialog.querySelector(":focus")) (parts.tools.querySelector(`[aria-label="${focused}"]`) ?? parts.tools.lastElementChild).focus();
}

function lay(record, title, { acts, labels, refresh, gone }) {
  const { id } = record;
  const [tools, top, seen, rest] = ["stage-tools", "", "", ""].map((name) => h("div", { class: name }));
  const picture = pictureOf(record, title);
  const commands = actions.make({
    onAsked: () => refresh(id),
    onDelete: (going) => { leaving = going ? id : null; },
    onDeleted: () => gone(id),
  });
  const word = review.make({ known: labels, onLabel: acts.onLabel, onSaved: () => refresh(id) });
  const others = alike.make();
  dialog.replaceChildren(
    h("div", { class: "stage" }, tools, picture),
    h("div", { class: "side", tabindex: "-1" }, top, commands.element, word.element, seen, others.element, rest));
  return { id, tools, picture, top, seen, rest, living: [commands, word, others] };
}

function drawProblem(problem) {
  parts = null;
  dialog.replaceChildren(
    h("div", { class: "stage" }, h("div", { class: "stage-tools" }, h("span", { class: "spring" }), closeButton()), icon("picture")),
    h("div", { class: "side" }, h("h2", {}, problem.status === 404 ? "There is no such picture" : problem.title), h("p", { class: "lede" }, problem.message)));
  dialog.querySelector("button").focus();
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

const closeButton = () => h("button", { type: "button", class: "icon", "aria-label": "Close", onclick: close }, icon("close"));

function tools(record, boxes, go, neighbour) {
  const step = (by, name, glyph) =>
    neighbour(record.id, by) && h("button", { type: "button", class: "icon", "aria-label": name, onclick: () => go(by) }, icon(glyph));
  const toggle = h("button", { type: "button", "aria-pressed": String(boxesShown), onclick: () => {
    boxesShown = !boxesShown;
    toggle.setAttribute("aria-pressed", String(boxesShown));
    boxes.classList.toggle("off", !boxesShown);
  } }, icon("frame"), "Boxes");
  return [
    boxes.querySelector(".box:not(.text)") && toggle,
    h("span", { class: "spring" }),
    step(-1, "Previous picture", "left"), step(1, "Next picture", "right"),
    closeButton(),
  ];
}

function top(record, title, { onClaim }) {
  return [
    h("div", { class: "side-top" },
      statusChip(record.status), needsReview(record) && reviewChip(),
      record.claim_id && h("button", { type: "button", class: "link", onclick: () => onClaim(record.claim_id) }, `Claim ${record.claim_id}`)),
    h("h2", {}, title),
    h("p", { class: "lede" }, `Received ${moment(record.received_at)}`),
    record.reason && h("p", { class: "reason" }, record.reason.detail, h("code", {}, record.reason.code)),
  ];
}

function seen(record, boxes, { onTag }) {
  const analysis = record.analysis ?? {};
  const bar = (name, confidence, attributes, act) =>
    h("li", attributes, h("button", { type: "button", onclick: act, title: `Find pictures with “${name}”` }, name), meter(confidence), h("data", { value: confidence }, `${percent(confidence)}%`));
  const objects = (analysis.objects ?? []).map((object, n) => bar(object.name, object.confidence, pointing(boxes, `object-${n}`), () => onTag(object.name)));
  const people = (analysis.people ?? []).map((person, n) => bar("person", person.confidence, pointing(boxes, `person-${n}`), () => onTag("person")));
  return [
    section("Tags", (analysis.tags ?? []).length && h("ul", { class: "bars" }, analysis.tags.map((tag) => bar(tag.name, tag.confidence, {}, () => onTag(tag.name))))),
    section("Objects", (objects.length || people.length) && h("ul", { class: "bars" }, objects, people)),
    section("Text in the picture", (analysis.text ?? []).length && h("ul", { class: "read" }, analysis.text.map((line, n) => h("li", pointing(boxes, `text-${n}`), line.content)))),
  ];
}

function rest(record) {
  return [
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
  const { review: given } = entry;
  const by = given ? `by ${given.by}` : [entry.engine, entry.model_version].filter(Boolean).join(", ");
  const name = given ? `Reviewed: ${given.labels.join(", ") || "no label fits"}` : statusName(entry.status);
  return h("li", {}, name, h("small", {}, [moment(entry.at), by].filter(Boolean).join(" · ")));
}
