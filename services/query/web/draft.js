// The form in which a person says what is in a picture.

import { h, icon } from "./dom.js";

const MOST = 32;
const LETTERS = 64;
const NOTE_LETTERS = 2000;

const same = (one, other) => one.toLowerCase() === other.toLowerCase();

/** What the form starts with: the review there is, else what the machine says. `at` tells which review that was. */
export const draftOf = ({ review }, machine) =>
  ({ labels: [...(review?.labels ?? machine)], note: review?.note ?? "", word: "", at: review?.at ?? null });

/**
 * `known()` gives names to choose from; `onSave({labels, note})` and `onCancel()` are the buttons.
 * `open(draft, offered)` shows the form of a draft, in which everything typed is kept; `offered`: labels to put back.
 */
export function form({ known, onSave, onCancel }) {
  let draft = null;
  let offered = [];
  const chosen = h("ul", { class: "draft-labels", "aria-label": "Labels to save" });
  const names = h("datalist", { id: "labels-known" });
  const word = h("input", { list: "labels-known", maxlength: LETTERS, placeholder: "Another label", autocomplete: "off", autocapitalize: "none", enterkeyhint: "done" });
  const note = h("textarea", { rows: 2, maxlength: NOTE_LETTERS, placeholder: "Why, or what else there is to see" });
  const told = h("p", { class: "visually-hidden", role: "status" });
  const full = h("p", { class: "quiet", hidden: true }, `There may be ${MOST} labels at most.`);
  const meanwhile = h("p", { class: "meanwhile", role: "status" });
  const save = h("button", { type: "submit", class: "primary" }, "Save review");

  function drawLabels() {
    const away = offered.filter((name) => !draft.labels.some((other) => same(name, other)));
    chosen.replaceChildren(
      ...draft.labels.map((name) => h("li", {}, h("span", {}, name), h("button", { type: "button", "aria-label": `Remove ${name}`, onclick: () => remove(name) }, icon("close")))),
      ...away.map((name) => h("li", { class: "away" }, h("button", { type: "button", "aria-label": `Add ${name}`, onclick: () => back(name) }, icon("plus"), name))),
      ...(draft.labels.length ? [] : [h("li", { class: "none" }, "No label fits")]));
    full.hidden = draft.labels.length < MOST;
  }

  function remove(name) {
    const position = draft.labels.indexOf(name);
    draft.labels.splice(position, 1);
    drawLabels();
    told.textContent = `${name} removed`;
    (chosen.querySelectorAll("button")[position] ?? word).focus();
  }

  function back(name) {
    add(name);
    (chosen.querySelector(`[aria-label="Remove ${CSS.escape(name)}"]`) ?? word).focus();
  }

  function add(text) {
    const name = text.trim();
    if (!name || draft.labels.length >= MOST) return;
    if (!draft.labels.some((other) => same(name, other))) draft.labels.push(name);
    told.textContent = `${name} added`;
    drawLabels();
  }

  function addTyped() {
    add(word.value);
    word.value = "";
    draft.word = "";
  }

  word.addEventListener("focus", () => names.replaceChildren(...known().map((value) => h("option", { value }))));
  word.addEventListener("input", () => { draft.word = word.value; });
  word.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !word.value.trim()) return;
    event.preventDefault();
    addTyped();
  });
  note.addEventListener("input", () => { draft.note = note.value; });

  const element = h("form", { class: "draft", "aria-label": "Review", onsubmit: (event) => {
    event.preventDefault();
    addTyped();
    onSave({ labels: draft.labels, note: draft.note.trim() || null });
  } },
  h("div", {}, meanwhile, chosen),
  h("div", { class: "draft-word" },
    h("label", { class: "field" }, h("span", { class: "visually-hidden" }, "Add a label"), word), names,
    h("button", { type: "button", onclick: () => { addTyped(); word.focus(); } }, "Add")),
  full,
  h("label", { class: "draft-note" }, h("span", {}, "Note"), note),
  h("div", { class: "draft-end" }, save, h("button", { type: "button", onclick: onCancel }, "Cancel")),
  told);

  return {
    element,
    open(given, machine) {
      [draft, offered] = [given, machine];
      word.value = draft.word;
      note.value = draft.note;
      drawLabels();
    },
    focus: () => word.focus(),
    /** Somebody else's review that came after the draft was begun, or null. */
    warn(review) {
      const text = review ? `${review.by} has reviewed this meanwhile. Saving yours replaces it; it stays in the history.` : "";
      if (meanwhile.textContent !== text) meanwhile.textContent = text;
    },
    busy: (on) => { save.textContent = on ? "Saving…" : "Save review"; },
  };
}
