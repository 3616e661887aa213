// The dock shows one thing at a time: the answers, the reasons why nobody can tell, or a question to the team.
// They lie in the same place, so that the image does not move.

export class Panes {
  /** @param {HTMLElement} root with elements data-pane="…", the first of which is normally shown */
  constructor(root) {
    this.all = [...root.querySelectorAll("[data-pane]")];
    this.normal = this.all[0].dataset.pane;
    this.onClose = () => {};
    this.show(this.normal);
  }

  /** Nothing but the answers is open. */
  get isNormal() {
    return this.name === this.normal;
  }

  /** @param {string} name @param {() => void} [onClose] */
  open(name, onClose = () => {}) {
    this.close();
    this.onClose = onClose;
    this.show(name);
  }

  /** Back to the answers. @returns {boolean} something else was open */
  close() {
    if (this.isNormal) return false;
    this.show(this.normal);
    const { onClose } = this;
    this.onClose = () => {};
    onClose();
    return true;
  }

  show(name) {
    this.name = name;
    const focused = document.activeElement;
    for (const pane of this.all) {
      pane.classList.toggle("shown", pane.dataset.pane === name);
      // The browser takes the focus from what is hidden only when it draws again: until then a field swallows the next key.
      if (pane.dataset.pane !== name && pane.contains(focused)) focused.blur();
    }
  }
}
