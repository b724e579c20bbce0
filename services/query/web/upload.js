// Sending pictures: choosing, dropping, pasting; progress; what became of each.

import { Problem, authorization, ingestUrl, unreachable } from "./api.js";
import { byId, bytes, h, plural, statusChip } from "./dom.js";

const PARALLEL = 3;
const ATTEMPTS = 5;
const LIMIT = 20 * 1024 * 1024;
const FINISHED = new Set(["classified", "rejected", "failed", "refused"]);

const panel = byId("upload");
const list = byId("uploads");
const foot = byId("uploads-foot");
const claim = byId("claim-for-upload");
const waiting = [];
const uploads = new Set();
let sending = 0;

export function install() {
  const add = byId("add");
  if (!ingestUrl) {
    add.remove();
    panel.remove();
    return;
  }
  add.addEventListener("click", () => open(panel.hidden));
  for (const id of ["files", "camera"]) {
    byId(id).addEventListener("change", (event) => {
      send(event.target.files);
      event.target.value = "";
    });
  }
  installDropping();
  document.addEventListener("paste", (event) => send(event.clipboardData?.files ?? []));
  foot.querySelector("button").addEventListener("click", clear);
}

export function open(shown = true) {
  panel.hidden = !shown;
  byId("add").setAttribute("aria-expanded", String(shown));
  if (shown) panel.scrollIntoView({ block: "nearest" });
}

/** A picture that was sent here has a new status. */
export function note(change) {
  for (const upload of uploads) {
    if (upload.id === change.id && change.status) settle(upload, change.status);
  }
}

export const unsettled = () => [...uploads].filter((upload) => upload.id && !FINISHED.has(upload.state)).map((upload) => upload.id);

function installDropping() {
  const overlay = byId("dropping");
  let depth = 0;
  const files = (event) => event.dataTransfer?.types.includes("Files");
  const set = (value) => {
    depth = Math.max(0, value);
    overlay.classList.toggle("on", depth > 0);
  };
  addEventListener("dragenter", (event) => files(event) && set(depth + 1));
  addEventListener("dragleave", (event) => files(event) && set(depth - 1));
  addEventListener("dragover", (event) => files(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!files(event)) return;
    event.preventDefault();
    set(0);
    send(event.dataTransfer.files);
  });
}

function send(files) {
  if (!files.length) return;
  open();
  if (!claim.reportValidity()) return;
  for (const file of files) {
    const upload = { file, claim: claim.value.trim(), state: "waiting", id: null };
    upload.element = row(upload);
    uploads.add(upload);
    list.append(upload.element);
    waiting.push(upload);
  }
  list.lastElementChild?.scrollIntoView({ block: "nearest" });
  next();
  count();
}

function next() {
  while (sending < PARALLEL && waiting.length) {
    sending += 1;
    const upload = waiting.shift();
    deliver(upload)
      .then((answer) => {
        Object.assign(upload, { id: answer.id, known: answer.already_known });
        settle(upload, answer.status);
      })
      .catch((problem) => refuse(upload, problem))
      .finally(() => {
        sending -= 1;
        next();
        count();
      });
  }
}

async function deliver(upload) {
  if (upload.file.size > LIMIT) throw new Problem({ detail: `${bytes(upload.file.size)} is over the limit of 20 MB.` });
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await post(upload);
    } catch (problem) {
      const passing = [429, 503].includes(problem.status) || problem.status === 0;
      if (!passing || attempt === ATTEMPTS) throw problem;
      const pause = problem.retryAfter || 2 ** attempt;
      say(upload, `${problem.message} Trying again in ${pause} s.`);
      await new Promise((resolve) => { setTimeout(resolve, pause * 1000); });
    }
  }
}

// XMLHttpRequest, since fetch does not tell how much was sent.
function post({ file, claim: claimId, element }) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    const body = new FormData();
    if (claimId) body.append("claim_id", claimId);
    body.append("file", file);
    call.open("POST", `${ingestUrl}/v1/images`);
    for (const [name, value] of Object.entries(authorization())) call.setRequestHeader(name, value);
    call.responseType = "json";
    call.upload.onprogress = (event) => {
      const bar = element.querySelector("progress");
      if (bar && event.lengthComputable) bar.value = event.loaded / event.total;
    };
    call.onload = () => {
      if (call.status < 300) resolve(call.response);
      else reject(new Problem({ title: `HTTP ${call.status}`, ...call.response, status: call.status, retryAfter: Number(call.getResponseHeader("retry-after")) || 0 }));
    };
    call.onerror = () => reject(unreachable("The ingest service"));
    call.send(body);
  });
}

function row(upload) {
  const preview = h("img", { alt: "" });
  const url = URL.createObjectURL(upload.file);
  preview.addEventListener("load", () => URL.revokeObjectURL(url));
  preview.addEventListener("error", () => preview.replaceWith(h("span", { class: "blank" })));
  preview.src = url;
  return h("li", {}, preview,
    h("span", { class: "name" }, upload.file.name || "Pasted picture"),
    h("span", { class: "end quiet" }, bytes(upload.file.size)),
    h("progress", { max: 1, value: 0 }));
}

function settle(upload, status) {
  if (FINISHED.has(upload.state)) return;
  upload.state = status;
  upload.element.querySelector(".end").replaceWith(h("a", { class: "end", href: `#${upload.id}` }, statusChip(status)));
  const parts = [upload.known ? "Known already; nothing was stored twice." : "Stored.", upload.claim && `Claim ${upload.claim}.`];
  say(upload, parts.filter(Boolean).join(" "));
  count();
}

function refuse(upload, problem) {
  upload.state = "refused";
  upload.element.querySelector(".end").replaceWith(h("span", { class: "end status", data: { status: "failed" } }, "Not taken"));
  say(upload, problem.message, true);
}

function say(upload, text, bad = false) {
  upload.element.querySelector("progress, .outcome")?.replaceWith(h("span", { class: bad ? "outcome bad" : "outcome" }, text));
}

function count() {
  const finished = [...uploads].filter((upload) => FINISHED.has(upload.state)).length;
  foot.hidden = uploads.size === 0;
  foot.querySelector("span").textContent = `${plural(uploads.size, "picture")}, ${finished} finished`;
}

function clear() {
  for (const upload of uploads) {
    if (FINISHED.has(upload.state)) {
      upload.element.remove();
      uploads.delete(upload);
    }
  }
  count();
}
