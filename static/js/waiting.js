// On every page but the labeling screen: answers of this person that a closed tab left in the browser are sent from here
// too, and a line says so. Where nobody has labeled, nothing is opened and nothing more is loaded.

const root = document.getElementById("waiting");
const person = Number(root.dataset.person);

async function isThere() {
  if (!globalThis.indexedDB) return false;
  if (!indexedDB.databases) return true; // cannot be asked; the outbox looks for itself, and makes none
  return (await indexedDB.databases()).some(({ name }) => name === "labeler-outbox");
}

async function isAnythingWaiting() {
  const { Outbox } = await import("./label/outbox.js");
  const outbox = new Outbox({ mustExist: true });
  const entries = await outbox.all(person);
  await outbox.close();
  return entries.length > 0;
}

try {
  if ((await isThere()) && (await isAnythingWaiting())) {
    const { sendLeftovers } = await import("./label/leftovers.js");
    await sendLeftovers(root, person);
  }
} catch {
  root.dataset.waiting = "unknown"; // the browser does not let us look; the labeling screen says more about that
}
