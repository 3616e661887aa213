// Small steps that follow each other quickly are one step back: an arrow that is held down, or pressed again soon. No page here.

const TOGETHER_MS = 1_000;

export class Together {
  /** @param {import("./scene.js").Scene} scene */
  constructor(scene) {
    Object.assign(this, { scene, last: null });
  }

  /**
   * @param {string} name @param {number} when milliseconds, as events have it @param {() => void} change
   * @param {string} [about] what it is about beside what is chosen: a point of a polygon, say
   */
  step(name, when, change, about = "") {
    const { scene, last } = this;
    const goesOn =
      last?.name === name && last.about === about && when - last.when < TOGETHER_MS && last.step === scene.mark && last.chosen === scene.chosen;
    const mark = goesOn ? last.mark : scene.mark;
    scene.step(name, change);
    if (goesOn) scene.fold(mark, name);
    this.last = { name, about, when, mark, step: scene.mark, chosen: scene.chosen };
  }
}
