// The button that opens the browser's print window. Without this module the browser's own menu does the same.

const button = document.querySelector("[data-print]");
if (button) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
