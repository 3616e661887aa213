// One class alone is a yes-or-no question about each image: choose "any number of classes" until the person decides.
// Without this script the server says the same after the form was sent.

/** @param {string} line classes separated by commas */
export function guessTask(line) {
  const names = line.split(",").map((name) => name.trim()).filter(Boolean);
  return names.length === 1 ? "multi" : "single";
}

const classes = document.querySelector("[name=classes]");
const tasks = document.querySelectorAll("[name=task]");
let decided = false;
tasks.forEach((task) => task.addEventListener("change", () => { decided = true; }));
classes?.addEventListener("input", () => {
  if (decided) return;
  const guess = guessTask(classes.value);
  tasks.forEach((task) => { task.checked = task.value === guess; });
});
