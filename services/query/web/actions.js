// What can be done with a picture as a whole: having it looked at again, deleting it.

import { command, ingestUrl } from "./api.js";
import { h, icon, outcome } from "./dom.js";

// After so long a request may be asked for again, which pushes it on if it was lost.
const PATIENCE_MS = 60000;

/** `onAsked()`: the record has a new request; `onDelete(going)`: a deletion begins or failed; `onDeleted()`: it is gone. */
export function make({ onAsked, onDelete, onDeleted }) {
  let record = null;
  let asking = false;
  let deleting = false;
  let seenOpen = null;
  const state = h("p", { class: "again", role: "status" });
  const vain = h("p", { class: "reason" });
  const again = h("button", { type: "button", onclick: ask }, icon("again"), "Classify again");
  const remove = h("button", { type: "button", class: "danger", onclick: () => confirming(true) }, icon("bin"), "Delete");
  const really = h("button", { type: "button", class: "danger", onclick: erase }, "Delete for good");
  const keep = h("button", { type: "button", onclick: () => confirming(false) }, "Keep");
  const buttons = h("div", { class: "commands" }, again, remove);
  const sure = h("div", { class: "sure", role: "group", "aria-labelledby": "sure", hidden: true },
    h("p", { id: "sure" }, "Delete this picture, with all that was said of it?"), h("div", { class: "commands" }, keep, really));
  const going = outcome();
  const element = h("div", { class: "actions" }, state, vain, ingestUrl && [buttons, sure, going.elements]);

  sure.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    confirming(false);
  });

  function draw(next) {
    record = next;
    const request = record.requested_classification;
    const open = Boolean(request) && !request.done_at;
    const waiting = open && Date.now() - new Date(request.at).getTime() < PATIENCE_MS;
    if (open) seenOpen = request.id;
    const answered = request?.id === seenOpen && !request.reason;
    tell(open ? "Being looked at again" : answered ? "Has been looked at again" : "");
    state.classList.toggle("open", open);
    // Of a picture that has failed the reason stands above already.
    const reason = request?.reason?.detail === record.reason?.detail ? null : request?.reason;
    vain.hidden = !reason;
    vain.replaceChildren(...(reason ? [`Looking at it again was in vain. ${reason.detail}`, h("code", {}, reason.code)] : []));
    again.setAttribute("aria-disabled", String(waiting));
  }

  // Only what is new is set: a screen reader says it again otherwise.
  function tell(text) {
    if (state.textContent !== text) state.textContent = text;
  }

  async function ask() {
    if (asking || again.getAttribute("aria-disabled") === "true") return;
    asking = true;
    going.say("Asking…");
    try {
      const { request: id, requested_at: at, requested_by: by } = await (await command("POST", record.id, "/classification")).json();
      going.say("");
      draw({ ...record, requested_classification: { id, at, by } });
      onAsked();
    } catch (problem) {
      going.complain(problem);
    } finally {
      asking = false;
    }
  }

  function confirming(on) {
    if (deleting) return;
    buttons.hidden = on;
    sure.hidden = !on;
    going.say("");
    (on ? keep : remove).focus();
  }

  async function erase() {
    if (deleting) return;
    deleting = true;
    onDelete(true);
    going.say("Deleting…");
    try {
      await command("DELETE", record.id);
      onDeleted();
    } catch (problem) {
      going.complain(problem);
      onDelete(false);
    } finally {
      deleting = false;
    }
  }

  return { element, draw };
}
