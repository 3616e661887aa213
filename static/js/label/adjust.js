// Brightness, contrast and gamma of the shown image: sliders, remembered in this browser for each project.
// What is stored never changes: a CSS filter on the frame does it.

const NEUTRAL = { brightness: 0, contrast: 0, gamma: 0 };
export const FURTHEST = 20; // steps of a slider to each side

/** What a slider's steps multiply by: ten of them double or halve. */
export function factor(steps) {
  return 2 ** (steps / 10);
}

/** The CSS filter for these steps; "" when nothing is to be changed, so that nothing is computed either. */
export function filterOf({ brightness, contrast, gamma }) {
  const parts = [];
  if (brightness) parts.push(`brightness(${factor(brightness)})`);
  if (contrast) parts.push(`contrast(${factor(contrast)})`);
  if (gamma) parts.push('url("#gamma")');
  return parts.join(" ");
}

/** What was remembered, if it can be used: another version of this page, or anybody, may have written it. */
export function checked(remembered) {
  let found;
  try {
    found = JSON.parse(remembered) ?? {};
  } catch {
    found = {};
  }
  const steps = (value) => (Number.isInteger(value) && Math.abs(value) <= FURTHEST ? value : 0);
  return Object.fromEntries(Object.keys(NEUTRAL).map((name) => [name, steps(found[name])]));
}

export class Adjust {
  /**
   * @param {HTMLElement} panel with an input of each name, and [data-reset]
   * @param {HTMLElement} frame around the image
   * @param {{project: number, button: HTMLElement, mark: HTMLElement}} options button: opens the panel; mark: shown
   *   while the image is not shown as it is
   */
  constructor(panel, frame, { project, button, mark }) {
    Object.assign(this, { panel, frame, button, mark, key: `adjust:${project}` });
    this.inputs = [...panel.querySelectorAll("input[type=range]")];
    this.steps = checked(this.remembered());
    const numbers = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
    this.write = (steps) => numbers.format(factor(steps));
    for (const input of this.inputs) {
      Object.assign(input, { min: -FURTHEST, max: FURTHEST, step: 1 });
      input.addEventListener("input", () => this.set({ ...this.steps, [input.name]: input.valueAsNumber }));
      // Or the next digit would go to the slider and not to the image.
      input.addEventListener("pointerup", () => input.blur());
    }
    panel.querySelector("[data-reset]").addEventListener("click", () => this.set(NEUTRAL));
    panel.addEventListener("keydown", (event) => this.leave(event));
    for (const kind of ["keydown", "pointerdown"]) {
      document.addEventListener(kind, () => (this.byKey = kind === "keydown"), { capture: true, passive: true });
    }
    // Another tab of this project: the person looks at the same images with the same eyes.
    addEventListener("storage", ({ key, newValue }) => key === this.key && this.draw(checked(newValue)));
    this.draw(this.steps);
  }

  /** @param {boolean} [open] */
  toggle(open = this.panel.hidden) {
    this.panel.hidden = !open;
    this.button.setAttribute("aria-expanded", String(open));
    // Only for who came by key: whoever came by mouse goes on answering by keys, arrows too.
    if (open && this.byKey) this.inputs[0].focus();
    else if (this.panel.contains(document.activeElement)) this.button.focus();
  }

  leave(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation(); // one Escape closes one thing
    this.button.focus();
    this.toggle(false);
  }

  set(steps) {
    this.draw(steps);
    try {
      localStorage.setItem(this.key, JSON.stringify(steps));
    } catch {
      this.key = ""; // storage is switched off: the choice holds until the page goes
    }
  }

  draw(steps) {
    this.steps = steps;
    for (const input of this.inputs) {
      input.value = String(steps[input.name]);
      const said = this.write(steps[input.name]);
      input.setAttribute("aria-valuetext", said);
      input.nextElementSibling.textContent = said;
    }
    for (const channel of document.querySelectorAll("#gamma feComponentTransfer > *")) {
      channel.setAttribute("exponent", String(1 / factor(steps.gamma)));
    }
    this.frame.style.filter = filterOf(steps);
    const isAsItIs = filterOf(steps) === "";
    this.mark.hidden = isAsItIs;
    this.panel.querySelector("[data-reset]").setAttribute("aria-disabled", String(isAsItIs));
  }

  remembered() {
    try {
      return localStorage.getItem(this.key);
    } catch {
      return null;
    }
  }
}
