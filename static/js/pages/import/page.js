// The import page: take what is dropped or chosen, send it, and say what became of each file.

import { call } from "../../api.js";
import { el, readJson } from "../../dom.js";
import { newUuid } from "../../label/uuid.js";
import { chosen, dropped } from "./dropped.js";
import { send } from "./send.js";
import { batches, sorted } from "./sort.js";

const config = readJson("import-config");
const words = config.words;
const zone = document.getElementById("drop");
const bar = document.getElementById("sent");
const status = document.getElementById("status");
const refusedList = document.getElementById("refused");
const totals = { added: 0, duplicates: 0, refused: 0 };
let busy = Promise.resolve();
let waiting = 0;

const say = (text, values = {}) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const number = (n) => n.toLocaleString(document.documentElement.lang);
const count = (found) => (Array.isArray(found) ? found.length : Number(found) || 0);

function account(result) {
  totals.added += count(result.added);
  totals.duplicates += count(result.duplicates);
  for (const { name, reason } of result.refused ?? []) refuse(name, reason);
  show();
}

function refuse(name, reason) {
  totals.refused += 1;
  refusedList.append(el("li", {}, el("span", { class: "b" }, name), el("span", { class: "why" }, reason)));
}

function show() {
  document.getElementById("outcome").hidden = false;
  for (const [name, n] of Object.entries(totals)) document.getElementById(`n-${name}`).textContent = number(n);
  document.getElementById("refused-part").hidden = totals.refused === 0;
  document.getElementById("go-on").hidden = totals.added + totals.duplicates === 0;
}

function take(files) {
  waiting += 1;
  // One after the other: a second drop waits for the first.
  busy = busy.then(() => everything(files)).finally(() => { waiting -= 1; });
}

async function everything(files) {
  const { archives, images } = sorted(files);
  const total = archives.length + images.length;
  document.getElementById("sending").hidden = false;
  if (!total) {
    status.textContent = words.nothing;
    return;
  }
  const bytes = [...archives, ...images].reduce((sum, { file }) => sum + file.size, 0) || 1;
  let before = 0;
  const moved = (size) => (share) => { bar.value = (before + share * size) / bytes; };
  let done = 0;
  for (const batch of batches(images)) {
    status.textContent = say(words.sending, { done: number(done), total: number(total) });
    const size = batch.reduce((sum, { file }) => sum + file.size, 0);
    await sendImages(batch, moved(size));
    before += size;
    done += batch.length;
  }
  for (const { file, path } of archives) {
    status.textContent = say(words.sending_file, { name: path });
    await sendArchive(file, path, moved(file.size));
    before += file.size;
  }
  bar.value = 1;
  status.textContent = say(words.done, { added: number(totals.added) });
}

async function sendImages(batch, progress) {
  const form = new FormData();
  for (const { file, path } of batch) form.append("files", file, path);
  try {
    account(await send(config.images_url, form, newUuid(), progress));
  } catch (problem) {
    for (const { path } of batch) refuse(path, problem.message);
    show();
  }
}

async function sendArchive(file, path, progress) {
  const form = new FormData();
  form.append("format", "auto");
  form.append("file", file, path);
  try {
    const job = await send(config.imports_url, form, newUuid(), progress);
    await followed(job, path);
  } catch (problem) {
    refuse(path, problem.message);
    show();
  }
}

/** Wait for the worker that opens the archive, and count what it found. */
async function followed(job, path) {
  let row = job;
  while (row.state === "queued" || row.state === "running") {
    const { done = 0, total = 0 } = row.progress ?? {};
    status.textContent = say(words.unpacking, { name: path, done: number(done), total: number(total) });
    if (total) bar.value = done / total;
    await new Promise((resume) => setTimeout(resume, 1000));
    row = await call("GET", `/api/imports/${job.id}/`);
  }
  account(row.result ?? row);
  if (row.error) refuse(path, row.error.message);
  show();
}

zone.querySelectorAll("input[type=file]").forEach((input) => {
  const taken = () => {
    take(chosen(input.files));
    input.value = "";
  };
  input.addEventListener("change", taken);
  if (input.files.length) taken(); // chosen before this script had arrived
});
zone.querySelectorAll("[data-choose]").forEach((button) =>
  button.addEventListener("click", () => document.getElementById(button.dataset.choose).click()),
);
// The whole page takes the drop: a miss would make the browser leave the page and open the file.
let depth = 0;
document.addEventListener("dragenter", () => { depth += 1; zone.classList.add("over"); });
document.addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) zone.classList.remove("over"); });
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  zone.classList.remove("over");
  dropped(event.dataTransfer).then(take, (problem) => { status.textContent = problem.message; });
});
addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });
zone.querySelectorAll("[data-with-script]").forEach((part) => { part.hidden = false; });
zone.querySelectorAll("[data-without-script]").forEach((part) => { part.hidden = true; });
