// A button beside a line to copy. Without this script a click selects all of the line (css: user-select), and it can be
// copied by hand.

/** Addresses without HTTPS have no clipboard: then the selection is copied the old way. */
async function copy(line) {
  try {
    await navigator.clipboard.writeText(line.textContent);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(line);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    return document.execCommand("copy");
  }
}

document.querySelectorAll("[data-copy]").forEach((button) => {
  button.hidden = false;
  const words = button.querySelector("span");
  const before = [...words.childNodes];
  button.addEventListener("click", async () => {
    if (!(await copy(document.getElementById(button.dataset.copy)))) return;
    button.setAttribute("aria-live", "polite");
    words.replaceChildren(button.dataset.copied);
    setTimeout(() => words.replaceChildren(...before), 2000);
  });
});

// A page that shows a secret once is the answer to a form: loading it again must not send the form again.
if (document.querySelector("[data-shown-once]")) history.replaceState(null, "", location.href);
