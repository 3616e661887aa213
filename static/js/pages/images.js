// images.js - tick images of the list: one, a range with Shift, the page, or all that fit; and show only the fields
// that the chosen action asks for. Without this script the boxes and the form do the same one by one.

/** The boxes from one place to another, both included, whichever comes first. */
export function range(boxes, from, to) {
  const [first, last] = [Math.min(from, to), Math.max(from, to)];
  return boxes.slice(first, last + 1);
}

/** Is this field asked for by that action? */
export function isFor(field, action) {
  return field.split(" ").includes(action);
}

function start(bar) {
  const boxes = [...document.querySelectorAll("[data-tick]")];
  const count = bar.querySelector("[data-count]");
  const all = bar.querySelector("[data-all]");
  const whole = bar.querySelector("[data-tick-all]");
  const action = bar.querySelector("[data-do]");
  let last = -1;

  function tell() {
    const n = boxes.filter((box) => box.checked).length;
    const words = n === 0 ? count.dataset.none : n === 1 ? count.dataset.one : count.dataset.many;
    count.textContent = all.checked ? "" : words.replace("%s", String(n));
    bar.toggleAttribute("data-busy", n > 0 || all.checked);
    for (const box of boxes) box.disabled = all.checked;
  }

  function showFields() {
    for (const field of bar.querySelectorAll("[data-for]")) field.hidden = !isFor(field.dataset.for, action.value);
  }

  boxes.forEach((box, at) => {
    box.addEventListener("click", (event) => {
      if (event.shiftKey && last >= 0) for (const other of range(boxes, last, at)) other.checked = box.checked;
      last = at;
      tell();
    });
  });
  whole.hidden = false;
  whole.addEventListener("click", () => {
    const tick = boxes.some((box) => !box.checked);
    for (const box of boxes) box.checked = tick;
    tell();
  });
  all.addEventListener("change", tell);
  action.addEventListener("change", showFields);
  showFields();
  tell();
}

const bar = globalThis.document?.querySelector("[data-select-bar]");
if (bar) start(bar);
