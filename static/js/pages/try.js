// Classify a picture: one that is dropped is sent at once, and the heat map over it can be switched off. Without this
// module the form and its button do the same.

const form = document.querySelector("[data-drop]");
const input = form.querySelector("input[type=file]");
const state = form.querySelector("[data-state]");

function send() {
  if (!input.files.length) return;
  state.textContent = state.dataset.busy;
  form.requestSubmit();
}

form.addEventListener("dragover", (event) => {
  event.preventDefault();
  form.classList.add("over");
});
form.addEventListener("dragleave", () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  const one = new DataTransfer();
  one.items.add(event.dataTransfer.files[0]);
  input.files = one.files;
  send();
});
form.addEventListener("submit", () => {
  state.textContent = state.dataset.busy;
});

const heat = document.querySelector("[data-heat]");
if (heat) {
  heat.closest("[data-with-script]").hidden = false;
  heat.addEventListener("change", () => {
    document.querySelector(".over .heat").hidden = !heat.checked;
  });
}
