// Load the page again after a few seconds: for figures that are being counted ([data-again]). Without this script the
// button on the page does the same.

const AFTER_MS = 4000;

/** Not while nobody looks: then when somebody does. */
function whenSeen(act) {
  if (!document.hidden) return act();
  document.addEventListener("visibilitychange", () => document.hidden || act(), { once: true });
  return undefined;
}

if (document.querySelector("[data-again]")) setTimeout(() => whenSeen(() => location.reload()), AFTER_MS);
