// The labels of a picture, the machine's and a person's; confirming them, or saying something else.

import { command, ingestUrl } from "./api.js";
import { h, moment, needsReview, outcome, percent, redraw } from "./dom.js";
import { draftOf, form } from "./draft.js";

// What the classifier calls a picture that none of its rules fits.
const NO_RULE = "rule:none";

// Reviews begun and not saved, by the picture's id: they outlive a change of the record, and leaving the picture.
const drafts = new Map();

/** `known()`: labels to choose from; `onLabel(name)`: one was chosen; `onSaved()`: the record has a new review. */
export function make({ known, onLabel, onSaved }) {
  let record = null;
  let saving = false;
  const flag = h("p", { class: "flag" });
  const said = h("div");
  const buttons = h("div", { class: "commands" });
  const going = outcome();
  const editor = form({ known: names, onSave: save, onCancel: cancel });
  const element = h("section", { class: "review", "aria-label": "Labels" }, h("h3", {}, "Labels"), flag, said, ingestUrl && [buttons, editor.element, going.elements]);

  function names() {
    const all = [...known(), ...machine(record)];
    return [...new Set(all.map((name) => name.toLowerCase()))].sort();
  }

  function draw(next) {
    record = next;
    const draft = drafts.get(record.id);
    flag.textContent = needsReview(record) ? question(record) : "";
    redraw(said, words(record, onLabel));
    element.hidden = !ingestUrl && !said.children.length;
    if (draft && editor.element.hidden) editor.open(draft, machine(record));
    if (draft && !saving) editor.warn(record.review && record.review.at !== draft.at ? record.review : null);
    editor.element.hidden = !draft;
    buttons.hidden = Boolean(draft);
    redraw(buttons, confirmButton(record, confirm), h("button", { type: "button", onclick: edit }, changeName(record)));
  }

  function confirm() {
    save({ labels: machine(record), note: null });
  }

  function edit() {
    drafts.set(record.id, draftOf(record, machine(record)));
    going.say("");
    draw(record);
    editor.focus();
  }

  function cancel() {
    drafts.delete(record.id);
    going.say("");
    draw(record);
    buttons.lastElementChild.focus();
  }

  async function save(given) {
    if (saving) return;
    saving = true;
    editor.busy(true);
    going.say("Saving…");
    try {
      const { review } = await (await command("PUT", record.id, "/review", given)).json();
      const inForm = editor.element.contains(document.activeElement);
      drafts.delete(record.id);
      draw({ ...record, review });
      going.say("Review saved.");
      if (inForm) buttons.lastElementChild.focus();
      onSaved();
    } catch (problem) {
      going.complain(problem);
    } finally {
      saving = false;
      editor.busy(false);
    }
  }

  editor.element.hidden = true;
  return { element, draw };
}

const machine = (record) => (record.labels ?? []).filter((label) => label.source !== NO_RULE).map((label) => label.name);

function question(record) {
  return machine(record).length ? "The machine is not sure of this. Is it right?" : "No rule fits this picture. What is in it?";
}

function confirmButton(record, onclick) {
  if (record.review || !record.labels?.length) return null;
  return h("button", { type: "button", class: needsReview(record) ? "primary" : "", onclick }, machine(record).length ? "Confirm labels" : "No label fits");
}

function changeName(record) {
  if (record.review) return "Change review";
  return machine(record).length ? "Change labels" : "Add labels";
}

function words(record, onLabel) {
  const { review, labels = [] } = record;
  const pill = (name, properties, ...more) => h("button", { type: "button", ...properties, onclick: () => onLabel(name) }, name, ...more);
  const machines = labels.map((label) => pill(label.name, { class: label.review && !review ? "unsure" : "", title: label.source }, label.source !== NO_RULE && h("small", {}, `${percent(label.confidence)}%`)));
  return [
    review && h("div", { class: "pills" }, review.labels.length ? review.labels.map((name) => pill(name, { class: "person" })) : h("span", { class: "none" }, "No label fits")),
    review && h("div", { class: "by" }, review.note && h("blockquote", {}, review.note), h("cite", {}, `Reviewed by ${review.by}, ${moment(review.at)}`)),
    review && machines.length > 0 && h("h4", {}, "The machine’s"),
    machines.length > 0 && h("div", { class: "pills" }, machines),
  ];
}
