// Write the person's own keys on the buttons that are there from the start.

/** @param {import("./keys.js").Keys} keys */
export function letterButtons(keys) {
  for (const button of document.querySelectorAll("[data-does]")) {
    const key = keys.actions[button.dataset.does];
    if (!key) continue;
    button.setAttribute("aria-keyshortcuts", keys.aria(key));
    for (const kbd of button.querySelectorAll("kbd")) kbd.textContent = keys.print(key);
  }
  for (const kbd of document.querySelectorAll("[data-key]")) kbd.textContent = keys.print(keys.actions[kbd.dataset.key] ?? "");
  for (const kbd of document.querySelectorAll("[data-digit]")) kbd.textContent = keys.print(kbd.dataset.digit);
}
