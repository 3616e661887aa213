// The import page: take what is dropped or chosen, send it, follow what the server unpacks, and say what became of each file.

import { call } from "../../api.js";
import { el, readJson } from "../../dom.js";
import { newUuid } from "../../label/uuid.js";
import { chosen, dropped } from "./dropped.js";
import { draw, Refusals } from "./refusals.js";
import { number, Row } from "./row.js";
import { send } from "./send.js";
import { batches, sorted } from "./sort.js";

const EVERY_MS = 1000;
const config = readJson("import-config");
const words = config.words;
const byId = (id) => document.getElementById(id);
const zone = byId("drop");
const list = byId("imports");
const status = byId("status");
const refusals = new Refusals(config.advice);
const totals = { added: 0, duplicates: 0, labels: 0 };
let inProject = config.n_images;
let busy = Promise.resolve();
let following = 0; // imports whose row is watched
let waiting = 0; // drops that this page still has to send: with the page they would be gone

const say = (text, values = {}) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
const count = (found) => (Array.isArray(found) ? found.length : Number(found) || 0);

// ---------------------------------------------------------------- what became of them

function account({ added, duplicates, labels = 0, refused = [] }) {
  totals.labels += labels;
  totals.added += count(added);
  totals.duplicates += count(duplicates);
  inProject += count(added);
  for (const { name, reason, row } of refused) refusals.add(row ? say(words.row_n, { row, name }) : name, reason, Boolean(row));
  show();
}

function refuse(name, reason) {
  refusals.add(name, reason);
  show();
}

function show() {
  byId("outcome-part").hidden = false;
  byId("labels-row").hidden = totals.labels === 0;
  byId("n-labels").textContent = number(totals.labels);
  byId("n-added").textContent = number(totals.added);
  byId("n-duplicates").textContent = number(totals.duplicates);
  byId("n-refused").textContent = number(refusals.total);
  byId("refused-part").hidden = refusals.groups.size === 0;
  draw(byId("refused"), refusals, counted, (n) => say(words.more, { n: number(n) }));
  byId("n-images").textContent = inProject ? say(inProject === 1 ? words.image_in : words.images_in, { n: number(inProject) }) : words.none_in;
  goOn();
}

function counted(n, rows = false) {
  const [one, many] = rows ? [words.row, words.rows] : [words.file, words.files];
  return say(n === 1 ? one : many, { n: number(n) });
}

/** Labeling starts in a tab of its own while this one is sending: leaving it would end that. */
function goOn() {
  const link = byId("go-on").querySelector("a");
  byId("go-on").hidden = inProject === 0;
  if (!link) return;
  if (waiting) Object.assign(link, { target: "_blank", rel: "noopener" });
  else link.removeAttribute("target");
  byId("new-tab").hidden = !waiting;
}

// ---------------------------------------------------------------- sending

function take(files) {
  waiting += 1;
  // One after the other: a second drop waits for the first.
  busy = busy.then(() => everything(files));
}

async function everything(files) {
  const { archives, images, labels } = sorted(files);
  if (!archives.length && !images.length && !labels.length) {
    status.textContent = words.nothing;
    waiting -= 1;
    return;
  }
  if (images.length) await sendImages(images, archives.length + labels.length === 0);
  const unpacked = [];
  for (const [place, archive] of archives.entries()) {
    unpacked.push(await sendArchive(archive, place === archives.length - 1 && !labels.length));
  }
  if (labels.length) await Promise.all(unpacked.map((one) => one?.over)); // labels are about images that are in
  for (const [place, table] of labels.entries()) await sendArchive(table, place === labels.length - 1);
}

/** What one drop is called: its folder, its only file, or how many there are. */
function nameOf(images) {
  const folders = new Set(images.map(({ path }) => (path.includes("/") ? `${path.split("/")[0]}/` : "")));
  if (images.length === 1) return images[0].path;
  return folders.size === 1 && !folders.has("") ? [...folders][0] : say(words.files, { n: number(images.length) });
}

async function sendImages(images, isLast) {
  const row = Row.add(list, nameOf(images), words);
  const here = { added: 0, duplicates: 0, refused: 0 };
  let stopped = false;
  row.onStop(() => { stopped = true; });
  status.textContent = words.sending;
  let done = 0;
  for (const batch of batches(images)) {
    if (stopped) break;
    row.moved(done, images.length);
    let result;
    try {
      const form = new FormData();
      for (const { file, path } of batch) form.append("files", file, path);
      result = await send(config.images_url, form, newUuid(), (share) => row.moved(done + share * 0.5 * batch.length, images.length));
    } catch (problem) {
      result = { added: [], duplicates: [], refused: batch.map(({ path }) => ({ name: path, reason: problem.message })) };
    }
    done += batch.length;
    for (const what of Object.keys(here)) here[what] += count(result[what]);
    if (done === images.length && isLast) waiting -= 1;
    account(result);
  }
  if (done < images.length && isLast) waiting -= 1;
  row.ended(stopped && done < images.length ? "stopped" : "done", summary(here));
  status.textContent = came(here);
  goOn();
}

/** @returns {Promise<{over: Promise<void>} | null>} once it is sent; `over` once the server is done with it */
async function sendArchive({ file, path }, isLast) {
  const row = Row.add(list, path, words);
  const form = new FormData();
  form.append("format", "auto");
  form.append("ask", "true"); // what holds more than images is looked at first
  form.append("file", file, path);
  status.textContent = say(words.sending_file, { name: path });
  try {
    const job = await send(config.imports_url, form, newUuid(), (share) => { row.bar.value = share; });
    if (isLast) waiting -= 1;
    goOn();
    return { over: follow(row, job, path) }; // not waited for: it goes on without this page
  } catch (problem) {
    if (isLast) waiting -= 1;
    row.ended("failed", problem.message);
    refuse(path, problem.message);
    return null;
  }
}

/** @param {{added: number, duplicates: number, refused: number, labels?: number}} here @param {boolean} [ofLabels] */
function came({ added, duplicates, refused, labels = 0 }, ofLabels = false) {
  if (ofLabels && !labels) return refused ? words.no_labels_in : words.labels_known;
  if (ofLabels) return say(labels === 1 ? words.label_in : words.labels_in, { n: number(labels) });
  if (!added && refused && !duplicates) return words.nothing_in;
  return say(added === 1 ? words.done_one : words.done, { n: number(added) });
}

function summary({ added, duplicates, refused, labels = 0 }, ofLabels = false, blind = false) {
  const values = { added: number(count(added)), labels: number(labels) };
  const text = say(ofLabels ? words.labels_summary : words.summary, { ...values, duplicates: number(count(duplicates)), refused: number(count(refused)) });
  return ofLabels ? `${text} · ${blind ? words.blind : words.not_blind}` : text;
}

// ---------------------------------------------------------------- following

/**
 * Watch what a worker does with an archive until it is over, whoever sent it.
 * @param {number} before images of it that were in when this page was made
 */
async function follow(row, job, name, before = 0) {
  const known = { added: 0, duplicates: 0, refused: 0, labels: 0 };
  let now = job;
  following += 1;
  inProject -= before;
  row.onStop(() => call("POST", `/api/imports/${job.id}/cancellation/`).catch((problem) => { status.textContent = problem.message; }));
  status.textContent = say(words.unpacking, { name });
  while (now.state === "queued" || now.state === "running") {
    const { done = 0, total = 0 } = now.progress ?? {};
    row.moved(done, total, now.state === "queued" ? words.queued : words.running);
    await new Promise((resume) => setTimeout(resume, document.hidden ? 5 * EVERY_MS : EVERY_MS));
    try {
      now = await call("GET", `/api/imports/${job.id}/`);
    } catch (problem) {
      if ([401, 403, 404].includes(problem.status)) {
        following -= 1;
        return;
      }
      continue; // the server is away: it will be back
    }
    // Only what came since the last look; a remark on the whole has no name and changes until the end.
    const refused = (now.refused ?? []).filter((file) => file.name || file.row);
    account({
      added: count(now.added) - known.added,
      duplicates: count(now.duplicates) - known.duplicates,
      labels: count(now.labels_added) - known.labels,
      refused: refused.slice(known.refused),
    });
    Object.assign(known, { added: count(now.added), duplicates: count(now.duplicates), refused: refused.length, labels: count(now.labels_added) });
  }
  if (now.asks) {
    const address = config.preview_url.replace("/0/", `/${job.id}/`);
    row.asks(address, name);
    status.textContent = say(words.asks, { name });
    // Nobody is torn away from what this page still sends.
    if (!waiting && !document.hidden && following === 1) location.assign(address);
    following -= 1;
    return;
  }
  following -= 1;
  const ofLabels = now.format === "labels-csv" || known.labels > 0;
  for (const file of now.refused ?? []) if (!file.name && !file.row) refuse("", file.reason);
  if (now.error) refuse(name, now.error.message);
  row.ended({ done: "done", failed: "failed" }[now.state] ?? "stopped", now.error?.message ?? summary(known, ofLabels, now.blind));
  if (now.state === "done") status.textContent = came(known, ofLabels);
}

document.querySelectorAll("[data-job]").forEach((element) => {
  const { job: id, name, added } = element.dataset;
  follow(new Row(element, words), { id, state: "queued" }, name, Number(added) || 0);
});

// ---------------------------------------------------------------- choosing and dropping

zone.querySelectorAll("[data-with-script]").forEach((part) => { part.hidden = false; });
zone.querySelectorAll("[data-without-script]").forEach((part) => { part.hidden = true; });
zone.querySelectorAll("input[type=file]").forEach((input) => {
  const taken = () => {
    take(chosen(input.files));
    input.value = "";
  };
  input.addEventListener("change", taken);
  if (input.files.length) taken(); // chosen before this script had arrived
});
zone.querySelectorAll("[data-choose]").forEach((button) => button.addEventListener("click", () => byId(button.dataset.choose).click()));
// The whole page takes the drop: a miss would make the browser leave the page and open the file. But for a field of
// another form, which takes its file itself.
const elsewhere = (event) => event.target.matches?.("[data-own-drop] input[type=file]");
let depth = 0;
document.addEventListener("dragenter", () => { depth += 1; zone.classList.add("over"); });
document.addEventListener("dragleave", () => { depth -= 1; if (depth <= 0) zone.classList.remove("over"); });
document.addEventListener("dragover", (event) => { if (!elsewhere(event)) event.preventDefault(); });
document.addEventListener("drop", (event) => {
  depth = 0;
  zone.classList.remove("over");
  if (elsewhere(event)) return;
  event.preventDefault();
  dropped(event.dataTransfer).then(take, (problem) => { status.textContent = problem.message; });
});
addEventListener("beforeunload", (event) => { if (waiting) event.preventDefault(); });
